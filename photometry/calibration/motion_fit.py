"""Motion of every cadence of a tile from its pixels.

A cadence's residuals from the mean scene are fitted with the change of the scene by motion, the local background and
flux deviations of all free stars from their means, which a prior keeps small: constant stars then help, and variable
stars do no harm.

The derivatives of the scene are those at a node's centre, which is up to a few hundredths of a pixel from a cadence, so
that a step is off by a few per cent of its length. A second solution starts from where the first ended, with residuals
computed at the improved motion; it also leaves out the outliers that the first one found.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from photometry.calibration.kernel import LINEAR, N_AFFINE, N_MOTION, SHIFTS
from photometry.core.statistics import median_and_sigma
from photometry.scene.design_matrices import N_LINEAR_TERM, N_TERM
from photometry.scene.node_model import NodeModel, node_variance
from photometry.scene.tile_data import TileData
from photometry.scene.tile_model import MOTION_IMAGES, TileModel, residuals
from photometry.scene.tile_state import TileMotion, TileState
from photometry.solver.chosen_solver import SOLVER
from photometry.solver.node_solver import NodeSolver

__all__ = ["MotionStep", "beyond", "motion_step", "outliers", "usual_range"]

#: Prior of a star's flux deviation while the motion is measured, as a fraction of its flux.
_FREE_WIDTH = 0.1
#: Accuracy of a step towards the motion: relative to its start, and in standard errors.
_TOLERANCE = 1e-6
_ACCURACY = 0.05
#: Largest change of the motion after which residuals can still be computed about the same node, pixels.
_SMALL_CHANGE = 0.03
#: Fewest cadences that show the usual residuals of a pixel, and enough of them.
_LEAST_FOR_USUAL = 5
_MOST_FOR_USUAL = 128
#: Cadences of a node that are solved at once: bounds the memory, by 0.25 GB for 64x64 pixels.
_CADENCES_AT_ONCE = 1024
#: Priors of a step, standard deviations: they decide where the pixels do not constrain it. Change of the motion,
#: pixels; of the PRF's second moments, pixels^2; of a term of the local background, e-/s, far larger than what any
#: background model leaves.
_MOTION_WIDTH = 1.0
_MOMENT_WIDTH = 0.1
_LOCAL_WIDTH = 1e4
#: Weakest prior of a term, as a share of what the pixels tell of it alone. With weaker ones, terms that pixels cannot
#: tell apart (background and its slope in a single row) are beyond the single precision of the solver.
_LEAST_PRIOR = 1e-6


@dataclass(frozen=True, slots=True)
class MotionStep:
    """Change of motion and local background of a tile, as its pixels show it.

    Parameters
    ----------
    gradient : (n_cadence, N_MOTION) float64
        Information times the change of the parameters of the motion (`photometry.calibration.kernel`) about the tile's
        centre, in terms of the tile's scale, pixels^-1.
    information : (n_cadence, N_MOTION, N_MOTION) float64
        Inverse covariance of the change by the pixels alone, pixels^-2; zero for cadences without pixels.
    local : (n_cadence, n_local) float64
        Change of the local background, e-/s.
    deviation : (n_star, n_cadence) float32
        Flux less mean flux, with the prior in it, e-/s.
    outliers : (n_cadence, n_pixel) bool
        Pixels that disagree with the fit, including those that were left out of it.
    """

    gradient: npt.NDArray[np.float64]
    information: npt.NDArray[np.float64]
    local: npt.NDArray[np.float64]
    deviation: npt.NDArray[np.float32]
    outliers: npt.NDArray[np.bool_]


def outliers(
    residual: npt.NDArray[np.float32], variance: npt.NDArray[np.float64], sigma: float
) -> npt.NDArray[np.bool_]:
    """Find residuals that are off by more than `sigma` standard deviations from what is usual for their pixels.

    Parameters are those of `usual_range`; the result is (n_pixel, n_cadence).
    """
    return beyond(residual, *usual_range(residual, variance, sigma))


def beyond(
    residual: npt.NDArray[np.float32], middle: npt.NDArray[np.float32], reach: npt.NDArray[np.float32]
) -> npt.NDArray[np.bool_]:
    """Tell which residuals (n_pixel, n_cadence) are outside a range as of `usual_range`."""
    distance = residual - middle
    np.abs(distance, out=distance)
    return np.asarray(distance > reach)


def usual_range(
    residual: npt.NDArray[np.float32], variance: npt.NDArray[np.float64], sigma: float
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return the usual range of residuals: middle and half the width, (n_pixel, 1), e-/s.

    Parameters
    ----------
    residual : (n_pixel, n_cadence) float32
        Pixels less the fit, e-/s; 0 where not valid.
    variance : (n_pixel,) float64
        Variance by photons and readout, (e-/s)^2.
    sigma : float
        Half the width in standard deviations.
    """
    noise = np.sqrt(variance).astype(np.float32)[:, None]
    n_cadence = residual.shape[1]
    if n_cadence < _LEAST_FOR_USUAL:
        return np.zeros_like(noise), 2 * sigma * noise
    some = np.ascontiguousarray(residual[:, :: -(-n_cadence // _MOST_FOR_USUAL)])
    middle, spread = median_and_sigma(some, axis=1)
    return middle, sigma * np.maximum(noise, spread)


def motion_step(
    data: TileData, model: TileModel, state: TileState, rejected: npt.NDArray[np.bool_], sigma: float
) -> MotionStep:
    """Measure how much the motion of every cadence has to change.

    Parameters
    ----------
    data : TileData
        The pixels.
    model : TileModel
        Stars about the nodes of the motion so far.
    state : TileState
        Mean fluxes, motion and model error so far.
    rejected : (n_cadence, n_pixel) bool
        Pixels that are left out.
    sigma : float
        Limit of outliers in standard deviations.
    """
    flux, n_cadence = state.flux, data.n_cadence
    gradient = np.zeros((n_cadence, N_MOTION))
    information = np.zeros((n_cadence, N_MOTION, N_MOTION))
    n_local = model.local_basis.shape[1]
    local = np.zeros((n_cadence, n_local))
    deviation = np.zeros((len(flux), n_cadence), dtype=np.float32)
    off = np.zeros(data.valid.shape, dtype=bool)
    of_motion = slice(-N_MOTION, None)
    factored: list[NodeSolver] = []
    for node in model.nodes:
        cadences = node.cadences
        images = model.mean_images(node, flux)
        variance = node_variance(data, node, images)
        like = next((system for system in factored if system.is_like(node)), None)
        if like is None and len(cadences) == 1 and factored:
            # One inverse for each excursion would fill the memory; any inverse will do for a single cadence.
            like = factored[0]
        system = _system_of(data, model, node, flux, variance, like)
        if like is None:
            factored.append(system)
        of_pixels = system.information_of_last(N_MOTION)
        with_prior = system.information_of_last(N_MOTION, with_prior=True)
        for some in np.array_split(cadences, -(-len(cadences) // _CADENCES_AT_ONCE)):
            unknowns, off[some] = _solved(data, model, state, node, system, some, images, rejected, sigma)
            deviation[:, some] = unknowns[: len(flux)]
            local[some] = unknowns[len(flux) : len(flux) + n_local].T
            # The step is shrunk by its prior: with the prior in the information, this is the gradient by the pixels.
            gradient[some] = unknowns[of_motion].T @ with_prior
        seen = (data.valid[cadences] & ~rejected[cadences]).any(axis=1)
        information[cadences[seen]] = of_pixels
        gradient[cadences[~seen]] = 0.0
    return MotionStep(gradient, information, local, deviation, off)


def _system_of(
    data: TileData,
    model: TileModel,
    node: NodeModel,
    flux: npt.NDArray[np.float64],
    variance: npt.NDArray[np.float64],
    like: NodeSolver | None,
) -> NodeSolver:
    """Set up the linear system of a node: stars, local background and motion."""
    least = 0.1 * float(np.median(flux)) if len(flux) else 1.0
    common, widths = _common_terms(model, node, flux)
    weights = np.where(data.usable, 1 / variance, 0.0)
    return SOLVER.factored(
        node,
        common,
        weights,
        1 / (_FREE_WIDTH * np.maximum(flux, least)) ** 2,
        common_precision=np.maximum(1 / widths**2, _LEAST_PRIOR * (weights @ common**2)),
        like=like,
        with_errors=False,
    )


def _common_terms(
    model: TileModel, node: NodeModel, flux: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return what all stars share, (n_pixel, n_common), the motion last, and the widths of the priors, (n_common,).

    Local background, motion of the stars that saturate, motion of all others. What stars that saturate do in the pixels
    beside their trails is no measure of the motion, and many times the noise: with an unknown of its own it says
    nothing of that of the others.
    """
    of_all = [_MOTION_WIDTH] * N_AFFINE + [_MOMENT_WIDTH] * (N_MOTION - N_AFFINE)
    terms, widths = [model.local_basis], [_LOCAL_WIDTH] * model.local_basis.shape[1]
    if not model.unsaturated.all():
        which = [*SHIFTS, *range(N_AFFINE, N_MOTION)]
        images = model.free_images(node, np.where(model.unsaturated, 0.0, flux))[MOTION_IMAGES]
        terms.append(images[which].T)
        widths += [of_all[k] for k in which]
    terms.append(model.mean_images(node, np.where(model.unsaturated, flux, 0.0))[MOTION_IMAGES].T)
    return np.concatenate(terms, axis=1), np.array(widths + of_all)


def _solved(
    data: TileData,
    model: TileModel,
    state: TileState,
    node: NodeModel,
    system: NodeSolver,
    cadences: npt.NDArray[np.int64],
    images: npt.NDArray[np.float64],
    rejected: npt.NDArray[np.bool_],
    sigma: float,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Unknowns of a node's `cadences`, (n_star + n_common, n_cadence), and outliers, (n_cadence, n_pixel)."""
    first_common, variance = len(state.flux), node_variance(data, node, images)
    usable = np.ascontiguousarray(data.valid[cadences].T)

    def solve(
        motion: TileMotion, valid: npt.NDArray[np.bool_], start: npt.NDArray[np.float32] | None
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Unknowns, and what they leave of the pixels."""
        residual = residuals(data, model, node, images, motion, cadences, state.mean_residual)
        terms = node.coefficients(motion, cadences)[:, :N_TERM]
        found = system.solve(
            terms, residual, valid, tolerance=_TOLERANCE, accuracy=_ACCURACY, start=start, n_term=N_LINEAR_TERM
        )
        return found.unknowns, residual - found.fitted * usable

    valid = usable & ~rejected[cadences].T
    first, left = solve(state.motion, valid, None)
    # A small change is added to the motion, and only the remainder is solved for. After a large one the scene itself
    # disagrees with the pixels, and the second solution starts again from the same motion.
    first_motion = len(first) - N_MOTION
    known = np.r_[first_common : first_common + model.local_basis.shape[1], first_motion : len(first)]
    small = np.abs(first[first_motion : first_motion + N_AFFINE]).max(axis=0) < _SMALL_CHANGE
    off = outliers(left, variance, sigma) & small
    done = np.where(small, first[known], 0)
    first[known] -= done
    motion = _moved(state.motion, cadences, done.T.astype(np.float64))
    second, _ = solve(motion, valid & ~off, first)
    second[known] += done
    return second, off.T


def _moved(motion: TileMotion, cadences: npt.NDArray[np.int64], change: npt.NDArray[np.float64]) -> TileMotion:
    """Add local background and motion, (n_cadence, n_local + N_MOTION), to those of some cadences."""
    row, column, linear, widths, local = (
        values.copy() for values in (motion.row_shift, motion.column_shift, motion.linear, motion.widths, motion.local)
    )
    n_local = local.shape[1]
    local[cadences] += change[:, :n_local]
    change = change[:, n_local:]
    row[cadences] += change[:, 0]
    column[cadences] += change[:, 3]
    linear[cadences] += change[:, LINEAR]
    widths[cadences] += change[:, N_AFFINE:]
    return TileMotion(row, column, linear, widths, local)
