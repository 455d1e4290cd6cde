"""A region's motion, from all its tiles: mean scene and motion in turns, in some cadences; then the motion of all.

Every tile is fitted by itself; the normal equations of the region's motion and of the constant offset between catalogue
and pixels are summed over the tiles.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import numpy.typing as npt

from photometry.calibration.kernel import N_AFFINE, N_MOTION, MovementKernel
from photometry.calibration.kernel_update import improved_kernel, static_precision, with_static
from photometry.calibration.motion_fit import motion_step
from photometry.calibration.region_motion import OUTLIER_SIGMA, motion_of_all
from photometry.calibration.region_tiles import (
    NODE_REACH,
    Region,
    RegionTile,
    evenly_chosen,
    parameters_of_tile,
    placed_tile,
    start_region,
)
from photometry.calibration.unlisted_stars import are_settled, kept_in_place, unlisted_stars, with_sources
from photometry.core.cube import Cube
from photometry.core.geometry import Stamp
from photometry.core.linalg import solved
from photometry.core.settings import MotionSettings
from photometry.core.stages import counted
from photometry.core.stars import NO_STARS, Stars
from photometry.prf.prf_grid import PrfEvaluator, PrfGrid
from photometry.scene.mean_scene import PixelMean, pixel_means, solve_mean
from photometry.scene.mean_state import with_mean
from photometry.scene.node_model import NodeModel
from photometry.scene.nodes import nodes_of
from photometry.scene.tile_model import MOTION_IMAGES, TileModel
from photometry.scene.tile_state import TileState

__all__ = ["kernel_at", "measure_motion", "moved_region", "region_round", "static_columns"]

#: Is shown a tile with its stars, its state and the means of its residuals from the mean scene.
Watch = Callable[[RegionTile, TileModel, TileState, list[PixelMean]], None]
#: Cadences from which the offset of some pixels of a CCD is measured, and rounds of it; one that moves no star by more
#: than this, pixels, and finds no star is the last one: to first order a fiftieth of it remains.
_OFFSET_CADENCES = 48
_OFFSET_ROUNDS = 4
_SMALL_OFFSET = 0.02
#: Of so few cadences tiles so much longer than those of the motion are worked on at once: less of them is margin.
_LARGER = 2
#: A round that moves no star by more than this in any cadence is the last one, pixels: a twentieth of it remains.
_SMALL_MOTION = 0.01


def measure_motion(
    cubes: Sequence[Cube],
    stars: Stars,
    prf: PrfGrid,
    settings: MotionSettings,
    known: MovementKernel | None = None,
) -> MovementKernel:
    """Measure the movement kernel of a region, and the constant offset between catalogue and pixels.

    Target pixel files bring their motion along (POS_CORR); there only the offset is measured.

    Parameters
    ----------
    cubes : sequence of Cube
        The pixels: one cube, or patches of a CCD, all of the same cadences. They are read one after the other,
        several times, and not kept (`photometry.io.products.stored_patches.StoredPatches`).
    stars : Stars
        All catalogue stars whose light reaches the pixels, by their catalogue positions.
    prf : PrfGrid
        PRF of the CCD.
    settings : MotionSettings
        Mode and limits.
    known : MovementKernel, optional
        Motion that is known already: only the offset is then measured.

    Raises
    ------
    FitError
        When all cadences are flagged, no pixel is measured in the others, no star lies on the pixels, or the cubes have
        different cadences.
    """
    series, few = start_region(cubes, stars, settings, known)
    evaluator = PrfEvaluator(prf, np.float32)
    for _ in counted(range(settings.n_round), "mean fluxes and motion", "rounds"):
        before, few = few, region_round(few, evaluator, settings)
        if _largest_change(before.kernel, few.kernel) < _SMALL_MOTION:
            break
    return motion_of_all(series, few, evaluator, settings)


def kernel_at(
    cube: Cube, stars: Stars, prf: PrfGrid, kernel: MovementKernel, settings: MotionSettings
) -> tuple[MovementKernel, Stars]:
    """Return the motion of a CCD at some of its pixels, with their own constant offset between catalogue and pixels.

    A WCS with few terms is off by a few hundredths of a pixel in places.

    Returns
    -------
    kernel : MovementKernel
        Motion and own offset.
    unlisted : Stars
        Stars on the pixels that the table lacks (`photometry.calibration.unlisted_stars`).

    Parameters
    ----------
    cube : Cube
        Some pixels of the CCD.
    stars : Stars
        All catalogue stars whose light reaches them, by their catalogue positions.
    prf : PrfGrid
        PRF of the CCD.
    kernel : MovementKernel
        Motion and offset of the CCD.
    settings : MotionSettings
        Limits.
    """
    good = np.flatnonzero(cube.usable & ~kernel.bad & cube.measured)
    if len(good) == 0 or not cube.stamp.contains(stars.row, stars.column).any():
        return kernel, NO_STARS
    few = evenly_chosen(_of_fullest_nodes(kernel, cube.stamp, good), _OFFSET_CADENCES)
    own = replace(kernel.of_cadences(few), source="known")
    larger = replace(settings, tile_size=_LARGER * settings.tile_size, n_free=_LARGER**2 * settings.n_free)
    series, region = start_region([cube.of_cadences(few)], stars, larger, own)
    evaluator = PrfEvaluator(prf, np.float32)
    for _ in counted(range(_OFFSET_ROUNDS), "offset from the catalogue", "rounds"):
        before = region
        region = region_round(region, evaluator, settings, offset_only=True, seek=True)
        if not are_settled(unlisted_stars(before.tiles), unlisted_stars(region.tiles)):
            continue
        if _largest_move(before.kernel, region.kernel, cube.stamp) < _SMALL_OFFSET:
            break
    static = region.kernel.parameters[0] - own.parameters[series.which[0]]
    own = replace(kernel, offset=region.kernel.offset, parameters=kernel.parameters + static)
    return own, unlisted_stars(region.tiles)


def _of_fullest_nodes(kernel: MovementKernel, stamp: Stamp, good: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the good cadences of as few nodes of the motion of some pixels as hold the wanted number.

    The offset is the same in all cadences, and stars are expanded about every node.
    """
    row, column = stamp.center
    row_shift, column_shift = kernel.of_cadences(good).shifts([row], [column])
    chosen = np.empty(0, dtype=np.int64)
    for node in nodes_of(row_shift[0], column_shift[0], np.ones(len(good)), NODE_REACH):
        if len(chosen) >= _OFFSET_CADENCES:
            break
        chosen = np.union1d(chosen, good[node.cadences])
    return chosen


def _largest_change(before: MovementKernel, after: MovementKernel) -> float:
    """Largest change of a shift, the offset counted, between two kernels of the same cadences, pixels."""
    change = (after.parameters - before.parameters)[:, [0, 3]] + np.subtract(after.offset, before.offset)
    return float(np.abs(change).max())


def _largest_move(before: MovementKernel, after: MovementKernel, stamp: Stamp) -> float:
    """Largest constant shift along an axis, on some pixels, between two kernels of the same cadences, pixels."""
    rows, columns = (stamp.row_min, stamp.row_min, stamp.row_max, stamp.row_max), (stamp.col_min, stamp.col_max) * 2
    of_axes = [kernel.of_cadences(np.array([0])).shifts(rows, columns) for kernel in (before, after)]
    offset = np.subtract(after.offset, before.offset)[:, None, None]
    return float(np.abs(np.subtract(of_axes[1], of_axes[0]) + offset).max())


def region_round(
    region: Region,
    prf: PrfEvaluator,
    settings: MotionSettings,
    *,
    offset_only: bool = False,
    seek: bool = False,
    watch: Watch | None = None,
) -> Region:
    """Improve mean fluxes, offset and, unless it is known, the motion of a region once.

    Parameters
    ----------
    region : Region
        The region.
    prf : PrfEvaluator
        PRF.
    settings : MotionSettings
        Mode.
    offset_only : bool
        Whether to leave the motion as it is.
    seek : bool
        Whether to look for stars that the table lacks.
    watch : callable, optional
        Is shown every tile with its improved mean scene, and finds the offset in place of this function, which then
        leaves it as it is.
    """
    kernel, n_cadence = region.kernel, len(region.good)
    information = np.zeros((n_cadence, N_MOTION, N_MOTION))
    gradient = np.zeros((n_cadence, N_MOTION))
    precision = static_precision(kernel.scale)
    static_information = np.diag(precision)
    so_far = kernel.parameters[region.good].mean(axis=0)[:N_AFFINE]
    so_far[[0, 3]] = kernel.offset
    static_gradient = -precision * so_far
    tiles: list[RegionTile] = []
    for old in counted(region.tiles, "mean scene", "tiles"):
        tile = old
        model, state = placed_tile(tile, kernel, prf)
        means = _means_of_tile(tile, model, state, region.good)
        columns = partial(_columns_of_listed, model, state.flux)
        mean = solve_mean(tile.data, model, state, region.good, columns, precision, means=means)
        to_tile = parameters_of_tile(kernel, tile.data)
        affine = to_tile[:N_AFFINE, :N_AFFINE]
        static_information += affine.T @ mean.information @ affine
        static_gradient += affine.T @ mean.gradient
        if watch is not None:
            means = [one.after(model, mean.flux - state.flux) for one in means]
        model, state = with_mean(model, state, mean)
        if watch is not None:
            watch(tile, model, state, means)
        tile = replace(tile, state=state)
        if not offset_only:
            rejected = np.zeros_like(tile.data.valid) if tile.rejected is None else tile.rejected
            step = motion_step(tile.data, model, state, rejected, OUTLIER_SIGMA)
            information += to_tile.T @ step.information @ to_tile
            gradient += step.gradient @ to_tile
            motion = replace(state.motion, local=state.motion.local + step.local)
            state = replace(state, motion=motion)
            tile = replace(tile, state=state, deviation=step.deviation, rejected=step.outliers)
        tiles.append(with_sources(tile, model, mean, prf, kernel, len(tiles)) if seek else tile)
    target = gradient + np.einsum("tij,tj->ti", information, kernel.parameters)
    if region.measured and not offset_only:
        kernel = improved_kernel(kernel, information, gradient, region.good, settings.mode, moments=region.moments)
    placed = kept_in_place(tiles, region.kernel, kernel)
    region = replace(region, tiles=placed, kernel=kernel, information=information, target=target)
    return region if watch is not None else moved_region(region, solved(static_information, static_gradient))


def moved_region(region: Region, change: npt.NDArray[np.float64]) -> Region:
    """Add a constant affine shift (6,) to the motion of a region; what its pixels tell of the motion stays the same."""
    kernel = with_static(region.kernel, change)
    away = np.zeros(N_MOTION)
    away[[0, 3]] = np.subtract(kernel.offset, region.kernel.offset)
    tiles = kept_in_place(region.tiles, region.kernel, kernel)
    return replace(region, tiles=tiles, kernel=kernel, target=region.target - region.information @ away)


def _means_of_tile(
    tile: RegionTile, model: TileModel, state: TileState, good: npt.NDArray[np.bool_]
) -> list[PixelMean]:
    """Average the residuals of a tile; they are clipped as long as the outliers are unknown."""
    if tile.rejected is None:
        return pixel_means(tile.data, model, state, good, clip=True)
    data = replace(tile.data, valid=tile.data.valid & ~tile.rejected)
    return pixel_means(data, model, state, good, deviation=tile.deviation)


def _columns_of_listed(
    model: TileModel, flux: npt.NDArray[np.float64], node: NodeModel, images: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Change of a node's pixels with a constant affine shift of the stars of the table: others have their own place."""
    listed = model.stars.is_listed
    if not listed.all():
        images = images - model.free_images(node, np.where(listed | ~model.unsaturated, 0.0, flux))
    return static_columns(node, images)


def static_columns(node: NodeModel, images: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Change of a node's pixels with a constant affine shift of all stars: (n_pixel, 6)."""
    del node
    return images[MOTION_IMAGES[:N_AFFINE]].T
