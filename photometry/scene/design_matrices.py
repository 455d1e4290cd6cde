"""Scene of a tile: stars, PRF and motion make design matrices of pixels times stars.

The PRF of a star that has moved by (dr, dc) from a node is a polynomial in the movement, fitted to exact evaluations
of the PRF on Chebyshev points:

    R(p - x - (dr, dc)) = A0 + A1 dr + A2 dc + A3 dr^2 + A4 dr dc + A5 dc^2 + ...

Second degree leaves 1e-4 of the peak within 0.05 px of the node, enough for flux deviations; the mean
light of bright stars needs fifth degree.

Pixels are flat: ``row * n_column + column`` of the tile's stamp.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from photometry.core.geometry import Stamp
from photometry.prf.prf_grid import PlacedPrf
from photometry.scene.star_expansion import VALUE, PixelLight, Stencil, expanded

__all__ = [
    "FINE_DEGREE",
    "N_FINE",
    "N_LINEAR_TERM",
    "N_TERM",
    "Expansion",
    "expand",
    "matrix_of",
    "monomials",
    "recentered",
    "with_changes",
]

#: Terms of an expansion of second degree.
N_TERM = 6
#: Those up to first degree in the movement.
N_LINEAR_TERM = 3
#: Degree of the expansion of bright stars' mean light, and its number of terms.
FINE_DEGREE = 5
N_FINE = (FINE_DEGREE + 1) * (FINE_DEGREE + 2) // 2


def monomials(row_shift: npt.ArrayLike, column_shift: npt.ArrayLike, degree: int = 2) -> npt.NDArray[np.float64]:
    """Return the terms of an expansion by increasing degree: (n_term, ...) for movements of shape (...), pixels."""
    dr, dc = np.asarray(row_shift, dtype=np.float64), np.asarray(column_shift, dtype=np.float64)
    return np.stack([dr ** (total - k) * dc**k for total in range(degree + 1) for k in range(total + 1)])


def recentered(images: npt.NDArray[np.float64], dr: float, dc: float) -> npt.NDArray[np.float64]:
    """Turn an expansion of second degree, (N_TERM, n_pixel), into one about a place (dr, dc) away, pixels."""
    _, a1, a2, a3, a4, a5 = images
    value = np.tensordot(monomials(dr, dc), images, axes=1)
    return np.stack([value, a1 + 2 * a3 * dr + a4 * dc, a2 + a4 * dr + 2 * a5 * dc, a3, a4, a5])


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

    @property
    def n_term(self) -> int:
        """Number of terms: 1 where the stars are exactly where they are expanded."""
        return len(self.matrices)

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
    stencils: Sequence[tuple[Stencil, Stencil]] = ((VALUE, VALUE),),
    merge: sparse.csr_matrix | None = None,
) -> Expansion:
    """Make the design matrices of stars about a node.

    Parameters
    ----------
    prf : PlacedPrf
        PRF of the stars at zero movement.
    flux : (n_star,) float64
        Catalogue flux, e-/s: decides which light is too faint to be kept.
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
    stencils : sequence of (Stencil, Stencil)
        Differences of the PRF along rows and columns that take the place of the PRF itself, one after the other.
    merge : sparse (n_pixel, n_pixel), optional
        `photometry.scene.tile_data.TileData.merge`.

    Returns
    -------
    Expansion
        All matrices share one sparsity pattern.
    """
    return _in_matrices(expanded(prf, flux, movement, stamp, reach, faintest, degree, stencils), stamp, merge)


def with_changes(expansion: Expansion, changes: Mapping[int, npt.NDArray[np.float64]]) -> Expansion:
    """Return an expansion with the constant terms of some stars, by index, changed in the pixels that they shine on."""
    by_pixel, by_star = expansion.matrices[0].copy(), expansion.transposed[0].copy()
    pixel = np.repeat(np.arange(by_pixel.shape[0]), np.diff(by_pixel.indptr))
    for star, change in changes.items():
        own = slice(by_star.indptr[star], by_star.indptr[star + 1])
        by_star.data[own] += change[by_star.indices[own]].astype(np.float32)
        own_by_pixel = by_pixel.indices == star
        by_pixel.data[own_by_pixel] += change[pixel[own_by_pixel]].astype(np.float32)
    return Expansion((by_pixel, *expansion.matrices[1:]), (by_star, *expansion.transposed[1:]), expansion.shape)


def matrix_of(light: PixelLight, stamp: Stamp, merge: sparse.csr_matrix | None) -> Expansion:
    """Turn light from `expand_at` into an expansion with the constant term alone."""
    return _in_matrices(light, stamp, merge)


def _in_matrices(light: PixelLight, stamp: Stamp, merge: sparse.csr_matrix | None) -> Expansion:
    """Turn light into sparse matrices of one pattern."""
    if merge is not None:
        light = _merged(light, merge)
    n_kept, terms, pixel = light.n_kept, light.terms, light.pixel.astype(np.int32)
    shape = (len(n_kept), stamp.n_pixel)
    by_star = np.concatenate([[0], np.cumsum(n_kept)]).astype(np.int32)
    # Sorting of 16-bit integers takes a ninth of the time.
    order = np.argsort(pixel.astype(np.uint16) if stamp.n_pixel <= 2**16 else pixel, kind="stable")
    star = np.repeat(np.arange(len(n_kept), dtype=np.int32), n_kept)[order]
    by_pixel = np.concatenate([[0], np.cumsum(np.bincount(pixel, minlength=stamp.n_pixel))]).astype(np.int32)
    return Expansion(
        tuple(sparse.csr_matrix((term[order], star, by_pixel), shape=shape[::-1]) for term in terms),
        tuple(sparse.csr_matrix((term, pixel, by_star), shape=shape) for term in terms),
        stamp.shape,
    )


def _merged(light: PixelLight, merge: sparse.csr_matrix) -> PixelLight:
    """Sum light in the pixels of bleed trails.

    A product with the matrix would drop sums that happen to be zero, of one term and not of the others: derivatives
    along a trail that holds all of a star's light are zero but for rounding.
    """
    n_star, n_pixel = len(light.n_kept), merge.shape[0]
    # Every pixel goes into one.
    key = np.repeat(np.arange(n_star) * n_pixel, light.n_kept) + merge.tocsc().indices[light.pixel]
    order = np.argsort(key, kind="stable")
    first = np.flatnonzero(np.diff(key[order], prepend=-1))
    star, pixel = np.divmod(key[order[first]], n_pixel)
    terms = np.add.reduceat(light.terms[:, order], first, axis=1)
    return PixelLight(pixel, np.bincount(star, minlength=n_star), terms)
