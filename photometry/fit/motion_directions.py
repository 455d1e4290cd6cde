"""Series that a wrong PRF answers to: the motion, changes of the second moments, the motion squared.

A PRF that is wrong has wrong slopes, wrong second derivatives and a wrong response to a blur. What it leaves of the
pixels is then linear in the movement, in its squares and products, and in the changes of the PRF's second moments.
"""

import numpy as np
import numpy.typing as npt

from photometry.scene.tile_state import TileMotion

__all__ = ["N_SHIFT", "motion_directions"]

#: Principal axes of the movement, at most: the first directions.
N_SHIFT = 2
#: Directions in which the stars move less than this (standard deviation) tell nothing, pixels; the same of second
#: moments, whose noise is a third of it, and of products of the movement along two axes, pixels^2.
_LEAST_MOTION, _LEAST_MOMENT, _LEAST_SQUARE = 1e-4, 3e-4, 1e-4
#: Good cadences that a direction beyond the movement itself needs: slopes on it follow a share of the noise of one over
#: the number of cadences.
_CADENCES_EACH = 16


def motion_directions(motion: TileMotion, good: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Return the directions, each without what those before it have, (n_cadence, n_direction).

    Parameters
    ----------
    motion : TileMotion
        Movement and second moments of the tile.
    good : (n_cadence,) bool
        Cadences that count.

    Returns
    -------
    (n_cadence, n_direction) float64
        Principal axes of the movement, then those of the second moments, then products of the movement. Mean 0 and
        standard deviation 1 over the good cadences, no larger in others than in these; no direction where nothing
        moves.
    """
    shift = np.stack([motion.row_shift, motion.column_shift], axis=1)
    shift = shift - shift[good].mean(axis=0)
    row, column = shift.T
    products = np.stack([row**2, row * column, column**2], axis=1)
    directions = np.empty((len(good), 0))
    for series, least in ((shift, _LEAST_MOTION), (motion.widths, _LEAST_MOMENT), (products, _LEAST_SQUARE)):
        for axis in _principal_axes(series, good, least):
            of_motion = series is shift
            if of_motion or good.sum() >= _CADENCES_EACH * (directions.shape[1] + 1):
                directions = _with_direction(directions, axis, good, least)
    return directions


def _principal_axes(
    series: npt.NDArray[np.float64], good: npt.NDArray[np.bool_], least: float
) -> list[npt.NDArray[np.float64]]:
    """Series (n_cadence, n) about their means along their principal axes, of more scatter than `least`."""
    about_mean = series - series[good].mean(axis=0)
    square, axes = np.linalg.eigh(about_mean[good].T @ about_mean[good] / good.sum())
    return [about_mean @ axes[:, k] for k in np.flatnonzero(square > least**2)]


def _with_direction(
    directions: npt.NDArray[np.float64], series: npt.NDArray[np.float64], good: npt.NDArray[np.bool_], least: float
) -> npt.NDArray[np.float64]:
    """Add what a series (n_cadence,) has beside the directions, if its scatter is above `least`."""
    along = series - directions @ (directions[good].T @ series[good] / good.sum())
    along = along - along[good].mean()
    scatter = along[good].std()
    if scatter <= least:
        return directions
    most = np.abs(along[good]).max() / scatter
    return np.column_stack([directions, np.clip(along / scatter, -most, most)])
