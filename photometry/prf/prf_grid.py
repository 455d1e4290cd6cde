"""Pixel response function (PRF) of a CCD: what fraction of a star's light falls into which pixel.

The SPOC PRF is delivered at 25 places of a CCD as 117x117 samples, 9 per pixel. A sample is already integrated over the
pixel: samples one pixel apart add up to 1 at every phase. Between the places the samples are mixed bilinearly, between
samples the PRF is a cubic spline, outside the samples it is zero. Nothing is integrated over the pixel again.

References
----------
SPOC PRF: TESS Science Data Products Description Document, section 4; Bryson et al. 2010, ApJ 713, L97 (the method,
for Kepler).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from photometry.core.constants import PRF_SAMPLES_PER_PIXEL
from photometry.prf.spline import FOOTPRINT, spline_matrix

__all__ = ["FOOTPRINT", "PRF_COLUMNS", "PRF_ROWS", "PlacedPrf", "PrfEvaluator", "PrfGrid", "phased"]

#: 0-based places of the SPOC PRF files (keys CCD_RREF and CCD_CREF less 1).
PRF_ROWS = (0.0, 512.0, 1024.0, 1535.0, 2047.0)
PRF_COLUMNS = (44.0, 556.0, 1068.0, 1579.0, 2091.0)
#: Zeros around the samples, so that the spline goes to zero at their edge.
_PAD = 6
#: Stars that are evaluated at once: bounds the memory.
_STARS_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class PrfGrid:
    """PRF samples at a grid of places on one CCD.

    Parameters
    ----------
    rows, columns : (n_row,), (n_column,) float64
        0-based CCD rows and columns of the places, increasing.
    samples : (n_row, n_column, n_sample, n_sample) float64
        PRF, axes row and column of the offset ``pixel - star``; 9 samples per pixel, offset 0 in the middle.
    errors : (n_row, n_column, n_sample, n_sample) float64
        Uncertainty of the samples (HDU 1 of the SPOC files); zeros for a model.
    source : str
        Where it came from: ``spoc <name>``, ``model``, with what was learnt from the data.
    """

    rows: npt.NDArray[np.float64]
    columns: npt.NDArray[np.float64]
    samples: npt.NDArray[np.float64]
    errors: npt.NDArray[np.float64]
    source: str

    def __post_init__(self) -> None:
        shape = (len(self.rows), len(self.columns))
        if self.samples.shape[:2] != shape or self.samples.shape[2] != self.samples.shape[3]:
            raise ValueError(f"PRF samples of shape {self.samples.shape} do not fit {shape[0]}x{shape[1]} places")
        if self.samples.shape[2] % 2 == 0:
            raise ValueError(f"PRF samples need an odd number per axis, got {self.samples.shape[2]}")
        if self.errors.shape != self.samples.shape:
            raise ValueError(f"PRF errors have shape {self.errors.shape}, samples {self.samples.shape}")

    def mixture(
        self, row: npt.NDArray[np.float64], column: npt.NDArray[np.float64]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Return the places and weights that make the PRF at positions, bilinearly.

        Parameters
        ----------
        row, column : (n_star,) float64
            0-based CCD positions; outside the grid the nearest edge counts.

        Returns
        -------
        places : (n_star, 4) int64
            Flat indices into the first two axes of `samples`.
        weights : (n_star, 4) float64
            Weights that add up to 1.
        """
        low_row, part_row = _bracket(self.rows, row)
        low_column, part_column = _bracket(self.columns, column)
        high_row = np.minimum(low_row + 1, len(self.rows) - 1)
        high_column = np.minimum(low_column + 1, len(self.columns) - 1)
        n_column = len(self.columns)
        places = np.stack(
            [
                low_row * n_column + low_column,
                low_row * n_column + high_column,
                high_row * n_column + low_column,
                high_row * n_column + high_column,
            ],
            axis=1,
        )
        weights = np.stack(
            [
                (1 - part_row) * (1 - part_column),
                (1 - part_row) * part_column,
                part_row * (1 - part_column),
                part_row * part_column,
            ],
            axis=1,
        )
        return places, weights


class PrfEvaluator:
    """Cubic spline of a `PrfGrid`, ready to be evaluated at any place.

    Parameters
    ----------
    grid : PrfGrid
        The samples.
    dtype : type
        float64, or float32 where 1e-7 of the peak is enough and speed counts.
    """

    def __init__(self, grid: PrfGrid, dtype: type = np.float64) -> None:
        from scipy.ndimage import spline_filter  # here, since every start of Snakemake looks for PRF files

        self.grid = grid
        n_sample = grid.samples.shape[-1]
        padded = np.pad(grid.samples.reshape(-1, n_sample, n_sample), ((0, 0), (_PAD, _PAD), (_PAD, _PAD)))
        filtered = [spline_filter(samples, order=3, mode="mirror") for samples in padded]
        self._coefficients: npt.NDArray[Any] = np.stack(filtered).astype(dtype)

    def evaluate(
        self,
        row: npt.ArrayLike,
        column: npt.ArrayLike,
        row_offsets: npt.ArrayLike = (0.0,),
        column_offsets: npt.ArrayLike = (0.0,),
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Return the PRF of stars in the pixels around them, also for slightly moved stars.

        Parameters
        ----------
        row, column : (n_star,) float64
            0-based CCD positions, pixels.
        row_offsets, column_offsets : (n_row_offset,), (n_column_offset,) float64
            The stars are placed at ``row + row_offsets[k], column + column_offsets[l]``.

        Returns
        -------
        first_row, first_column : (n_star,) int64
            First pixel of each star's window of `FOOTPRINT` x `FOOTPRINT` pixels: the same for all offsets.
        values : (n_star, n_row_offset, n_column_offset, FOOTPRINT, FOOTPRINT) float64
            Fraction of the light, axes (..., pixel row, pixel column).
        """
        row = np.atleast_1d(np.asarray(row, dtype=np.float64))
        column = np.atleast_1d(np.asarray(column, dtype=np.float64))
        parts = [
            self.place(row[start : start + _STARS_AT_ONCE], column[start : start + _STARS_AT_ONCE]).evaluate(
                0.0, 0.0, row_offsets, column_offsets
            )
            for start in range(0, max(len(row), 1), _STARS_AT_ONCE)
        ]
        first_row, first_column, values = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        return first_row, first_column, values

    def place_in_cells(
        self, row: npt.NDArray[np.float64], column: npt.NDArray[np.float64], size: float
    ) -> list[tuple[npt.NDArray[np.int64], "PlacedPrf"]]:
        """Return the PRF of stars that share that of the middle of their cell: which stars, and their PRF.

        Parameters
        ----------
        row, column : (n_star,) float64
            0-based CCD positions, pixels.
        size : float
            Rows and columns of a cell, pixels.
        """
        cells, member = np.unique(np.floor(np.stack([row, column], axis=1) / size), axis=0, return_inverse=True)
        middle = self.place(*((cells.T + 0.5) * size))
        parts = []
        for cell in range(len(cells)):
            which = np.flatnonzero(member == cell)
            parts.append((which, PlacedPrf(row[which], column[which], middle.coefficients[[cell]])))
        return parts

    def place(
        self,
        row: npt.NDArray[np.float64],
        column: npt.NDArray[np.float64],
        room: npt.NDArray[Any] | None = None,
    ) -> "PlacedPrf":
        """Return the PRF of stars that will be evaluated at several movements.

        Parameters
        ----------
        row, column : (n_star,) float64
            0-based CCD positions, pixels.
        room : (n, n_coefficient, n_coefficient) array of at least n_star, optional
            Takes the coefficients; with many stars fresh memory takes longer than the work.
        """
        places, mix = self.grid.mixture(row, column)
        if room is None:
            room = self.room(len(row))
        flat = self._coefficients.reshape(len(self._coefficients), -1)
        used, member = np.unique(places, return_inverse=True)
        weights = np.zeros((len(row), len(used)), dtype=flat.dtype)
        np.add.at(weights, (np.arange(len(row))[:, None], member.reshape(places.shape)), mix.astype(flat.dtype))
        np.matmul(weights, flat[used], out=room[: len(row)].reshape(len(row), flat.shape[1]))
        return PlacedPrf(row, column, room[: len(row)])

    def room(self, n_star: int) -> npt.NDArray[Any]:
        """Return memory for the coefficients of so many stars."""
        return np.empty((n_star, *self._coefficients.shape[1:]), dtype=self._coefficients.dtype)


@dataclass(frozen=True, slots=True)
class PlacedPrf:
    """PRF of stars at their places; movements are too small to change which PRF they have.

    Parameters
    ----------
    row, column : (n_star,) float64
        0-based CCD positions, pixels.
    coefficients : (n_star or 1, n_coefficient, n_coefficient) float
        Spline coefficients of the PRF of each star, or of all.
    """

    row: npt.NDArray[np.float64]
    column: npt.NDArray[np.float64]
    coefficients: npt.NDArray[Any]

    def evaluate(
        self,
        row_shift: float | npt.NDArray[np.float64],
        column_shift: float | npt.NDArray[np.float64],
        row_offsets: npt.ArrayLike = (0.0,),
        column_offsets: npt.ArrayLike = (0.0,),
        transform: npt.NDArray[np.float64] | None = None,
        column_transform: npt.NDArray[np.float64] | None = None,
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[Any]]:
        """Return the PRF of the moved stars in the pixels around them; see `PrfEvaluator.evaluate`.

        Parameters
        ----------
        row_shift, column_shift : float, or (n_star,) float64
            Movement, pixels.
        row_offsets, column_offsets : (n_row_offset,), (n_column_offset,) float64
            Further movements along each axis, pixels.
        transform : (n_out, n_offset) float64, optional
            Turns the values at the offsets into as many combinations of them, along both axes alike.
        column_transform : (n_out, n_offset) float64, optional
            The same along columns, where it differs.
        """
        row, column = self.row + row_shift, self.column + column_shift
        first_row = np.rint(row).astype(np.int64) - FOOTPRINT // 2
        first_column = np.rint(column).astype(np.int64) - FOOTPRINT // 2
        row_offsets, column_offsets = np.atleast_1d(row_offsets), np.atleast_1d(column_offsets)
        on_rows = np.eye(len(row_offsets)) if transform is None else transform
        along = transform if column_transform is None else column_transform
        on_columns = np.eye(len(column_offsets)) if along is None else along
        values = np.empty(
            (len(row), len(on_rows), FOOTPRINT, len(on_columns), FOOTPRINT), dtype=self.coefficients.dtype
        )
        size, dtype = self.coefficients.shape[-1], self.coefficients.dtype
        for start in range(0, len(row), _STARS_AT_ONCE):
            part = slice(start, start + _STARS_AT_ONCE)
            along_rows = spline_matrix(first_row[part] - row[part], row_offsets, on_rows, size, dtype)
            along_columns = spline_matrix(first_column[part] - column[part], column_offsets, on_columns, size, dtype)
            product = self._times_coefficients(along_rows, part) @ along_columns.transpose(0, 2, 1)
            values[part] = product.reshape(-1, *values.shape[1:])
        return first_row, first_column, values.transpose(0, 1, 3, 2, 4)

    def select(self, which: slice | npt.NDArray[np.bool_]) -> "PlacedPrf":
        """Return the stars of a slice, or those that a mask chooses."""
        own = self.coefficients if len(self.coefficients) == 1 else self.coefficients[which]
        return PlacedPrf(self.row[which], self.column[which], own)

    def _times_coefficients(self, weights: npt.NDArray[Any], part: slice) -> npt.NDArray[Any]:
        """Weights along rows (n_star, n, n_coefficient) of some stars times their coefficients."""
        if len(self.coefficients) > 1:
            products: npt.NDArray[Any] = weights @ self.coefficients[part]
            return products
        # One large product takes a third of the time of many small ones.
        product: npt.NDArray[Any] = weights.reshape(-1, weights.shape[-1]) @ self.coefficients[0]
        return product.reshape(weights.shape)


def _bracket(
    grid: npt.NDArray[np.float64], value: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Index of the grid value below, and how far `value` is on the way to the next (0 to 1)."""
    if len(grid) == 1:
        return np.zeros(len(value), dtype=np.int64), np.zeros(len(value))
    low = np.clip(np.searchsorted(grid, value, side="right") - 1, 0, len(grid) - 2)
    return low, np.clip((value - grid[low]) / (grid[low + 1] - grid[low]), 0.0, 1.0)


def phased(samples: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return a view of samples (..., n_sample, n_sample) as (..., n_row, phase, n_column, phase) in whole pixels."""
    n_pixel = samples.shape[-1] // PRF_SAMPLES_PER_PIXEL
    return samples.reshape(*samples.shape[:-2], n_pixel, PRF_SAMPLES_PER_PIXEL, n_pixel, PRF_SAMPLES_PER_PIXEL)
