"""Pixel files measured by the steps of the workflow with its default settings."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import process_time
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from photometry.calibration.effective_prf import learn_prf
from photometry.calibration.kernel import MovementKernel
from photometry.calibration.region import measure_motion
from photometry.core.cube import Cube
from photometry.core.settings import FitSettings, MotionSettings, PrfSettings
from photometry.core.stars import Stars
from photometry.fit.subtiles import tile_parts
from photometry.fit.tile_fit import TileFit, joined
from photometry.fit.tile_photometry import fit_tile
from photometry.io.pixels.pixel_readers import read_pixels
from photometry.io.stars.star_tables import read_star_table
from photometry.lightcurve.light_curve import statuses
from photometry.lightcurve.metrics import Metrics, light_curve_metrics
from photometry.prf.prf_grid import PrfGrid
from photometry.workflow.config_schema import config_schema
from photometry.workflow.job_inputs import load_prf, placed_stars
from photometry.workflow.star_choice import region_stars_of

__all__ = ["Cutout", "measure_cutout", "read_cutout"]

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Cutout:
    """A pixel file and its photometry.

    Parameters
    ----------
    cube : Cube
        The pixels.
    stars : Stars
        Catalogue stars whose light reaches them.
    given, prf : PrfGrid
        PRF that the photometry is given, and the effective one.
    kernel : MovementKernel
        Motion by the effective PRF.
    fit : TileFit
        Fluxes of the stars on the pixels.
    metrics : Metrics
        Their metrics.
    status, reason : tuple of str
        What the summary says of them.
    seconds : dict
        CPU time of motion, PRF and fit.
    """

    cube: Cube
    stars: Stars
    given: PrfGrid
    prf: PrfGrid
    kernel: MovementKernel
    fit: TileFit
    metrics: Metrics
    status: tuple[str, ...]
    reason: tuple[str, ...]
    seconds: dict[str, float]

    @property
    def good(self) -> npt.NDArray[np.bool_]:
        """Unflagged cadences, (n_cadence,)."""
        return self.cube.usable

    def index(self, starid: int) -> int:
        """Place of a star in the fit; ValueError when it was not fitted."""
        return self.fit.starid.tolist().index(starid)

    def flux(self, starid: int) -> npt.NDArray[np.float64]:
        """Flux of a star in the unflagged cadences, e-/s."""
        return self.fit.flux[self.index(starid), self.good].astype(np.float64)


def read_cutout(
    pixels: str | Path, table: str | Path, prf: str | Path, datasource: str = "tesscut"
) -> tuple[Cube, Stars, PrfGrid]:
    """Read a pixel file, the stars on and around it, and the PRF that is given for it."""
    cube = read_pixels(pixels, datasource)
    coord_buffer = config_schema()["properties"]["coord_buffer"]["default"]
    near = region_stars_of(read_star_table(table), cube.header, "all", FitSettings().tmag_limit, coord_buffer)
    return cube, placed_stars(near, cube.header, cube.stamp), load_prf(prf, cube.header.pointing)


def measure_cutout(cube: Cube, stars: Stars, given: PrfGrid) -> Cutout:
    """Measure motion, effective PRF and fluxes of a pixel file with the settings that the workflow has by default."""
    motion, seconds = MotionSettings(), {}
    seconds["motion"], kernel = _timed(lambda: measure_motion([cube], stars, given, motion))
    seconds["PRF"], learnt = _timed(lambda: learn_prf([cube], stars, given, kernel, PrfSettings(), motion))
    prf, kernel, stars = learnt.prf, learnt.kernel, stars.with_others(learnt.unlisted)
    seconds["fit"], fit = _timed(lambda: _fitted(cube, stars, prf, kernel))
    metrics = light_curve_metrics(fit, cube.usable, cube.cadenceno, cube.exposure.cadence_s)
    status, reason = statuses(fit, metrics)
    return Cutout(
        *(cube, stars, given, prf, kernel, fit, metrics), tuple(one.name for one in status), tuple(reason), seconds
    )


def _fitted(cube: Cube, stars: Stars, prf: PrfGrid, kernel: MovementKernel) -> TileFit:
    """Fit all parts of a cutout, as the workflow does."""
    settings = FitSettings()
    cores = tile_parts(cube.stamp, cube.stamp, stars, cube.n_cadence, settings)
    stamps = [core.grown(settings.tile_margin).clipped(cube.stamp) for core in cores]
    fits = [
        fit_tile(cube.cut(stamp), stars, core, prf, kernel, settings) for core, stamp in zip(cores, stamps, strict=True)
    ]
    return joined(fits, cores)


def _timed(work: Callable[[], _Result]) -> tuple[float, _Result]:
    """Do some work; return its CPU seconds and its result."""
    start = process_time()
    result = work()
    return process_time() - start, result
