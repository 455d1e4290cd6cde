"""Corrections of light curves between the fit of a tile and the export: fluxes beside those that were measured.

A correction is a function of `TileLightCurves`; the workflow and the Python class both apply it by `corrected`.
"""

import math
from dataclasses import dataclass, fields
from typing import Protocol

import numpy as np
import numpy.typing as npt

from photometry.core.cube import CubeHeader
from photometry.fit.tile_fit import TileFit
from photometry.trends.corrected_fluxes import CorrectedFluxes, Goodness, corrected_fluxes, uncorrected
from photometry.trends.trend_set import TrendSet

__all__ = [
    "NOT_ASKED_FOR",
    "Correction",
    "StarCorrection",
    "TileLightCurves",
    "Uncorrected",
    "WithoutTrends",
    "corrected",
]


@dataclass(frozen=True, slots=True)
class TileLightCurves:
    """Light curves of stars of a tile; arrays are read, never changed in place.

    Parameters
    ----------
    starid : (n_star,) int64
        TIC numbers.
    tmag : (n_star,) float64
        TESS magnitude.
    row, column : (n_star,) float64
        Mean place, 0-based CCD pixels.
    time : (n_cadence,) float64
        BTJD at mid exposure, d; of full-frame images that of the middle of the CCD.
    cadenceno, quality : (n_cadence,) int32
        Cadence numbers and flags (`photometry.core.quality.TESS_QUALITY`).
    usable : (n_cadence,) bool
        Cadences that count for means.
    centroid_row, centroid_column : (n_star, n_cadence) float32
        Flux-weighted centroids, 0-based CCD pixels.
    row_shift, column_shift : (n_star, n_cadence) float32
        Motion by the movement kernel, pixels.
    background : (n_star, n_cadence) float32
        Background per pixel at the star, e-/s.
    flux, flux_err : (n_star, n_cadence) float32
        PSF flux and its standard error, e-/s; NaN where the cadence could not be fitted.
    aperture_flux, aperture_flux_err : (n_star, n_cadence) float32
        The same in a small aperture, e-/s.
    pixel_quality : (n_star, n_cadence) int32
        `photometry.core.quality.PIXEL_QUALITY`.
    """

    starid: npt.NDArray[np.int64]
    tmag: npt.NDArray[np.float64]
    row: npt.NDArray[np.float64]
    column: npt.NDArray[np.float64]
    time: npt.NDArray[np.float64]
    cadenceno: npt.NDArray[np.int32]
    quality: npt.NDArray[np.int32]
    usable: npt.NDArray[np.bool_]
    centroid_row: npt.NDArray[np.float32]
    centroid_column: npt.NDArray[np.float32]
    row_shift: npt.NDArray[np.float32]
    column_shift: npt.NDArray[np.float32]
    background: npt.NDArray[np.float32]
    flux: npt.NDArray[np.float32]
    flux_err: npt.NDArray[np.float32]
    aperture_flux: npt.NDArray[np.float32]
    aperture_flux_err: npt.NDArray[np.float32]
    pixel_quality: npt.NDArray[np.int32]


#: What a light curve has of its cadences.
_OF_CADENCES = ("time", "cadenceno", "quality", "usable")


class Correction(Protocol):
    """Corrects the light curves of a tile."""

    def __call__(self, curves: TileLightCurves) -> CorrectedFluxes:
        """Return corrected fluxes and errors beside those that were measured; same stars, same cadences."""
        ...


@dataclass(frozen=True, slots=True)
class Uncorrected:
    """Leaves fluxes as they are.

    Parameters
    ----------
    reason : str
        Why.
    """

    reason: str = "no correction was asked for"

    def __call__(self, curves: TileLightCurves) -> CorrectedFluxes:
        """Return the fluxes as they are."""
        return uncorrected(curves.flux, curves.flux_err, self.reason)


#: What is done where no correction is asked for.
NOT_ASKED_FOR = Uncorrected()


@dataclass(frozen=True, slots=True)
class WithoutTrends:
    """Takes off what the stars of a region share.

    Parameters
    ----------
    trends : TrendSet
        Trends of the region, in the same cadences.
    """

    trends: TrendSet

    def __call__(self, curves: TileLightCurves) -> CorrectedFluxes:
        """Return the fluxes without trends."""
        places = curves.starid, curves.row, curves.column
        return corrected_fluxes(self.trends, *places, curves.flux, curves.flux_err, curves.usable)


@dataclass(frozen=True, slots=True)
class StarCorrection:
    """What was taken off a star, and how good that is; NaN where it was not corrected.

    Parameters
    ----------
    coefficients, errors : tuple of float
        What the star has of each trend, a share of its median flux, and the standard errors.
    noise_added, correlation_left, variability_kept : float
        `photometry.trends.corrected_fluxes.Goodness`.
    reason : str
        Why it is not corrected; empty where it is.
    """

    coefficients: tuple[float, ...] = ()
    errors: tuple[float, ...] = ()
    noise_added: float = math.nan
    correlation_left: float = math.nan
    variability_kept: float = math.nan
    reason: str = ""

    @classmethod
    def of(cls, fluxes: CorrectedFluxes, index: int) -> "StarCorrection":
        """Return what is said of one of several stars."""
        coefficients = fluxes.coefficients[index]
        if not np.isfinite(coefficients).all():
            return cls(reason="no flux to be corrected")
        goodness = {name: float(getattr(fluxes.goodness, name)[index]) for name in Goodness.__slots__}
        errors = fluxes.coefficients_err[index]
        return cls(tuple(coefficients.tolist()), tuple(errors.tolist()), **goodness, reason=fluxes.reason)


def corrected(fit: TileFit, header: CubeHeader, correction: Correction) -> CorrectedFluxes:
    """Return the corrected light curves of stars; what was measured stays as it is.

    Parameters
    ----------
    fit : TileFit
        The stars.
    header : CubeHeader
        Header of the cube that was fitted.
    correction : Correction
        What is done.

    Raises
    ------
    ValueError
        When a correction returns arrays of other shapes.
    """
    names = [field.name for field in fields(TileLightCurves)]
    series = {item: getattr(header if item in _OF_CADENCES else fit, item) for item in names}
    after = correction(TileLightCurves(**series))
    for item in ("flux", "flux_err"):
        shape = getattr(after, item).shape
        if shape != fit.flux.shape:
            raise ValueError(f"the correction's {item} has shape {shape}, expected {fit.flux.shape}")
    return after
