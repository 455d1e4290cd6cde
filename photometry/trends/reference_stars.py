"""Which stars the trends are made of: quiet, not saturated, told apart by the fit; none makes a trend by itself."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from photometry.core.statistics import median_and_sigma
from photometry.trends.low_rank import Factors, median_of, weights_of
from photometry.trends.relative_series import Array, Integers, RelativeSeries

__all__ = ["FEWEST_STARS", "TMAG_RANGE", "Candidates", "alone_in_trend", "are_candidates", "are_quiet", "have_cadences"]

#: Fewest quiet stars for trends.
FEWEST_STARS = 20
#: Their magnitudes, Tmag: brighter ones saturate, fainter ones say little.
TMAG_RANGE = (6.8, 13.5)
#: Largest correlation with another star's flux: what the fit tells apart is known, whatever light others have there.
_MOST_CORRELATION = 0.5
#: Share of the cadences that must have a flux.
_FEWEST_CADENCES = 0.8
#: Scatter beyond that of stars of like magnitude, in standard deviations of its logarithm.
_NOISY = 3.0
#: These are no less than this, whatever others are like.
_LEAST_SPREAD = 0.08
#: A star may scatter beyond its errors so many times as the brightest do in the middle.
_LIKE_BRIGHTEST, _N_BRIGHTEST = 3.0, 10
#: Stars of like magnitude that are compared.
_N_LIKE = 31
#: Largest share of a star in what a trend is made of; fewest stars that make it, by the entropy of the shares.
_MOST_SHARE, _FEWEST_EFFECTIVE = 0.25, 6.0


@dataclass(frozen=True, slots=True)
class Candidates:
    """What decides which stars may make trends; every array is (n_star,).

    Parameters
    ----------
    starid : int64
        Numbers.
    tmag : float64
        TESS magnitudes.
    row, column : float64
        Places on the CCD, pixels.
    flags : int32
        `photometry.core.quality.STAR_FLAGS`: any is one too many.
    blend_correlation : float64
        Largest correlation of its flux with another star's.
    """

    starid: Integers
    tmag: Array
    row: Array
    column: Array
    flags: npt.NDArray[np.int32]
    blend_correlation: Array


def are_candidates(stars: Candidates) -> npt.NDArray[np.bool_]:
    """Tell which stars may make trends, whatever their light curves look like, (n_star,)."""
    bright = (stars.tmag >= TMAG_RANGE[0]) & (stars.tmag <= TMAG_RANGE[1])
    alone = np.abs(stars.blend_correlation) <= _MOST_CORRELATION
    return np.asarray(bright & alone & (stars.flags == 0))


def have_cadences(series: RelativeSeries) -> npt.NDArray[np.bool_]:
    """Tell which stars have a flux in most of the cadences that any star has, (n_star,)."""
    there = np.isfinite(series.errors)
    return np.asarray(there.mean(axis=1) >= _FEWEST_CADENCES * there.any(axis=0).mean())


def are_quiet(series: RelativeSeries, residual: Array, margin: float = 0.0) -> npt.NDArray[np.bool_]:
    """Tell which stars scatter no more than others of like brightness, or by less than the brightest all do, (n_star,).

    Trends that are not known yet are seen in the brightest stars alone; these must not be lost by that.

    Parameters
    ----------
    series : RelativeSeries
        Light curves in bins.
    residual : (n_star, n_bin) float64
        What the trends leave of them.
    margin : float
        A star may scatter by so much more at least, in the logarithm, than others of like brightness.
    """
    there = np.isfinite(series.errors)
    unit = np.where(there, np.abs(residual) / np.where(there, series.errors, 1.0), 0.0)
    squares = (unit**2).sum(axis=1) / there.sum(axis=1)
    scatter = np.log(np.sqrt(squares) + 1e-12)
    order = np.argsort(-series.median)
    ordered = scatter[order]
    half = min(_N_LIKE, len(order)) // 2
    first = np.clip(np.arange(len(order)) - half, 0, max(0, len(order) - 2 * half - 1))
    like = np.stack([ordered[start : start + 2 * half + 1] for start in first])
    usual, spread = (values[:, 0] for values in median_and_sigma(like, axis=1))
    spread = np.maximum(spread, _LEAST_SPREAD)
    quiet = np.empty(len(order), dtype=np.bool_)
    quiet[order] = ordered < usual + np.maximum(_NOISY * spread, margin)
    beyond = np.sqrt(np.maximum(squares - 1, 0.0)) * median_of(series.errors, there)
    return np.asarray(quiet | (beyond < _LIKE_BRIGHTEST * np.median(beyond[order[:_N_BRIGHTEST]])))


def alone_in_trend(series: RelativeSeries, factors: Factors) -> int | None:
    """Return the star that makes a trend nearly by itself, or None where there is none.

    Its share is that of the light curves' squares which the trend makes, as of stars no brighter than the middle one: a
    bright star counts more than others, but is no reason to doubt a trend. The entropy H of the shares gives exp(H)
    stars that make the trend, as in the guard of PDC-MAP (Smith et al. 2012).
    """
    weights = weights_of(series, series.values - factors.model())
    weights = np.minimum(weights, np.median(weights, axis=0))
    information = factors.loadings**2 * (weights @ (factors.trends**2).T)
    shares = information / np.maximum(information.sum(axis=0), 1e-300)
    entropy = -(shares * np.log(np.maximum(shares, 1e-300))).sum(axis=0)
    bad = (shares.max(axis=0) > _MOST_SHARE) | (np.exp(entropy) < _FEWEST_EFFECTIVE)
    return int(np.argmax(shares[:, np.argmax(bad)])) if bad.any() else None
