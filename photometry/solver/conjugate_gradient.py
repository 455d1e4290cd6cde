"""Fluxes of all stars in all cadences of a node: a weighted linear least-squares problem per cadence, solved together.

Unknowns of a cadence t are the departures d of the stars' fluxes from their means and the coefficients b of common
terms (local background, change of motion):

    minimise  sum_p w_p m_tp (r_tp - (A_t d)_p - (L b)_p)^2 + sum_i q_i d_i^2 + sum_k q_k b_k^2

with the residuals r from the mean scene, weights w, mask m, and prior precisions q. Conjugate gradients, preconditioned
by the inverse C of the normal matrix of the node (`photometry.solver.normal_equations`), run on all cadences together
with a step length of their own.

The gradient g that is left of a cadence tells the accuracy: g^T C g is the squared error of all unknowns together, in
units of their covariance, so that no flux is off by more than its square root standard errors (C being the node's; with
masked pixels a little more).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from photometry.solver.cadence_designs import Design
from photometry.solver.normal_equations import NodeSystem

__all__ = ["ACCURACY", "TOLERANCE", "Equations", "Solution", "equations_of", "solve_cadences", "solve_equations"]

#: Squared norm of the preconditioned gradient, relative to the start, at which a cadence has converged: what single
#: precision reaches.
TOLERANCE = 1e-10
#: The same in absolute terms: no flux is off by more than this fraction of its standard error.
ACCURACY = 0.03
_MAX_ROUNDS = 400


@dataclass(frozen=True, slots=True)
class Equations:
    """Linear systems of some cadences.

    Parameters
    ----------
    design : Design
        Design matrices.
    covariance : (n_star + n_common, n_star + n_common) float32
        Preconditioner, in units of `scale`.
    scale : (n_star + n_common, 1 or n_cadence) float32
        Units of the unknowns.
    weights : (n_pixel, 1 or n_cadence) float32
        Weights, (e-/s)^-2.
    precision : (n_star + n_common, 1) float32
        Prior precision of the departures, (e-/s)^-2, and of the common terms.
    n_star : int
        Number of the stars.
    """

    design: Design
    covariance: npt.NDArray[np.float32]
    scale: npt.NDArray[np.float32]
    weights: npt.NDArray[np.float32]
    precision: npt.NDArray[np.float32]
    n_star: int

    def of_cadences(self, which: npt.NDArray[np.bool_]) -> "Equations":
        """Return the systems of some of the cadences."""
        scale, weights = (values if values.shape[1] == 1 else values[:, which] for values in (self.scale, self.weights))
        return replace(self, design=self.design.of_cadences(which), scale=scale, weights=weights)


@dataclass(frozen=True, slots=True)
class Solution:
    """Departures from the mean scene in some cadences.

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

    @property
    def unknowns(self) -> npt.NDArray[np.float32]:
        """Departures and common terms, (n_star + n_common, n_cadence)."""
        return np.concatenate([self.departure, self.common])


def equations_of(systems: Sequence[NodeSystem], design: Design | None = None) -> Equations:
    """Return the linear systems of cadences whose nodes share an inverse: of one node, or each of its own.

    `design` is that of all these cadences; that of the only node by default.
    """
    one = systems[0]
    return Equations(
        one.design if design is None else design,
        one.covariance,
        np.stack([system.scale for system in systems], axis=1).astype(np.float32),
        np.stack([system.weights for system in systems], axis=1),
        one.all_precision.astype(np.float32)[:, None],
        len(one.precision),
    )


def solve_cadences(
    system: NodeSystem,
    terms: npt.NDArray[np.float64],
    residual: npt.NDArray[np.float32],
    valid: npt.NDArray[np.bool_],
    tolerance: float = TOLERANCE,
    accuracy: float = ACCURACY,
    start: npt.NDArray[np.float32] | None = None,
    n_term: int | None = None,
) -> Solution:
    """Solve some cadences of a node; parameters as of `solve_equations`."""
    return solve_equations(equations_of([system]), terms, residual, valid, tolerance, accuracy, start, n_term)


def solve_equations(
    equations: Equations,
    terms: npt.NDArray[np.float64],
    residual: npt.NDArray[np.float32],
    valid: npt.NDArray[np.bool_],
    tolerance: float = TOLERANCE,
    accuracy: float = ACCURACY,
    start: npt.NDArray[np.float32] | None = None,
    n_term: int | None = None,
) -> Solution:
    """Solve the linear systems of some cadences.

    Parameters
    ----------
    equations : Equations
        The systems.
    terms : (n_cadence, n_term) float64
        Monomials of the movement from the node.
    residual : (n_pixel, n_cadence) float32
        Pixels less the mean scene, e-/s.
    valid : (n_pixel, n_cadence) bool
        Pixels that count.
    tolerance : float
        Squared norm of the preconditioned gradient, relative to the start, at which a cadence has converged.
    accuracy : float
        Error of a flux in units of its standard error at which it has, too.
    start : (n_star + n_common, n_cadence) float32, optional
        Departures and common terms to start from; nothing by default.
    n_term : int, optional
        Terms of the movement that the rounds take into account; all by default. What `start` leaves of the pixels
        always has all of them: of the change from a start, the share that the other terms have is missed.
    """
    n_star = equations.n_star
    equations = replace(equations, weights=equations.weights * valid)
    movement = np.ascontiguousarray(terms.T, dtype=np.float32)
    design, everywhere = equations.design, movement
    x = np.zeros((len(equations.scale), residual.shape[1]), dtype=np.float32) if start is None else start.copy()
    target = residual.copy() if start is None else residual - design.forward(x, movement)
    target *= equations.weights
    rest = design.backward(target, movement)
    rest -= equations.precision * x
    step = _preconditioned(equations, rest)
    gain = _dot(rest, step)
    goal = np.maximum(tolerance * gain, accuracy**2)
    state, active = _State(x, rest, step, gain, goal), np.arange(len(gain))
    for _ in range(_MAX_ROUNDS):
        unfinished = state.gain > state.goal
        if not unfinished.any():
            break
        if 2 * unfinished.sum() < len(active):
            # Few are left: go on with them alone.
            x[:, active], gain[active] = state.x, state.gain
            active, state, movement = active[unfinished], state.of_cadences(unfinished), movement[:, unfinished]
            equations = equations.of_cadences(unfinished)
        state = _next_round(equations, movement[:n_term], state)
    x[:, active], gain[active] = state.x, state.gain
    return Solution(x[:n_star], x[n_star:], design.forward(x, everywhere), gain <= goal)


@dataclass(frozen=True, slots=True)
class _State:
    """Conjugate gradients so far; one column for each cadence.

    Unknowns, negative gradient, direction of the next step, squared norm of the preconditioned gradient, and the norm
    to be reached.
    """

    x: npt.NDArray[np.float32]
    rest: npt.NDArray[np.float32]
    step: npt.NDArray[np.float32]
    gain: npt.NDArray[np.float64]
    goal: npt.NDArray[np.float64]

    def of_cadences(self, which: npt.NDArray[np.bool_]) -> "_State":
        """Return some of the cadences."""
        return _State(
            self.x[:, which],
            self.rest[:, which],
            self.step[:, which],
            self.gain[which],
            self.goal[which],
        )


def _next_round(equations: Equations, terms: npt.NDArray[np.float32], state: _State) -> _State:
    """Go one step on; cadences that have converged stay where they are. The arrays of the old state are used up."""
    on = state.gain > state.goal
    pushed = _pushed(equations, terms, state.step)
    length = np.divide(state.gain, _dot(state.step, pushed), out=np.zeros_like(state.gain), where=on)
    length = length.astype(np.float32)
    x, rest = state.x, state.rest
    x += length * state.step
    pushed *= length
    rest -= pushed
    preconditioned = _preconditioned(equations, rest)
    gain = np.where(on, _dot(rest, preconditioned), state.gain)
    factor = np.divide(gain, state.gain, out=np.zeros_like(gain), where=on).astype(np.float32)
    preconditioned += factor * state.step
    return _State(x, rest, preconditioned, gain, state.goal)


def _pushed(
    equations: Equations, terms: npt.NDArray[np.float32], x: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Return the normal matrix of every cadence, priors in it, times a block (n_star + n_common, n_cadence)."""
    product = equations.design.pushed(x, terms, equations.weights)
    product += equations.precision * x
    return product


def _preconditioned(equations: Equations, rest: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """C times a block (n_star + n_common, n_cadence)."""
    product: npt.NDArray[np.float32] = equations.covariance @ (equations.scale * rest)
    product *= equations.scale
    return product


def _dot(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Products of columns, (n_cadence,)."""
    product: npt.NDArray[np.float64] = np.einsum("ij,ij->j", a, b, dtype=np.float64)
    return product
