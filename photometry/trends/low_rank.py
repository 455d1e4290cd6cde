"""Series of which every light curve has its share: a weighted, robust factorisation that leaves gaps as gaps.

The relative flux of star i in cadence t is modelled as m_i + sum_k c_ik V_kt and noise, which alternating least squares
minimise in the metric of the errors (Gabriel and Zamir 1979, Technometrics 21, 489): stars for given trends, then
cadences for given stars. Weights follow from the errors, from what a star scatters beyond them, and from the residuals:
beyond three standard deviations they fall with the square, so that no eclipse and no flare makes a trend. In every
round the trends are smoothed as far as their structure allows (`photometry.trends.trend_smoothing`).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from photometry.core.statistics import MAD_TO_SIGMA
from photometry.trends.relative_series import Array, Integers, RelativeSeries, orbits_of
from photometry.trends.trend_smoothing import smoothing_of

__all__ = [
    "Factors",
    "canonical",
    "extra_variance",
    "factorise",
    "fit_cadences",
    "fit_stars",
    "median_of",
    "robust_weights",
    "weights_of",
]

#: Residuals beyond so many standard deviations count less.
_ROBUST_SIGMA = 3.0
#: Errors below this quantile of those of all stars are raised to it: no bright star makes the trends by itself.
_FLOOR_QUANTILE = 0.05
#: Share of the mean information that is added to that of each cadence, to have an inverse.
_RIDGE = 1e-6
#: Rounds of stars and cadences.
_N_ROUND = 10


@dataclass(frozen=True, slots=True)
class Factors:
    """Trends and the shares of the stars in them.

    Parameters
    ----------
    trends : (n_trend, n_cadence) float64
        Series with a mean square of 1 where they are not 0; each is 0 outside of its orbit.
    loadings : (n_star, n_trend) float64
        Share of each star in each.
    offset : (n_star,) float64
        Constant of each star.
    orbit : (n_trend,) int64
        Orbit of each trend; -1 for all orbits.
    """

    trends: Array
    loadings: Array
    offset: Array
    orbit: Integers

    def model(self) -> Array:
        """Return what the stars have of all trends, with their constants, (n_star, n_cadence)."""
        return self.loadings @ self.trends + self.offset[:, None]


def median_of(values: Array, there: npt.NDArray[np.bool_]) -> Array:
    """Return the median of each star's values that are there, (n_star,); each has some."""
    if there.all():
        return np.asarray(np.median(values, axis=1))
    return np.asarray(np.nanmedian(np.where(there, values, np.nan), axis=1))


def extra_variance(series: RelativeSeries, residual: Array) -> Array:
    """Return what each star scatters beyond its errors, as a variance, (n_star,); faint noise for the brightest."""
    there = np.isfinite(series.errors)
    typical = median_of(series.errors, there)
    floor = np.quantile(typical, _FLOOR_QUANTILE)
    scatter = MAD_TO_SIGMA * median_of(np.abs(residual), there)
    return np.maximum(0.0, np.maximum(scatter, floor) ** 2 - typical**2)


def robust_weights(residual: Array, variance: Array) -> Array:
    """Return the weights of values whose noise has a variance, infinite where there is no value."""
    there = np.isfinite(variance)
    far = np.abs(residual) / np.sqrt(np.where(there, variance, 1.0))
    return np.where(there, np.minimum(1.0, (_ROBUST_SIGMA / np.maximum(far, 1e-9)) ** 2) / variance, 0.0)


def weights_of(series: RelativeSeries, residual: Array) -> Array:
    """Return the weights of all values, (n_star, n_cadence), from errors and what the stars scatter beyond them."""
    return robust_weights(residual, series.errors**2 + extra_variance(series, residual)[:, None])


def fit_stars(
    series: RelativeSeries, weights: Array, trends: Array, prior: tuple[Array, Array] | None = None
) -> tuple[Array, Array]:
    """Return the constants (n_star,) and shares (n_star, n_trend) of the stars for given trends.

    Parameters
    ----------
    series : RelativeSeries
        Light curves.
    weights : (n_star, n_cadence) float64
        Their weights.
    trends : (n_trend, n_cadence) float64
        The trends.
    prior : pair of (n_trend,) float64, optional
        What is known of the shares before: means and variances.
    """
    basis = np.vstack([np.ones(trends.shape[1]), trends])
    products = (basis[:, None] * basis[None]).reshape(-1, basis.shape[1])
    normal = (weights @ products.T).reshape(-1, len(basis), len(basis))
    normal += _RIDGE * normal[:, :1, :1] * np.eye(len(basis)) + 1e-30 * np.eye(len(basis))
    right = (weights * series.values) @ basis.T
    if prior is not None:
        normal[:, 1:, 1:] += np.diag(1 / prior[1])
        right[:, 1:] += prior[0] / prior[1]
    solution = np.linalg.solve(normal, right[..., None])[..., 0]
    return solution[:, 0], solution[:, 1:]


def fit_cadences(values: Array, weights: Array, loadings: Array) -> tuple[Array, Array]:
    """Return the trends for given shares of the stars, (n_trend, n_cadence), and the inverses of their covariances.

    Parameters
    ----------
    values, weights : (n_star, n_cadence) float64
        Light curves less the constants of the stars, and their weights.
    loadings : (n_star, n_trend) float64
        Shares of the stars.

    Returns
    -------
    trends : (n_trend, n_cadence) float64
    information : (n_cadence, n_trend, n_trend) float64
    """
    n_trend = loadings.shape[1]
    products = (loadings[:, :, None] * loadings[:, None]).reshape(len(loadings), -1)
    information = (weights.T @ products).reshape(-1, n_trend, n_trend)
    ridge = _RIDGE * np.trace(information, axis1=1, axis2=2).mean() / n_trend
    information += max(ridge, 1e-30) * np.eye(n_trend)
    trends = np.linalg.solve(information, ((weights * values).T @ loadings)[..., None])[..., 0]
    return np.asarray(trends.T, np.float64), np.asarray(information)


def canonical(trends: Array, loadings: Array) -> Array:
    """Return the matrix that turns trends into some of unit mean square, orthogonal to each other, the strongest first.

    Shares of stars are multiplied by its inverse from the right, (n_trend, n_trend).
    """
    strength = np.linalg.norm(loadings, axis=1)
    # Of stars with shares of like size: one with huge ones does not choose the axes.
    limited = loadings * np.minimum(1.0, np.median(strength) * 3 / np.maximum(strength, 1e-300))[:, None]
    _, upper = np.linalg.qr(trends.T)
    upper = upper + 1e-12 * np.abs(upper).max() * np.eye(len(upper)) + 1e-300 * np.eye(len(upper))
    _, _, axes = np.linalg.svd(limited @ upper.T, full_matrices=True)
    turn = np.sqrt(trends.shape[1]) * axes @ np.linalg.inv(upper.T)
    signs = np.where(np.median(loadings @ np.linalg.inv(turn), axis=0) < 0, -1.0, 1.0)
    return np.asarray(signs[:, None] * turn)


def _start_of(series: RelativeSeries, n_trend: int) -> tuple[Array, Array]:
    """Return trends and shares to begin with: singular vectors of light curves, cut, in units of their errors."""
    there = np.isfinite(series.errors)
    limit = 4 * MAD_TO_SIGMA * median_of(np.abs(series.values), there)[:, None]
    errors = median_of(series.errors, there)
    errors = np.maximum(errors, np.quantile(errors, _FLOOR_QUANTILE))[:, None]
    left, sizes, right = np.linalg.svd(np.clip(series.values, -limit, limit) / errors, full_matrices=False)
    return right[:n_trend], errors * left[:, :n_trend] * sizes[:n_trend]


def factorise(
    series: RelativeSeries, n_trend: int, time: Array, *, by_orbit: bool = False, n_round: int = _N_ROUND
) -> Factors:
    """Find the trends that light curves share.

    Parameters
    ----------
    series : RelativeSeries
        Light curves of quiet stars.
    n_trend : int
        Number of trends, of each orbit where these are apart.
    time : (n_cadence,) float64
        Times, d.
    by_orbit : bool
        Each orbit has trends of its own.
    n_round : int
        Rounds of stars and cadences.
    """
    pauses, step = orbits_of(time), float(np.median(np.diff(time)))
    orbits = pauses if by_orbit else np.zeros_like(pauses)
    n_orbit = int(orbits.max()) + 1
    parts = [np.flatnonzero(orbits == number) for number in range(n_orbit)]
    trends = np.zeros((n_trend * n_orbit, series.values.shape[1]))
    loadings = np.zeros((len(series.values), n_trend * n_orbit))
    columns = [slice(number * n_trend, (number + 1) * n_trend) for number in range(n_orbit)]
    for part, column in zip(parts, columns, strict=True):
        some = RelativeSeries(series.values[:, part], series.errors[:, part], series.median)
        trends[column, part], loadings[:, column] = _start_of(some, n_trend)
    offset = np.zeros(len(loadings))
    for _ in range(n_round):
        weights = weights_of(series, series.values - loadings @ trends - offset[:, None])
        for part, column in zip(parts, columns, strict=True):
            values = series.values[:, part] - offset[:, None]
            found, information = fit_cadences(values, weights[:, part], loadings[:, column])
            counts = np.asarray(weights[:, part].sum(axis=0) > 0)
            smoothing = smoothing_of(found, information, counts, pauses[part], step)
            found = smoothing.applied(found, pauses[part])
            if n_orbit == 1:
                # What is constant is the stars'.
                found = found - found.mean(axis=1, keepdims=True)
            turn = canonical(found, loadings[:, column])
            trends[column, part] = turn @ found
        offset, loadings = fit_stars(series, weights, trends)
    return Factors(trends, loadings, offset, np.repeat(np.arange(n_orbit) if n_orbit > 1 else [-1], n_trend))
