"""Inverse and factor of symmetric positive definite matrices whose unknowns may be of very different size."""

import numpy as np
import numpy.typing as npt
from scipy import linalg

from photometry.core.errors import FitError

__all__ = ["inverse", "inverse_and_factor", "rows_times", "solved"]

#: Added to the unit diagonal of the scaled matrix: keeps terms that no pixel can tell apart at rest.
_RIDGE = 1e-12
#: Rows of a matrix that are mirrored at once.
_ROWS_AT_ONCE = 256


def inverse(matrix: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Invert a symmetric positive definite matrix.

    Parameters
    ----------
    matrix : (n, n) float64
        Rows that are zero (terms that no pixel sees) stay zero but for a one on the diagonal.

    Raises
    ------
    FitError
        When the matrix is not positive definite.
    """
    return inverse_and_factor(matrix, 0)[0]


def solved(matrix: npt.NDArray[np.float64], right: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the solution x of M x = y, (n,), with a matrix as of `inverse` and a right side y (n,).

    Raises
    ------
    FitError
        When the matrix is not positive definite.
    """
    factor, scale = _scaled_factor(matrix)
    solution, _ = linalg.lapack.dpotrs(factor, scale * right, lower=True)
    return np.asarray(scale * solution, dtype=np.float64)


def rows_times(rows: npt.NDArray[np.float64], matrices: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Multiply each row by itself: its product has the same bits whatever the number of rows.

    The library for linear algebra takes other ways with one row than with many, which differ in the last digit.

    Parameters
    ----------
    rows : (n_row, n) float64
        The rows.
    matrices : (n, n_column) or (n_row, n, n_column) float64
        A matrix for all of them, or one for each.

    Returns
    -------
    (n_row, n_column) float64
        Products.
    """
    return np.asarray((rows[:, None] @ matrices)[:, 0], dtype=np.float64)


def inverse_and_factor(
    matrix: npt.NDArray[np.float64], n_last: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Invert a symmetric positive definite matrix; return also the Cholesky factor of its last unknowns.

    Parameters
    ----------
    matrix : (n, n) float64
        Rows that are zero (terms that no pixel sees) stay zero but for a one on the diagonal.
    n_last : int
        Number of the last unknowns.

    Returns
    -------
    inverse : (n, n) float64
        Inverse.
    factor : (n_last, n_last) float64
        Lower triangular L. For the last k of these unknowns, L_kk L_kk^T is the Schur complement of all the others:
        the inverse covariance when these are free. An inverse of the inverse would have lost it to rounding where
        unknowns are all but degenerate.

    Raises
    ------
    FitError
        When the matrix is not positive definite.
    """
    factor, scale = _scaled_factor(matrix)
    first = len(matrix) - n_last
    last = np.tril(factor[first:, first:]) / scale[first:, None]
    half, _ = linalg.lapack.dpotri(factor, lower=True, overwrite_c=True)
    half *= scale
    half *= scale[:, None]
    return _mirrored(half), last


def _scaled_factor(
    matrix: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Cholesky factor, lower triangle, of a matrix in units that make its diagonal 1, and these units (n,)."""
    diagonal = matrix.diagonal()
    scale = 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    scaled = scale * matrix
    scaled *= scale[:, None]
    np.fill_diagonal(scaled, np.where(diagonal > 0, 1.0 + _RIDGE, 1.0))
    # The matrix is its own transpose: in Fortran's order it needs no copy.
    factor, failed = linalg.lapack.dpotrf(scaled.T, lower=True, overwrite_a=True)
    if failed:
        raise FitError("the normal matrix of a node is not positive definite: pixels or PRF are not finite")
    return factor, scale


def _mirrored(lower: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Copy the lower triangle of a matrix to the upper one, in place, some rows at a time."""
    for start in range(0, len(lower), _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        lower[rows, rows] = np.tril(lower[rows, rows]) + np.tril(lower[rows, rows], -1).T
        lower[rows, start + _ROWS_AT_ONCE :] = lower[start + _ROWS_AT_ONCE :, rows].T
    return lower
