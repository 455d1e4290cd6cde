"""Pixel response function (PRF) of a CCD: what fraction of a star's light falls into which pixel.

The SPOC PRF is delivered at 25 places of a CCD as 117x117 samples, 9 per pixel. A sample is already integrated over the
pixel: samples one pixel apart add up to 1 at every phase. Between the places the samples are mixed bilinearly, between
samples the PRF is a cubic spline, outside the samples it is zero. Nothing is integrated over the pixel again.

References
----------
SPOC PRF: TESS Science Data Products Description Document, section 4; Bryson et al. 2010, ApJ 713, L97 (the method,
for Kepler).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from photometry.core.constants import PRF_SAMPLES_PER_PIXEL
from photometry.core.groups import grouped
from photometry.prf.spline import FOOTPRINT, Combinations, at_offsets, spline_taps

__all__ = ["FOOTPRINT", "PRF_COLUMNS", "PRF_ROWS", "PlacedPrf", "PrfEvaluator", "PrfGrid", "phased"]

#: 0-based places of the SPOC PRF files (keys CCD_RREF and CCD_CREF less 1).
PRF_ROWS = (0.0, 512.0, 1024.0, 1535.0, 2047.0)
PRF_COLUMNS = (44.0, 556.0, 1068.0, 1579.0, 2091.0)
#: Zeros around the samples, so that the spline goes to zero at their edge.
_PAD = 6


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
        return self.place(row, column).evaluate(0.0, 0.0, row_offsets, column_offsets)

    def place_in_cells(self, row: npt.NDArray[np.float64], column: npt.NDArray[np.float64], size: float) -> "PlacedPrf":
        """Return the PRF of stars that share that of the middle of their cell.

        Parameters
        ----------
        row, column : (n_star,) float64
            0-based CCD positions, pixels.
        size : float
            Rows and columns of a cell, pixels.
        """
        cells, member = np.unique(np.floor(np.stack([row, column], axis=1) / size), axis=0, return_inverse=True)
        places, mix = self.grid.mixture(*((cells.T + 0.5) * size))
        of_cells = np.einsum("ck,ckij->cij", mix.astype(self._coefficients.dtype), self._coefficients[places])
        return PlacedPrf(row, column, of_cells, member.reshape(-1, 1), np.ones((len(row), 1)))

    def place(self, row: npt.NDArray[np.float64], column: npt.NDArray[np.float64]) -> "PlacedPrf":
        """Return the PRF of stars that will be evaluated at several movements.

        Parameters
        ----------
        row, column : (n_star,) float64
            0-based CCD positions, pixels.
        """
        return PlacedPrf(row, column, self._coefficients, *self.grid.mixture(row, column))


@dataclass(frozen=True, slots=True)
class PlacedPrf:
    """PRF of stars at their places; movements are too small to change which PRF they have.

    Parameters
    ----------
    row, column : (n_star,) float64
        0-based CCD positions, pixels.
    coefficients : (n_place, n_coefficient, n_coefficient) float
        Spline coefficients of the PRF at some places.
    places : (n_star, n_mixed) int64
        Places whose PRFs make that of each star.
    mix : (n_star, n_mixed) float64
        Share of each of them.
    """

    row: npt.NDArray[np.float64]
    column: npt.NDArray[np.float64]
    coefficients: npt.NDArray[Any]
    places: npt.NDArray[np.int64]
    mix: npt.NDArray[np.float64]

    def evaluate(
        self,
        row_shift: float | npt.NDArray[np.float64],
        column_shift: float | npt.NDArray[np.float64],
        row_offsets: npt.ArrayLike = (0.0,),
        column_offsets: npt.ArrayLike = (0.0,),
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[Any]]:
        """Return the PRF of the moved stars in the pixels around them; see `PrfEvaluator.evaluate`.

        Parameters
        ----------
        row_shift, column_shift : float, or (n_star,) float64
            Movement, pixels.
        row_offsets, column_offsets : (n_row_offset,), (n_column_offset,) float64
            Further movements along each axis, pixels.
        """
        on_rows, on_columns = at_offsets(row_offsets), at_offsets(column_offsets)
        shape = len(on_rows.offsets), len(on_columns.offsets)
        first_row, first_column, values = self.combined(
            row_shift, column_shift, on_rows, on_columns, list(np.ndindex(shape))
        )
        return first_row, first_column, values.reshape(len(self.row), *shape, FOOTPRINT, FOOTPRINT)

    def combined(
        self,
        row_shift: float | npt.NDArray[np.float64],
        column_shift: float | npt.NDArray[np.float64],
        on_rows: Combinations,
        on_columns: Combinations,
        pairs: Sequence[tuple[int, int]],
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[Any]]:
        """Return combinations of the PRF of the moved stars at several places, in the pixels around them.

        Parameters
        ----------
        row_shift, column_shift : float, or (n_star,) float64
            Movement, pixels.
        on_rows, on_columns : Combinations
            Combinations along each axis.
        pairs : sequence of (int, int)
            Combinations along rows and along columns that are wanted together.

        Returns
        -------
        first_row, first_column : (n_star,) int64
            First pixel of each star's window.
        values : (n_star, n_pair, FOOTPRINT, FOOTPRINT) float
            Combinations, axes (..., pixel row, pixel column).

        Notes
        -----
        Stars at the same sample of their pixels, between the same places, need the same coefficients: one product for
        all of them.
        """
        row, column = self.row + row_shift, self.column + column_shift
        first_row = np.rint(row).astype(np.int64) - FOOTPRINT // 2
        first_column = np.rint(column).astype(np.int64) - FOOTPRINT // 2
        size, dtype = self.coefficients.shape[-1], self.coefficients.dtype
        row_start, row_taps = spline_taps(first_row - row, on_rows, size)
        column_start, column_taps = spline_taps(first_column - column, on_columns, size)
        a, b = np.array(pairs).T
        on_rows_of_pairs = row_taps.astype(dtype)[:, a, None, :, None]
        on_columns_of_pairs = column_taps.astype(dtype)[:, b, None, None, :]
        mix, n_tap = self.mix.astype(dtype)[:, None, :, None, None], (row_taps.shape[-1], column_taps.shape[-1])
        values = np.empty((len(row), len(pairs), FOOTPRINT**2), dtype=dtype)
        used, places = np.unique(self.places, return_inverse=True)
        starts = [axis - axis.min(initial=0) for axis in (row_start, column_start)]
        windows = _windows(self.coefficients[used], row_start, column_start, n_tap)
        keys, member = np.unique(
            np.column_stack([*starts, places.reshape(self.places.shape)]), axis=0, return_inverse=True
        )
        order, edges = grouped(member, len(keys))
        for k, key in enumerate(keys):
            some = order[edges[k] : edges[k + 1]]
            at_row, at_column = key[:2]
            samples = windows[key[2:], at_row : at_row + n_tap[0], at_column : at_column + n_tap[1]]
            weights = (mix[some] * on_rows_of_pairs[some]) * on_columns_of_pairs[some]
            product = weights.reshape(len(some) * len(pairs), -1) @ samples.reshape(-1, FOOTPRINT**2)
            values[some] = product.reshape(len(some), len(pairs), -1)
        return first_row, first_column, values.reshape(*values.shape[:2], FOOTPRINT, FOOTPRINT)

    def select(self, which: slice | npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> "PlacedPrf":
        """Return some of the stars."""
        return PlacedPrf(self.row[which], self.column[which], self.coefficients, self.places[which], self.mix[which])


def _windows(
    coefficients: npt.NDArray[Any],
    row_start: npt.NDArray[np.int64],
    column_start: npt.NDArray[np.int64],
    n_tap: tuple[int, int],
) -> npt.NDArray[Any]:
    """Coefficients of all pixels of a window, one every 9 coefficients, for all first coefficients that are needed.

    Of (n_place, n_coefficient, n_coefficient), with zeros around them, and the starts of the stars (n_star,) along each
    axis; returned are (n_place, n_row_start, n_column_start, FOOTPRINT, FOOTPRINT), from the least starts on.
    """
    step, size = PRF_SAMPLES_PER_PIXEL, coefficients.shape[-1]
    span = step * (FOOTPRINT - 1) + 1
    pads, needed = [], []
    for start, n in zip((row_start, column_start), n_tap, strict=True):
        first, last = int(start.min(initial=0)), int(start.max(initial=0)) + n
        before = max(0, -first)
        pads.append((before, max(0, last + span - 1 - size)))
        needed.append(slice(first + before, last + before))
    padded = np.pad(coefficients, ((0, 0), *pads))
    views = np.lib.stride_tricks.sliding_window_view(padded, (span, span), axis=(1, 2))
    return np.ascontiguousarray(views[:, needed[0], needed[1], ::step, ::step])


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
