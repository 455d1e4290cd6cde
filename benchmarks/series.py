"""Measures of the series of a star: point-to-point scatter, what follows another star, depth of transits."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from photometry.core.statistics import MAD_TO_SIGMA

__all__ = ["Transit", "depth_of", "find_transit", "point_to_point", "slope_on"]

_Floats = npt.NDArray[np.float64]

#: Periods of a star's own variation that are tried, d; how many; sine and cosine of this many harmonics.
_PERIODS, _N_PERIOD, _N_HARMONIC = (0.3, 3.0), 800, 2
#: Cadences within this many durations of the middle of a transit tell its depth and the light around it.
_AROUND = 3.0
#: Least cadences of a transit's window, and the least part of its depth that they must see.
_LEAST_CADENCES, _LEAST_SEEN = 6, 0.5
#: Steps within an exposure over which a transit is averaged.
_N_WITHIN = 15


def point_to_point(flux: _Floats) -> float:
    """Return the standard deviation of a cadence by the median absolute difference of consecutive ones."""
    steps = np.diff(flux)
    return MAD_TO_SIGMA * float(np.nanmedian(np.abs(steps - np.nanmedian(steps)))) / np.sqrt(2)


def slope_on(flux: _Floats, source: _Floats, time: _Floats | None = None) -> tuple[float, float]:
    """Slope of a star's flux on another's, both in e-/s, and the star's own period.

    Parameters
    ----------
    flux, source : (n_cadence,) float64
        The fluxes.
    time : (n_cadence,) float64, optional
        Times in d: sines and cosines of the best period of 0.3 to 3 d and its harmonic are then fitted together with
        the slope [default: no period].

    Returns
    -------
    slope, period : float
        Period in d; NaN without one.
    """
    use = np.isfinite(flux) & np.isfinite(source)
    base = np.stack([source[use] - source[use].mean(), np.ones(use.sum())], axis=1)
    if time is None:
        return float(np.linalg.lstsq(base, flux[use], rcond=None)[0][0]), np.nan
    best = (np.inf, np.nan, np.nan)
    for period in 1 / np.linspace(1 / _PERIODS[1], 1 / _PERIODS[0], _N_PERIOD):
        phases = 2 * np.pi * time[use, None] / period * np.arange(1, _N_HARMONIC + 1)
        design = np.column_stack([base, np.sin(phases), np.cos(phases)])
        solution = np.linalg.lstsq(design, flux[use], rcond=None)[0]
        left = float(np.sum((flux[use] - design @ solution) ** 2))
        best = min(best, (left, float(solution[0]), float(period)))
    return best[1:]


@dataclass(frozen=True, slots=True)
class Transit:
    """Ephemeris and shape of a transit: a trapezoid.

    Parameters
    ----------
    period, epoch : float
        d; the epoch is the middle of a transit.
    duration : float
        From first to last contact, d.
    ingress : float
        Share of the duration that ingress takes, 0 to 0.5; egress takes as long.
    """

    period: float
    epoch: float
    duration: float
    ingress: float

    def shape(self, time: _Floats, exposure: float) -> _Floats:
        """Return the mean loss of light over exposures (d) about times, 1 in the middle of a long transit."""
        within = exposure * ((np.arange(_N_WITHIN) + 0.5) / _N_WITHIN - 0.5)
        distance = np.abs(self.distance(time)[:, None] + within)
        return np.clip((self.duration / 2 - distance) / (self.ingress * self.duration), 0.0, 1.0).mean(axis=1)

    def distance(self, time: _Floats) -> _Floats:
        """Return the time from the nearest middle of a transit, d."""
        return (time - self.epoch + self.period / 2) % self.period - self.period / 2


def depth_of(time: _Floats, flux: _Floats, exposure: float, transit: Transit) -> tuple[float, float, float]:
    """Depth of all transits together, each with a straight line around it.

    Parameters
    ----------
    time, flux : (n_cadence,) float64
        d, and any unit.
    exposure : float
        d.
    transit : Transit
        Ephemeris and shape.

    Returns
    -------
    depth, error : float
        Share of the light around it; the error is from what the fit leaves.
    left : float
        Sum of squares of what it leaves, as shares of the light.
    """
    number = np.round((time - transit.epoch) / transit.period).astype(np.int64)
    near = np.isfinite(flux) & (np.abs(transit.distance(time)) < _AROUND * transit.duration)
    shapes, values = [], []
    for one in np.unique(number[near]):
        which = near & (number == one)
        shape = transit.shape(time[which], exposure)
        if which.sum() < _LEAST_CADENCES or shape.max(initial=0.0) < _LEAST_SEEN:
            continue
        line = np.column_stack([np.ones(which.sum()), transit.distance(time[which])])
        level = np.linalg.lstsq(np.column_stack([line, shape]), flux[which], rcond=None)[0][:2]
        relative = flux[which] / (line @ level)
        projector = np.eye(which.sum()) - line @ np.linalg.pinv(line)
        shapes.append(projector @ shape)
        values.append(projector @ (1 - relative))
    if not shapes:
        return np.nan, np.nan, np.inf
    shape, value = np.concatenate(shapes), np.concatenate(values)
    power = float(shape @ shape)
    depth = float(shape @ value) / power
    left = float(np.sum((value - depth * shape) ** 2))
    freedom = len(value) - 2 * len(shapes) - 1
    return depth, float(np.sqrt(left / freedom / power)), left


def find_transit(time: _Floats, flux: _Floats, exposure: float, period: float, duration: float) -> Transit:
    """Find epoch and shape of a deep transit of known period and roughly known duration (d)."""
    relative = flux / np.nanmedian(flux)
    phases = np.linspace(0, period, 400, endpoint=False)
    start = np.nanmin(time)

    def mean_inside(epoch: float) -> float:
        inside = np.abs(Transit(period, epoch, duration, 0.5).distance(time)) < duration / 3
        return float(np.nanmean(relative[inside])) if inside.any() else np.inf

    best = start + min(phases, key=lambda phase: mean_inside(start + phase))
    for step in (0.01, 0.002, 0.0005):
        tried = [
            Transit(period, best + k * step, width * duration, ingress)
            for k in range(-6, 7)
            for width in (0.8, 0.9, 1.0, 1.1, 1.2)
            for ingress in (0.15, 0.25, 0.35, 0.49)
        ]
        # Windows of the same width for all, so that the sums of squares are of the same cadences.
        chosen = min(tried, key=lambda one: _left(time, flux, exposure, one, duration))
        best = chosen.epoch
    return chosen


def _left(time: _Floats, flux: _Floats, exposure: float, transit: Transit, duration: float) -> float:
    """Sum of squares that a transit leaves in the cadences near its middle."""
    near = np.abs(transit.distance(time)) < 2 * duration
    return depth_of(time[near], flux[near], exposure, transit)[2]
