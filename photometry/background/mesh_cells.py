"""Pixels of a frame reduced to one robust value for each cell."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["CellValues", "cell_values"]

#: Share of a normal distribution below one standard deviation less than its mean.
_LOW_QUANTILE = 0.1587
#: Pixels beyond this many standard deviations of the darker half from the cell's middle are left out.
_CLIP = 2.5
_ROUNDS = 2
#: What stands for NaN behind the values of a cell.
_UNUSED = np.finfo(np.float32).max
#: Rows that are worked on together, at least.
_ROWS_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class CellValues:
    """One value for each cell of a frame.

    Parameters
    ----------
    level : (n_cell_row, n_cell_column) float64
        Mean of the cell's usual pixels, e-/s; 0 where none is used.
    scatter : (n_cell_row, n_cell_column) float64
        Standard deviation of a pixel, from the darker half, which stars do not widen, e-/s.
    count : (n_cell_row, n_cell_column) int64
        Pixels that are used.
    """

    level: npt.NDArray[np.float64]
    scatter: npt.NDArray[np.float64]
    count: npt.NDArray[np.int64]


def cell_values(values: npt.NDArray[np.float32], size: int, unused: npt.NDArray[np.bool_] | None = None) -> CellValues:
    """Reduce the used pixels of every cell to a mean that stars and outliers move little.

    Parameters
    ----------
    values : (n_row, n_column) float32
        e-/s; NaN where not used, finite else.
    size : int
        Rows and columns of a cell; the last ones may be smaller.
    unused : (n_column,) bool, optional
        Columns that are not used.

    Returns
    -------
    CellValues
        The mean within `_CLIP` standard deviations of the median, where the standard deviation is that of the darker
        half: what is brighter by an unmasked star is clipped, noise is not.
    """
    # As many rows at a time as stay in the processor's cache.
    n_row = max(_ROWS_AT_ONCE // size, 1) * size
    parts = [_values_of(values[start : start + n_row], size, unused) for start in range(0, len(values), n_row)]
    level, scatter, count = (np.concatenate([part[number] for part in parts]) for number in range(3))
    return CellValues(level.astype(np.float64), scatter.astype(np.float64), count)


def _values_of(
    values: npt.NDArray[np.float32], size: int, unused: npt.NDArray[np.bool_] | None
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Return level, scatter and count of the cells of some rows."""
    shape = tuple(-(-n // size) for n in values.shape)
    if unused is not None:
        values = values + np.where(unused, np.float32(np.nan), np.float32(0))
    cells = np.empty((shape[0] * shape[1], size**2), dtype=np.float32)
    _cut_cells(values, cells.reshape(*shape, size, size))
    # NaN comes last, and is a number then that no cell has: 0 times it is 0.
    cells.sort(axis=1)
    np.fmin(cells, _UNUSED, out=cells)
    ones = np.ones(size**2, dtype=np.float32)
    count = ((cells < _UNUSED).astype(np.float32) @ ones).astype(np.int64)
    middle, low = _quantile(cells, count, 0.5), _quantile(cells, count, _LOW_QUANTILE)
    scatter = middle - low
    level, reach = middle, _CLIP * scatter + np.float32(1e-6)
    for _ in range(_ROUNDS):
        kept = cells >= (level - reach)[:, None]
        kept &= cells <= (level + reach)[:, None]
        share = kept.astype(np.float32)
        n_kept = share @ ones
        level = np.where(n_kept > 0, np.vecdot(share, cells) / np.maximum(n_kept, 1), level)
    return level.reshape(shape), scatter.reshape(shape), count.reshape(shape)


def _cut_cells(values: npt.NDArray[np.float32], cells: npt.NDArray[np.float32]) -> None:
    """Put an image into cells (n_cell_row, n_cell_column, n_row, n_column); the last ones may have room left."""
    n_row, n_column, size, _ = cells.shape
    if values.shape != (n_row * size, n_column * size):
        margin = [(0, n * size - length) for n, length in zip((n_row, n_column), values.shape, strict=True)]
        values = np.pad(values, margin, constant_values=np.nan)
    np.copyto(cells, values.reshape(n_row, size, n_column, size).transpose(0, 2, 1, 3))


def _quantile(cells: npt.NDArray[np.float32], count: npt.NDArray[np.int64], share: float) -> npt.NDArray[np.float32]:
    """Quantile of the first `count` sorted values of each cell, linear between them; 0 where there are none."""
    flat, first = cells.ravel(), np.arange(0, cells.size, cells.shape[1])
    last = np.maximum(count - 1, 0)
    place = np.float32(share) * last.astype(np.float32)
    below = place.astype(np.int64)
    lower, upper = flat.take(first + below), flat.take(first + np.minimum(below + 1, last))
    return np.where(count > 0, lower + (place - below).astype(np.float32) * (upper - lower), np.float32(0))
