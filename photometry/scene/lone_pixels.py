"""Pixels that are off by themselves in one cadence, and by far: particles, garbage, never stars.

Ordinary cosmic rays are found by the fit. A value that exceeds all starlight has to be out before anything is fitted:
it would take motion and mean fluxes along, after which all pixels are off.
"""

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from photometry.core.statistics import median_and_sigma

__all__ = ["lone_pixels"]

#: A pixel counts when it is so many times its usual scatter from its median in time,
_FAR_SIGMA = 100.0
#: and so many times farther than each of its eight neighbours. The highest share of a star's light that a pixel of TESS
#: has is 0.5 to 0.6; of what is left, the brightest neighbour has a fifth or more.
_LONE_FACTOR = 12.0
#: Fewest cadences that show what is usual, and enough of them.
_LEAST_CADENCES, _MOST_CADENCES = 5, 128
#: Cadences that are looked at together: bounds the memory.
_CADENCES_AT_ONCE = 1024


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
    around = np.ones((1, 3, 3), dtype=np.bool_)
    around[0, 1, 1] = False
    for start in range(0, len(images), _CADENCES_AT_ONCE):
        some = slice(start, start + _CADENCES_AT_ONCE)
        away = np.abs(images[some] - middle) * measured[some]
        if not (far := away > reach).any():
            continue
        neighbours = ndimage.maximum_filter(away.reshape(-1, *shape), footprint=around, mode="constant", cval=0.0)
        found[some] = far & (away > _LONE_FACTOR * neighbours.reshape(away.shape))
    return found
