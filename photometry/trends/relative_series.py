"""Light curves relative to their medians, and their means over bins of time."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = [
    "BIN_DAYS",
    "Bins",
    "RelativeSeries",
    "binned_trends",
    "bins_of",
    "orbits_of",
    "relative",
    "scatter_of_means",
]

#: Bins in which trends are counted and coefficients are fitted, d: what they are known by is slower than that.
BIN_DAYS = 1 / 24
#: A pause so long divides the time, d: between the orbits of a sector data are sent down.
_PAUSE_DAYS = 0.5
#: Orbits are no shorter than this, d: what is left between two pauses belongs to the one before it.
_SHORTEST_ORBIT = 4.0

Array = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RelativeSeries:
    """Light curves in units of their medians.

    Parameters
    ----------
    values, errors : (n_star, n_cadence) float64
        Flux over its median less 1, and its standard error. Where there is none the value is 0 and the error infinite.
    median : (n_star,) float64
        Median flux, e-/s; NaN where it is not positive, and there are no values.
    """

    values: Array
    errors: Array
    median: Array

    def of_stars(self, which: npt.NDArray[np.bool_] | Integers) -> "RelativeSeries":
        """Return the light curves of some stars."""
        return RelativeSeries(self.values[which], self.errors[which], self.median[which])

    def where(self, counts: npt.NDArray[np.bool_]) -> "RelativeSeries":
        """Return the light curves with some cadences alone."""
        return RelativeSeries(np.where(counts, self.values, 0.0), np.where(counts, self.errors, np.inf), self.median)


@dataclass(frozen=True, slots=True)
class Bins:
    """Bins of time.

    Parameters
    ----------
    time : (n_bin,) float64
        Mean time of the cadences of each bin, d.
    start : (n_bin,) int64
        First cadence of each; they follow one another.
    """

    time: Array
    start: Integers

    def total(self, values: Array) -> Array:
        """Add up values along the last axis, (..., n_cadence) to (..., n_bin)."""
        return np.add.reduceat(values, self.start, axis=-1)

    def means(self, series: RelativeSeries) -> RelativeSeries:
        """Return the weighted means in the bins."""
        weights = 1 / series.errors**2
        total = self.total(weights)
        there = total > 0
        safe = np.where(there, total, 1.0)
        values = np.where(there, self.total(weights * series.values) / safe, 0.0)
        return RelativeSeries(values, np.where(there, 1 / np.sqrt(safe), np.inf), series.median)


def relative(
    flux: npt.NDArray[np.floating], flux_err: npt.NDArray[np.floating], counts: npt.NDArray[np.bool_]
) -> RelativeSeries:
    """Return light curves, in all cadences, in units of their medians.

    Parameters
    ----------
    flux, flux_err : (n_star, n_cadence)
        Fluxes and their standard errors, e-/s; NaN where there is none.
    counts : (n_cadence,) bool
        Cadences of the medians.
    """
    there = np.isfinite(flux) & np.isfinite(flux_err) & (flux_err > 0)
    median = np.full(len(flux), np.nan)
    counted = np.where(there & counts, flux, np.nan).astype(np.float64)
    some = np.isfinite(counted).any(axis=1)
    median[some] = np.nanmedian(counted[some], axis=1)
    median = np.where(median > 0, median, np.nan)
    there &= np.isfinite(median)[:, None]
    scale = np.where(np.isfinite(median), median, 1.0)[:, None]
    values = np.where(there, flux, scale) / scale - 1
    return RelativeSeries(values, np.where(there, np.where(there, flux_err, 1.0) / scale, np.inf), median)


def bins_of(time: Array, days: float = BIN_DAYS) -> Bins:
    """Return bins of so many days; none of them is empty, and a cadence longer than that has its own."""
    number = np.floor((time - time[0]) / days + 1e-6).astype(np.int64)
    start = np.flatnonzero(np.diff(number, prepend=number[0] - 1))
    count = np.diff(np.append(start, len(time)))
    return Bins(np.add.reduceat(time, start) / count, start)


def binned_trends(trends: Array, counts: npt.NDArray[np.bool_], bins: Bins) -> Array:
    """Return the means of trends over the cadences of each bin that count, (n_trend, n_bin); 0 where none does."""
    number = bins.total(counts.astype(np.float64))
    return bins.total(np.where(counts, trends, 0.0)) / np.maximum(number, 1.0)


def orbits_of(time: Array) -> Integers:
    """Return the orbit of each cadence, counted from 0: they are divided by pauses, (n_cadence,)."""
    ends = np.flatnonzero(np.diff(time) > _PAUSE_DAYS) + 1
    starts = [0]
    for end in ends.tolist():
        if time[end - 1] - time[starts[-1]] >= _SHORTEST_ORBIT and time[-1] - time[end] >= _SHORTEST_ORBIT:
            starts.append(end)
    orbit = np.zeros(len(time), dtype=np.int64)
    orbit[starts[1:]] = 1
    return np.cumsum(orbit)


def scatter_of_means(
    time: Array,
    flux: npt.NDArray[np.floating],
    flux_err: npt.NDArray[np.floating],
    usable: npt.NDArray[np.bool_],
    days: float,
) -> Array:
    """Return the standard deviation of means of light curves over some time, a share of the flux, (n_star,).

    Parameters
    ----------
    time : (n_cadence,) float64
        Times, d.
    flux, flux_err : (n_star, n_cadence)
        Fluxes and their errors, e-/s; NaN where there is none.
    usable : (n_cadence,) bool
        Cadences that count.
    days : float
        Length of the means, d; those with less than half of their cadences do not count.
    """
    series, bins = relative(flux, flux_err, usable).where(usable), bins_of(time, days)
    count = bins.total(np.isfinite(series.errors).astype(np.float64))
    enough = count > count.max(axis=1, keepdims=True, initial=0) / 2
    means = np.where(enough, bins.means(series).values, np.nan)
    scatter = np.full(len(means), np.nan)
    some = enough.sum(axis=1) > 1
    scatter[some] = np.nanstd(means[some], axis=1)
    return scatter
