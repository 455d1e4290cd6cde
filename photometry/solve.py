"""Fluxes of all stars in all cadences of a node: a weighted linear least-squares problem per cadence, solved together.

Unknowns of a cadence t are the departures d of the stars' fluxes from their means and the coefficients b of common
terms (local background, change of motion):

    minimise  sum_p w_p m_tp (r_tp - (A_t d)_p - (L b)_p)^2 + sum_i q_i d_i^2

with the residuals r from the mean scene, weights w, mask m, and prior precisions q. Conjugate gradients, preconditioned
by the inverse C of the normal matrix of the node (`photometry.normal`), run on all cadences together with a step length
of their own.

The gradient g that is left of a cadence tells the accuracy: g^T C g is the squared error of all unknowns together, in
units of their covariance, so that no flux is off by more than its square root standard errors (C being the node's; with
masked pixels a little more).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from photometry.normal import NodeSystem

__all__ = ["ACCURACY", "TOLERANCE", "Solution", "solve_cadences"]

#: Squared norm of the preconditioned gradient, relative to the start, at which a cadence has converged: what single
#: precision reaches.
TOLERANCE = 1e-10
#: The same in absolute terms: no flux is off by more than this fraction of its standard error.
ACCURACY = 0.01
_MAX_ROUNDS = 100


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


def solve_cadences(
    system: NodeSystem,
    terms: npt.NDArray[np.float64],
    residual: npt.NDArray[np.floating],
    valid: npt.NDArray[np.bool_],
    tolerance: float = TOLERANCE,
    accuracy: float = ACCURACY,
    start: npt.NDArray[np.float32] | None = None,
) -> Solution:
    """Solve some cadences of a node.

    Parameters
    ----------
    system : NodeSystem
        The node.
    terms : (n_cadence, N_TERM) float64
        Monomials of the movement from the node.
    residual : (n_cadence, n_pixel) float
        Pixels less the mean scene, e-/s.
    valid : (n_cadence, n_pixel) bool
        Pixels that count.
    tolerance : float
        Squared norm of the preconditioned gradient, relative to the start, at which a cadence has converged.
    accuracy : float
        Error of a flux in units of its standard error at which it has, too.
    start : (n_star + n_common, n_cadence) float32, optional
        Departures and common terms to start from; nothing by default.
    """
    n_star = len(system.precision)
    weights = system.weights[:, None] * valid.T
    by_cadence = np.ascontiguousarray(terms.T, dtype=np.float32)
    design, precision = system.design, system.precision.astype(np.float32)[:, None]
    x = np.zeros((n_star + system.common.shape[1], len(residual)), dtype=np.float32) if start is None else start.copy()
    rest, fitted = residual.T.astype(np.float32), np.zeros_like(weights)
    if start is not None:
        fitted = design.forward(x, by_cadence)
        rest -= fitted
    rest *= weights
    rest = design.backward(rest, by_cadence)
    rest[:n_star] -= precision * x[:n_star]
    step = preconditioned = _preconditioned(system, rest)
    gain = _dot(rest, preconditioned)
    goal = np.maximum(tolerance * gain, accuracy**2)
    for _ in range(_MAX_ROUNDS):
        if np.all(gain <= goal):
            break
        image = design.forward(step, by_cadence)
        pushed = design.backward(weights * image, by_cadence)
        pushed[:n_star] += precision * step[:n_star]
        length = np.divide(gain, _dot(step, pushed), out=np.zeros_like(gain), where=gain > goal).astype(np.float32)
        x += length * step
        image *= length
        fitted += image
        pushed *= length
        rest -= pushed
        preconditioned = _preconditioned(system, rest)
        new_gain = _dot(rest, preconditioned)
        factor = np.divide(new_gain, gain, out=np.zeros_like(gain), where=gain > goal).astype(np.float32)
        step *= factor
        step += preconditioned
        gain = np.where(gain > goal, new_gain, gain)
    return Solution(x[:n_star], x[n_star:], fitted, gain <= goal)


def _preconditioned(system: NodeSystem, rest: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """C times a block (n_star + n_common, n_cadence)."""
    scale = system.scale.astype(np.float32)[:, None]
    product: npt.NDArray[np.float32] = system.covariance @ (scale * rest)
    product *= scale
    return product


def _dot(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Products of columns, (n_cadence,)."""
    product: npt.NDArray[np.float64] = np.einsum("ij,ij->j", a, b, dtype=np.float64)
    return product
