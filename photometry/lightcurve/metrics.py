"""Numbers that describe a light curve, for all stars of a tile at once.

Only cadences count whose QUALITY has none of the bits of the bitmask (by default: any set bit excludes) and whose flux
and error are finite. Scatter is in parts per million of the median flux; it is NaN where that is not positive.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

__all__ = ["FluxSeries", "Metrics", "cadences_per_hour", "light_curve_metrics"]

#: Standard deviation of a normal distribution over its median absolute deviation, 1 / Phi^-1(3/4).
_SIGMA_PER_MAD = 1.482602218505602
_PPM = 1e6
_SECONDS_PER_HOUR = 3600.0


class FluxSeries(Protocol):
    """What metrics need of stars, (n_star, n_cadence) each; see `photometry.fit.tile_fit.TileFit`."""

    @property
    def flux(self) -> npt.NDArray[np.float32]: ...  # noqa: D102
    @property
    def flux_err(self) -> npt.NDArray[np.float32]: ...  # noqa: D102
    @property
    def background(self) -> npt.NDArray[np.float32]: ...  # noqa: D102
    @property
    def centroid_row(self) -> npt.NDArray[np.float32]: ...  # noqa: D102
    @property
    def centroid_column(self) -> npt.NDArray[np.float32]: ...  # noqa: D102
    @property
    def chi2(self) -> npt.NDArray[np.float32]: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Metrics:
    """Metrics of light curves; every array is (n_star,).

    Parameters
    ----------
    n_unflagged : int64
        Cadences that the quality does not exclude.
    n_finite : int64
        Those of them with a finite flux and error.
    fraction_finite : float64
        n_finite / n_unflagged; NaN without unflagged cadences.
    mean_flux, mean_flux_err : float64
        Mean flux, and its error from the errors of the cadences, e-/s.
    median_flux : float64
        Median flux, e-/s.
    variance : float64
        Sample variance of the flux, (e-/s)^2.
    rms_hour : float64
        Standard deviation of means over one hour, ppm; hours without more than half of their cadences are left out.
    ptp : float64
        Robust scatter of a cadence from the differences of consecutive cadences, as a standard deviation, ppm.
    variability : float64
        Robust scatter beyond the errors, sqrt(scatter^2 - error^2), ppm; 0 where the errors explain it all.
    noise : float64
        Predicted noise of a cadence, from its median error, ppm.
    noise_hour : float64
        The same for one hour (for one cadence where that is longer), ppm.
    background : float64
        Median background per pixel at the star, e-/s.
    row, column : float64
        Median centroid, 0-based CCD pixels.
    chi2 : float64
        Median reduced chi-squared of the pixels under the star.
    """

    n_unflagged: npt.NDArray[np.int64]
    n_finite: npt.NDArray[np.int64]
    fraction_finite: npt.NDArray[np.float64]
    mean_flux: npt.NDArray[np.float64]
    mean_flux_err: npt.NDArray[np.float64]
    median_flux: npt.NDArray[np.float64]
    variance: npt.NDArray[np.float64]
    rms_hour: npt.NDArray[np.float64]
    ptp: npt.NDArray[np.float64]
    variability: npt.NDArray[np.float64]
    noise: npt.NDArray[np.float64]
    noise_hour: npt.NDArray[np.float64]
    background: npt.NDArray[np.float64]
    row: npt.NDArray[np.float64]
    column: npt.NDArray[np.float64]
    chi2: npt.NDArray[np.float64]


def cadences_per_hour(cadence_s: float) -> int:
    """Return how many cadences make an hour; 1 where a cadence is longer."""
    return max(1, round(_SECONDS_PER_HOUR / cadence_s))


def light_curve_metrics(
    fit: FluxSeries,
    usable: npt.NDArray[np.bool_],
    cadenceno: npt.NDArray[np.int32],
    cadence_s: float,
) -> Metrics:
    """Compute the metrics of all stars of a tile.

    Parameters
    ----------
    fit : FluxSeries
        Fluxes of the stars (`photometry.fit.tile_fit.TileFit`).
    usable : (n_cadence,) bool
        Cadences that count (`photometry.core.cube.CubeHeader.usable`).
    cadenceno : (n_cadence,) int32
        Cadence numbers, increasing; gaps are allowed.
    cadence_s : float
        Time from one cadence to the next, s.

    Returns
    -------
    Metrics
        One element for each star of the fit.
    """
    number = np.asarray(cadenceno[usable], dtype=np.int64)
    finite = np.ascontiguousarray(np.isfinite(fit.flux[:, usable]) & np.isfinite(fit.flux_err[:, usable]))

    def counted(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        # Row by row in memory, sums of a star are the same whichever stars are beside it.
        return np.ascontiguousarray(np.where(finite, values[:, usable], np.nan), dtype=np.float64)

    flux, flux_err = counted(fit.flux), counted(fit.flux_err)
    n_finite = finite.sum(axis=1)
    mean, variance = _mean_variance(flux, finite)
    median = _median(flux)
    to_ppm = _PPM / np.where(median > 0, median, np.nan)
    error = np.sqrt(_median(flux_err**2))
    scatter = _SIGMA_PER_MAD * _median(np.abs(flux - median[:, None]))
    n_hour = cadences_per_hour(cadence_s)
    return Metrics(
        n_unflagged=np.full(len(flux), len(number), dtype=np.int64),
        n_finite=n_finite,
        fraction_finite=_ratio(n_finite, np.full(len(flux), len(number))),
        mean_flux=mean,
        mean_flux_err=_ratio(np.sqrt(np.where(finite, flux_err**2, 0.0).sum(axis=1)), n_finite),
        median_flux=median,
        variance=variance,
        rms_hour=_binned_rms(flux, finite, number, n_hour) * to_ppm,
        ptp=_point_to_point(flux, number) * to_ppm,
        variability=np.sqrt(np.maximum(scatter**2 - error**2, 0.0)) * to_ppm,
        noise=error * to_ppm,
        noise_hour=error / np.sqrt(n_hour) * to_ppm,
        background=_median(counted(fit.background)),
        row=_median(counted(fit.centroid_row)),
        column=_median(counted(fit.centroid_column)),
        chi2=_median(counted(fit.chi2)),
    )


def _ratio(numerator: npt.ArrayLike, denominator: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Quotient; NaN where the denominator is zero."""
    denominator = np.asarray(denominator, dtype=np.float64)
    return np.asarray(numerator, dtype=np.float64) / np.where(denominator > 0, denominator, np.nan)


def _mean_variance(
    values: npt.NDArray[np.float64], finite: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Mean and sample variance along the last axis of the finite values."""
    n_finite = finite.sum(axis=1)
    mean = _ratio(np.where(finite, values, 0.0).sum(axis=1), n_finite)
    squares = np.where(finite, (values - mean[:, None]) ** 2, 0.0).sum(axis=1)
    return mean, _ratio(squares, n_finite - 1)


def _median(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Median along the last axis without the NaNs; NaN where nothing is left."""
    if values.shape[1] == 0:
        return np.full(len(values), np.nan)
    ordered = np.sort(values, axis=1)
    n_finite = np.isfinite(values).sum(axis=1)[:, None]
    low = np.take_along_axis(ordered, np.maximum(n_finite - 1, 0) // 2, axis=1)
    high = np.take_along_axis(ordered, np.minimum(n_finite // 2, values.shape[1] - 1), axis=1)
    return np.where(n_finite > 0, (low + high) / 2, np.nan)[:, 0]


def _binned_rms(
    flux: npt.NDArray[np.float64], finite: npt.NDArray[np.bool_], number: npt.NDArray[np.int64], size: int
) -> npt.NDArray[np.float64]:
    """Return the standard deviation of means over `size` cadence numbers; bins half full or less do not count."""
    if len(number) == 0:
        return np.full(len(flux), np.nan)
    bins = (number - number[0]) // size
    starts = np.flatnonzero(np.diff(bins, prepend=bins[0] - 1))
    count = np.add.reduceat(finite.astype(np.int64), starts, axis=1)
    total = np.add.reduceat(np.where(finite, flux, 0.0), starts, axis=1)
    full = 2 * count > size
    means = np.where(full, total / np.maximum(count, 1), np.nan)
    return np.sqrt(_mean_variance(means, full)[1])


def _point_to_point(flux: npt.NDArray[np.float64], number: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return the standard deviation of a cadence from the median absolute difference of consecutive ones."""
    following = np.diff(number) == 1
    steps = np.abs(np.diff(flux, axis=1)[:, following])
    scatter: npt.NDArray[np.float64] = _SIGMA_PER_MAD / np.sqrt(2) * _median(steps)
    return scatter
