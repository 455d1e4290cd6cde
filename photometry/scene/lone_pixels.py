"""Pixels that are off by themselves in one cadence, and by far: particles, garbage, never stars.

Ordinary cosmic rays are found by the fit. A value that exceeds all starlight has to be out before anything is fitted:
it would take motion and mean fluxes along, after which all pixels are off.
"""

from itertools import product

import numpy as np
import numpy.typing as npt

from photometry.core.statistics import median_and_sigma

__all__ = ["lone_pixels"]

#: A pixel counts when it is so many times its usual scatter from its median in time,
_FAR_SIGMA = 100.0
#: and so many times farther than each of its eight neighbours. The highest share of a star's light that a pixel of TESS
#: has is 0.5 to 0.6; of what is left, the brightest neighbour has a fifth or more.
_LONE_FACTOR = 12.0
#: Fewest cadences that show what is usual, and enough of them.
_LEAST_CADENCES, _MOST_CADENCES = 5, 128
#: Values that are looked at together: few fit into the processor's cache.
_VALUES_AT_ONCE = 200_000


def lone_pixels(
    images: npt.NDArray[np.float32], measured: npt.NDArray[np.bool_], shape: tuple[int, int]
) -> npt.NDArray[np.bool_]:
    """Find values that differ by far from what is usual for their pixel, while those around do not.

    Parameters
    ----------
    images : (n_cadence, n_pixel) float32
        Flux, e-/s; 0 where not measured.
    measured : (n_cadence, n_pixel) bool
        Which values count.
    shape : (int, int)
        Rows and columns of the pixels.

    Returns
    -------
    (n_cadence, n_pixel) bool
        None where cadences are too few to tell.
    """
    found = np.zeros(images.shape, dtype=np.bool_)
    if len(images) < _LEAST_CADENCES:
        return found
    middle, sigma = median_and_sigma(images[:: -(-len(images) // _MOST_CADENCES)], axis=0)
    # A pixel that stands still is no more certain than the others.
    reach = _FAR_SIGMA * np.maximum(sigma, np.median(sigma))
    n_at_once = max(1, _VALUES_AT_ONCE // images.shape[1])
    for start in range(0, len(images), n_at_once):
        some = slice(start, start + n_at_once)
        away = np.abs(images[some] - middle)
        away *= measured[some]
        far = away > reach
        if far.any():
            cadence, pixel = np.nonzero(far)
            lone = away[cadence, pixel] > _LONE_FACTOR * _largest_around(away.reshape(-1, *shape), cadence, pixel)
            found[start + cadence, pixel] = lone
    return found


def _largest_around(
    values: npt.NDArray[np.float32], cadence: npt.NDArray[np.int64], pixel: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    """Return the largest value of the eight neighbours of some pixels, (n,); there is none beyond the edges."""
    _, n_row, n_column = values.shape
    row, column = np.divmod(pixel, n_column)
    largest = np.zeros(len(pixel), dtype=values.dtype)
    for down, right in product((-1, 0, 1), repeat=2):
        there = (row + down >= 0) & (row + down < n_row) & (column + right >= 0) & (column + right < n_column)
        if down or right:
            near = cadence[there], row[there] + down, column[there] + right
            largest[there] = np.maximum(largest[there], values[near])
    return largest
