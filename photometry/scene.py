"""Scene of a tile: stars, PRF and motion make design matrices of pixels times stars.

The PRF of a star that has moved by (dr, dc) from a node is a polynomial in the movement, fitted to exact evaluations
of the PRF on Chebyshev points:

    R(p - x - (dr, dc)) = A0 + A1 dr + A2 dc + A3 dr^2 + A4 dr dc + A5 dc^2 + ...

Second degree leaves 1e-4 of the peak within 0.05 px of the node, enough for departures from the mean scene; the mean
light of bright stars takes fifth degree.

Pixels are flat: ``row * n_column + column`` of the tile's stamp.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from photometry.geometry import Stamp
from photometry.prf import FOOTPRINT, PlacedPrf

__all__ = ["FINE_DEGREE", "N_FINE", "N_TERM", "Expansion", "expand", "monomials"]

#: Terms of an expansion of second degree.
N_TERM = 6
#: Degree of the expansion of bright stars' mean light, and its number of terms.
FINE_DEGREE = 5
N_FINE = (FINE_DEGREE + 1) * (FINE_DEGREE + 2) // 2


def monomials(row_shift: npt.ArrayLike, column_shift: npt.ArrayLike, degree: int = 2) -> npt.NDArray[np.float64]:
    """Return the terms of an expansion by increasing degree: (n_term, ...) for movements of shape (...), pixels."""
    dr, dc = np.asarray(row_shift, dtype=np.float64), np.asarray(column_shift, dtype=np.float64)
    return np.stack([dr ** (total - k) * dc**k for total in range(degree + 1) for k in range(total + 1)])


@dataclass(frozen=True, slots=True)
class Expansion:
    """Design matrices of stars about one node of the movement.

    Parameters
    ----------
    matrices : tuple of n_term sparse (n_pixel, n_star) float32
        Coefficients of `monomials` in every pixel for every star of unit flux.
    transposed : tuple of n_term sparse (n_star, n_pixel) float32
        The same, transposed.
    shape : (n_row, n_column)
        Of the stamp.
    """

    matrices: tuple[sparse.csr_matrix, ...]
    transposed: tuple[sparse.csr_matrix, ...]
    shape: tuple[int, int]

    @property
    def n_star(self) -> int:
        """Number of stars."""
        return int(self.matrices[0].shape[1])

    def images(self, flux: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the expansion of the sum of all stars: (n_term, n_pixel), e-/s."""
        return np.stack([matrix @ flux for matrix in self.matrices])


def expand(
    prf: PlacedPrf,
    flux: npt.NDArray[np.float64],
    movement: tuple[float, float],
    stamp: Stamp,
    *,
    reach: float,
    faintest: float,
    degree: int = 2,
    merge: sparse.csr_matrix | None = None,
) -> Expansion:
    """Make the design matrices of stars about a node.

    Parameters
    ----------
    prf : PlacedPrf
        PRF of the stars at zero movement.
    flux : (n_star,) float64
        Catalogue flux, e-/s: tells which light is too faint to be kept.
    movement : (row, column)
        Movement of the node, pixels.
    stamp : Stamp
        Pixels of the tile.
    reach : float
        Largest movement per axis for which the expansion has to hold, pixels.
    faintest : float
        Light below this in a pixel is left out, e-/s: well below the noise of a pixel.
    degree : int
        Degree of the polynomial.
    merge : sparse (n_pixel, n_pixel), optional
        `photometry.tile_data.TileData.merge`.

    Returns
    -------
    Expansion
        All matrices share one sparsity pattern.
    """
    n_point = degree + 1
    points = reach * np.cos(np.pi * (np.arange(n_point) + 0.5) / n_point)
    first_row, first_column, values = prf.evaluate(*movement, points, points)
    dr, dc = np.meshgrid(points, points, indexing="ij")
    to_terms = np.linalg.pinv(monomials(dr.ravel(), dc.ravel(), degree).T)
    n_star = len(flux)
    terms = np.einsum("kp,spx->ksx", to_terms, values.reshape(n_star, n_point**2, FOOTPRINT**2), optimize=True)
    n_row, n_column = stamp.shape
    row = (first_row - stamp.row_min)[:, None] + np.arange(FOOTPRINT)
    column = (first_column - stamp.col_min)[:, None] + np.arange(FOOTPRINT)
    inside = ((row >= 0) & (row < n_row))[:, :, None] & ((column >= 0) & (column < n_column))[:, None, :]
    largest = np.abs(values).max(axis=(1, 2)) * flux[:, None, None]
    keep = (inside & (largest > faintest)).reshape(n_star, FOOTPRINT**2)
    pixel = (row[:, :, None] * n_column + column[:, None, :]).reshape(n_star, FOOTPRINT**2)[keep]
    indptr = np.concatenate([[0], np.cumsum(keep.sum(axis=1))]).astype(np.int32)
    matrices = [
        sparse.csc_matrix(
            (term[keep].astype(np.float32), pixel.astype(np.int32), indptr), shape=(stamp.n_pixel, n_star)
        )
        for term in terms
    ]
    by_pixel = [sparse.csr_matrix(matrix if merge is None else merge @ matrix) for matrix in matrices]
    for matrix in by_pixel:
        matrix.sort_indices()
    return Expansion(tuple(by_pixel), tuple(sparse.csr_matrix(matrix.T) for matrix in by_pixel), stamp.shape)
