"""Simulated fields of medium density whose motion is measured."""

from dataclasses import dataclass

from scenes import make_scene

from photometry.calibration.kernel import MovementKernel
from photometry.calibration.region import measure_motion
from photometry.core.cube import Cube
from photometry.core.settings import MotionSettings
from photometry.prf.prf_grid import PrfGrid
from photometry.simulate import Scene


@dataclass(frozen=True)
class Field:
    """A simulated field, the PRF that is given for it, and its motion measured with that PRF."""

    scene: Scene
    cube: Cube
    prf: PrfGrid
    kernel: MovementKernel


_MEDIUM = {
    "n_row": 40,
    "n_column": 40,
    "n_cadence": 100,
    "density": 6000.0,
    "faintest_tmag": 18.0,
    "drift_pix": 0.1,
    "n_pairs": 12,
    "glare": 300.0,
    "scattered_light": 30.0,
    "excursion_fraction": 0.03,
    "roll_rad": 1.5e-5,
}


def measured_field(true_prf: PrfGrid, given: PrfGrid, seed: int = 3) -> Field:
    """Simulate a field of medium density with all defects, and measure its motion with a given PRF."""
    scene, cube = make_scene(true_prf, **_MEDIUM, seed=seed)
    return Field(scene, cube, given, measure_motion([cube], scene.catalogue_stars, given, MotionSettings()))
