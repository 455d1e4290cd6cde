"""Mean scene of a tile: what all cadences share, about the nodes of the movement.

The model of a cadence is the mean fluxes of the stars, moved by an affine motion, and a smooth local background. Its
residuals improve the mean fluxes (`mean_scene`) and the motion (`photometry.calibration.motion_fit`) and give the
variation of every star (`photometry.solver`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt
from scipy import sparse

from photometry.core.geometry import Stamp
from photometry.core.stars import Stars
from photometry.prf.prf_grid import FOOTPRINT, PrfEvaluator
from photometry.scene.blocks import BlockDesign, design_of
from photometry.scene.design_matrices import (
    FINE_DEGREE,
    N_FINE,
    N_LINEAR_TERM,
    N_TERM,
    Expansion,
    expand,
    matrix_of,
    recentered,
    with_changes,
)
from photometry.scene.node_model import NodeModel
from photometry.scene.nodes import nodes_of
from photometry.scene.prf_edge import static_edge_variance
from photometry.scene.saturated_light import SaturatedLight, no_saturated_light, saturated_light
from photometry.scene.star_expansion import expand_at, summed_light
from photometry.scene.tile_data import TileData
from photometry.scene.tile_state import MotionResidual, TileMotion
from photometry.scene.widening import N_WIDTH, WIDENING

__all__ = [
    "MOTION_IMAGES",
    "N_LINEAR",
    "TileModel",
    "build_model",
    "faintest_light",
    "local_basis",
    "residuals",
    "with_profiles",
]

#: Up to this many pixels per axis the local background is a plane; larger stamps have knots at most this far apart.
_KNOT_PIX = 80
#: Linear terms of the motion beside the shift: a1, a2, b1, b2 of `photometry.calibration.kernel`.
N_LINEAR = 4
#: Images of a mean scene: expansion, linear terms of the motion, second moments with their change by the movement.
_FIRST_WIDTH = N_FINE + N_LINEAR
_N_IMAGE = _FIRST_WIDTH + N_WIDTH * N_LINEAR_TERM
#: Images that change with a0, a1, a2, b0, b1, b2, m_rr, m_rc, m_cc of `photometry.calibration.kernel`.
MOTION_IMAGES = [1, N_FINE, N_FINE + 1, 2, N_FINE + 2, N_FINE + 3, *range(_FIRST_WIDTH, _N_IMAGE, N_LINEAR_TERM)]
#: Stars brighter than this get wider and narrower, e-/s (T=15.5).
_WIDENED_FLUX = 95.0
#: Size of the change of second moments that decides which light of theirs is too faint to matter, pixels^2.
_TYPICAL_WIDENING = 0.02
#: Step over which the change of wings with the movement is measured, pixels.
_WING_STEP = 0.05
#: Reach of the expansion of fixed stars, pixels.
_FIXED_REACH = 0.15
#: Fixed stars in cells of this many pixels share a PRF, and all stars its change with second moments: within a cell it
#: changes by less than the errors of the fluxes.
_CELL = 64.0
#: Share of a star's light on saturated pixels beyond which its wings do not show where it is.
_SATURATED_SHARE = 0.02
#: Error of the flux of fixed stars, as a fraction (0.05 mag).
_FIXED_ERROR = 0.05
#: Stars brighter than this take the fine expansion for their mean light, e-/s (T=12.5).
_FINE_FLUX = 1500.0
#: Fewest cadences of nodes whose blocks are kept: those of hundreds of excursions would fill the memory.
_MANY_CADENCES = 6
#: Cadences whose backgrounds are summed at once.
_CADENCES_AT_ONCE = 64
#: Pixels whose residuals are made at once: a few hundred cadences of them fit into the processor's cache.
_PIXELS_AT_ONCE = 128
#: Light in a pixel that is left out, in units of the read noise of a cadence.
_FAINTEST_SHARE = 0.05


#: Expansions about a place: of all free stars, of the bright ones, of their widening, in blocks.
_PlaceExpansions = tuple[Expansion, Expansion, Expansion, BlockDesign | None]


@dataclass(frozen=True, slots=True)
class TileModel:
    """Stars of a tile about the nodes of its motion.

    Parameters
    ----------
    stars : Stars
        Free stars at zero movement.
    fixed : Stars
        Fixed stars: fainter ones, at their catalogue flux.
    bright : (n_star,) bool
        Free stars whose mean light takes the fine expansion.
    widened : (n_star,) bool
        Free stars whose PRF gets wider and narrower with time.
    unsaturated : (n_star,) bool
        Free stars whose pixels do not saturate: they alone constrain the positions.
    v, u : (n_star,) float64
        Distance of the free stars from the stamp's centre along rows and columns, over `scale`.
    scale : float
        Half the longer side of the stamp, pixels.
    local_basis : (n_pixel, n_local) float64
        Terms of the local background.
    fixed_variance : (n_pixel,) float64
        Variance of the fixed stars' light by the errors of their magnitudes, and of all light where the samples of a
        PRF end (`photometry.scene.prf_edge`), (e-/s)^2.
    n_mean_local : int
        Terms of the local background, the first ones, that the mean scene has.
    saturated : SaturatedLight
        Light of the stars that saturate.
    nodes : tuple of NodeModel
        Every cadence is in exactly one.
    """

    stars: Stars
    fixed: Stars
    bright: npt.NDArray[np.bool_]
    widened: npt.NDArray[np.bool_]
    unsaturated: npt.NDArray[np.bool_]
    v: npt.NDArray[np.float64]
    u: npt.NDArray[np.float64]
    scale: float
    local_basis: npt.NDArray[np.float64]
    fixed_variance: npt.NDArray[np.float64]
    n_mean_local: int
    saturated: SaturatedLight
    nodes: tuple[NodeModel, ...]

    @property
    def mean_basis(self) -> npt.NDArray[np.float64]:
        """Terms of the local background of the mean scene, (n_pixel, n_mean_local).

        The wings of a star that saturates fill a stamp no larger than the PRF and look like a slope: there it is the
        constant alone. Slopes that change are free in every cadence.
        """
        return self.local_basis[:, : self.n_mean_local]

    def mean_images(self, node: NodeModel, flux: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the mean scene about a node: its expansion, its change by linear motion and by second moments.

        Parameters
        ----------
        node : NodeModel
            One of the nodes.
        flux : (n_star,) float64
            Mean flux of the free stars, e-/s.

        Returns
        -------
        (n_image, n_pixel) float64
            Images in e-/s per power of a pixel, in the order of `NodeModel.coefficients`.
        """
        images = self.free_images(node, flux)
        images[:N_TERM] += node.fixed_images
        return images

    def free_images(self, node: NodeModel, flux: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the share of the free stars in `mean_images`, which is linear in their fluxes."""
        images = np.zeros((_N_IMAGE, node.fixed_images.shape[1]))
        images[:N_FINE] = node.fine.images(flux[self.bright])
        images[:N_TERM] += node.expansion.images(np.where(self.bright, 0.0, flux))
        weighted = np.stack([flux * self.v, flux * self.u], axis=1)
        for k, matrix in enumerate(node.expansion.matrices[1:N_LINEAR_TERM]):
            images[N_FINE + 2 * k : N_FINE + 2 * k + 2] = (matrix @ weighted).T
        images[_FIRST_WIDTH:] = node.widening.images(flux[self.widened])
        return images


def local_basis(stamp: Stamp) -> npt.NDArray[np.float64]:
    """Return the terms of the local background, (n_pixel, n_local).

    Of a small stamp 1 and slopes from -1 to 1 over it; of a large one the products of piecewise linear functions along
    rows and columns, each 1 at one knot and 0 at all others.
    """
    n_row, n_column = stamp.shape
    if max(stamp.shape) <= _KNOT_PIX:
        v, u = np.meshgrid(np.linspace(-1, 1, n_row), np.linspace(-1, 1, n_column), indexing="ij")
        return np.stack([np.ones(stamp.n_pixel), v.ravel(), u.ravel()], axis=1)
    along_rows, along_columns = _between_knots(n_row), _between_knots(n_column)
    products: npt.NDArray[np.float64] = along_rows[:, None, :, None] * along_columns[:, None, :]
    return products.reshape(stamp.n_pixel, -1)


def with_profiles(model: TileModel, changes: Mapping[int, npt.NDArray[np.float64]]) -> TileModel:
    """Return the model with changes (n_pixel,) of the PRF of some stars, by their index; they do not move with them."""
    if not changes:
        return model
    place = np.cumsum(model.bright) - 1
    of_bright = {int(place[star]): change for star, change in changes.items() if model.bright[star]}
    made: dict[int, tuple[Expansion, Expansion, BlockDesign | None]] = {}
    nodes = []
    for node in model.nodes:
        if id(node.expansion) not in made:
            expansion, fine = with_changes(node.expansion, changes), with_changes(node.fine, of_bright)
            made[id(node.expansion)] = expansion, fine, None if node.blocks is None else design_of(expansion)
        expansion, fine, blocks = made[id(node.expansion)]
        nodes.append(replace(node, expansion=expansion, fine=fine, blocks=blocks))
    return replace(model, nodes=tuple(nodes))


def _between_knots(size: int) -> npt.NDArray[np.float64]:
    """Piecewise linear functions along an axis, (size, n_knot), at most `_KNOT_PIX` pixels between the knots."""
    n_knot = 1 + -(-size // _KNOT_PIX)
    place = np.linspace(0, n_knot - 1, size)
    near: npt.NDArray[np.float64] = np.maximum(1 - np.abs(place[:, None] - np.arange(n_knot)), 0.0)
    return near


def build_model(
    data: TileData,
    prf: PrfEvaluator,
    free: Stars,
    fixed: Stars,
    motion: TileMotion,
    reach: float,
    cadences: npt.NDArray[np.int64] | None = None,
) -> TileModel:
    """Expand the stars about the nodes of the motion.

    Parameters
    ----------
    data : TileData
        The pixels.
    prf : PrfEvaluator
        PRF of the CCD.
    free : Stars
        Stars whose flux is fitted, at zero movement.
    fixed : Stars
        Fixed stars: fainter ones, at their catalogue flux, at zero movement.
    motion : TileMotion
        Motion and local background known so far.
    reach : float
        Half the side of a node, pixels.
    cadences : (n_chosen,) int64, optional
        Cadences that belong to a node; all by default.
    """
    level, basis = _background_terms(data, motion)
    faintest = faintest_light(data)
    fixed_base, fixed_variance = _fixed_light(prf, fixed, data, faintest)
    fixed_variance = fixed_variance + static_edge_variance(data, free, free.flux, prf.grid)
    expand_about = _expander(data, prf, free, reach, faintest)
    chosen = np.arange(data.n_cadence) if cadences is None else cadences
    expansions: dict[tuple[float, float], _PlaceExpansions] = {}
    nodes = []
    for node in nodes_of(motion.row_shift[chosen], motion.column_shift[chosen], level[chosen], reach):
        at, members = (node.row_shift, node.column_shift), chosen[node.cadences]
        if at not in expansions:
            coarse, fine, widening = expand_about(at)
            expansions[at] = coarse, fine, widening, design_of(coarse) if len(members) >= _MANY_CADENCES else None
        sky = _mean_sky(data, members) + basis @ motion.local[members].mean(axis=0)
        expansion, fine, widening, blocks = expansions[at]
        nodes.append(NodeModel(members, *at, expansion, sky, fine, recentered(fixed_base, *at), widening, blocks))
    scale, (row, column) = max(data.stamp.shape) / 2, data.stamp.center
    unsaturated = _unsaturated(data, nodes[0])
    n_mean_local, of_saturated = _light_of_saturated(data, prf, free, unsaturated, nodes, basis, faintest)
    return TileModel(
        free,
        fixed,
        _is_bright(free),
        _is_widened(free),
        unsaturated,
        (free.row - row) / scale,
        (free.column - column) / scale,
        scale,
        basis,
        fixed_variance,
        n_mean_local,
        of_saturated,
        tuple(nodes),
    )


def _is_bright(free: Stars) -> npt.NDArray[np.bool_]:
    """Tell which free stars take the fine expansion, (n_star,)."""
    return np.asarray(free.flux > _FINE_FLUX)


def _is_widened(free: Stars) -> npt.NDArray[np.bool_]:
    """Tell which free stars get wider and narrower, (n_star,)."""
    return np.asarray(free.flux > _WIDENED_FLUX)


def _expander(
    data: TileData, prf: PrfEvaluator, free: Stars, reach: float, faintest: float
) -> Callable[[tuple[float, float]], tuple[Expansion, Expansion, Expansion]]:
    """Return what expands all free stars, the bright ones, and the widening of some, about a movement (row, column)."""
    bright, widened = free.select(_is_bright(free)), free.select(_is_widened(free))
    placed, placed_bright = prf.place(free.row, free.column), prf.place(bright.row, bright.column)
    placed_widened = prf.place_in_cells(widened.row, widened.column, _CELL)
    about = partial(expand, stamp=data.stamp, merge=data.merge, reach=reach, faintest=faintest)

    def expand_about(at: tuple[float, float]) -> tuple[Expansion, Expansion, Expansion]:
        """Expand about one movement."""
        fine = about(placed_bright, bright.flux, at, degree=FINE_DEGREE)
        widening = about(placed_widened, _TYPICAL_WIDENING * widened.flux, at, degree=1, stencils=WIDENING)
        return about(placed, free.flux, at), fine, widening

    return expand_about


def _background_terms(data: TileData, motion: TileMotion) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Mean background of every cadence, (n_cadence,), e-/s, and terms of the local one, bleed trails merged."""
    basis = local_basis(data.stamp)
    level = data.sky.mean(axis=1, dtype=np.float64) + motion.local @ basis.mean(axis=0)
    return level, basis if data.merge is None else np.asarray(data.merge @ basis, dtype=np.float64)


def _mean_sky(data: TileData, cadences: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Mean large-scale background of some cadences, bleed trails merged, (n_pixel,), e-/s."""
    total = np.zeros(data.stamp.n_pixel)
    for first in range(0, len(cadences), _CADENCES_AT_ONCE):
        some = cadences[first : first + _CADENCES_AT_ONCE]
        total += np.ones(len(some), dtype=np.float32) @ data.sky[some]
    sky = total / len(cadences)
    return sky if data.merge is None else np.asarray(data.merge @ sky, dtype=np.float64)


def _unsaturated(data: TileData, node: NodeModel) -> npt.NDArray[np.bool_]:
    """Tell which free stars do not saturate, (n_star,)."""
    share = node.expansion.transposed[0] @ data.saturated.astype(np.float64)
    return np.asarray(share < _SATURATED_SHARE)


def _light_of_saturated(
    data: TileData,
    prf: PrfEvaluator,
    free: Stars,
    unsaturated: npt.NDArray[np.bool_],
    nodes: list[NodeModel],
    basis: npt.NDArray[np.float64],
    faintest: float,
) -> tuple[int, SaturatedLight]:
    """Measure the light of the stars that saturate and add their wings to the fixed light of all nodes.

    Terms of the local background that the mean scene has are counted first (`TileModel.mean_basis`).
    """
    if unsaturated.all():
        return basis.shape[1], no_saturated_light(data.stamp.n_pixel, len(free))
    n_mean_local = 1 if max(data.stamp.shape) <= FOOTPRINT else basis.shape[1]
    which, node = np.flatnonzero(~unsaturated), nodes[0]
    stars = free.select(which).moved(node.row_shift, node.column_shift)
    placed = prf.place(free.row[which], free.column[which])

    def light_at(row: float, column: float) -> sparse.csr_matrix:
        """Light of the stars, (n_pixel, n_star), moved from the node."""
        rows, columns = np.full(len(which), node.row_shift + row), np.full(len(which), node.column_shift + column)
        light = expand_at(placed, stars.flux, rows, columns, data.stamp, faintest)
        return matrix_of(light, data.stamp, None).matrices[0]

    others = node.fixed_images[0] + node.expansion.images(np.where(unsaturated, free.flux, 0.0))[0]
    cadences = np.sort(np.concatenate([one.cadences for one in nodes]))
    step = _WING_STEP
    moved = [light_at(*away) - light_at(*(-shift for shift in away)) for away in ((step, 0.0), (0.0, step))]
    by_row, by_column = (change / (2 * step) for change in moved)
    local = basis[:, :n_mean_local]
    found = saturated_light(data, stars, light_at(0.0, 0.0), others, local, cadences, (by_row, by_column))
    for one in nodes:
        one.fixed_images[0] += found.wings
    sum_variance = np.zeros(len(free))
    sum_variance[which] = found.sum_variance
    return n_mean_local, replace(found, sum_variance=sum_variance)


def _fixed_light(
    prf: PrfEvaluator, fixed: Stars, data: TileData, faintest: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Expansion of the fixed stars' light about zero movement, and its variance by the errors of their magnitudes."""
    placed = prf.place_in_cells(fixed.row, fixed.column, _CELL)
    images, squares = summed_light(placed, fixed.flux, data.stamp, reach=_FIXED_REACH, faintest=faintest)
    variance = _FIXED_ERROR**2 * squares
    return (images, variance) if data.merge is None else ((data.merge @ images.T).T, data.merge @ variance)


def faintest_light(data: TileData) -> float:
    """Return the light in a pixel that is left out of the stars' PRFs, e-/s."""
    return _FAINTEST_SHARE * float(np.sqrt(data.read_variance.max()))


def residuals(
    data: TileData,
    model: TileModel,
    node: NodeModel,
    images: npt.NDArray[np.float64],
    motion: TileMotion,
    cadences: npt.NDArray[np.int64],
    mean_residual: npt.NDArray[np.float64] | float = 0.0,
    motion_residual: MotionResidual | None = None,
) -> npt.NDArray[np.float32]:
    """Return pixels less the mean scene and the local background; 0 where not valid: (n_pixel, n_cadence), e-/s.

    `images` are those of the node by the mean fluxes (`TileModel.mean_images`); `mean_residual` and `motion_residual`
    are those of `TileState`, if they are to be subtracted, too.

    Single precision rounds 1e5 e-/s, the brightest pixel there is, to 0.01 e-/s: a thousandth of its noise.
    """
    coefficients = np.concatenate([node.coefficients(motion, cadences), motion.local[cadences]], axis=1)
    scene = np.concatenate([images, model.local_basis.T])
    scene[0] += mean_residual
    if motion_residual is not None:
        coefficients = np.concatenate([coefficients, motion_residual.motion[cadences]], axis=1)
        scene = np.concatenate([scene, motion_residual.images.T])
    terms, columns = scene.T.astype(np.float32), np.ascontiguousarray(coefficients.T, dtype=np.float32)
    residual = np.empty((len(terms), len(cadences)), dtype=np.float32)
    for first in range(0, len(terms), _PIXELS_AT_ONCE):
        pixels = slice(first, first + _PIXELS_AT_ONCE)
        part = residual[pixels]
        np.matmul(terms[pixels], columns, out=part)
        np.subtract(data.images[cadences, pixels].T, part, out=part)
        part *= data.valid[cadences, pixels].T
    return residual
