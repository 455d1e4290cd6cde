"""Cubic spline through the samples of a PRF, evaluated in the pixels around a star, along one axis."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from photometry.core.constants import PRF_SAMPLES_PER_PIXEL

__all__ = ["FOOTPRINT", "Combinations", "at_offsets", "spline_taps"]

#: Pixels per axis of the window that holds all of a star's PRF.
FOOTPRINT = 15


@dataclass(frozen=True, slots=True)
class Combinations:
    """Linear combinations of a star's PRF at several places along an axis.

    Parameters
    ----------
    offsets : (n_offset,) float64
        Places of the star from where it is, pixels.
    transform : (n_out, n_offset) float64
        What the PRF at each of them counts in every combination.
    """

    offsets: npt.NDArray[np.float64]
    transform: npt.NDArray[np.float64]


def at_offsets(offsets: npt.ArrayLike) -> Combinations:
    """Return the PRF at each of some offsets (n_offset,) alone, pixels."""
    places = np.atleast_1d(np.asarray(offsets, dtype=np.float64))
    return Combinations(places, np.eye(len(places)))


def spline_taps(
    first: npt.NDArray[np.float64], combinations: Combinations, size: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Return which spline coefficients make a star's pixels along one axis, and their weights.

    All pixels of a star lie at the same phase of the samples: the same few weights, 9 samples further on.

    Parameters
    ----------
    first : (n_star,) float64
        Position of the first pixel less that of the star, pixels.
    combinations : Combinations
        What is wanted of the PRF along the axis.
    size : int
        Number of coefficients; the middle one is at offset 0.

    Returns
    -------
    start : (n_star,) int64
        First coefficient of the first pixel; it may lie outside the samples, where there are zeros.
    taps : (n_star, n_out, n_tap) float64
        Weights of that coefficient and the following ones.
    """
    n_star, offsets, transform = len(first), combinations.offsets, combinations.transform
    position = size // 2 + PRF_SAMPLES_PER_PIXEL * (first[:, None] - offsets)
    low = np.floor(position)
    lowest = low.min(axis=1).astype(np.int64) if n_star else np.zeros(0, dtype=np.int64)
    behind = low.astype(np.int64) - lowest[:, None]
    taps = np.zeros((n_star, int(behind.max(initial=0)) + 4, len(transform)))
    weights = _cubic_weights(position - low)
    star = np.arange(n_star)
    for k in range(len(offsets)):
        for tap in range(4):
            taps[star, behind[:, k] + tap] += weights[:, k, tap, None] * transform[:, k]
    return lowest - 1, taps.transpose(0, 2, 1)


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
