"""Fluxes of all stars in all cadences of a node: a weighted linear least-squares problem per cadence, solved together.

Unknowns of a cadence t are the departures d of the stars' fluxes from their means and the coefficients b of common
terms (local background, change of motion):

    minimise  sum_p w_p m_tp (r_tp - (A_t d)_p - (L b)_p)^2 + sum_i q_i d_i^2

with the residuals r from the mean scene, weights w, mask m, and prior precisions q. The normal matrix at the node's
center is factored once; conjugate gradients, preconditioned by it, run on all cadences together with a step length of
their own.

The variance of a flux is that of the estimator, C S C with C = (A^T W A + Q)^-1 and S = A^T W V W A for pixels of
variance V: it holds whatever the weights. A star's own prior is taken out afterwards.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import linalg, sparse

from photometry.errors import FitError
from photometry.tile_model import NodeModel

__all__ = ["TOLERANCE", "NodeSystem", "Solution", "factor_node", "inverse", "solve_cadences"]

#: Squared norm of the preconditioned residual, relative to the start, at which a cadence has converged.
TOLERANCE = 1e-10
_MAX_ROUNDS = 100
#: Pixels whose influence on all fluxes is held at once: bounds the memory.
_PIXELS_AT_ONCE = 512
#: Added to the unit diagonal of the scaled normal matrix: keeps terms that no pixel can tell apart at rest.
_RIDGE = 1e-12


@dataclass(frozen=True, slots=True)
class NodeSystem:
    """Factored normal equations of a node.

    Parameters
    ----------
    part : NodeModel
        The node.
    common : (n_pixel, n_common) float32
        Terms that all stars share: local background, change of motion.
    weights : (n_pixel,) float32
        Weights, (e-/s)^-2.
    precision : (n_star,) float64
        Prior precision of the departures, (e-/s)^-2.
    covariance : (n_star + n_common, n_star + n_common) float32
        C, the inverse of the normal matrix with priors.
    variance : (n_star,) float64
        Variance of a star's flux, its own prior taken out, (e-/s)^2.
    sky_variance : (n_star,) float64
        Change of `variance` with the variance of every pixel, dimensionless.
    own_variance : (n_star,) float64
        Change of `variance` with the variance per unit of the star's own light, dimensionless.
    own_prior : (n_star,) float64
        q C: share of the star's own prior in the estimate.
    leverage : (n_pixel,) float64
        Share of a pixel's noise that the fit follows, 0 to 1.
    """

    part: NodeModel
    common: npt.NDArray[np.float32]
    weights: npt.NDArray[np.float32]
    precision: npt.NDArray[np.float64]
    covariance: npt.NDArray[np.float32]
    variance: npt.NDArray[np.float64]
    sky_variance: npt.NDArray[np.float64]
    own_variance: npt.NDArray[np.float64]
    own_prior: npt.NDArray[np.float64]
    leverage: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Solution:
    """Departures from the mean scene in some cadences of a node.

    Parameters
    ----------
    departure : (n_star, n_cadence) float32
        Flux less mean flux, own priors still in it, e-/s.
    common : (n_common, n_cadence) float32
        Coefficients of the common terms.
    fitted : (n_pixel, n_cadence) float32
        What departures and common terms add to the pixels, e-/s.
    converged : (n_cadence,) bool
        Whether the tolerance was reached.
    """

    departure: npt.NDArray[np.float32]
    common: npt.NDArray[np.float32]
    fitted: npt.NDArray[np.float32]
    converged: npt.NDArray[np.bool_]


def factor_node(
    part: NodeModel,
    common: npt.NDArray[np.float64],
    weights: npt.NDArray[np.float64],
    variance: npt.NDArray[np.float64],
    precision: npt.NDArray[np.float64],
    *,
    with_errors: bool = True,
) -> NodeSystem:
    """Factor the normal equations of a node and work out the variances.

    Parameters
    ----------
    part : NodeModel
        The node.
    common : (n_pixel, n_common) float64
        Terms that all stars share.
    weights : (n_pixel,) float64
        Weights of the pixels, 0 where they are not usable, (e-/s)^-2.
    variance : (n_pixel,) float64
        Variance of the pixels, (e-/s)^2.
    precision : (n_star,) float64
        Prior precision of the departures, (e-/s)^-2.
    with_errors : bool
        Work out variances and leverage; they are zero otherwise.
    """
    stars = part.expansion.matrices[0].astype(np.float64)
    design = sparse.hstack([stars, sparse.csr_matrix(common)], format="csr")
    weighted = sparse.csr_matrix(sparse.diags(weights) @ design)
    matrix = (design.T @ weighted).toarray()
    n_star = len(precision)
    diagonal = np.arange(n_star)
    matrix[diagonal, diagonal] += precision
    covariance = inverse(matrix)
    own_prior = np.minimum(precision * np.diag(covariance)[:n_star], 1 - 1e-6)
    keep = 1 / (1 - own_prior) ** 2
    of_noise, of_sky, leverage = np.zeros(len(covariance)), np.zeros(len(covariance)), np.zeros(len(variance))
    if with_errors:
        of_noise, of_sky, leverage = _influence(design, weighted, covariance, variance)
    own = stars.power(3).T @ weights**2
    return NodeSystem(
        part=part,
        common=common.astype(np.float32),
        weights=weights.astype(np.float32),
        precision=precision,
        covariance=covariance.astype(np.float32),
        variance=of_noise[:n_star] * keep,
        sky_variance=of_sky[:n_star] * keep,
        own_variance=np.diag(covariance)[:n_star] ** 2 * own * keep,
        own_prior=own_prior,
        leverage=leverage,
    )


def _influence(
    design: sparse.csr_matrix,
    weighted: sparse.csr_matrix,
    covariance: npt.NDArray[np.float64],
    variance: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return what the influence C A^T W of the pixels on the unknowns makes.

    Parameters
    ----------
    design, weighted : sparse (n_pixel, n_unknown)
        A and W A.
    covariance : (n_unknown, n_unknown) float64
        C.
    variance : (n_pixel,) float64
        Variance of the pixels, (e-/s)^2.

    Returns
    -------
    of_noise, of_sky : (n_unknown,) float64
        Variance of the unknowns by that of the pixels, and by pixels of variance 1.
    leverage : (n_pixel,) float64
        Diagonal of A C A^T W.
    """
    of_noise, of_sky, leverage = np.zeros(len(covariance)), np.zeros(len(covariance)), np.zeros(len(variance))
    for start in range(0, len(variance), _PIXELS_AT_ONCE):
        pixels = slice(start, start + _PIXELS_AT_ONCE)
        influence = weighted[pixels] @ covariance
        leverage[pixels] = np.asarray(design[pixels].multiply(influence).sum(axis=1)).ravel()
        influence **= 2
        of_noise += variance[pixels] @ influence
        of_sky += influence.sum(axis=0)
    return of_noise, of_sky, np.clip(leverage, 0.0, 0.99)


def inverse(matrix: npt.NDArray[np.float64], ridge: float = _RIDGE) -> npt.NDArray[np.float64]:
    """Invert a symmetric positive definite matrix whose unknowns may be of very different size.

    Rows that are zero (terms that no pixel sees) stay zero but for a one on the diagonal. `ridge` is added to the unit
    diagonal of the scaled matrix: it must exceed the rounding errors in `matrix`.
    """
    scale = np.sqrt(np.where(np.diag(matrix) > 0, np.diag(matrix), 1.0))
    scaled = matrix / scale[:, None] / scale
    np.fill_diagonal(scaled, np.where(np.diag(matrix) > 0, 1.0 + ridge, 1.0))
    factor, failed = linalg.lapack.dpotrf(scaled, lower=True)
    if not failed:
        lower, failed = linalg.lapack.dpotri(factor, lower=True)
    if failed:
        raise FitError("the normal matrix of a node is not positive definite: pixels or PRF are not finite")
    full: npt.NDArray[np.float64] = np.tril(lower) + np.tril(lower, -1).T
    return full / scale[:, None] / scale


def solve_cadences(
    system: NodeSystem,
    terms: npt.NDArray[np.float64],
    residual: npt.NDArray[np.float64],
    valid: npt.NDArray[np.bool_],
    tolerance: float = TOLERANCE,
) -> Solution:
    """Solve some cadences of a node.

    Parameters
    ----------
    system : NodeSystem
        The node.
    terms : (n_cadence, N_TERM) float64
        Monomials of the movement from the node.
    residual : (n_cadence, n_pixel) float64
        Pixels less the mean scene, e-/s.
    valid : (n_cadence, n_pixel) bool
        Pixels that count.
    tolerance : float
        Squared norm of the preconditioned residual, relative to the start, at which a cadence has converged.
    """
    n_star = len(system.precision)
    weights = system.weights[:, None] * valid.T
    design = _Design(system, np.ascontiguousarray(terms.T, dtype=np.float32))
    precision = system.precision.astype(np.float32)[:, None]
    rest = design.backward(weights * residual.T.astype(np.float32))
    x = np.zeros_like(rest)
    fitted = np.zeros_like(weights)
    step = preconditioned = system.covariance @ rest
    gain = _dot(rest, preconditioned)
    goal = tolerance * gain
    for _ in range(_MAX_ROUNDS):
        if np.all(gain <= goal):
            break
        image = design.forward(step)
        pushed = design.backward(weights * image)
        pushed[:n_star] += precision * step[:n_star]
        length = np.divide(gain, _dot(step, pushed), out=np.zeros_like(gain), where=gain > goal).astype(np.float32)
        x += length * step
        fitted += length * image
        rest -= length * pushed
        preconditioned = system.covariance @ rest
        new_gain = _dot(rest, preconditioned)
        factor = np.divide(new_gain, gain, out=np.zeros_like(gain), where=gain > goal).astype(np.float32)
        step = preconditioned + factor * step
        gain = np.where(gain > goal, new_gain, gain)
    return Solution(x[:n_star], x[n_star:], fitted, gain <= goal)


@dataclass(frozen=True, slots=True)
class _Design:
    """Design matrices of some cadences: products with blocks of unknowns (n_star + n_common, n_cadence)."""

    system: NodeSystem
    terms: npt.NDArray[np.float32]

    def forward(self, x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Pixels that unknowns make, (n_pixel, n_cadence)."""
        n_star = len(self.system.precision)
        image: npt.NDArray[np.float32] = self.system.common @ x[n_star:]
        for term, matrix in zip(self.terms, self.system.part.expansion.matrices, strict=True):
            image += matrix @ (x[:n_star] * term)
        return image

    def backward(self, image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Products of the design's columns with pixels (n_pixel, n_cadence)."""
        stars = sum(
            term * (matrix @ image)
            for term, matrix in zip(self.terms, self.system.part.expansion.transposed, strict=True)
        )
        return np.concatenate([stars, self.system.common.T @ image])


def _dot(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Products of columns, (n_cadence,)."""
    product: npt.NDArray[np.float64] = np.einsum("ij,ij->j", a, b, dtype=np.float64)
    return product
