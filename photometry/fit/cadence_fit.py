"""Flux deviations of a tile's stars in every cadence: a first fit that finds outliers, and the final one.

Nodes of similar position and background share one factorisation, which is made in the first fit.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
from scipy import sparse

from photometry.calibration.kernel import N_AFFINE, N_MOTION, SHIFTS, MovementKernel
from photometry.calibration.motion_fit import beyond, usual_range
from photometry.core.settings import FitSettings
from photometry.core.stages import counted
from photometry.fit.flux_priors import variation_widths
from photometry.scene.design_matrices import N_LINEAR_TERM, N_TERM
from photometry.scene.mean_scene import PixelMean
from photometry.scene.node_model import NodeModel, main_node, node_variance
from photometry.scene.tile_data import TileData
from photometry.scene.tile_model import MOTION_IMAGES, TileModel, residuals
from photometry.scene.tile_state import TileState
from photometry.scene.widening import N_WIDTH
from photometry.solver.chosen_solver import SOLVER
from photometry.solver.node_solver import NodeSolver, Solution

__all__ = [
    "CHANGE_ACCURACY",
    "FIRST_ACCURACY",
    "CadenceFit",
    "FirstFit",
    "TileScene",
    "common_terms",
    "final_fit",
    "first_fit",
    "found_shifts",
    "left_of",
    "moment_images",
    "residual_of",
    "telling_noise",
    "valid_of",
]

#: Accuracy of the first fit of a cadence, which only looks for outliers, in standard errors of a flux.
FIRST_ACCURACY = 0.1
#: Error of the light of saturated stars in a pixel while outliers are looked for, as a fraction.
_SATURATED_DOUBT = 0.05
#: Share of a star's light in outliers of a cadence that makes its flux no measure of its variation.
_HIT_SHARE = 0.01
#: Share of a star's own prior in its flux beyond which the pixels tell nothing of its variation.
_MOST_PRIOR = 0.99
#: Accuracy of the change of the means, in standard errors of a single cadence.
CHANGE_ACCURACY = 0.003


@dataclass(frozen=True, slots=True)
class TileScene:
    """What the fit of every block of cadences needs.

    Parameters
    ----------
    data : TileData
        The pixels.
    model : TileModel
        Stars about the nodes.
    state : TileState
        Mean fluxes, motion, mean residual.
    precision : (n_star,) float64
        Precision of the priors of the flux deviations, (e-/s)^-2.
    still : (n_star,) float64
        Share of their variance by which the stars are not seen to vary.
    prf_variance : (n_pixel,) float64
        Variance of a pixel by changes of the PRF from cadence to cadence, (e-/s)^2.
    sum_variance : (n_star,) float64
        What that would add to the sum of a star's light, and does not, (e-/s)^2.
    core : (n_core,) int64
        Stars that are returned.
    kernel : MovementKernel
        Motion about the tile's centre.
    settings : FitSettings
        Limits.
    moment_width : (N_WIDTH,) float64
        By how much the PRF's second moments change where the kernel does not have them, pixels^2; zero where it does.
    edge_variance : (n_pixel,) float64 or 0
        Variance of a pixel by stars whose PRFs end there (`photometry.scene.prf_edge`), (e-/s)^2.
    slope_width : (2,) float64 or None
        By how much slopes of the local background depart from those of the state, e-/s; None where they are free
        (`photometry.fit.background_slopes`).
    motion_width : (N_MOTION,) float64
        By how much the motion departs from the kernel's, pixels and pixels^2; zero where it was measured
        (`photometry.fit.unmeasured_motion`).
    """

    data: TileData
    model: TileModel
    state: TileState
    precision: npt.NDArray[np.float64]
    still: npt.NDArray[np.float64]
    prf_variance: npt.NDArray[np.float64]
    sum_variance: npt.NDArray[np.float64]
    core: npt.NDArray[np.int64]
    kernel: MovementKernel
    settings: FitSettings
    moment_width: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(N_WIDTH))
    edge_variance: npt.NDArray[np.float64] | float = 0.0
    slope_width: npt.NDArray[np.float64] | None = None
    motion_width: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(N_MOTION))


@dataclass(frozen=True, slots=True)
class FirstFit:
    """First fit.

    Parameters
    ----------
    rejected : (n_cadence, n_pixel) bool
        Pixels that disagree with it.
    unknowns : (n_star + n_common, n_cadence) float32
        Flux deviations and common terms.
    state : TileState
        State with the mean fluxes that they deviate from.
    free : (n_star, n_cadence) float32
        Flux deviations, own priors taken out, e-/s.
    variation : (n_star,) float64
        By how much the stars vary beyond their noise, e-/s (`photometry.fit.flux_priors`).
    scatter : (n_pixel,) float64
        Mean square of the residuals of the good cadences, outliers left out, (e-/s)^2, as if all had the noise of the
        main node; NaN where there are none.
    main_node : NodeModel
        The node with most good cadences.
    main : NodeSolver
        Linear system of the main node, with the priors of this fit.
    static : NodeSolver
        The same for an image that all cadences share: without motion among the unknowns.
    means : tuple of PixelMean
        Mean residuals of the good cadences, flux deviations about their mean subtracted.
    """

    rejected: npt.NDArray[np.bool_]
    unknowns: npt.NDArray[np.float32]
    state: TileState
    free: npt.NDArray[np.float32]
    variation: npt.NDArray[np.float64]
    scatter: npt.NDArray[np.float64]
    main_node: NodeModel
    main: NodeSolver
    static: NodeSolver
    means: tuple[PixelMean, ...]


@dataclass(frozen=True, slots=True)
class CadenceFit:
    """Final fit of some cadences.

    Parameters
    ----------
    system : NodeSolver
        Linear system of their node.
    cadences : (n_cadence,) int64
        Which cadences.
    solution : Solution
        Flux deviations and common terms.
    residual : (n_pixel, n_cadence) float32
        Pixels less the fit, e-/s; 0 where they do not count.
    valid, rejected : (n_pixel, n_cadence) bool
        Pixels that count; outliers.
    response : (n_star, n_parameter) float64
        Change of the fluxes with the motion, e-/s per pixel.
    variance : (n_pixel,) float64
        Variance of the node's pixels in a cadence, (e-/s)^2.
    """

    system: NodeSolver
    cadences: npt.NDArray[np.int64]
    solution: Solution
    residual: npt.NDArray[np.float32]
    valid: npt.NDArray[np.bool_]
    rejected: npt.NDArray[np.bool_]
    response: npt.NDArray[np.float64]
    variance: npt.NDArray[np.float64]


def _system_of(
    scene: TileScene,
    node: NodeModel,
    variance: npt.NDArray[np.float64],
    factored: list[NodeSolver],
    *,
    with_errors: bool = True,
) -> NodeSolver:
    """Set up the linear system of a node, like that of a similar node among `factored`, or as one more of these."""
    weights = np.where(scene.data.usable, 1 / variance, 0.0)
    like = next((system for system in factored if system.is_like(node)), None)
    common, common_precision = common_terms(scene, node)
    system = SOLVER.factored(
        node,
        common,
        weights,
        scene.precision,
        common_precision=common_precision,
        like=like,
        with_errors=with_errors,
        still=scene.still,
    )
    if like is None:
        factored.append(system)
    return system


def _static_system(
    scene: TileScene, node: NodeModel, variance: npt.NDArray[np.float64], system: NodeSolver
) -> NodeSolver:
    """Return the `system` of a node for images that all cadences share: without motion among the unknowns."""
    if not scene.motion_width.any():
        return system
    return _system_of(replace(scene, motion_width=np.zeros(N_MOTION)), node, variance, [])


def common_terms(scene: TileScene, node: NodeModel) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return what all stars share in a cadence, (n_pixel, n_common), and the precision of the priors, (n_common,).

    Local background, motion that was not measured, and second moments that change.
    """
    model, moving, changing = scene.model, scene.motion_width > 0, scene.moment_width > 0
    terms, precision = [model.local_basis], [np.zeros(model.local_basis.shape[1])]
    if scene.slope_width is not None:
        precision[0][1:] = 1 / scene.slope_width**2
    if moving.any():
        images = model.mean_images(node, scene.state.flux)[MOTION_IMAGES]
        images[SHIFTS] += model.saturated.wing_motion
        terms.append(images[moving].T)
        precision.append(1 / scene.motion_width[moving] ** 2)
    if changing.any():
        flux = np.where(model.unsaturated, scene.state.flux, 0.0)
        terms.append(moment_images(model, node, flux)[changing].T)
        precision.append(1 / scene.moment_width[changing] ** 2)
    return np.concatenate(terms, axis=1), np.concatenate(precision)


def found_shifts(scene: TileScene, solution: Solution) -> npt.NDArray[np.float64]:
    """Return the shifts along rows and columns that are among the common terms of a solution, (2, n_cadence), pixels.

    Zero where the motion was measured before.
    """
    found = np.zeros((N_MOTION, solution.common.shape[1]))
    moving, first = np.flatnonzero(scene.motion_width), scene.model.local_basis.shape[1]
    found[moving] = solution.common[first : first + len(moving)]
    return found[SHIFTS]


def moment_images(model: TileModel, node: NodeModel, flux: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the change of a node's pixels with the second moments of stars (n_star,), (N_WIDTH, n_pixel), e-/s."""
    return model.free_images(node, flux)[MOTION_IMAGES[N_AFFINE:]]


def _members(scene: TileScene, node: NodeModel) -> list[npt.NDArray[np.int64]]:
    """Cadences of a node in blocks of about equal size, each of them from all of its time."""
    cadences = node.cadences
    n_block = -(-len(cadences) // scene.settings.cadences_at_once)
    return [cadences[k::n_block] for k in range(n_block)]


def first_fit(scene: TileScene, good: npt.NDArray[np.bool_]) -> FirstFit:
    """Fit every cadence for a start and look for outliers; the `good` cadences (n_cadence,) count for the means."""
    data, model = scene.data, scene.model
    rejected = np.zeros(data.valid.shape, dtype=bool)
    n_common = model.local_basis.shape[1] + np.count_nonzero(scene.motion_width)
    unknowns = np.zeros((len(model.stars) + n_common, data.n_cadence), dtype=np.float32)
    factored: list[NodeSolver] = []
    left_over: list[PixelMean] = []
    every = np.arange(len(model.stars))
    free, noise = (np.zeros((len(every), data.n_cadence), dtype=np.float32) for _ in range(2))
    square, n_good = np.zeros(data.stamp.n_pixel), np.zeros(data.stamp.n_pixel)
    most = main_node(model.nodes, good)
    usual_noise = node_variance(data, most, model.mean_images(most, scene.state.flux))
    for node in counted(model.nodes, "first fit", "nodes"):
        images = model.mean_images(node, scene.state.flux)
        noise_of_node = node_variance(data, node, images)
        variance = noise_of_node + scene.edge_variance
        system = _system_of(scene, node, variance, factored, with_errors=node is most)
        if node is most:
            main, static = system, _static_system(scene, node, variance, system)
        variance = variance + _doubt_of_saturated(model, node, scene.state.flux)
        total, count = np.zeros(len(variance)), np.zeros(len(variance))
        usual = None
        for cadences in _members(scene, node):
            residual, valid = residual_of(scene, node, images, cadences), valid_of(data, cadences)
            terms = node.coefficients(scene.state.motion, cadences)[:, :N_TERM]
            solution = system.solve(terms, residual, valid, accuracy=FIRST_ACCURACY, n_term=N_LINEAR_TERM)
            unknowns[:, cadences] = solution.unknowns
            left = left_of(residual, solution, valid)
            # The first block shows the usual residuals of a pixel.
            usual = usual_range(left, variance, scene.settings.outlier_sigma) if usual is None else usual
            off = beyond(left, *usual)
            off &= valid
            rejected[cadences] = off.T
            left[off] = 0
            square += usual_noise / noise_of_node * (left**2 @ good[cadences].astype(np.float32))
            free[:, cadences] = system.without_own_prior(solution.deviation, every)
            noise[:, cadences] = np.where(_is_hit(node, off), np.inf, system.noise[:, None])
            total += left @ good[cadences].astype(np.float32)
            count += np.count_nonzero((valid ^ off) & good[cadences], axis=1)
        n_good += count
        if count.any():
            terms = node.coefficients(scene.state.motion, node.cadences[good[node.cadences]])
            left_over.append(PixelMean(node, terms.mean(axis=0), total / np.maximum(count, 1.0), count))
    noise[np.isinf(telling_noise(main))] = np.inf
    deviation = unknowns[: len(model.stars), good].mean(axis=1, dtype=np.float64)
    means = tuple(_with_deviation(mean, scene.state.mean_residual, deviation) for mean in left_over)
    scatter = np.divide(square, n_good, out=np.full_like(square, np.nan), where=n_good > 0)
    variation = variation_widths(free, noise, good)
    return FirstFit(rejected, unknowns, scene.state, free, variation, scatter, most, main, static, means)


def telling_noise(system: NodeSolver) -> npt.NDArray[np.float64]:
    """Return the standard errors of fluxes without own priors, (n_star,), e-/s; infinite where pixels tell nothing.

    A flux that its prior decides is as good as the solution is accurate, which taking out the prior makes a hundred
    times worse.
    """
    share = system.prior_share(np.arange(len(system.noise)))
    return np.where(share > _MOST_PRIOR, np.inf, system.noise)


def _is_hit(node: NodeModel, off: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Tell which stars have light in outliers (n_pixel, n_cadence): (n_star, n_cadence)."""
    if not off.any():
        return np.zeros((node.expansion.n_star, off.shape[1]), dtype=bool)
    return np.asarray((node.expansion.transposed[0] @ sparse.csr_matrix(off, dtype=np.float32)).toarray() > _HIT_SHARE)


def _with_deviation(
    left: PixelMean, mean_residual: npt.NDArray[np.float64], deviation: npt.NDArray[np.float64]
) -> PixelMean:
    """Add the mean residual of the scene and the light of mean flux deviations (n_star,) to the residual of the fit."""
    light = left.terms[:N_TERM] @ left.node.expansion.images(deviation)
    return replace(left, mean=left.mean + (mean_residual + light) * (left.count > 0))


def valid_of(data: TileData, cadences: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Return the pixels that count in some cadences, (n_pixel, n_cadence)."""
    return np.ascontiguousarray(data.valid[cadences].T)


def _doubt_of_saturated(
    model: TileModel, node: NodeModel, flux: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64] | float:
    """Variance of the model under saturated stars (n_pixel,): when they vary, their pixels are no outliers."""
    if model.unsaturated.all():
        return 0.0
    light = model.free_images(node, np.where(model.unsaturated, 0.0, flux))[0]
    return np.asarray((_SATURATED_DOUBT * light) ** 2, dtype=np.float64)


def final_fit(scene: TileScene, first: FirstFit, node: NodeModel, factored: list[NodeSolver]) -> Iterator[CadenceFit]:
    """Fit a node, its cadences in blocks, from where the first fit ended; `factored`: as of `_system_of`."""
    images = scene.model.mean_images(node, scene.state.flux)
    variance = node_variance(scene.data, node, images) + scene.prf_variance
    system = _system_of(scene, node, variance, factored)
    response = system.response(images[MOTION_IMAGES])
    change = _change_of_means(scene, first, node, system)
    for cadences in _members(scene, node):
        residual, valid = residual_of(scene, node, images, cadences), valid_of(scene.data, cadences)
        terms = node.coefficients(scene.state.motion, cadences)[:, :N_TERM]
        start = change + system.after(first.main, _without_motion(scene, first, cadences))
        solution = system.solve(terms, residual, valid, start=start, n_term=N_LINEAR_TERM)
        left = left_of(residual, solution, valid)
        rejected = np.ascontiguousarray(first.rejected[cadences].T)
        yield CadenceFit(system, cadences, solution, left, valid, rejected, response, variance)


def _without_motion(scene: TileScene, first: FirstFit, cadences: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Return the unknowns of the first fit in some cadences, less what stars have in step with the motion."""
    unknowns, follows = first.unknowns[:, cadences], scene.state.motion_residual
    if follows is not None:
        unknowns[: len(follows.flux_change)] += follows.flux_change @ follows.motion[cadences].T
    return unknowns


def _change_of_means(scene: TileScene, first: FirstFit, node: NodeModel, system: NodeSolver) -> npt.NDArray[np.float32]:
    """How the unknowns of a node's cadences change with the means since the first fit, (n_star + n_common, 1).

    It is the same for all cadences, but for their motion within the node and their masks.
    """
    state = scene.state
    light = scene.model.free_images(node, first.state.flux - state.flux)[0]
    residual = (light + first.state.mean_residual - state.mean_residual)[:, None].astype(np.float32)
    return system.solve_at_node(residual, scene.data.usable[:, None], accuracy=CHANGE_ACCURACY).unknowns


def residual_of(
    scene: TileScene, node: NodeModel, images: npt.NDArray[np.float64], cadences: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    """Return pixels less the mean scene and what is known to be left of it, (n_pixel, n_cadence), e-/s."""
    state = scene.state
    known = state.mean_residual, state.motion_residual
    return residuals(scene.data, scene.model, node, images, state.motion, cadences, *known)


def left_of(
    residual: npt.NDArray[np.float32], solution: Solution, valid: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float32]:
    """Turn residuals, in place, into those of a solution, (n_pixel, n_cadence), e-/s; 0 where pixels do not count."""
    residual -= solution.fitted
    residual *= valid
    return residual
