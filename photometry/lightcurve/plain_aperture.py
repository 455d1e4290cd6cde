"""What an aperture measures when nothing is known of neighbours: the sum of its pixels."""

import numpy as np
import numpy.typing as npt

from photometry.core.geometry import Stamp
from photometry.fit.tile_fit import TileFit

__all__ = ["aperture_stamp", "plain_aperture"]


def aperture_stamp(fit: TileFit, index: int) -> Stamp:
    """Return the pixels around a star that hold its aperture, as far as the fit has them."""
    rows, columns = _pixels(fit, index)
    around = Stamp(int(rows.min()), int(rows.max()) + 1, int(columns.min()), int(columns.max()) + 1)
    return around.clipped(fit.stamp)


def plain_aperture(
    fit: TileFit, index: int, images: npt.NDArray[np.float32], stamp: Stamp, usable: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """Return the sum of the pixels in the aperture of a star, scaled to the median of its flux, (n_cadence,) e-/s.

    Parameters
    ----------
    fit : TileFit
        The fit of the tile.
    index : int
        The star's place in it.
    images : (n_cadence, n_row, n_column)
        Pixels less the background, e-/s.
    stamp : Stamp
        Their place (`aperture_stamp`).
    usable : (n_cadence,) bool
        Cadences that count for the medians.
    """
    rows, columns = _pixels(fit, index)
    rows, columns = rows - stamp.row_min, columns - stamp.col_min
    inside = (rows >= 0) & (rows < stamp.shape[0]) & (columns >= 0) & (columns < stamp.shape[1])
    total = images[:, rows[inside], columns[inside]].astype(np.float64).sum(axis=1)
    counts = usable & np.isfinite(total) & np.isfinite(fit.flux[index])
    if not counts.any():
        return np.full(len(total), np.nan)
    middle = float(np.median(total[counts]))
    scaled: npt.NDArray[np.float64] = total * (float(np.median(fit.flux[index][counts])) / middle if middle else np.nan)
    return scaled


def _pixels(fit: TileFit, index: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows and columns of the aperture, CCD pixels; that of the star itself where it has none."""
    rows, columns = np.nonzero(fit.aperture[index])
    if not len(rows):
        return np.rint(fit.row[[index]]).astype(np.int64), np.rint(fit.column[[index]]).astype(np.int64)
    return rows + int(fit.window_row[index]), columns + int(fit.window_column[index])
