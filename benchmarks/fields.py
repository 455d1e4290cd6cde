"""Simulated fields, and their photometry by the steps of the workflow and by the oracle."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from time import process_time
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from photometry.background.plane import estimate_background
from photometry.calibration.effective_prf import learn_prf
from photometry.calibration.kernel import MovementKernel
from photometry.calibration.region import measure_motion
from photometry.core.cube import Cube
from photometry.core.settings import FitSettings, MotionSettings, PrfSettings
from photometry.core.stars import Stars
from photometry.fit.subtiles import tile_parts
from photometry.fit.tile_photometry import fit_tile
from photometry.io.reference.prf_files import read_spoc_prf
from photometry.prf.model import model_prf
from photometry.prf.prf_grid import PrfGrid
from photometry.simulate import Scene, SceneSettings, cube_of_scene, perturbed_prf, simulate_scene, true_kernel

__all__ = [
    "CASES",
    "DENSITIES",
    "Field",
    "Fluxes",
    "Measured",
    "fit_field",
    "given_prf",
    "make_field",
    "measure",
    "oracle",
]

#: Stars per square degree brighter than T=16.
DENSITIES = {"sparse": 1500.0, "medium": 6000.0, "crowded": 25000.0}
#: Whether the given PRF is the true one, or the true one is blurred and skewed.
CASES = ("exact", "perturbed")

_Floats = npt.NDArray[np.float64]
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Field:
    """A simulated field, and the input of its photometry.

    Parameters
    ----------
    name : str
        Density and case.
    scene : Scene
        The truth.
    cube : Cube
        Pixels; large-scale background estimated from them as the workflow does, or the true one.
    true_cube : Cube
        The same pixels with the true background split off.
    given, true : PrfGrid
        PRF that the photometry is given, and that of the stars.
    """

    name: str
    scene: Scene
    cube: Cube
    true_cube: Cube
    given: PrfGrid
    true: PrfGrid

    @property
    def good(self) -> npt.NDArray[np.bool_]:
        """Unflagged cadences, (n_cadence,)."""
        return self.cube.quality == 0


@dataclass(frozen=True, slots=True)
class Fluxes:
    """Fluxes of all stars of a field; fields as of `photometry.fit.tile_fit.TileFit`."""

    starid: npt.NDArray[np.int64]
    flux: npt.NDArray[np.float32]
    flux_err: npt.NDArray[np.float32]
    pixel_quality: npt.NDArray[np.int32]
    star_flags: npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Measured:
    """A field measured as the workflow does it.

    Parameters
    ----------
    fluxes : Fluxes
        Of all stars.
    given_kernel, kernel : MovementKernel
        Motion by the given and by the learnt PRF.
    prf : PrfGrid
        The learnt PRF.
    seconds : dict
        CPU time of each step.
    """

    fluxes: Fluxes
    given_kernel: MovementKernel
    kernel: MovementKernel
    prf: PrfGrid
    seconds: dict[str, float]


def given_prf(folder: str | None) -> PrfGrid:
    """Return the built-in PRF, or the one of a folder of SPOC files (of the simulator's camera and CCD)."""
    if folder is None:
        return model_prf()
    settings = SceneSettings()
    return read_spoc_prf(folder, settings.sector, settings.camera, settings.ccd)


def make_field(
    density: str | float, case: str, prf: PrfGrid, *, true_background: bool = False, **changes: object
) -> Field:
    """Simulate a field.

    Parameters
    ----------
    density : str or float
        Of `DENSITIES`, or stars per square degree brighter than T=16.
    case : str
        Of `CASES`.
    prf : PrfGrid
        PRF that the photometry is given.
    true_background : bool
        Whether the photometry is given the true large-scale background.
    **changes
        Settings of the scene that differ from its defaults.
    """
    true = prf if case == "exact" else perturbed_prf(prf)
    scene = simulate_scene(SceneSettings(density=DENSITIES.get(density, density), **changes), true)
    true_cube = cube_of_scene(scene)
    cube = true_cube if true_background else cube_of_scene(scene, estimate_background(scene.pixels))
    return Field(f"{density}, {case} PRF", scene, cube, true_cube, prf, true)


def measure(field: Field) -> Measured:
    """Measure motion, effective PRF and fluxes of a field with the settings that the workflow has by default."""
    stars, motion, seconds = field.scene.catalogue_stars, MotionSettings(), {}
    seconds["motion"], given_kernel = _timed(lambda: measure_motion([field.cube], stars, field.given, motion))
    seconds["PRF"], (prf, kernel) = _timed(
        lambda: learn_prf([field.cube], stars, field.given, given_kernel, PrfSettings(), motion)
    )
    seconds["fit"], fluxes = _timed(lambda: fit_field(field.cube, stars, prf, kernel))
    return Measured(fluxes, given_kernel, kernel, prf, seconds)


def oracle(field: Field) -> tuple[float, Fluxes]:
    """Fit a field with the true PRF, background, motion, places and magnitudes; with the seconds that takes."""
    kernel = replace(true_kernel(field.scene), offset=(0.0, 0.0))
    return _timed(lambda: fit_field(field.true_cube, field.scene.stars, field.true, kernel))


def fit_field(cube: Cube, stars: Stars, prf: PrfGrid, kernel: MovementKernel) -> Fluxes:
    """Fit a field tile by tile, as the workflow does."""
    settings = FitSettings()
    fits = [
        fit_tile(cube.cut(part.grown(settings.tile_margin).clipped(cube.stamp)), stars, part, prf, kernel, settings)
        for part in tile_parts(cube.stamp, cube.stamp, stars, cube.n_cadence, settings)
    ]
    return Fluxes(*(np.concatenate([getattr(fit, name) for fit in fits]) for name in Fluxes.__slots__))


def _timed(work: Callable[[], _Result]) -> tuple[float, _Result]:
    """Do some work; return its CPU seconds and its result."""
    start = process_time()
    result = work()
    return process_time() - start, result
