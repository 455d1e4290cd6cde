"""Light curves without the trends: fluxes, errors, and how good the correction is.

What is taken off a star is f sum_k c_k V_kt, with its median flux f and the coefficients c of greatest posterior
probability. The error has the covariance of the coefficients and that of the trends besides. A star that the trends
were made of has no part in what is taken off it: it is left out of them in every cadence by its leverage h,

    V_t(without i) = V_t - A_t^-1 l_i w_it r_it / (1 - h_it),   h_it = w_it l_i A_t^-1 l_i,

with its share l in the trends, its residual r and the inverse covariance A of the trends before they are smoothed; what
is left out is smoothed as they were. No transit fills itself up.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from photometry.core.linalg import rows_times
from photometry.trends.coefficient_fit import Coefficients, fit_coefficients, modes_of, without_dips
from photometry.trends.coefficient_prior import prior_of
from photometry.trends.low_rank import robust_weights
from photometry.trends.reference_stars import FEWEST_STARS
from photometry.trends.relative_series import (
    Array,
    Bins,
    Integers,
    RelativeSeries,
    binned_trends,
    bins_of,
    orbits_of,
    relative,
)
from photometry.trends.trend_set import TrendSet

__all__ = ["CorrectedFluxes", "Goodness", "corrected_fluxes", "uncorrected"]

#: Width of the prior about nothing where no quiet stars say more: a share of the flux.
_WIDTH_ALONE = 0.01


@dataclass(frozen=True, slots=True)
class Goodness:
    """How good corrections are; every array is (n_star,).

    Parameters
    ----------
    noise_added : float64
        Scatter from cadence to cadence after the correction over that before, less 1.
    correlation_left : float64
        Largest absolute correlation of the corrected flux with a trend, 0 to 1.
    variability_kept : float64
        Scatter of the corrected flux over that of the flux less what its neighbours have: 1 where all that the star
        does by itself is left.
    """

    noise_added: Array
    correlation_left: Array
    variability_kept: Array


@dataclass(frozen=True, slots=True)
class CorrectedFluxes:
    """Light curves without trends.

    Parameters
    ----------
    flux, flux_err : (n_star, n_cadence) float32
        Corrected flux and its standard error, e-/s; NaN where there is no flux or no trend.
    coefficients, coefficients_err : (n_star, n_trend) float64
        What each star has of the trends, a share of its median flux; NaN where it is not corrected.
    goodness : Goodness
        How good that is; NaN where a star is not corrected.
    reason : str
        Why no star is corrected; empty where they are.
    """

    flux: npt.NDArray[np.float32]
    flux_err: npt.NDArray[np.float32]
    coefficients: Array
    coefficients_err: Array
    goodness: Goodness
    reason: str


def uncorrected(flux: npt.NDArray[np.float32], flux_err: npt.NDArray[np.float32], reason: str) -> CorrectedFluxes:
    """Return light curves as they are, and why."""
    empty = np.zeros((len(flux), 0))
    return CorrectedFluxes(flux, flux_err, empty, empty, Goodness(*np.full((3, len(flux)), np.nan)), reason)


def corrected_fluxes(
    trends: TrendSet,
    starid: Integers,
    row: Array,
    column: Array,
    flux: npt.NDArray[np.float32],
    flux_err: npt.NDArray[np.float32],
    usable: npt.NDArray[np.bool_],
) -> CorrectedFluxes:
    """Take trends off light curves.

    Parameters
    ----------
    trends : TrendSet
        Trends of the region, in the same cadences.
    starid : (n_star,) int64
        Numbers of the stars.
    row, column : (n_star,) float64
        Their places, 0-based CCD pixels.
    flux, flux_err : (n_star, n_cadence) float32
        Their fluxes and standard errors, e-/s; NaN where there are none.
    usable : (n_cadence,) bool
        Cadences that count.
    """
    if trends.n_trend == 0:
        return uncorrected(flux, flux_err, trends.reason)
    series = relative(flux, flux_err, usable)
    known = np.asarray(np.isfinite(trends.values).all(axis=0))
    counts = known & usable
    measured = np.flatnonzero((np.isfinite(series.errors) & counts).sum(axis=1) > 0)
    result = uncorrected(flux.copy(), flux_err.copy(), "")
    coefficients, errors = np.full((2, len(flux), trends.n_trend), np.nan)
    if len(measured):
        some = series.of_stars(measured)
        fitted, prior = _fitted(trends, some, starid[measured], row[measured], column[measured], counts)
        taken, variance = _taken_off(trends, some, starid[measured], fitted, known)
        scale = some.median[:, None]
        result.flux[measured] = np.where(known, flux[measured] - scale * taken, np.nan)
        result.flux_err[measured] = np.where(known, np.hypot(flux_err[measured], scale * np.sqrt(variance)), np.nan)
        coefficients[measured] = fitted.values
        errors[measured] = np.sqrt(np.diagonal(fitted.covariance, axis1=1, axis2=2))
        rest = RelativeSeries(some.values - taken, some.errors, some.median).where(counts)
        found = _goodness(
            some.where(counts), rest, rows_times(prior.values, trends.values), trends.values, counts, trends.time
        )
        for name in Goodness.__slots__:
            getattr(result.goodness, name)[measured] = getattr(found, name)
    return CorrectedFluxes(result.flux, result.flux_err, coefficients, errors, result.goodness, "")


def _fitted(
    trends: TrendSet,
    series: RelativeSeries,
    starid: Integers,
    row: Array,
    column: Array,
    counts: npt.NDArray[np.bool_],
) -> tuple[Coefficients, Coefficients]:
    """Return the coefficients of stars, and what was known of them before."""
    bins = bins_of(trends.time)
    shapes = binned_trends(trends.values, counts, bins)
    if len(trends.stars) >= FEWEST_STARS:
        prior = prior_of(trends.stars.neighbours(), starid, row, column, series.median)
    else:
        width = np.broadcast_to(_WIDTH_ALONE**2 * np.eye(trends.n_trend), (len(starid), *[trends.n_trend] * 2))
        prior = Coefficients(np.zeros((len(starid), trends.n_trend)), width)
    binned = bins.means(series.where(counts))
    return fit_coefficients(
        without_dips(binned, rows_times(prior.values, shapes), bins), shapes, modes_of(bins), prior
    ), prior


def _taken_off(
    trends: TrendSet, series: RelativeSeries, starid: Integers, fitted: Coefficients, known: npt.NDArray[np.bool_]
) -> tuple[Array, Array]:
    """Return what is taken off the relative fluxes, (n_star, n_cadence), and its variance."""
    values = np.where(known, trends.values, 0.0)
    taken = rows_times(fitted.values, values)
    variance = np.zeros_like(taken)
    noise = _noise_of(trends)
    for first in range(trends.n_trend):
        for second in range(trends.n_trend):
            variance += fitted.covariance[:, first, second, None] * (values[first] * values[second])
            product = fitted.values[:, first] * fitted.values[:, second]
            variance += product[:, None] * noise[:, first, second]
    places = {star: place for place, star in enumerate(trends.stars.starid.tolist())}
    for index in np.flatnonzero(np.isin(starid, trends.stars.starid)).tolist():
        place = places[int(starid[index])]
        own, more = _own_part(trends, place, series, index, fitted.values[index], values)
        taken[index] -= own
        variance[index] += more
    return taken, np.maximum(variance, 0.0)


def _own_part(
    trends: TrendSet, place: int, series: RelativeSeries, index: int, coefficients: Array, values: Array
) -> tuple[Array, Array]:
    """Return what of the trends taken off a star is its own light, (n_cadence,), and the variance of that."""
    loadings = trends.stars.loadings[place]
    scale = series.median[index] / trends.stars.flux[place]
    residual = scale * (1 + series.values[index]) - 1 - trends.stars.offset[place] - loadings @ values
    weights = robust_weights(residual, (scale * series.errors[index]) ** 2 + trends.stars.scatter[place] ** 2)
    answer = trends.covariance.astype(np.float64) @ loadings
    leverage = np.clip(weights * (answer @ loadings), 0.0, 0.9)
    own = (answer * (weights * residual / (1 - leverage))[:, None]).T
    share = trends.smoothing.noise_left(answer[:, :, None])[..., 0] @ coefficients
    return coefficients @ trends.smoothing.applied(own, orbits_of(trends.time)), share**2 * weights / (1 - leverage)


def _noise_of(trends: TrendSet) -> Array:
    """Return the covariance of the trends as they are, smoothed, (n_cadence, n_trend, n_trend)."""
    once = trends.smoothing.noise_left(trends.covariance.astype(np.float64))
    return trends.smoothing.noise_left(once.transpose(0, 2, 1))


def _goodness(
    before: RelativeSeries,
    after: RelativeSeries,
    shared: Array,
    values: Array,
    counts: npt.NDArray[np.bool_],
    time: Array,
) -> Goodness:
    """Judge the corrections of stars."""
    there = np.isfinite(before.errors)
    steps = [np.where(there[:, 1:] & there[:, :-1], np.diff(item.values, axis=1), np.nan) for item in (before, after)]
    noise = [_noise(step) for step in steps]
    bins: Bins = bins_of(time)
    binned = bins.means(after)
    alone = RelativeSeries(before.values - np.where(counts, shared, 0.0), before.errors, before.median)
    own = bins.means(alone.where(counts))
    shapes = binned_trends(values, counts, bins)
    scatter = [_scatter(item) for item in (binned, own)]
    left = [_correlation(binned, shape) for shape in shapes]
    return Goodness(noise[1] / noise[0] - 1, np.max(np.abs(left), axis=0), scatter[0] / scatter[1])


def _noise(steps: Array) -> Array:
    """Return the scatter from cadence to cadence, (n_star,); of a step no more than four times a star's usual one."""
    square = steps**2
    usual = np.nanmedian(square, axis=1, keepdims=True)
    return np.asarray(np.sqrt(np.nanmean(np.minimum(square, 16 * usual), axis=1)))


def _scatter(series: RelativeSeries) -> Array:
    """Return the standard deviation of the bins, (n_star,)."""
    there = np.isfinite(series.errors)
    return np.asarray(np.nanstd(np.where(there, series.values, np.nan), axis=1))


def _correlation(series: RelativeSeries, shape: Array) -> Array:
    """Return the correlation of light curves with a trend, (n_star,)."""
    there = np.isfinite(series.errors)
    number = np.maximum(there.sum(axis=1, keepdims=True), 1)
    values = there * (series.values - (there * series.values).sum(axis=1, keepdims=True) / number)
    shapes = there * (shape - (there * shape).sum(axis=1, keepdims=True) / number)
    sizes = np.sqrt((values**2).sum(axis=1) * (shapes**2).sum(axis=1))
    return np.asarray((values * shapes).sum(axis=1) / np.maximum(sizes, 1e-300))
