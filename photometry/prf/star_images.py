"""Image of single stars in a stamp."""

import numpy as np
import numpy.typing as npt

from photometry.core.geometry import Stamp
from photometry.prf.prf_grid import FOOTPRINT, PrfEvaluator

__all__ = ["star_image"]


def star_image(
    prf: PrfEvaluator,
    stamp: Stamp,
    row: npt.NDArray[np.float64],
    column: npt.NDArray[np.float64],
    flux: npt.NDArray[np.float64],
    radius: float,
) -> npt.NDArray[np.float64]:
    """Return the light of stars in the pixels of a stamp.

    Parameters
    ----------
    prf : PrfEvaluator
        PRF of the CCD.
    stamp : Stamp
        The pixels.
    row, column : (n_star,) float64
        0-based positions in the stamp, pixels.
    flux : (n_star,) float64
        e-/s.
    radius : float
        Pixels farther from a star get nothing of it, pixels.

    Returns
    -------
    (n_row, n_column) float64
        e-/s.
    """
    margin = FOOTPRINT
    image = np.zeros((stamp.shape[0] + 2 * margin, stamp.shape[1] + 2 * margin))
    near = stamp.border_distance(row + stamp.row_min, column + stamp.col_min) > -FOOTPRINT / 2
    first_row, first_column, values = prf.evaluate(row[near] + stamp.row_min, column[near] + stamp.col_min)
    pixels = np.arange(FOOTPRINT)
    for star, (r, c, f) in enumerate(zip(row[near], column[near], flux[near], strict=True)):
        rows, columns = first_row[star] - stamp.row_min + pixels, first_column[star] - stamp.col_min + pixels
        inside = np.hypot((rows - r)[:, None], (columns - c)[None, :]) <= radius
        image[np.ix_(rows + margin, columns + margin)] += f * values[star, 0, 0] * inside
    return image[margin:-margin, margin:-margin].copy()
