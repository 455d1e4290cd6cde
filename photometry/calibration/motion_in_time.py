"""What its neighbours in time say of a cadence's motion.

A spacecraft drifts slowly and trembles a little from cadence to cadence. Where stars are bright every cadence shows its
own motion better than the others could; a faint star alone is followed better by what many cadences say. So every
cadence gets a prior: the drift that the others show, as wide as that is known and as the trembling is.
"""

import numpy as np
import numpy.typing as npt

from photometry.core.statistics import mad_sigma

__all__ = ["expected_from_others"]

_Floats = npt.NDArray[np.float64]

#: Fewest pairs of neighbours that tell how much a cadence trembles.
_LEAST_PAIRS = 30
#: Steps of the random walk that are tried, in units of the standard deviation of a measurement.
_STEPS = np.geomspace(1e-4, 1.0, 13)
#: Cadences on either side whose means show a jump, and how many standard deviations it takes.
_SIDE, _JUMP = 4, 4.0
#: Measurements further than this from what is expected, in standard deviations, count no more than that, and stand for
#: themselves.
_ASTRAY = 4.0
#: Precision of what nothing is known of, as a share of the least precision of a measurement.
_UNKNOWN = 1e-6


def expected_from_others(
    measured: _Floats, variance: _Floats, which: npt.NDArray[np.int64]
) -> tuple[_Floats, _Floats] | None:
    """Return what a random walk through the other cadences expects of each one.

    Parameters
    ----------
    measured : (n_cadence, n_kind) float64
        Motion of the cadences of one kind each, each measured for itself.
    variance : (n_cadence, n_kind) float64
        Variance of its noise.
    which : (n_cadence,) int64
        Numbers of the cadences, ascending.

    Returns
    -------
    expected, variance : (n_cadence, n_kind) float64
        What is expected, and the variance of the true motion about it; infinite where a measurement contradicts it.
        None where there are too few cadences to tell.

    Notes
    -----
    A local level model (Durbin and Koopman 2012, chapter 2): a level that walks, and white trembling about it. The
    trembling is what differences of neighbours have beyond noise and walk; the walk is the one by which the other
    cadences predict each one best. What they predict is the product of what filters in either direction expect.
    """
    scatter = _scatter_of_neighbours(measured, variance, which)
    if scatter is None:
        return None
    n_cadence, n_kind = measured.shape
    noise = np.median(variance, axis=0)
    walk = _STEPS[:, None] ** 2 * np.maximum(noise, scatter)
    trembling = np.maximum(scatter - noise - walk / 2, 0.0)
    total = (variance[:, None] + trembling).reshape(n_cadence, -1)
    each = np.tile(measured, len(_STEPS))
    steps = walk.ravel() * np.diff(which)[:, None] + _jumps(each, total, walk.ravel())
    level, spread = _level_by_others(each, 1 / total, steps)
    away = (each - level) ** 2 / (spread + total)
    misfit = (np.log(spread + total) + np.minimum(away, _ASTRAY**2)).sum(axis=0).reshape(walk.shape)
    best = np.argmin(misfit, axis=0) * n_kind + np.arange(n_kind)
    prior = spread[:, best] + trembling.ravel()[best]
    return level[:, best], np.where(away[:, best] > _ASTRAY**2, np.inf, prior)


def _scatter_of_neighbours(measured: _Floats, variance: _Floats, which: npt.NDArray[np.int64]) -> _Floats | None:
    """Half the variance of differences between neighbours, (n_kind,); None with too few of them."""
    pairs = np.flatnonzero(np.diff(which) == 1)
    if len(pairs) < _LEAST_PAIRS:
        return None
    noise = np.sqrt((variance[pairs + 1] + variance[pairs]) / 2)
    differences = (measured[pairs + 1] - measured[pairs]) / noise
    return np.asarray(mad_sigma(differences, axis=0) ** 2 * np.median(noise, axis=0) ** 2 / 2, dtype=np.float64)


def _jumps(measured: _Floats, variance: _Floats, walk: _Floats) -> _Floats:
    """Variance that jumps between cadences add to the walk, (n_cadence - 1, n_kind); zero where there is none."""
    n_cadence = len(measured)
    added = np.zeros((n_cadence - 1, measured.shape[1]))
    if n_cadence < 2 * _SIDE:
        return added
    last = n_cadence - _SIDE + 1
    means = np.mean([measured[k : last + k] for k in range(_SIDE)], axis=0)
    errors = np.mean([variance[k : last + k] for k in range(_SIDE)], axis=0) / _SIDE
    jump = (means[_SIDE:] - means[:-_SIDE]) ** 2
    usual = errors[_SIDE:] + errors[:-_SIDE] + _SIDE * walk
    added[_SIDE - 1 : n_cadence - _SIDE] = np.where(jump > _JUMP**2 * usual, jump, 0.0)
    return added


def _level_by_others(measured: _Floats, precision: _Floats, steps: _Floats) -> tuple[_Floats, _Floats]:
    """Level of each cadence by all others, and its variance, (n_cadence, n_kind) each."""
    before, known_before = _filtered(measured, precision, steps)
    after, known_after = (side[::-1] for side in _filtered(measured[::-1], precision[::-1], steps[::-1]))
    known = known_before + known_after
    return (before * known_before + after * known_after) / known, 1 / known


def _filtered(measured: _Floats, precision: _Floats, steps: _Floats) -> tuple[_Floats, _Floats]:
    """Level of each cadence by those before it, and its precision, (n_cadence, n_kind) each."""
    level, known = np.zeros_like(measured), np.empty_like(measured)
    known[0] = _UNKNOWN * precision.min(axis=0)
    for k, step in enumerate(steps):
        sure = known[k] + precision[k]
        level[k + 1] = (level[k] * known[k] + measured[k] * precision[k]) / sure
        known[k + 1] = 1 / (1 / sure + step)
    return level, known
