"""Splines of the background, fitted to the values of cells; factors of single columns."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import linalg, ndimage

from photometry.background.cell_grid import BackgroundGrid
from photometry.background.masking import bands, median_of_neighbours, zeroed
from photometry.background.mesh_cells import CellValues
from photometry.core.statistics import MAD_TO_SIGMA, median

__all__ = ["StrapFactors", "fit_cells", "outstanding_columns", "strap_factors"]

_Floats = npt.NDArray[np.float64]

#: Neighbouring cubic splines that overlap with one.
_REACH = 3
#: Cells that disagree with the splines by more than this many standard deviations pull no harder than at that distance.
_HUBER = 2.5
_ROUNDS = 3
#: Width of the neighbourhood, in cells, in which disagreement counts as usual.
_NEARBY_CELLS = 5
#: Smallest disagreement of cells that counts, e-/s: keeps noiseless frames solvable.
_LEAST_SIGMA = 1e-3
#: Cells with a smaller share of the fullest cell's pixels do not count.
_LEAST_SHARE = 0.04
#: Residuals beyond this many standard deviations of a pixel do not count for a column.
_COLUMN_CLIP = 3.0
#: Columns that differ from the others by this many standard deviations, and by this factor, stand out.
_STRAP_SIGMA, _STRAP_LEAST = 6.0, 1e-3
#: Columns around one that it is compared with, itself included.
_STRAP_PEERS = 17
#: Every how many rows are looked at for the standard deviation of a pixel.
_SAMPLE_STEP = 16


@dataclass(frozen=True, slots=True)
class StrapFactors:
    """Columns that see more of the background than others: metal straps below the CCD reflect red light.

    Parameters
    ----------
    factors : (n_column,) float64
        Excess as a fraction of the background.
    outstanding : (n_column,) bool
        Columns that differ from the others by more than noise.
    """

    factors: _Floats
    outstanding: npt.NDArray[np.bool_]


def fit_cells(cells: CellValues, grid: BackgroundGrid) -> tuple[_Floats, _Floats]:
    """Fit mesh and glow to the cells of a frame.

    Parameters
    ----------
    cells : CellValues
        Values of the grid's cells; at least one is measured.
    grid : BackgroundGrid
        The splines.

    Returns
    -------
    mesh : (n_mesh_row, n_mesh_column) float64
        Coefficients, e-/s.
    glow : (n_glow,) float64
        Coefficients, e-/s.

    Notes
    -----
    Least squares with a weak penalty on second differences (P-splines; Eilers & Marx 1996, Stat. Sci. 11, 89) and
    Huber's weights (Huber 1964, Ann. Math. Stat. 35, 73).
    """
    full = max(int(cells.count.max(initial=0)), 1)
    share = np.where(cells.count >= _LEAST_SHARE * full, cells.count / full, 0.0)
    if not share.any():
        return np.zeros(grid.mesh_shape), np.zeros(grid.n_glow)
    weights = share * _first_weights(cells.level, share)
    mesh, glow = _solve(cells.level, weights, grid)
    for _ in range(_ROUNDS - 1):
        fitted = grid.cell_rows @ mesh @ grid.cell_columns.T + grid.cell_glow @ glow
        # Cells with fewer pixels are noisier.
        pulls = np.abs(cells.level - fitted) * np.sqrt(share)
        sigma = MAD_TO_SIGMA * float(median(pulls[share > 0])) + _LEAST_SIGMA
        # Where many cells together disagree, the splines are too stiff; the cells are not to blame.
        nearby = median_of_neighbours(pulls, _NEARBY_CELLS)
        usual = np.maximum(sigma, MAD_TO_SIGMA * nearby)
        weights = share * np.minimum(1.0, _HUBER * usual / np.maximum(pulls, 1e-12))
        mesh, glow = _solve(cells.level, weights, grid)
    return mesh, glow


def strap_factors(residual: npt.NDArray[np.float32], background: npt.NDArray[np.float32]) -> StrapFactors:
    """Measure what every column has more of the background than its neighbours.

    Parameters
    ----------
    residual : (n_row, n_column) float32
        Frame less starlight and background, e-/s; NaN where not used.
    background : (n_row, n_column) float32
        Background without straps, e-/s.
    """
    sample = slice(None, None, _SAMPLE_STEP)
    sampled = residual[sample]
    sampled = np.abs(sampled[np.isfinite(sampled)])
    reach = np.float32(_COLUMN_CLIP * MAD_TO_SIGMA * median(sampled) if sampled.size else 0.0)
    # Clipped about the column's own middle, which a strap moves by more than the noise.
    rough = _rough_factors(residual[sample], background[sample])
    power, common = np.zeros((2, residual.shape[1]))
    for rows in bands(len(residual)):
        kept = np.abs(residual[rows] - rough * background[rows]) <= reach
        seen = zeroed(background[rows], kept)
        power += np.einsum("rc,rc->c", seen, seen)
        common += np.einsum("rc,rc->c", seen, zeroed(residual[rows], kept))
    some = power > 0
    factors = np.where(some, common / np.where(some, power, 1.0), 0.0)
    # What neighbours share is not the column's own: it is left to the mesh.
    factors -= ndimage.median_filter(factors, size=_STRAP_PEERS, mode="reflect")
    factors[~some] = 0
    return StrapFactors(factors, outstanding_columns(factors))


def outstanding_columns(factors: npt.NDArray[np.floating]) -> npt.NDArray[np.bool_]:
    """Tell which columns' factors (n_column,) differ from the usual by more than those of most columns."""
    away = np.abs(factors - np.median(factors))
    sigma = MAD_TO_SIGMA * float(np.median(away))
    outstanding: npt.NDArray[np.bool_] = away > max(_STRAP_SIGMA * sigma, _STRAP_LEAST)
    return outstanding


def _first_weights(level: _Floats, share: _Floats) -> _Floats:
    """Huber's weights of cells by their neighbourhood alone: bright spots must not pull the first fit."""
    filled = np.where(share > 0, level, np.median(level[share > 0]))
    away = np.abs(filled - median_of_neighbours(filled, _NEARBY_CELLS))
    usual = MAD_TO_SIGMA * median_of_neighbours(away, _NEARBY_CELLS) + _LEAST_SIGMA
    return np.asarray(np.minimum(1.0, _HUBER * usual / np.maximum(away, 1e-12)))


def _rough_factors(residual: npt.NDArray[np.float32], background: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Median share of the background that each column has too much, (n_column,); 0 where nothing is used."""
    valid = np.isfinite(residual) & (background > 0)
    ratios = np.where(valid, residual / np.where(valid, background, np.float32(1)), np.float32(np.inf))
    ratios = np.ascontiguousarray(ratios.T)
    ratios.sort(axis=1)
    count = valid.sum(axis=0)
    middle = np.take_along_axis(ratios, (np.maximum(count - 1, 0) // 2)[:, None], axis=1)[:, 0]
    return np.where(count > 0, middle, np.float32(0))


def _solve(level: _Floats, weights: _Floats, grid: BackgroundGrid) -> tuple[_Floats, _Floats]:
    """Weighted least squares: the mesh's normal matrix is banded, the glow borders it."""
    shape = grid.mesh_shape
    band = grid.mesh_penalty + _mesh_normal(weights, grid)
    weighted = weights * level
    right = grid.cell_rows.T @ weighted @ grid.cell_columns
    if grid.n_glow == 0:
        return linalg.solveh_banded(band, right.ravel(), lower=True).reshape(shape), np.zeros(0)
    glowing = np.flatnonzero(grid.cell_glow.any(axis=(1, 2)))
    rows = slice(glowing[0], glowing[-1] + 1)
    splines = grid.cell_glow[rows]
    weighted_splines = weights[rows][..., None] * splines
    # (row of the mesh, column of cells, glow), then (row, column of the mesh; glow).
    of_rows = (grid.cell_rows[rows].T @ weighted_splines.reshape(len(splines), -1)).reshape(shape[0], -1, grid.n_glow)
    border = (grid.cell_columns.T @ of_rows).reshape(-1, grid.n_glow)
    splines = splines.reshape(-1, grid.n_glow)
    corner = grid.glow_penalty + weighted_splines.reshape(-1, grid.n_glow).T @ splines
    right_glow = splines.T @ weighted[rows].ravel()
    factor = linalg.cholesky_banded(band, lower=True, overwrite_ab=True, check_finite=False)
    halved, _ = linalg.lapack.dtbtrs(factor, np.column_stack([right.ravel(), border]), uplo="L")
    of_right, of_border = halved[:, 0], halved[:, 1:]
    glow = linalg.solve(
        corner - of_border.T @ of_border, right_glow - of_border.T @ of_right, assume_a="pos", check_finite=False
    )
    mesh, _ = linalg.lapack.dtbtrs(factor, of_right - of_border @ glow, uplo="L", trans="T")
    return mesh.reshape(shape), np.asarray(glow, dtype=np.float64)


def _mesh_normal(weights: _Floats, grid: BackgroundGrid) -> _Floats:
    """Lower diagonals of the mesh's normal matrix, (band, coefficient)."""
    n_row, n_column = grid.mesh_shape
    band = np.zeros(grid.mesh_penalty.shape)
    for row_step in range(min(_REACH + 1, n_row)):
        on_rows = grid.cell_rows[:, : n_row - row_step] * grid.cell_rows[:, row_step:]
        summed = on_rows.T @ weights
        for step in range(-_REACH if row_step else 0, min(_REACH + 1, n_column)):
            first, second = max(-step, 0), max(step, 0)
            length = n_column - abs(step)
            if length <= 0:
                continue
            products = grid.cell_columns[:, first : first + length] * grid.cell_columns[:, second : second + length]
            values = np.zeros((n_row, n_column))
            values[: n_row - row_step, first : first + length] = summed @ products
            band[row_step * n_column + step] += values.ravel()
    return band
