"""Departures of a tile's stars from their means in every cadence: a first fit that finds outliers, and the final one.

Both take the normal equations from here. Nodes of like place and background share one inverse, which is worked out in
the first fit.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from photometry.motion import MovementKernel
from photometry.motion_fit import outliers
from photometry.normal import NodeSystem, factor_node
from photometry.scene import N_TERM
from photometry.settings import FitSettings
from photometry.solve import Solution, solve_cadences
from photometry.tile_data import TileData
from photometry.tile_model import NodeModel, TileModel, TileState, node_variance, residuals

__all__ = ["FirstFit", "Scene", "first_fit", "members_of", "solve_block", "system_of"]

#: Accuracy of the first fit of a cadence, which only looks for outliers, in standard errors of a flux.
_FIRST_ACCURACY = 0.1
#: Nodes whose backgrounds differ by less than this factor and whose places by less than so many pixels per axis share
#: one inverse.
_LIKE_BACKGROUND = 1.5
_LIKE_PLACE = 0.15
#: The prior of a flux is never narrower than if the mean were this share of the catalogue flux.
_LEAST_OF_CATALOG = 0.1


@dataclass(frozen=True, slots=True)
class Scene:
    """What all blocks of cadences need."""

    data: TileData
    model: TileModel
    state: TileState
    core: npt.NDArray[np.int64]
    kernel: MovementKernel
    settings: FitSettings


@dataclass(frozen=True, slots=True)
class FirstFit:
    """First fit: pixels that disagree with it, (n_cadence, n_pixel); unknowns of every cadence; what was factored."""

    rejected: npt.NDArray[np.bool_]
    unknowns: npt.NDArray[np.float32]
    flux: npt.NDArray[np.float64]
    factored: tuple[NodeSystem, ...]


def system_of(
    scene: Scene, part: NodeModel, factored: tuple[NodeSystem, ...], *, with_errors: bool = True
) -> NodeSystem:
    """Make the normal equations of a node; the inverse is that of a like node, if there is one."""
    images = scene.model.mean_images(part, scene.state.flux)
    width = scene.settings.prior_width * np.maximum(scene.state.flux, _LEAST_OF_CATALOG * scene.model.stars.flux)
    weights = np.where(scene.data.usable, 1 / node_variance(scene.data, part, images), 0.0)
    like = next((system for system in factored if _are_like(system.part, part)), None)
    return factor_node(part, scene.model.local_basis, weights, 1 / width**2, like=like, with_errors=with_errors)


def _are_like(one: NodeModel, other: NodeModel) -> bool:
    """Whether two nodes may share an inverse."""
    ratio = abs(np.log(max(one.sky.mean(), 1.0) / max(other.sky.mean(), 1.0)))
    rows, columns = one.node.row_shift - other.node.row_shift, one.node.column_shift - other.node.column_shift
    return bool(ratio < np.log(_LIKE_BACKGROUND)) and max(abs(rows), abs(columns)) < _LIKE_PLACE


def members_of(scene: Scene, part: NodeModel) -> list[npt.NDArray[np.int64]]:
    """Cadences of a node in blocks of about equal size."""
    cadences = part.node.cadences
    return np.array_split(cadences, -(-len(cadences) // scene.settings.cadences_at_once))


def first_fit(scene: Scene) -> FirstFit:
    """Fit every cadence for a start and look for outliers."""
    data, model = scene.data, scene.model
    rejected = np.zeros(data.valid.shape, dtype=bool)
    unknowns = np.zeros((len(model.stars) + model.local_basis.shape[1], data.n_cadence), dtype=np.float32)
    factored: tuple[NodeSystem, ...] = ()
    for part in model.nodes:
        system = system_of(scene, part, factored, with_errors=False)
        if not any(_are_like(other.part, part) for other in factored):
            factored = (*factored, system)
        variance = node_variance(data, part, model.mean_images(part, scene.state.flux))
        for cadences in members_of(scene, part):
            solution, rest = solve_block(scene, system, cadences, _FIRST_ACCURACY)
            unknowns[:, cadences] = np.concatenate([solution.departure, solution.common])
            rejected[cadences] = outliers(rest.T, variance, scene.settings.outlier_sigma)
    return FirstFit(rejected, unknowns, scene.state.flux, factored)


def solve_block(
    scene: Scene,
    system: NodeSystem,
    cadences: npt.NDArray[np.int64],
    accuracy: float,
    start: npt.NDArray[np.float32] | None = None,
) -> tuple[Solution, npt.NDArray[np.float32]]:
    """Solve some cadences of a node; also what is left of the pixels, (n_pixel, n_cadence), 0 where not valid."""
    data, state, part = scene.data, scene.state, system.part
    images = scene.model.mean_images(part, state.flux)
    residual = residuals(data, scene.model, part, images, state.motion, cadences) - state.static
    terms = part.coefficients(state.motion, cadences)[:, :N_TERM]
    solution = solve_cadences(system, terms, residual, data.valid[cadences], accuracy=accuracy, start=start)
    left = (residual.T - solution.fitted) * data.valid[cadences].T
    return solution, np.ascontiguousarray(left, dtype=np.float32)
