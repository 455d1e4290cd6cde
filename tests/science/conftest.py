"""Fields that are simulated and measured once."""

from dataclasses import dataclass, replace

import pytest
from scenes import make_scene

from photometry.calibration.kernel import MovementKernel
from photometry.calibration.region import measure_motion
from photometry.core.cube import Cube
from photometry.core.settings import MotionSettings
from photometry.prf.model import model_prf
from photometry.prf.prf_grid import PrfGrid
from photometry.simulate import Scene, perturbed_prf


@dataclass(frozen=True)
class Field:
    """A simulated field, the PRF that is given for it, and its motion measured with that PRF."""

    scene: Scene
    cube: Cube
    prf: PrfGrid
    kernel: MovementKernel


@pytest.fixture(scope="session")
def prf() -> PrfGrid:
    """The built-in PRF."""
    return model_prf()


@pytest.fixture(scope="session")
def one_prf(prf: PrfGrid) -> PrfGrid:
    """The built-in PRF of one corner, everywhere."""
    return replace(
        prf, rows=prf.rows[:1], columns=prf.columns[:1], samples=prf.samples[:1, :1], errors=prf.errors[:1, :1]
    )


@pytest.fixture(scope="session")
def quick(one_prf: PrfGrid) -> tuple[Scene, Cube]:
    """A small field that fits in a blink."""
    return make_scene(one_prf)


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
    "seed": 3,
}


def _measured(true_prf: PrfGrid, given: PrfGrid) -> Field:
    scene, cube = make_scene(true_prf, **_MEDIUM)
    return Field(scene, cube, given, measure_motion([cube], scene.catalogue_stars, given, MotionSettings()))


@pytest.fixture(scope="session")
def medium(prf: PrfGrid) -> Field:
    """Medium density with all defects, the PRF known."""
    return _measured(prf, prf)


@pytest.fixture(scope="session")
def medium_unknown_prf(prf: PrfGrid) -> Field:
    """The same field with a true PRF that is blurred and skewed."""
    return _measured(perturbed_prf(prf), prf)
