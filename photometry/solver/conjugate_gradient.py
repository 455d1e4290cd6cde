"""Fluxes of all stars in all cadences of a node: a weighted linear least-squares problem per cadence, solved together.

Unknowns of a cadence t are the deviations d of the stars' fluxes from their means and the coefficients b of common
terms (local background, change of the motion):

    minimise  sum_p w_p m_tp (r_tp - (A_t d)_p - (L b)_p)^2 + sum_i q_i d_i^2 + sum_k q_k b_k^2

with the residuals r from the mean scene, weights w, mask m, and prior precisions q. Conjugate gradients, preconditioned
by the inverse C of the normal matrix of the node (`photometry.solver.normal_equations`), run on all cadences together,
each with step lengths of its own.

The residual g of the normal equations (the negative gradient) measures the accuracy of a cadence: g^T C g is the
squared error of all unknowns together, in units of their covariance, so that no flux is off by more than its square
root in standard errors (C being the node's; with masked pixels a little more).

References
----------
Hestenes & Stiefel 1952, J. Res. Natl. Bur. Stand. 49, 409.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from photometry.scene.blocks import PixelWeights
from photometry.solver.cadence_designs import Design
from photometry.solver.node_solver import ACCURACY, TOLERANCE, Solution
from photometry.solver.normal_equations import NormalEquations

__all__ = ["CadenceEquations", "equations_of", "solve_cadences", "solve_equations"]

_MAX_ROUNDS = 400
#: With fewer unknowns than this the solution is more accurate in proportion: rounds of few stars cost nothing.
_MANY_UNKNOWNS = 200


@dataclass(frozen=True, slots=True)
class CadenceEquations:
    """Linear systems of some cadences.

    Parameters
    ----------
    design : Design
        Design matrices.
    covariance : (n_star + n_common, n_star + n_common) float32
        Preconditioner, in units of `scale`.
    scale : (n_star + n_common, 1 or n_cadence) float32
        Units of the unknowns.
    weights : PixelWeights
        Weights of the pixels, and which of them count.
    precision : (n_star + n_common, 1) float32
        Prior precision of the flux deviations, (e-/s)^-2, and of the common terms.
    n_star : int
        Number of stars.
    """

    design: Design
    covariance: npt.NDArray[np.float32]
    scale: npt.NDArray[np.float32]
    weights: PixelWeights
    precision: npt.NDArray[np.float32]
    n_star: int

    def of_cadences(self, which: npt.NDArray[np.bool_]) -> "CadenceEquations":
        """Return the systems of some of the cadences."""
        scale = self.scale if self.scale.shape[1] == 1 else self.scale[:, which]
        return replace(
            self, design=self.design.of_cadences(which), scale=scale, weights=self.weights.of_cadences(which)
        )

    def normal_product(self, x: npt.NDArray[np.float32], terms: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return the normal matrix of every cadence, priors in it, times a block (n_star + n_common, n_cadence)."""
        product = self.design.normal_product(x, terms, self.weights)
        product += self.precision * x
        return product

    def preconditioned(self, normal_residual: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return C times a block (n_star + n_common, n_cadence)."""
        product: npt.NDArray[np.float32] = self.covariance @ (self.scale * normal_residual)
        product *= self.scale
        return product


def equations_of(
    normals: Sequence[NormalEquations], valid: npt.NDArray[np.bool_], design: Design | None = None
) -> CadenceEquations:
    """Return the linear systems of cadences whose nodes share an inverse: of one node, or each of its own.

    Pixels (n_pixel, n_cadence) count where they are `valid`. `design` is that of all these cadences; that of the only
    node by default.
    """
    one = normals[0]
    return CadenceEquations(
        one.design if design is None else design,
        one.covariance,
        np.stack([normal.scale for normal in normals], axis=1).astype(np.float32),
        PixelWeights(np.stack([normal.weights for normal in normals], axis=1), valid),
        one.all_precision.astype(np.float32)[:, None],
        len(one.precision),
    )


def solve_cadences(
    normal: NormalEquations,
    terms: npt.NDArray[np.float64],
    residual: npt.NDArray[np.float32],
    valid: npt.NDArray[np.bool_],
    tolerance: float = TOLERANCE,
    accuracy: float = ACCURACY,
    start: npt.NDArray[np.float32] | None = None,
    n_term: int | None = None,
) -> Solution:
    """Solve some cadences of a node; parameters as of `solve_equations`."""
    return solve_equations(equations_of([normal], valid), terms, residual, tolerance, accuracy, start, n_term)


def solve_equations(
    equations: CadenceEquations,
    terms: npt.NDArray[np.float64],
    residual: npt.NDArray[np.float32],
    tolerance: float = TOLERANCE,
    accuracy: float = ACCURACY,
    start: npt.NDArray[np.float32] | None = None,
    n_term: int | None = None,
) -> Solution:
    """Solve the linear systems of some cadences.

    Parameters
    ----------
    equations : CadenceEquations
        The systems.
    terms : (n_cadence, n_term) float64
        Monomials of the movement from the node.
    residual : (n_pixel, n_cadence) float32
        Pixels less the mean scene, e-/s.
    tolerance : float
        Squared norm of the preconditioned residual of the normal equations, relative to the start, at which a cadence
        has converged.
    accuracy : float
        Error of a flux, in units of its standard error, at which it has, too; less in proportion where stars are few.
    start : (n_star + n_common, n_cadence) float32, optional
        Flux deviations and common terms to start from; zero by default.
    n_term : int, optional
        Terms of the movement that the solution takes into account; all by default. What `start` leaves of the pixels
        always has all of them: of the change from a start, the share that the other terms have is missed.
    """
    n_star = equations.n_star
    everywhere = np.ascontiguousarray(terms.T, dtype=np.float32)
    design, movement = equations.design, everywhere[:n_term]
    if start is None:
        x = np.zeros((len(equations.scale), residual.shape[1]), dtype=np.float32)
        normal_residual = design.pull(residual, movement, equations.weights)
    else:
        x = start.copy()
        normal_residual = design.pull(residual, everywhere, equations.weights, x)
    normal_residual -= equations.precision * x
    direction = equations.preconditioned(normal_residual)
    squared_norm = _dot(normal_residual, direction)
    accuracy *= min(1.0, len(x) / _MANY_UNKNOWNS)
    goal = np.maximum(tolerance * squared_norm, accuracy**2)
    state, active = _State(x, normal_residual, direction, squared_norm, goal), np.arange(len(goal))
    for _ in range(_MAX_ROUNDS):
        unfinished = ~_has_converged(state.squared_norm, state.goal)
        if not unfinished.any():
            break
        if 2 * unfinished.sum() < len(active):
            # Few are left: go on with them alone.
            x[:, active], squared_norm[active] = state.x, state.squared_norm
            active, state, movement = active[unfinished], state.of_cadences(unfinished), movement[:, unfinished]
            equations = equations.of_cadences(unfinished)
        state = _next_round(equations, movement, state)
    x[:, active], squared_norm[active] = state.x, state.squared_norm
    return Solution(x[:n_star], x[n_star:], design.forward(x, everywhere), _has_converged(squared_norm, goal))


def _has_converged(squared_norm: npt.NDArray[np.float64], goal: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Tell which cadences have converged: a squared norm below zero is rounding that has drowned what is sought."""
    converged: npt.NDArray[np.bool_] = np.abs(squared_norm) <= goal
    return converged


@dataclass(frozen=True, slots=True)
class _State:
    """Conjugate gradients so far; one column for each cadence.

    Parameters
    ----------
    x : (n_star + n_common, n_cadence) float32
        Unknowns.
    normal_residual : (n_star + n_common, n_cadence) float32
        Residual of the normal equations.
    direction : (n_star + n_common, n_cadence) float32
        Direction of the next step.
    squared_norm : (n_cadence,) float64
        Normal residual times preconditioned residual.
    goal : (n_cadence,) float64
        Squared norm at which a cadence has converged.
    """

    x: npt.NDArray[np.float32]
    normal_residual: npt.NDArray[np.float32]
    direction: npt.NDArray[np.float32]
    squared_norm: npt.NDArray[np.float64]
    goal: npt.NDArray[np.float64]

    def of_cadences(self, which: npt.NDArray[np.bool_]) -> "_State":
        """Return some of the cadences."""
        return _State(
            self.x[:, which],
            self.normal_residual[:, which],
            self.direction[:, which],
            self.squared_norm[which],
            self.goal[which],
        )


def _next_round(equations: CadenceEquations, terms: npt.NDArray[np.float32], state: _State) -> _State:
    """Take one step; cadences that have converged stay where they are. The arrays of the old state are overwritten.

    `alpha` is the length of the step, `beta` the share of its direction in the next one.
    """
    on = ~_has_converged(state.squared_norm, state.goal)
    product = equations.normal_product(state.direction, terms)
    curvature = _dot(state.direction, product)
    alpha = np.divide(state.squared_norm, curvature, out=np.zeros_like(curvature), where=on).astype(np.float32)
    x, normal_residual = state.x, state.normal_residual
    x += alpha * state.direction
    product *= alpha
    normal_residual -= product
    preconditioned = equations.preconditioned(normal_residual)
    squared_norm = np.where(on, _dot(normal_residual, preconditioned), state.squared_norm)
    beta = np.divide(squared_norm, state.squared_norm, out=np.zeros_like(squared_norm), where=on).astype(np.float32)
    preconditioned += beta * state.direction
    return _State(x, normal_residual, preconditioned, squared_norm, state.goal)


def _dot(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Return the scalar products of columns, (n_cadence,)."""
    product: npt.NDArray[np.float64] = np.einsum("ij,ij->j", a, b, dtype=np.float64)
    return product
