"""Cadences far from all others: few, flagged for the most part, each at a position of its own.

A node of its own would cost such a cadence a hundred times what it costs the others. Here the PRF of every star is
evaluated once, exactly where the star is in the cadence and as wide as it is there, and the inverse of the main node is
taken over in units of the cadence's own diagonal. It preconditions the solution, which needs more rounds, and gives the
errors.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from photometry.calibration.motion_fit import outliers
from photometry.fit.cadence_fit import FIRST_ACCURACY, CadenceFit, TileScene, left_of, valid_of
from photometry.prf.prf_grid import PrfEvaluator
from photometry.scene.design_matrices import matrix_of, monomials
from photometry.scene.node_model import NodeStars, node_variance
from photometry.scene.star_expansion import expand_each
from photometry.scene.tile_model import faintest_light
from photometry.scene.widening import WIDENING
from photometry.solver.chosen_solver import SOLVER
from photometry.solver.node_solver import NodeSolver

__all__ = ["fit_outlying", "outlying_nodes"]

#: Outlying cadences that are fitted at once: bounds the memory.
_AT_ONCE = 32


def fit_outlying(
    scene: TileScene, prf: PrfEvaluator, cadences: npt.NDArray[np.int64], like: CadenceFit
) -> Iterator[CadenceFit]:
    """Fit outlying cadences one by one.

    Parameters
    ----------
    scene : TileScene
        The tile, its mean scene final.
    prf : PrfEvaluator
        PRF of the CCD.
    cadences : (n_cadence,) int64
        Which cadences.
    like : CadenceFit
        A fit of the node whose inverse is taken over.
    """
    for start in range(0, len(cadences), _AT_ONCE):
        yield from _fit_some(scene, outlying_nodes(scene, prf, cadences[start : start + _AT_ONCE]), like)


def outlying_nodes(scene: TileScene, prf: PrfEvaluator, cadences: npt.NDArray[np.int64]) -> list[NodeStars]:
    """Return a node for each of some cadences, with every star exactly where it is in the cadence.

    Nothing is expanded about these nodes: shift and roll are in the positions of the stars, the second moments of the
    cadence in their PRFs.
    """
    data, model, motion = scene.data, scene.model, scene.state.motion
    placed, faintest = prf.place(model.stars.row, model.stars.column), faintest_light(data)
    linear, widths = motion.linear[cadences].T[..., None], motion.widths[cadences]
    lights = expand_each(
        placed,
        model.stars.flux,
        motion.row_shift[cadences, None] + linear[0] * model.v + linear[1] * model.u,
        motion.column_shift[cadences, None] + linear[2] * model.v + linear[3] * model.u,
        data.stamp,
        faintest,
        model.widened,
        WIDENING,
        widths,
    )
    nodes = []
    for t, light in zip(cadences, lights, strict=True):
        expansion = matrix_of(light, data.stamp, data.merge)
        sky = data.sky[t].astype(np.float64)
        sky = (sky if data.merge is None else data.merge @ sky) + model.local_basis @ motion.local[t]
        place = float(motion.row_shift[t]), float(motion.column_shift[t])
        nodes.append(NodeStars(np.array([t]), *place, expansion, sky))
    return nodes


def _mean_image(scene: TileScene, node: NodeStars) -> npt.NDArray[np.float64]:
    """Mean scene of an outlying cadence, (n_pixel,), e-/s."""
    main = max(scene.model.nodes, key=lambda node: len(node.cadences))
    away = node.row_shift - main.row_shift, node.column_shift - main.column_shift
    image: npt.NDArray[np.float64] = monomials(*away) @ main.fixed_images
    image += node.expansion.images(scene.state.flux)[0]
    return image


def _fit_some(scene: TileScene, nodes: list[NodeStars], like: CadenceFit) -> Iterator[CadenceFit]:
    """Fit some outlying cadences together: a rough fit that looks for outliers, then the final one."""
    data = scene.data
    cadences = np.concatenate([node.cadences for node in nodes])
    valid = valid_of(data, cadences)
    means = np.stack([_mean_image(scene, node) for node in nodes])
    local = scene.state.motion.local[cadences] @ scene.model.local_basis.T
    residual = (data.images[cadences] - (means + scene.state.mean_residual + local)).T.astype(np.float32) * valid
    variances = [
        node_variance(data, node, mean[None]) + scene.prf_variance for node, mean in zip(nodes, means, strict=True)
    ]
    systems = [_system(scene, node, like.system, noise) for node, noise in zip(nodes, variances, strict=True)]
    first = SOLVER.solve_single_cadences(systems, residual, valid, accuracy=FIRST_ACCURACY)
    left, sigma = left_of(residual.copy(), first, valid), scene.settings.outlier_sigma
    unusual = np.concatenate([outliers(left[:, [k]], noise, sigma) for k, noise in enumerate(variances)], axis=1)
    rejected = valid & unusual
    valid &= ~rejected
    solution = SOLVER.solve_single_cadences(systems, residual, valid, start=first.unknowns)
    left = left_of(residual, solution, valid)
    for k, system in enumerate(systems):
        yield CadenceFit(
            system,
            cadences[[k]],
            solution.of_cadences([k]),
            left[:, [k]],
            valid[:, [k]],
            rejected[:, [k]],
            like.response,
            variances[k],
        )


def _system(scene: TileScene, node: NodeStars, like: NodeSolver, variance: npt.NDArray[np.float64]) -> NodeSolver:
    """Set up the system of an outlying cadence, as far as it differs from that of a node."""
    weights = np.where(scene.data.usable, 1 / variance, 0.0)
    return like.of_single_cadence(node, weights, scene.precision)
