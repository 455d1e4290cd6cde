"""Simulated fields, and their photometry by the steps of the workflow and by the oracle."""

from collections.abc import Callable, Sequence
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
from photometry.prf.model import is_model, model_prf
from photometry.prf.prf_grid import PrfGrid
from photometry.simulate import (
    Scene,
    SceneSettings,
    cube_of_scene,
    mixed_prf,
    perturbed_prf,
    simulate_scene,
    true_kernel,
)

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
    "other_prf",
    "wide_oracle",
    "without_faults",
]

#: Stars per square degree brighter than T=16.
DENSITIES = {"sparse": 1500.0, "medium": 6000.0, "crowded": 25000.0}
#: What is wrong with the field, as settings of its scene. Besides, the true PRF is the given one blurred and skewed in
#: `perturbed`, and partly another CCD's in `prf` and `sky`.
CASES: dict[str, dict[str, float]] = {
    "exact": {},
    "perturbed": {},
    "prf": {},
    "focus": {"focus_share": 0.10},
    "missing": {"missing_fraction": 0.02},
    "sky": {
        "focus_share": 0.05,
        "tmag_error": 0.1,
        "place_error_pix": 0.003,
        "missing_fraction": 0.01,
        "false_fraction": 0.005,
        "wcs_offset_pix": 0.072,
    },
}
#: Cases whose oracle has a field of its own, without what is wrong.
_FAULTY = ("prf", "focus", "missing", "sky")
#: Share of another CCD's PRF, and how much of it makes the built-in PRF differ as much (3 % of the peak).
_OTHER_SHARE, _OTHER_SHARE_OF_MODEL = 0.3, 0.4

#: CCD whose built-in PRF is the other one: its camera axis is on the other side.
_OTHER_CCD = 1
#: Least prior of the second oracle, as a fraction of the flux.
_LEAST_VARIATION = 0.01
#: Settings that are zero in the oracle's field.
_FAULTS = ("focus_share", "place_error_pix", "missing_fraction", "false_fraction")

_Floats = npt.NDArray[np.float64]
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Field:
    """A simulated field, and the input of its photometry.

    Parameters
    ----------
    name : str
        Density and case.
    case : str
        Of `CASES`.
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
    case: str
    scene: Scene
    cube: Cube
    true_cube: Cube
    given: PrfGrid
    true: PrfGrid

    @property
    def good(self) -> npt.NDArray[np.bool_]:
        """Unflagged cadences, (n_cadence,)."""
        return self.cube.usable


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
    unlisted : Stars
        Stars found that the catalogue lacks.
    seconds : dict
        CPU time of each step.
    """

    fluxes: Fluxes
    given_kernel: MovementKernel
    kernel: MovementKernel
    prf: PrfGrid
    unlisted: Stars
    seconds: dict[str, float]


def given_prf(folder: str | None) -> PrfGrid:
    """Return the built-in PRF, or the one of a folder of SPOC files (of the simulator's camera and CCD)."""
    if folder is None:
        return model_prf()
    settings = SceneSettings()
    return read_spoc_prf(folder, settings.sector, settings.camera, settings.ccd)


def other_prf(where: Sequence[str] | None) -> PrfGrid:
    """Return the PRF of another CCD: built-in, or by folder of SPOC files, sector, camera and CCD."""
    if where is None:
        return model_prf(ccd=_OTHER_CCD)
    folder, sector, camera, ccd = where
    return read_spoc_prf(folder, int(sector), int(camera), int(ccd))


def make_field(
    density: str | float,
    case: str,
    prf: PrfGrid,
    *,
    other: PrfGrid | None = None,
    true_background: bool = False,
    **changes: object,
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
    other : PrfGrid, optional
        PRF that the true one partly is in the cases `prf` and `sky`; by default the built-in one of another CCD.
    true_background : bool
        Whether the photometry is given the true large-scale background.
    **changes
        Settings of the scene that differ from its defaults.
    """
    true = _true_prf(case, prf, other)
    settings = SceneSettings(**({"density": DENSITIES.get(density, density)} | CASES[case] | changes))
    scene = simulate_scene(settings, true)
    true_cube = cube_of_scene(scene)
    cube = true_cube if true_background else cube_of_scene(scene, estimate_background(scene.pixels))
    return Field(f"{density}, case {case}", case, scene, cube, true_cube, prf, true)


def _true_prf(case: str, prf: PrfGrid, other: PrfGrid | None) -> PrfGrid:
    """PRF of the stars."""
    if case == "perturbed":
        return perturbed_prf(prf)
    if case not in ("prf", "sky"):
        return prf
    other = other_prf(None) if other is None else other
    return mixed_prf(prf, other, _OTHER_SHARE_OF_MODEL if is_model(prf) and is_model(other) else _OTHER_SHARE)


def without_faults(field: Field) -> Field:
    """Return the field that its oracle is given: constant PRF as given, a catalogue that is right, the same noise.

    In the cases `exact` and `perturbed` it is the field itself: there the oracle knows what is wrong. In the others
    the pixels differ from the field's by the difference of their noiseless images.
    """
    if field.case not in _FAULTY:
        return field
    scene = field.scene
    settings = replace(scene.settings, **dict.fromkeys(_FAULTS, 0.0))
    clean = {"noise": False} | dict.fromkeys(("nan_fraction", "cosmic_ray_fraction", "untimed_fraction"), 0.0)
    right = simulate_scene(replace(settings, dead_pixels=0, **clean), field.given)
    wrong = simulate_scene(replace(scene.settings, dead_pixels=0, **clean), field.true)
    scene = replace(
        scene,
        settings=settings,
        pixels=scene.pixels + (right.pixels - wrong.pixels),
        blurred_share=right.blurred_share,
        catalogue=right.catalogue,
        prf_source=right.prf_source,
    )
    cube = cube_of_scene(scene)
    return Field(f"{field.name} without faults", "exact", scene, cube, cube, field.given, field.given)


def measure(field: Field) -> Measured:
    """Measure motion, effective PRF and fluxes of a field with the settings that the workflow has by default."""
    stars, motion, seconds = field.scene.catalogue_stars, MotionSettings(), {}
    seconds["motion"], given_kernel = _timed(lambda: measure_motion([field.cube], stars, field.given, motion))
    seconds["PRF"], learnt = _timed(
        lambda: learn_prf([field.cube], stars, field.given, given_kernel, PrfSettings(), motion)
    )
    seconds["fit"], fluxes = _timed(
        lambda: fit_field(field.cube, stars.with_others(learnt.unlisted), learnt.prf, learnt.kernel)
    )
    return Measured(fluxes, given_kernel, learnt.kernel, learnt.prf, learnt.unlisted, seconds)


def oracle(field: Field) -> tuple[float, Fluxes]:
    """Fit a field with the true PRF, background, motion, places and magnitudes; with the seconds that takes.

    All priors are those of the first fit, 30 % of the flux.
    """
    widths = np.full(len(field.scene.stars), FitSettings().prior_width)
    return _timed(lambda: _true_fit(field, widths))


def wide_oracle(field: Field) -> Fluxes:
    """Fit a field as `oracle` does, with priors as wide as each star truly varies, at least 1 % of its flux."""
    flux = field.scene.flux[:, field.scene.quality == 0].astype(np.float64)
    return _true_fit(field, np.maximum(flux.std(axis=1) / flux.mean(axis=1), _LEAST_VARIATION))


def _true_fit(field: Field, prior_widths: _Floats) -> Fluxes:
    """Fit a field whose truth is known, with given priors."""
    kernel = replace(true_kernel(field.scene), offset=(0.0, 0.0))
    return fit_field(field.true_cube, field.scene.stars, field.true, kernel, prior_widths)


def fit_field(
    cube: Cube, stars: Stars, prf: PrfGrid, kernel: MovementKernel, prior_widths: _Floats | None = None
) -> Fluxes:
    """Fit a field tile by tile, as the workflow does."""
    settings = FitSettings()
    parts = tile_parts(cube.stamp, cube.stamp, stars, cube.n_cadence, settings)
    cubes = [cube.cut(part.grown(settings.tile_margin).clipped(cube.stamp)) for part in parts]
    fits = [
        fit_tile(one, stars, part, prf, kernel, settings, prior_widths) for one, part in zip(cubes, parts, strict=True)
    ]
    return Fluxes(*(np.concatenate([getattr(fit, name) for fit in fits]) for name in Fluxes.__slots__))


def _timed(work: Callable[[], _Result]) -> tuple[float, _Result]:
    """Do some work; return its CPU seconds and its result."""
    start = process_time()
    result = work()
    return process_time() - start, result
