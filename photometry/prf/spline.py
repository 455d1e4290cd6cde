"""Cubic spline through the samples of a PRF, evaluated in the pixels around a star, along one axis."""

from typing import Any

import numpy as np
import numpy.typing as npt

from photometry.core.constants import PRF_SAMPLES_PER_PIXEL

__all__ = ["FOOTPRINT", "spline_matrix"]

#: Pixels per axis of the window that holds all of a star's PRF.
FOOTPRINT = 15


def spline_matrix(
    first: npt.NDArray[np.float64],
    offsets: npt.NDArray[np.float64],
    transform: npt.NDArray[np.float64],
    size: int,
    dtype: np.dtype[Any],
) -> npt.NDArray[Any]:
    """Return the weights of the spline coefficients along one axis: (n_star, n_out * FOOTPRINT, size).

    All pixels of a star lie at the same phase of the samples: the same few weights, 9 samples further on.

    Parameters
    ----------
    first : (n_star,) float64
        Position of the first pixel less that of the star, pixels.
    offsets : (n_offset,) float64
        Movements of the star, pixels.
    transform : (n_out, n_offset) float64
        Turns the values at the offsets into combinations of them.
    size : int
        Number of coefficients; the middle one is at offset 0.
    dtype : dtype
        Of the weights.
    """
    n_star, n_out = len(first), len(transform)
    position = size // 2 + PRF_SAMPLES_PER_PIXEL * (first[:, None] - offsets)
    low = np.floor(position)
    lowest = low.min(axis=1, initial=np.inf).astype(np.int64) if n_star else np.zeros(0, dtype=np.int64)
    behind = low.astype(np.int64) - lowest[:, None]
    taps = np.zeros((n_star, int(behind.max(initial=0)) + 4, n_out))
    weights = _cubic_weights(position - low)
    star = np.arange(n_star)
    for k in range(len(offsets)):
        for tap in range(4):
            taps[star, behind[:, k] + tap] += weights[:, k, tap, None] * transform[:, k]
    taps = taps.astype(dtype)
    # Zeros on both sides take the taps that lie outside the samples.
    before = max(0, 1 - int(lowest.min(initial=0)))
    last = int(lowest.max(initial=0)) - 1 + taps.shape[1] + PRF_SAMPLES_PER_PIXEL * FOOTPRINT
    matrix = np.zeros((n_star, n_out, FOOTPRINT, before + max(size, last)), dtype=dtype)
    index = (before - 1 + lowest)[:, None] + PRF_SAMPLES_PER_PIXEL * np.arange(FOOTPRINT)
    for tap in range(taps.shape[1]):
        matrix[star[:, None], :, np.arange(FOOTPRINT), index + tap] = taps[:, None, tap]
    return matrix.reshape(n_star, n_out * FOOTPRINT, matrix.shape[-1])[:, :, before : before + size]


def _cubic_weights(part: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Weights of the four nearest cubic B-splines at `part` (0 to 1) between the middle two: (..., 4)."""
    rest = 1 - part
    return np.stack(
        [
            rest**3 / 6,
            (4 - 6 * part**2 + 3 * part**3) / 6,
            (4 - 6 * rest**2 + 3 * rest**3) / 6,
            part**3 / 6,
        ],
        axis=-1,
    )
