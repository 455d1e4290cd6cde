"""What a star has of each trend, with its own variability as noise: generalised least squares over frequencies.

Light curve and trends are written as sums of cosines over the time of observation. The power that the light curve has
beyond the trends, smoothed over an octave to either side, is the variance of its cosines: a star that varies at the
frequencies of a trend says little about its share in it, and then the prior decides
(`photometry.trends.coefficient_prior`). PDC-MAP treats variable stars in the same spirit (Smith et al. 2012, PASP 124,
1000), with one number for the variability in place of a power spectrum.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from photometry.core.linalg import rows_times
from photometry.core.statistics import MAD_TO_SIGMA
from photometry.trends.low_rank import median_of
from photometry.trends.relative_series import Array, Bins, Integers, RelativeSeries

__all__ = ["Coefficients", "CosineModes", "fit_coefficients", "modes_of", "without_dips"]

#: Bins per cosine: the fastest has a period of six bins.
_BINS_PER_MODE = 3
#: Most cosines: their shortest period is a quarter of a day in a sector.
_MOST_MODES = 220
#: Rounds of power and coefficients.
_N_ROUND = 3
#: Bins this far from the running median, in standard deviations of the differences, are a dip or a flare.
_DIP_SIGMA = 4.0
#: Length of the running median, d: three times the longest transit.
_RUNNING_DAYS = 1.5


@dataclass(frozen=True, slots=True)
class CosineModes:
    """Orthonormal combinations of cosines on the bins, from the slowest on.

    Parameters
    ----------
    shapes : (n_bin, n_mode) float64
        Values; the first is constant.
    lower, upper : (n_mode,) int64
        Range of the modes over which power is smoothed.
    """

    shapes: Array
    lower: Integers
    upper: Integers

    def smoothed(self, power: Array, freedom: Array) -> Array:
        """Return the power per degree of freedom about each mode: of its neighbours or an octave, whichever is more."""
        number = np.arange(len(self.lower))
        near = np.maximum(number - 2, 1), np.minimum(number + 3, len(number))
        return np.maximum(_ratio(power, freedom, self.lower, self.upper), _ratio(power, freedom, *near))


@dataclass(frozen=True, slots=True)
class Coefficients:
    """What stars have of trends.

    Parameters
    ----------
    values : (n_star, n_trend) float64
        Coefficients, in units of the median flux.
    covariance : (n_star, n_trend, n_trend) float64
        Their covariance.
    """

    values: Array
    covariance: Array


def modes_of(bins: Bins) -> CosineModes:
    """Return the cosines of some bins."""
    n_mode = int(np.clip(len(bins.time) // _BINS_PER_MODE, 2, _MOST_MODES))
    phase = (bins.time - bins.time[0]) / max(bins.time[-1] - bins.time[0], 1e-9)
    number = np.arange(n_mode)
    shapes, _ = np.linalg.qr(np.cos(np.pi * np.outer(phase, number)))
    lower = np.clip(np.minimum(number // 2, number - 3), 1, n_mode - 1)
    upper = np.clip(np.maximum(2 * number + 1, number + 4), 2, n_mode)
    return CosineModes(shapes, lower, upper)


def _ratio(power: Array, freedom: Array, lower: Integers, upper: Integers) -> Array:
    """Ratio of sums over ranges of modes."""
    sums = [np.concatenate([np.zeros((len(item), 1)), np.cumsum(item, axis=1)], axis=1) for item in (power, freedom)]
    over, under = ((item[:, upper] - item[:, lower]) for item in sums)
    return np.asarray(over / np.maximum(under, 0.1 * (upper - lower)))


def without_dips(series: RelativeSeries, model: Array, bins: Bins) -> RelativeSeries:
    """Return light curves in bins without those that lie far from a running median: transits, eclipses, flares."""
    # The plan of a workflow imports this module, and scipy.ndimage takes a third of a second.
    from scipy.ndimage import median_filter

    there = np.isfinite(series.errors)
    left = np.where(there, series.values - model, 0.0)
    step = np.median(np.diff(bins.time)) if len(bins.time) > 1 else 1.0
    length = 2 * int(np.clip(_RUNNING_DAYS / step / 2, 1, len(bins.time) // 2)) + 1
    beyond = left - median_filter(left, size=(1, length), mode="nearest")
    scatter = MAD_TO_SIGMA * median_of(np.abs(beyond), there)
    dips = np.abs(beyond) > _DIP_SIGMA * np.maximum(scatter[:, None], series.errors)
    # A star with little else is what it is.
    dips &= (dips & there).sum(axis=1, keepdims=True) < 0.3 * there.sum(axis=1, keepdims=True)
    return RelativeSeries(series.values, np.where(dips, np.inf, series.errors), series.median)


def fit_coefficients(
    series: RelativeSeries, trends: Array, modes: CosineModes, prior: Coefficients | None = None
) -> Coefficients:
    """Fit trends to light curves.

    Parameters
    ----------
    series : RelativeSeries
        Light curves in bins.
    trends : (n_trend, n_bin) float64
        Trends in the same bins.
    modes : CosineModes
        Cosines of the bins.
    prior : Coefficients, optional
        What is known of the coefficients of each star before.
    """
    there = np.isfinite(series.errors).astype(np.float64)
    start = prior.values if prior is not None else np.zeros((len(there), len(trends)))
    left = there * (series.values - rows_times(start, trends))
    left -= there * (left.sum(axis=1) / np.maximum(there.sum(axis=1), 1))[:, None]
    observed = rows_times(left, modes.shapes)
    each = (np.ones(len(there.T)), *trends)
    basis = np.stack([rows_times(there, shape[:, None] * modes.shapes) for shape in each], axis=1)
    noise = _white_noise(series.errors)[:, None]
    power = np.repeat(noise, observed.shape[1], axis=1)
    for _ in range(_N_ROUND):
        normal, change, leverage = _solved(basis, observed, power)
        rest = observed - rows_times(change, basis)
        power = np.maximum(modes.smoothed(rest**2, 1 - leverage), noise)
    normal, change, _ = _solved(basis, observed, power)
    information = normal[:, 1:, 1:] - normal[:, 1:, :1] * normal[:, :1, 1:] / normal[:, :1, :1]
    covariance = np.linalg.inv(information)
    change = change[:, 1:]
    if prior is not None:
        # The prior's mean was taken off before.
        gain = prior.covariance @ np.linalg.inv(prior.covariance + covariance)
        change = (gain @ change[..., None])[..., 0]
        covariance = prior.covariance - gain @ prior.covariance
        covariance = (covariance + covariance.transpose(0, 2, 1)) / 2
    return Coefficients(start + change, np.asarray(covariance, np.float64))


def _white_noise(errors: Array) -> Array:
    """Variance of a mode by the errors of the bins, (n_star,)."""
    there = np.isfinite(errors)
    some = there.any(axis=1)
    noise = np.ones(len(errors))
    noise[some] = median_of(errors[some], there[some]) ** 2
    return noise


def _solved(basis: Array, observed: Array, power: Array) -> tuple[Array, Array, Array]:
    """Return normal matrices, coefficients with the constant first, and the leverages of the modes."""
    weighted = basis / power[:, None]
    normal = weighted @ basis.transpose(0, 2, 1)
    scale = np.trace(normal, axis1=1, axis2=2)[:, None, None]
    normal = normal + (1e-9 * scale + 1e-30) * np.eye(basis.shape[1])
    inverse = np.linalg.inv(normal)
    found = (inverse @ (weighted @ observed[..., None]))[..., 0]
    leverage: npt.NDArray[np.float64] = (weighted * (inverse @ basis)).sum(axis=1)
    return normal, found, np.clip(leverage, 0.0, 1.0)
