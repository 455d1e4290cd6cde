"""Trends without the noise that their stars left in them: smoothed over as long a time as their structure allows.

A trend is smoothed with B-splines of 1, 2, 4, 8, ... cadences, one after the other (the starlet transform: Starck et
al. 2007, IEEE Trans. Image Process. 16, 297). What the next smoothing takes away is a detail, whose noise is known.
Each cadence keeps the smoothing before the finest detail that is surely there: a jump stays as sharp as it is, and what
is slow is known by many cadences. Trends are turned before into combinations whose noise is independent and of variance
1, the clearest first, as each of these has a structure of its own. Given these scales the smoothing is linear.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from photometry.trends.relative_series import Array, Integers

__all__ = ["LEFT_OUT", "Smoothing", "joined", "no_smoothing", "smoothing_of"]

#: Coarsest smoothing, d: what is slower is never smoothed away.
_COARSEST_DAYS = 1.0
_MOST_SCALES = 12
#: A detail is there when it is so many of its standard deviations.
_SURE = 4.0
#: The B-spline of third degree.
_KERNEL = np.array([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
#: Scale of a cadence that stays as it is and is in no other's mean.
LEFT_OUT = -1


@dataclass(frozen=True, slots=True)
class Smoothing:
    """How trends are smoothed.

    Parameters
    ----------
    turn : (n_trend, n_trend) float64
        Matrix that turns trends into what is smoothed.
    scales : (n_trend, n_cadence) int8
        Number of smoothings, one after the other, of each of these in each cadence; 0 where it stays as it is,
        `LEFT_OUT` where it is in no other's mean, either.
    """

    turn: Array
    scales: npt.NDArray[np.int8]

    def applied(self, values: Array, orbits: Integers) -> Array:
        """Smooth series that are in the place of the trends, (n_trend, n_cadence); each orbit by itself."""
        turned = self.turn @ values
        result = np.array(turned)
        for part in _parts(orbits):
            chosen = self.scales[:, part]
            left = _filled(turned[:, part], chosen)
            for scale in range(int(self.scales.max(initial=0))):
                left = _blurred(left, 2**scale)
                result[:, part] = np.where(chosen > scale, left, result[:, part])
        return np.asarray(np.linalg.solve(self.turn, result))

    def noise_left(self, changes: Array) -> Array:
        """Return what is left of noise that is independent from cadence to cadence.

        Parameters
        ----------
        changes : (n_cadence, n_trend, n_any) float64
            Change of the trends of a cadence with each of some independent numbers.

        Returns
        -------
        (n_cadence, n_trend, n_any) float64
            The same, each combination that is smoothed with the standard deviation that is left of it.
        """
        kept, _ = _gains(int(self.scales.max(initial=0)))
        left = np.sqrt(kept[np.maximum(self.scales.T, 0)])
        return np.asarray(np.linalg.solve(self.turn, left[:, :, None] * (self.turn @ changes)))


def no_smoothing(n_trend: int, n_cadence: int) -> Smoothing:
    """Return that nothing is smoothed."""
    return Smoothing(np.eye(n_trend), np.zeros((n_trend, n_cadence), np.int8))


def smoothing_of(
    values: Array, information: Array, counts: npt.NDArray[np.bool_], orbits: Integers, step_days: float
) -> Smoothing:
    """Find how trends can be smoothed.

    Parameters
    ----------
    values : (n_trend, n_cadence) float64
        The trends.
    information : (n_cadence, n_trend, n_trend) float64
        Inverse of their covariance.
    counts : (n_cadence,) bool
        Cadences that count; all others are left out.
    orbits : (n_cadence,) int64
        Orbit of each cadence, from 0: each is smoothed by itself.
    step_days : float
        Time from cadence to cadence, d.
    """
    if not counts.any():
        return Smoothing(np.eye(len(values)), np.full(values.shape, LEFT_OUT, np.int8))
    turn = _turn(values[:, counts], information[counts].mean(axis=0))
    n_scale = int(np.clip(np.log2(max(_COARSEST_DAYS / step_days, 1.0)), 0, _MOST_SCALES))
    scales = np.where(counts, np.full(values.shape, n_scale), LEFT_OUT).astype(np.int8)
    _, details = _gains(n_scale)
    answers = np.linalg.solve(information, np.broadcast_to(turn.T, information.shape))
    noise = np.sqrt(np.maximum(np.einsum("kb,tbk->kt", turn, answers), 0.0))
    for part in _parts(orbits):
        left = _filled(turn @ values[:, part], scales[:, part])
        for scale in range(n_scale):
            after = _blurred(left, 2**scale)
            there = np.abs(left - after) > _SURE * np.sqrt(details[scale]) * noise[:, part]
            felt = _widened(there & counts[part], 2**scale)
            scales[:, part] = np.where(felt, np.minimum(scales[:, part], scale), scales[:, part])
            left = after
    return Smoothing(turn, scales)


def joined(of_orbits: list[Smoothing], orbits: Integers) -> Smoothing:
    """Return the smoothing of trends of which each orbit has its own, from those of the orbits."""
    n_trend = sum(len(one.turn) for one in of_orbits)
    turn, scales, first = np.zeros((n_trend, n_trend)), np.zeros((n_trend, len(orbits)), np.int8), 0
    for one, part in zip(of_orbits, _parts(orbits), strict=True):
        place = slice(first, first + len(one.turn))
        turn[place, place] = one.turn
        scales[place, part] = one.scales
        first += len(one.turn)
    return Smoothing(turn, scales)


def _turn(values: Array, information: Array) -> Array:
    """Matrix that turns trends into independent combinations of unit variance, the clearest first."""
    n_trend = len(values)
    ridge = 1e-12 * np.trace(information) / n_trend
    whiten = np.linalg.cholesky(information + max(ridge, 1e-30) * np.eye(n_trend)).T
    white = whiten @ values
    axes, _, _ = np.linalg.svd(white - white.mean(axis=1, keepdims=True), full_matrices=False)
    return np.asarray(axes.T @ whiten)


def _parts(orbits: Integers) -> list[Integers]:
    return [np.flatnonzero(orbits == number) for number in range(int(orbits.max(initial=0)) + 1)]


def _filled(values: Array, scales: npt.NDArray[np.int8]) -> Array:
    """Series with straight lines where a cadence is left out."""
    there = scales[0] != LEFT_OUT if len(scales) else np.ones(values.shape[1], np.bool_)
    if there.all() or not there.any():
        return values
    place = np.arange(values.shape[1])
    return np.stack([np.interp(place, place[there], row[there]) for row in values])


def _widened(there: npt.NDArray[np.bool_], reach: int) -> npt.NDArray[np.bool_]:
    """Tell which cadences are within so many of one that is there, along the last axis."""
    # scipy.ndimage takes a third of a second, and the plan of a workflow imports this module.
    from scipy.ndimage import maximum_filter1d

    return np.asarray(maximum_filter1d(there.astype(np.int8), 2 * reach + 1, axis=-1, mode="constant") > 0)


def _blurred(values: Array, step: int) -> Array:
    """Convolve along the last axis with the B-spline whose samples are so many cadences apart; ends are mirrored."""
    n = values.shape[-1]
    period = max(2 * n - 2, 1)
    result = np.zeros_like(values)
    for offset, weight in zip(range(-2, 3), _KERNEL, strict=True):
        place = (np.arange(n) + offset * step) % period
        result += weight * values[..., np.minimum(place, period - place)]
    return result


def _gains(n_scale: int) -> tuple[Array, Array]:
    """Return the variances of smoothings, (n_scale + 1,), and of details, (n_scale,), of noise of unit variance."""
    left = np.zeros(2 ** (n_scale + 3) + 1)
    left[len(left) // 2] = 1.0
    kept, details = [1.0], []
    for scale in range(n_scale):
        after = _blurred(left, 2**scale)
        details.append(float(((left - after) ** 2).sum()))
        kept.append(float((after**2).sum()))
        left = after
    return np.array(kept), np.array(details)
