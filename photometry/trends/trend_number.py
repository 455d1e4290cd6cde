"""How many trends there are: as many as make stars better known that had no part in finding them.

The stars are dealt into folds. Trends of all other folds are fitted to a star on every other day, with what the other
stars have of them as a prior, and tell what it does on the days between. That judges the number of trends, and whether
each orbit has its own: by bins and by means of six of them, where less noise is, by all stars and by the brightest, in
which small trends show first. Without the prior every trend more would cost, in the middle, more than it tells.
"""

from dataclasses import dataclass

import numpy as np

from photometry.core.statistics import MAD_TO_SIGMA, mad_sigma
from photometry.trends.low_rank import Factors, factorise, fit_stars, median_of, weights_of
from photometry.trends.relative_series import BIN_DAYS, Array, Bins, RelativeSeries, bins_of, orbits_of

__all__ = ["TrendNumber", "trend_number"]

#: Most trends, of all time or of each orbit.
MOST_TRENDS = 8
_N_FOLD = 4
#: Stars that judge, at most: evenly taken from all.
_MOST_STARS = 240
#: Rounds of a factorisation, which need not be exact here.
_N_ROUND = 4
#: An improvement counts when it is so many of its standard errors: by the first trend, and by further ones, which the
#: prior of a star's share keeps small where they are little.
_SURE_FIRST, _SURE_MORE = 3.0, 2.0
#: Numbers of brightest stars that judge beside the brightest third and all.
_BRIGHTEST = 20, 40
#: Numbers that are tried beyond the best: a trend of few stars may come before one of many.
_BEYOND = 2
#: Rounds of the prior, and of a star's weights.
_N_PRIOR, _N_WEIGHTED = 10, 2
#: The prior is no narrower than so many of the usual variances of a share.
_LEAST_WIDTH = 1e-4
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
    known = _tried(some, bins, by_orbit=False)
    best = TrendNumber(_chosen(known), False, _means(known))
    if orbits[-1] == 0 or best.n_trend == 0:
        return best
    apart = _tried(some, bins, by_orbit=True)
    n_apart = _chosen(apart)
    if _is_better(apart[n_apart], known[best.n_trend], _SURE_FIRST):
        return TrendNumber(n_apart, True, _means(apart))
    return best


def _means(tried: list[Array]) -> tuple[float, ...]:
    return tuple(float(np.mean(scores - tried[0])) for scores in tried)


def _is_better(after: Array, before: Array, sure: float) -> bool:
    """Tell whether stars scatter less, for sure: all of them or the brightest, from bin to bin or slowly."""
    change = after - before
    n_star = change.shape[1]
    numbers = {min(number, n_star) for number in (*_BRIGHTEST, n_star // 3, n_star)}
    groups = [row[:number] for row in change for number in sorted(numbers)]
    return any(
        bool(np.mean(item) < -sure * np.std(item, ddof=1) / np.sqrt(len(item))) for item in groups if len(item) > 4
    )


def _tried(series: RelativeSeries, bins: Bins, *, by_orbit: bool) -> list[Array]:
    """Return the logarithms of what held-out stars scatter for 0, 1, ... trends, (2, n_star) each."""
    n_fold_star = len(series.values) * (_N_FOLD - 1) // _N_FOLD
    tried = [_held_out(series, bins, 0, by_orbit=by_orbit)]
    for n_trend in range(1, min(MOST_TRENDS, n_fold_star // 3) + 1):
        tried.append(_held_out(series, bins, n_trend, by_orbit=by_orbit))
        if n_trend - _chosen(tried) >= _BEYOND:
            break
    return tried


def _chosen(tried: list[Array]) -> int:
    """Return the smallest number that no larger one is better than, for sure."""
    chosen = 0
    for number in range(1, len(tried)):
        if _is_better(tried[number], tried[chosen], _SURE_MORE if chosen else _SURE_FIRST):
            chosen = number
    return chosen


def _held_out(series: RelativeSeries, bins: Bins, n_trend: int, *, by_orbit: bool) -> Array:
    """Return the logarithm of what each star scatters without trends of others, (2, n_star): in bins and means."""
    folds = np.arange(len(series.values)) % _N_FOLD
    scatter = np.zeros((2, len(folds)))
    for fold in range(_N_FOLD):
        trends, prior = np.zeros((0, series.values.shape[1])), (np.zeros(0), np.zeros(0))
        if n_trend:
            others = series.of_stars(folds != fold)
            factors = factorise(others, n_trend, bins.time, by_orbit=by_orbit, n_round=_N_ROUND)
            trends, prior = factors.trends, _usual_shares(others, factors)
        scatter[:, folds == fold] = _scatter_between(series.of_stars(folds == fold), trends, prior, bins)
    return np.log(scatter)


def _usual_shares(series: RelativeSeries, factors: Factors) -> tuple[Array, Array]:
    """Return mean and variance of the stars' shares in trends beyond their errors, (n_trend,) each."""
    weights = weights_of(series, series.values - factors.model())
    variance = 1 / np.maximum(weights @ (factors.trends**2).T, 1e-300)
    mean = np.median(factors.loadings, axis=0)
    beyond = np.asarray(mad_sigma(factors.loadings, axis=0), dtype=np.float64) ** 2
    least = _LEAST_WIDTH * np.median(variance, axis=0)
    for _ in range(_N_PRIOR):
        expected = variance + np.maximum(beyond, least)
        far = np.abs(factors.loadings - mean) / np.sqrt(expected)
        robust = np.minimum(1.0, 2 / np.maximum(far, 1e-9)) / expected
        mean = (robust * factors.loadings).sum(axis=0) / robust.sum(axis=0)
        squares = np.minimum((factors.loadings - mean) ** 2, 9 * expected)
        beyond = ((squares - variance) / expected**2).sum(axis=0) / (1 / expected**2).sum(axis=0)
    return mean, np.maximum(beyond, least)


def _scatter_between(series: RelativeSeries, trends: Array, prior: tuple[Array, Array], bins: Bins) -> Array:
    """Scatter of bins, and of means of some, about what trends tell that are fitted on every other day, (2, n_star)."""
    odd = np.floor(bins.time - bins.time[0]).astype(np.int64) % 2 == 1
    left = np.zeros_like(series.values)
    for on in (odd, ~odd):
        there = np.where(on, series.errors, np.inf)
        fitted = RelativeSeries(series.values, there, series.median)
        weights = np.where(np.isfinite(there), 1 / there**2, 0.0)
        offset, loadings = fit_stars(fitted, weights, trends, prior)
        for _ in range(_N_WEIGHTED):
            weights = weights_of(fitted, np.where(on, series.values - loadings @ trends - offset[:, None], 0.0))
            offset, loadings = fit_stars(fitted, weights, trends, prior)
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
