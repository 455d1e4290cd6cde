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


def cell_values(values: npt.NDArray[np.float32], used: npt.NDArray[np.bool_], size: int) -> CellValues:
    """Reduce the used pixels of every cell to a mean that stars and outliers move little.

    Parameters
    ----------
    values : (n_row, n_column) float32
        e-/s; finite where used.
    used : (n_row, n_column) bool
        Pixels that count.
    size : int
        Rows and columns of a cell; the last ones may be smaller.

    Returns
    -------
    CellValues
        The mean within `_CLIP` standard deviations of the median, where the standard deviation is that of the darker
        half: what is brighter by an unmasked star is clipped, noise is not.
    """
    n_row, n_column = values.shape
    shape = (-(-n_row // size), -(-n_column // size))
    padded = np.full((shape[0] * size, shape[1] * size), np.inf, dtype=np.float32)
    np.copyto(padded[:n_row, :n_column], values, where=used)
    cells = np.ascontiguousarray(padded.reshape(shape[0], size, shape[1], size).transpose(0, 2, 1, 3))
    cells = cells.reshape(-1, size * size)
    cells.sort(axis=1)
    count = np.isfinite(cells).sum(axis=1)
    middle, low = _quantile(cells, count, 0.5), _quantile(cells, count, _LOW_QUANTILE)
    scatter = middle - low
    level = middle
    for _ in range(_ROUNDS):
        reach = _CLIP * scatter + np.float32(1e-6)
        kept = (cells >= (level - reach)[:, None]) & (cells <= (level + reach)[:, None])
        n_kept = kept.sum(axis=1)
        total = np.where(kept, cells, np.float32(0)).sum(axis=1)
        level = np.where(n_kept > 0, total / np.maximum(n_kept, 1), level).astype(np.float32)
    measured = count > 0
    return CellValues(
        level=np.where(measured, level, 0.0).astype(np.float64).reshape(shape),
        scatter=np.where(measured, scatter, 0.0).astype(np.float64).reshape(shape),
        count=count.reshape(shape),
    )


def _quantile(cells: npt.NDArray[np.float32], count: npt.NDArray[np.int64], share: float) -> npt.NDArray[np.float32]:
    """Quantile of the first `count` sorted values of each cell, linear between them; 0 where there are none."""
    place = share * np.maximum(count - 1, 0)
    below = np.floor(place).astype(np.int64)
    above = np.minimum(below + 1, np.maximum(count - 1, 0))
    cell, part = np.arange(len(cells)), (place - below).astype(np.float32)
    some = count > 0
    first = np.where(some, cells[cell, below], np.float32(0))
    second = np.where(some, cells[cell, above], np.float32(0))
    return np.asarray(first + part * (second - first), dtype=np.float32)
