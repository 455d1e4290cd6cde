"""Fit of one target and its neighbours."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from photometry.calibration.kernel import MovementKernel
from photometry.core.cube import Cube, CubeHeader
from photometry.core.errors import FitError
from photometry.core.geometry import Stamp
from photometry.core.settings import FitSettings
from photometry.core.stars import Stars
from photometry.core.status import STATUS
from photometry.fit.tile_fit import TileFit
from photometry.fit.tile_photometry import fit_tile
from photometry.io.results.lightcurve_files import corrections_of
from photometry.lightcurve.corrections import NOT_ASKED_FOR, Correction, StarCorrection, corrected
from photometry.lightcurve.light_curve import LightCurve, light_curve, statuses
from photometry.lightcurve.metrics import light_curve_metrics
from photometry.prf.prf_grid import PrfGrid
from photometry.trends.corrected_fluxes import CorrectedFluxes

__all__ = ["TargetFit", "fit_target"]

#: Fewest pixels, rows and columns of a stamp. On fewer ones flux, background and motion cannot be told apart: scatter
#: and FLUX_ERR of stars of T=10.5 and 13 differ by factors of two (2 x 3 pixels) to 1e5 (1 x 2).
_LEAST_PIXELS, _LEAST_SIDE = 9, 2


@dataclass(frozen=True, slots=True)
class TargetFit:
    """What the fit says of a target.

    Parameters
    ----------
    fit : TileFit
        The fit.
    index : int
        The target's place in it.
    status : STATUS
        OK, WARNING, ERROR or SKIPPED.
    reason : str
        Why it is not OK.
    chi2 : float
        Median reduced chi-squared of its pixels.
    fluxes : CorrectedFluxes
        Corrected fluxes of the stars of the fit.
    """

    fit: TileFit
    index: int
    status: STATUS
    reason: str
    chi2: float
    fluxes: CorrectedFluxes

    @property
    def correction(self) -> StarCorrection:
        """What its corrected flux is without."""
        return StarCorrection.of(self.fluxes, self.index)

    def curve(self, header: CubeHeader) -> LightCurve:
        """Return the light curve; `header` is that of the cube that was fitted."""
        return light_curve(self.fit, self.index, header, self.fluxes)

    def aperture_on(self, stamp: Stamp) -> npt.NDArray[np.bool_]:
        """Return the pixels of a stamp that make the aperture flux and the centroid, (n_row, n_column)."""
        mask = np.zeros(stamp.shape, dtype=bool)
        rows, columns = np.nonzero(self.fit.aperture[self.index])
        rows = rows + int(self.fit.window_row[self.index])
        columns = columns + int(self.fit.window_column[self.index])
        inside = stamp.contains(rows, columns)
        mask[rows[inside] - stamp.row_min, columns[inside] - stamp.col_min] = True
        return mask

    def model_on(self, stamp: Stamp) -> npt.NDArray[np.float32]:
        """Return the model of the mean image on a stamp, (n_row, n_column), e-/s; NaN outside the fit."""
        model = np.full(stamp.shape, np.nan, dtype=np.float32)
        common = stamp.clipped(self.fit.stamp)
        model[common.slices_in(stamp)] = self.fit.model_image[common.slices_in(self.fit.stamp)]
        return model

    @property
    def results(self) -> Mapping[str, float | int]:
        """Columns of the summary that the light curve does not tell."""
        fit, index = self.fit, self.index
        return {
            "contamination": float(fit.contamination[index]),
            "chi2_mean": float(fit.chi2_mean[index]),
            "mean_misfit": float(fit.mean_misfit[index]),
            "mean_flux_syst": float(fit.mean_flux_syst[index]),
            "blend_correlation": float(fit.blend_correlation[index]),
            "star_flags": int(fit.star_flags[index]),
            "chi2": self.chi2,
            **corrections_of(self.correction),
        }


def fit_target(
    cube: Cube,
    stars: Stars,
    starid: int,
    prf: PrfGrid,
    kernel: MovementKernel,
    settings: FitSettings,
    correction: Correction = NOT_ASKED_FOR,
) -> TargetFit:
    """Fit a target with all stars on its stamp, its flux free however faint it is, and correct its light curve.

    Parameters
    ----------
    cube : Cube
        Pixels of the stamp.
    stars : Stars
        All catalogue stars whose light reaches them, by their catalogue positions.
    starid : int
        The target.
    prf : PrfGrid
        PRF of the pixels.
    kernel : MovementKernel
        Motion, and offset between catalogue and pixels.
    settings : FitSettings
        Limits.
    correction : Correction
        What makes corrected fluxes of those that were measured.

    Raises
    ------
    FitError
        When the target is not on the pixels, or they are too few.
    """
    n_row, n_column = cube.stamp.shape
    if min(n_row, n_column) < _LEAST_SIDE or n_row * n_column < _LEAST_PIXELS:
        raise FitError(
            f"a stamp of {n_row} x {n_column} pixels cannot carry a fit of stars and background: it needs "
            f"{_LEAST_PIXELS} pixels and {_LEAST_SIDE} rows and columns; make it larger with resize_stamp"
        )
    places = np.flatnonzero(stars.starid == starid)
    if not len(places) or not cube.stamp.contains(stars.row[places[0]], stars.column[places[0]]):
        raise FitError(f"TIC {starid} is not on the pixels of the stamp {cube.stamp}")
    target = places[0]
    faintest = max(settings.tmag_limit, math.nextafter(float(stars.tmag[target]), math.inf))
    row, column = (math.floor(float(x[target]) + 0.5) for x in (stars.row, stars.column))
    core = Stamp(row, row + 1, column, column + 1)
    fit = fit_tile(cube, stars, core, prf, kernel, replace(settings, tmag_limit=faintest))
    index = int(np.flatnonzero(fit.starid == starid)[0])
    metrics = light_curve_metrics(fit, cube.usable, cube.cadenceno, cube.exposure.cadence_s)
    status, reason = statuses(fit, metrics)
    fluxes = corrected(fit, cube.header, correction)
    return TargetFit(fit, index, status[index], reason[index], float(metrics.chi2[index]), fluxes)
