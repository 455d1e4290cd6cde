"""How many trends there are: as many as make stars better known that had no part in finding them.

The stars are dealt into folds. Trends of all other folds are fitted to a star on every other day, and tell what it
does on the days between. That judges the number of trends, and whether each orbit has its own: by bins and by means of
six of them, where less noise is, by all stars and by the brightest third, in which small trends show first.
"""

from dataclasses import dataclass

import numpy as np

from photometry.core.statistics import MAD_TO_SIGMA
from photometry.trends.low_rank import factorise, fit_stars, median_of, weights_of
from photometry.trends.relative_series import BIN_DAYS, Array, Bins, Integers, RelativeSeries, bins_of, orbits_of

__all__ = ["TrendNumber", "trend_number"]

#: Most trends, of all time or of each orbit.
MOST_TRENDS = 8
_N_FOLD = 4
#: Stars that judge, at most: evenly taken from all.
_MOST_STARS = 240
#: Rounds of a factorisation, which need not be exact here.
_N_ROUND = 4
#: An improvement counts when it is so many of its standard errors.
_SURE = 3.0
#: Numbers that are tried beyond the best: a trend of few stars may come before one of many.
_BEYOND = 2
#: Bins in a mean.
_SLOW = 6


@dataclass(frozen=True, slots=True)
class TrendNumber:
    """How many trends light curves have.

    Parameters
    ----------
    n_trend : int
        Number of trends, of all time or of each orbit.
    by_orbit : bool
        Whether each orbit has its own.
    scores : tuple of float
        Mean change of the logarithm of what a held-out star scatters, for 0, 1, ... trends as chosen.
    """

    n_trend: int
    by_orbit: bool
    scores: tuple[float, ...]


def trend_number(series: RelativeSeries, bins: Bins) -> TrendNumber:
    """Find the number of trends, and whether orbits have their own.

    Parameters
    ----------
    series : RelativeSeries
        Light curves of quiet stars, in bins.
    bins : Bins
        Their times.
    """
    every = max(1, -(-len(series.values) // _MOST_STARS))
    some = series.of_stars(np.arange(0, len(series.values), every))
    orbits = orbits_of(bins.time)
    known = _tried(some, bins, np.zeros_like(orbits))
    best = TrendNumber(_chosen(known), False, _means(known))
    if orbits[-1] == 0 or best.n_trend == 0:
        return best
    apart = _tried(some, bins, orbits)
    n_apart = _chosen(apart)
    if _is_better(apart[n_apart], known[best.n_trend]):
        return TrendNumber(n_apart, True, _means(apart))
    return best


def _means(tried: list[Array]) -> tuple[float, ...]:
    return tuple(float(np.mean(scores - tried[0])) for scores in tried)


def _is_better(after: Array, before: Array) -> bool:
    """Tell whether stars scatter less, for sure: all of them or the brightest, from bin to bin or slowly."""
    change = after - before
    brightest = change[:, : max(change.shape[1] // 3, 5)]
    return any(
        bool(np.mean(item) < -_SURE * np.std(item, ddof=1) / np.sqrt(len(item))) for item in (*change, *brightest)
    )


def _tried(series: RelativeSeries, bins: Bins, orbits: Integers) -> list[Array]:
    """Return the logarithms of what held-out stars scatter for 0, 1, ... trends, (2, n_star) each."""
    n_fold_star = len(series.values) * (_N_FOLD - 1) // _N_FOLD
    tried = [_held_out(series, bins, orbits, 0)]
    for n_trend in range(1, min(MOST_TRENDS, n_fold_star // 3) + 1):
        tried.append(_held_out(series, bins, orbits, n_trend))
        if n_trend - _chosen(tried) >= _BEYOND:
            break
    return tried


def _chosen(tried: list[Array]) -> int:
    """Return the smallest number that no larger one is better than, for sure."""
    chosen = 0
    for number in range(1, len(tried)):
        if _is_better(tried[number], tried[chosen]):
            chosen = number
    return chosen


def _held_out(series: RelativeSeries, bins: Bins, orbits: Integers, n_trend: int) -> Array:
    """Return the logarithm of what each star scatters without trends of others, (2, n_star): in bins and means."""
    folds = np.arange(len(series.values)) % _N_FOLD
    scatter = np.zeros((2, len(folds)))
    for fold in range(_N_FOLD):
        trends = np.zeros((0, series.values.shape[1]))
        if n_trend:
            trends = factorise(series.of_stars(folds != fold), n_trend, orbits, _N_ROUND).trends
        scatter[:, folds == fold] = _scatter_between(series.of_stars(folds == fold), trends, bins)
    return np.log(scatter)


def _scatter_between(series: RelativeSeries, trends: Array, bins: Bins) -> Array:
    """Scatter of bins, and of means of some, about what trends tell that are fitted on every other day, (2, n_star)."""
    odd = np.floor(bins.time - bins.time[0]).astype(np.int64) % 2 == 1
    left = np.zeros_like(series.values)
    for on in (odd, ~odd):
        there = np.where(on, series.errors, np.inf)
        fitted = RelativeSeries(series.values, there, series.median)
        offset, loadings = fit_stars(fitted, np.where(np.isfinite(there), 1 / there**2, 0.0), trends)
        weights = weights_of(fitted, np.where(on, series.values - loadings @ trends - offset[:, None], 0.0))
        offset, loadings = fit_stars(fitted, weights, trends)
        left = np.where(on, left, series.values - loadings @ trends - offset[:, None])
    rest = RelativeSeries(np.where(np.isfinite(series.errors), left, 0.0), series.errors, series.median)
    slow = bins_of(bins.time, _SLOW * BIN_DAYS)
    return np.stack([_scatter_of(rest), _scatter_of(slow.means(rest))])


def _scatter_of(series: RelativeSeries) -> Array:
    """Scatter in units of the errors, outliers cut, (n_star,)."""
    there = np.isfinite(series.errors)
    unit = np.where(there, np.abs(series.values) / series.errors, 0.0)
    limit = 4 * MAD_TO_SIGMA * np.maximum(median_of(unit, there), 0.1)
    cut = np.minimum(unit, limit[:, None])
    return np.asarray(np.sqrt((cut**2).sum(axis=1) / np.maximum(there.sum(axis=1), 1)))
