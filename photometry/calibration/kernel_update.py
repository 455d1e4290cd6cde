"""Updates of a region's movement kernel by what has been measured of its motion."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from photometry.calibration.kernel import MovementKernel, interpolated
from photometry.calibration.motion_fit import N_MOTION
from photometry.core.statistics import mad_sigma

__all__ = ["improved_kernel", "static_precision", "with_mean_in_offset", "with_static"]

#: Width of the prior of the motion about zero while its amplitude is unknown, pixels.
_FIRST_WIDTH = 1.0
#: Parameters of the motion (rows) by its kinds: row shift, rotation, scale, column shift, two shears (columns).
_KINDS = np.array(
    [
        [1.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 1.0, 0.0, 1.0, 0.0],
        [0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        [0.0, 0.0, 0.0, 1.0, 0.0, 0.0],
        [0.0, -1.0, 0.0, 0.0, 0.0, 1.0],
        [0.0, 0.0, 1.0, 0.0, -1.0, 0.0],
    ]
)
#: Kinds that are fixed at zero in a mode.
_FIXED_KINDS: dict[str, list[int]] = {"affine": [], "euclidian": [2, 4, 5], "translation": [1, 2, 4, 5]}
#: Prior of the constant shift between catalogue and pixels, pixels, and of its change per pixel.
_STATIC_SHIFT = 0.5
_STATIC_CHANGE = 5e-4
#: Light is linear only in shifts smaller than the PRF's core: the largest step of a constant shift, pixels.
_LARGEST_STEP = 0.5
#: Cadences with less information on their motion count as not measured, pixels^-2 (an error of a pixel).
_LEAST_INFORMATION = 1.0
#: Standard error of motion that the pixels do not constrain, pixels.
_UNKNOWN = 1e3
#: A larger scatter of the shifts is not the motion of a spacecraft: the fit has followed something else than stars,
#: pixels.
_LARGEST_SPREAD = 0.5
#: Largest credible shift of a cadence, pixels.
_LARGEST_SHIFT = 2.0
#: Least width of the prior of a kind of motion, pixels.
_LEAST_WIDTH = 2e-5
#: Index of the linear terms in the parameters of the motion.
_LINEAR = [1, 2, 4, 5]


def static_precision(scale: float) -> npt.NDArray[np.float64]:
    """Return the prior precision of a constant affine shift whose linear terms are over `scale` pixels, (6,)."""
    shift, change = _STATIC_SHIFT, _STATIC_CHANGE * scale
    return 1 / np.array([shift, change, change, shift, change, change]) ** 2


def with_static(kernel: MovementKernel, change: npt.NDArray[np.float64]) -> MovementKernel:
    """Add a constant affine shift: its constant part to the offset, its linear part to all cadences.

    A constant part of more than half a pixel is cut to that length; the next step starts from there.
    """
    parameters = kernel.parameters.copy()
    parameters[:, _LINEAR] += change[_LINEAR]
    fraction = _LARGEST_STEP / max(float(np.hypot(change[0], change[3])), _LARGEST_STEP)
    offset = (kernel.offset[0] + fraction * float(change[0]), kernel.offset[1] + fraction * float(change[3]))
    return replace(kernel, parameters=parameters, offset=offset)


def with_mean_in_offset(kernel: MovementKernel, good: npt.NDArray[np.bool_]) -> MovementKernel:
    """Move the mean shift of the good cadences into the offset; the positions of the stars do not change."""
    use = good & ~kernel.bad
    if not use.any():
        return kernel
    row, column = kernel.parameters[use][:, [0, 3]].mean(axis=0)
    parameters = kernel.parameters - np.array([row, 0.0, 0.0, column, 0.0, 0.0])
    return replace(kernel, parameters=parameters, offset=(kernel.offset[0] + row, kernel.offset[1] + column))


def improved_kernel(
    kernel: MovementKernel,
    information: npt.NDArray[np.float64],
    gradient: npt.NDArray[np.float64],
    good: npt.NDArray[np.bool_],
    mode: str,
    *,
    static_mean: bool = True,
) -> MovementKernel:
    """Add the measured changes to the kernel, but for their mean where that is static.

    Parameters
    ----------
    kernel : MovementKernel
        Motion so far.
    information : (n_cadence, 6, 6) float64
        Inverse covariance of the changes, pixels^-2; zero where nothing was measured.
    gradient : (n_cadence, 6) float64
        Information times the change, pixels^-1.
    good : (n_cadence,) bool
        Cadences that mean and scatter are taken from.
    mode : str
        Of `photometry.core.settings.MotionSettings`.
    static_mean : bool
        Whether the mean of the changes is absorbed by the mean scene, which is measured in turn with the motion, and
        is subtracted. Once the mean scene is known, the mean belongs to the motion.

    Notes
    -----
    Shift, rotation, scale and shears are shrunk to their means unless they rise above their noise, so that a kind of
    motion that is absent adds no noise. Shifts that are too large to be true count as not measured; if most cadences
    have such shifts, all cadences are bad.
    """
    total = np.trace(information, axis1=1, axis2=2)
    bad: npt.NDArray[np.bool_] = np.asarray(total < _LEAST_INFORMATION, dtype=np.bool_)
    use = good & ~bad
    if not use.any():
        return replace(kernel, bad=np.ones_like(bad))
    static = kernel.parameters[use].mean(axis=0)
    start = (kernel.parameters - static) @ np.linalg.inv(_KINDS).T
    information, gradient = _KINDS.T @ information @ _KINDS, gradient @ _KINDS
    width = np.full(N_MOTION, _FIRST_WIDTH)
    width[_FIXED_KINDS[mode]] = 0.0
    measured = _posterior(start, information, gradient, width)[0]
    # Kinds of motion that the pixels cannot tell apart all get the large error of what is not known.
    unknown = np.eye(N_MOTION) / _UNKNOWN**2
    noise = np.diagonal(np.linalg.inv(information[use] + unknown), axis1=1, axis2=2).mean(axis=0)
    spread = mad_sigma(measured[use], axis=0)
    if max(spread[0], spread[3]) > _LARGEST_SPREAD:
        still = np.broadcast_to(static, kernel.parameters.shape).copy()
        return replace(kernel, parameters=still, covariance=np.zeros_like(information), bad=np.ones_like(bad))
    bad |= np.hypot(measured[:, 0], measured[:, 3]) > _LARGEST_SHIFT
    use = good & ~bad
    width = np.minimum(width, np.sqrt(np.maximum(spread**2 - noise, 0.0) + _LEAST_WIDTH**2))
    parameters, covariance = _posterior(start, information, gradient, width)
    # Flagged cadences may be anywhere: their shifts are not shrunk.
    width[[0, 3]] = _FIRST_WIDTH
    far, far_covariance = _posterior(start, information, gradient, width)
    parameters[~good], covariance[~good] = far[~good], far_covariance[~good]
    parameters = interpolated(parameters, bad) @ _KINDS.T
    if static_mean:
        parameters += static - parameters[use].mean(axis=0)
    return replace(kernel, parameters=parameters, covariance=_KINDS @ covariance @ _KINDS.T, bad=bad)


def _posterior(
    start: npt.NDArray[np.float64],
    information: npt.NDArray[np.float64],
    gradient: npt.NDArray[np.float64],
    width: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Parameters and covariance, given a prior about zero of the given widths; width 0 holds a term at zero."""
    precision = np.diag(1 / np.maximum(width, 1e-8) ** 2)
    covariance = np.linalg.inv(information + precision).astype(np.float64)
    target = gradient + np.einsum("tij,tj->ti", information, start)
    return np.einsum("tij,tj->ti", covariance, target), covariance
