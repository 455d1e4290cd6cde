"""Updates of a region's movement kernel by what has been measured of its motion."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy import linalg

from photometry.calibration.kernel import LARGEST_SHIFT, LINEAR, N_AFFINE, N_MOTION, MovementKernel, interpolated
from photometry.calibration.motion_in_time import expected_from_others
from photometry.core.statistics import mad_sigma

__all__ = ["improved_kernel", "static_precision", "unmeasured", "with_mean_in_offset", "with_static"]

#: Width of the prior of the shifts about zero, pixels, while their amplitude is unknown.
_SHIFT_WIDTH = 1.0
#: The same of rotation, scale and shears, per pixel, which stay below it: within a sector TESS rolls by less than 20
#: arcsec, and differential aberration changes the scale by less than 5e-5 (the velocity of the Earth changes by half of
#: its 1e-4 c).
_LINEAR_WIDTH = 1e-4
#: The same of the PRF's second moments, pixels^2: a tenth of the moments of a sharp PRF.
_MOMENT_WIDTH = 0.05
#: Parameters of the motion (rows) by its kinds: row shift, rotation, scale, column shift, two shears, second moments
#: (columns).
_KINDS: npt.NDArray[np.float64] = linalg.block_diag(
    np.array(
        [
            [1.0, 0.0, 0.0, 0.0, 0.0, 0.0],
            [0.0, 0.0, 1.0, 0.0, 1.0, 0.0],
            [0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
            [0.0, 0.0, 0.0, 1.0, 0.0, 0.0],
            [0.0, -1.0, 0.0, 0.0, 0.0, 1.0],
            [0.0, 0.0, 1.0, 0.0, -1.0, 0.0],
        ]
    ),
    np.eye(N_MOTION - N_AFFINE),
)
#: The shifts among the kinds.
_SHIFTS = np.array([0, 3])
#: Kinds that are fixed at zero in a mode.
_FIXED_KINDS: dict[str, list[int]] = {"affine": [], "euclidian": [2, 4, 5], "translation": [1, 2, 4, 5]}
#: Prior of the constant shift between catalogue and pixels, pixels, and of its change per pixel.
_STATIC_SHIFT = 0.5
_STATIC_CHANGE = 5e-4
#: Light is linear only in shifts smaller than the PRF's core: the largest step of a constant shift, pixels.
_LARGEST_STEP = 0.5
#: Cadences with less information on their shift along an axis count as not measured, pixels^-2: an error of 0.1 px,
#: more than TESS moves but in excursions.
_LEAST_INFORMATION = 100.0
#: Standard deviation of shifts of which nothing is known, pixels. POS_CORR of a star of sector 1 in 30 min: 0.003 px
#: along rows and 0.04 px along columns over the sector, 0.001 and 0.003 px in two days.
_UNKNOWN_SHIFT = 0.02
#: Width of the prior of a kind of motion that is held at zero, pixels.
_HELD = 1e-8
#: Variance over the cadences that a kind of motion needs to be seen, in units of that of the noise.
_LEAST_SIGNAL = 1.2
#: Least share of the pixels in what is known of a kind of motion.
_LEAST_FREE = 1e-6
#: A larger scatter of the shifts is not the motion of a spacecraft: the fit has followed something else than stars,
#: pixels.
_LARGEST_SPREAD = 0.5
#: Least width of the prior of a kind of motion, pixels, or of a second moment, pixels^2.
_LEAST_WIDTH = 2e-5


def static_precision(scale: float) -> npt.NDArray[np.float64]:
    """Return the prior precision of a constant affine shift whose linear terms are over `scale` pixels, (6,)."""
    shift, change = _STATIC_SHIFT, _STATIC_CHANGE * scale
    return 1 / np.array([shift, change, change, shift, change, change]) ** 2


def with_static(kernel: MovementKernel, change: npt.NDArray[np.float64]) -> MovementKernel:
    """Add a constant affine shift: its constant part to the offset, its linear part to all cadences.

    A constant part of more than half a pixel is cut to that length; the next step starts from there.
    """
    parameters = kernel.parameters.copy()
    parameters[:, LINEAR] += change[LINEAR]
    fraction = _LARGEST_STEP / max(float(np.hypot(change[0], change[3])), _LARGEST_STEP)
    offset = (kernel.offset[0] + fraction * float(change[0]), kernel.offset[1] + fraction * float(change[3]))
    return replace(kernel, parameters=parameters, offset=offset)


def with_mean_in_offset(kernel: MovementKernel, good: npt.NDArray[np.bool_]) -> MovementKernel:
    """Move the mean shift of the good cadences into the offset; the positions of the stars do not change."""
    use = good & ~kernel.bad
    if not use.any():
        return kernel
    parameters = kernel.parameters.copy()
    row, column = parameters[use][:, [0, 3]].mean(axis=0)
    parameters[:, [0, 3]] -= row, column
    return replace(kernel, parameters=parameters, offset=(kernel.offset[0] + row, kernel.offset[1] + column))


def improved_kernel(
    kernel: MovementKernel,
    information: npt.NDArray[np.float64],
    gradient: npt.NDArray[np.float64],
    good: npt.NDArray[np.bool_],
    mode: str,
    *,
    moments: bool = True,
    static_mean: bool = True,
    in_time: bool = False,
) -> MovementKernel:
    """Add the measured changes to the kernel, but for their mean where that is static.

    Parameters
    ----------
    kernel : MovementKernel
        Motion so far.
    information : (n_cadence, N_MOTION, N_MOTION) float64
        Inverse covariance of the changes, pixels^-2; zero where nothing was measured.
    gradient : (n_cadence, N_MOTION) float64
        Information times the change, pixels^-1.
    good : (n_cadence,) bool
        Cadences that mean and scatter are taken from.
    mode : str
        Of `photometry.core.settings.MotionSettings`.
    moments : bool
        Whether second moments of the PRF change; they are constant otherwise.
    static_mean : bool
        Whether the mean of the changes is absorbed by the mean scene, which is measured in turn with the motion, and
        is subtracted. Once the mean scene is known, the mean belongs to the motion.
    in_time : bool
        Whether these are all cadences, in the order of time, so that each is also known by its neighbours.

    Notes
    -----
    Shift, rotation, scale, shears and second moments are shrunk to their means unless they rise above their noise, so
    that a kind of motion that is absent adds no noise; shifts to what the other cadences expect, too
    (`photometry.calibration.motion_in_time`). Shifts that are too large to be true, or whose error is above
    0.1 px, count as not measured: they are interpolated, with the scatter of the others as their error. If that is so
    for most cadences, all cadences are bad (`unmeasured`).
    """
    of_axes = np.diagonal(information, axis1=1, axis2=2)[:, [0, 3]]
    bad: npt.NDArray[np.bool_] = np.asarray(of_axes.min(axis=1) < _LEAST_INFORMATION, dtype=np.bool_)
    use = good & ~bad
    if not use.any():
        return unmeasured(kernel, kernel.parameters)
    static = kernel.parameters[use].mean(axis=0)
    start = (kernel.parameters - static) @ np.linalg.inv(_KINDS).T
    information, gradient = _KINDS.T @ information @ _KINDS, gradient @ _KINDS
    width = _first_widths(kernel.scale, mode, moments=moments)
    measured, covariance = _posterior(start, information, gradient, width)
    alone, variance = _without_own_prior(measured, covariance, width)
    spread, noise = mad_sigma(alone[use], axis=0), variance[use].mean(axis=0)
    if max(spread[_SHIFTS]) > _LARGEST_SPREAD:
        return unmeasured(kernel, kernel.parameters[use])
    before, bad = use, bad | (np.hypot(measured[:, 0], measured[:, 3]) > LARGEST_SHIFT)
    use = good & ~bad
    if not use.any():
        return unmeasured(kernel, kernel.parameters[before])
    width = np.minimum(width, np.sqrt(np.maximum(spread**2 - _LEAST_SIGNAL * noise, 0.0) + _LEAST_WIDTH**2))
    prior = _priors_in_time(alone, variance, use, width) if in_time else (width, 0.0)
    parameters, covariance = _posterior(start, information, gradient, *prior)
    # Cadences without a measurement move as the others do.
    covariance[bad] = np.diag(np.maximum(width, _HELD) ** 2)
    # Flagged cadences may be anywhere: the shifts that the pixels show are not shrunk.
    width[_SHIFTS] = _SHIFT_WIDTH
    far, far_covariance = _posterior(start, information, gradient, width)
    flagged = ~good & ~bad
    parameters[flagged], covariance[flagged] = far[flagged], far_covariance[flagged]
    parameters = interpolated(parameters, bad) @ _KINDS.T + static
    if static_mean:
        parameters += static - parameters[use].mean(axis=0)
    return replace(kernel, parameters=parameters, covariance=_KINDS @ covariance @ _KINDS.T, bad=bad)


def unmeasured(kernel: MovementKernel, parameters: npt.NDArray[np.float64]) -> MovementKernel:
    """Return the kernel with no motion measured in any cadence.

    It stands still at the mean of some `parameters` (n, N_MOTION), and nothing is known of its shifts but that they are
    those of a spacecraft in fine pointing.
    """
    n_cadence = len(kernel.bad)
    variance = np.zeros(N_MOTION)
    variance[[0, 3]] = _UNKNOWN_SHIFT**2
    return replace(
        kernel,
        parameters=np.tile(parameters.mean(axis=0), (n_cadence, 1)),
        covariance=np.tile(np.diag(variance), (n_cadence, 1, 1)),
        bad=np.ones(n_cadence, dtype=bool),
    )


def _without_own_prior(
    measured: npt.NDArray[np.float64], covariance: npt.NDArray[np.float64], width: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Each kind of motion with its own prior taken out, and the variance of its noise, (n_cadence, N_MOTION).

    All other kinds keep their priors: what a few stars cannot tell apart does not drown what they can tell.
    """
    of_kinds = np.diagonal(covariance, axis1=1, axis2=2)
    free = np.maximum(1 - of_kinds * _precision(width), _LEAST_FREE)
    return measured / free, of_kinds / free


def _priors_in_time(
    alone: npt.NDArray[np.float64],
    variance: npt.NDArray[np.float64],
    use: npt.NDArray[np.bool_],
    width: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Widths and middles of the priors, (n_cadence, N_MOTION): shifts by their neighbours, where that is narrower."""
    widths, middles = np.tile(width, (len(use), 1)), np.zeros(alone.shape)
    found = expected_from_others(alone[use][:, _SHIFTS], variance[use][:, _SHIFTS], np.flatnonzero(use))
    if found is not None:
        expected, spread = found[0], np.sqrt(found[1] + _LEAST_WIDTH**2)
        closer, shifts = spread < width[_SHIFTS], np.ix_(np.flatnonzero(use), _SHIFTS)
        middles[shifts] = np.where(closer, expected, 0.0)
        widths[shifts] = np.where(closer, spread, width[_SHIFTS])
    return widths, middles


def _precision(width: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Prior precision of the kinds of motion; width 0 holds one at zero."""
    return np.asarray(1 / np.maximum(width, _HELD) ** 2, dtype=np.float64)


def _first_widths(scale: float, mode: str, *, moments: bool) -> npt.NDArray[np.float64]:
    """Widths of the priors of all kinds before their amplitudes are known, (N_MOTION,): linear ones over `scale`."""
    width = np.repeat([_SHIFT_WIDTH, _MOMENT_WIDTH if moments else 0.0], [N_AFFINE, N_MOTION - N_AFFINE])
    width[LINEAR] = _LINEAR_WIDTH * scale
    width[_FIXED_KINDS[mode]] = 0.0
    return width


def _posterior(
    start: npt.NDArray[np.float64],
    information: npt.NDArray[np.float64],
    gradient: npt.NDArray[np.float64],
    width: npt.NDArray[np.float64],
    middle: npt.NDArray[np.float64] | float = 0.0,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Parameters and covariance, given a prior of the given widths about its middle."""
    precision = _precision(width)
    covariance = np.linalg.inv(information + precision[..., None] * np.eye(N_MOTION)).astype(np.float64)
    target = gradient + np.einsum("tij,tj->ti", information, start) + precision * middle
    return np.einsum("tij,tj->ti", covariance, target), covariance
