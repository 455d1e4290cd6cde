"""Tiles of a region while its motion is worked out, and how the region's motion is that of a tile."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from photometry.cube import Cube
from photometry.errors import FitError
from photometry.geometry import Stamp, bounding_stamp, tiles_of
from photometry.motion import MovementKernel
from photometry.motion_fit import N_MOTION
from photometry.prf import PrfEvaluator
from photometry.settings import MotionSettings
from photometry.stars import Stars
from photometry.tile_data import TileData, tile_data
from photometry.tile_model import N_LOCAL, TileModel, TileMotion, TileState, build_model

__all__ = [
    "PRF_REACH",
    "Region",
    "RegionTile",
    "evenly_chosen",
    "few_cadences",
    "kernel_of_tile",
    "parameters_of_tile",
    "placed_tile",
    "region_of_cadences",
    "start_region",
    "tile_motion",
]

#: Stars up to so many pixels outside shine into the pixels.
PRF_REACH = 7.5
#: Half the side of a node while the motion is measured, pixels.
_NODE_REACH = 0.05
#: Unflagged cadences that mean fluxes, offset and PRF are measured from, at most.
_MOST_CADENCES = 400
#: Index of the linear terms in the parameters of the motion.
_LINEAR = [1, 2, 4, 5]


@dataclass(frozen=True, slots=True)
class RegionTile:
    """One tile of a region.

    Parameters
    ----------
    data : TileData
        The pixels.
    free, held : Stars
        Stars with a free mean flux and fainter ones, at their catalogue positions.
    state : TileState
        Mean fluxes, motion, misfit.
    departure : (n_free, n_cadence) float32
        How the free stars depart from their mean fluxes, as far as that is known, e-/s.
    rejected : (n_cadence, n_pixel) bool or None
        Pixels that disagree with the fit; None while that is not known.
    """

    data: TileData
    free: Stars
    held: Stars
    state: TileState
    departure: npt.NDArray[np.float32]
    rejected: npt.NDArray[np.bool_] | None


@dataclass(frozen=True, slots=True)
class Region:
    """A region while its motion is worked out.

    Parameters
    ----------
    tiles : tuple of RegionTile
        All tiles.
    kernel : MovementKernel
        Motion of the region so far.
    good : (n_cadence,) bool
        Cadences that count for the means.
    measured : bool
        Whether the motion is measured from the pixels, or only the offset.
    """

    tiles: tuple[RegionTile, ...]
    kernel: MovementKernel
    good: npt.NDArray[np.bool_]
    measured: bool


def start_region(
    cubes: Iterable[Cube], stars: Stars, settings: MotionSettings, kernel: MovementKernel | None = None
) -> Region:
    """Cut a region into tiles, with catalogue fluxes to start from.

    Parameters
    ----------
    cubes : iterable of Cube
        The pixels: one cube, or patches of a CCD, all of the same cadences. They are asked for one after the other.
    stars : Stars
        All catalogue stars whose light reaches the pixels, by their catalogue positions.
    settings : MotionSettings
        Mode and limits.
    kernel : MovementKernel, optional
        Motion to start from; without one, what is known before anything is measured.

    Raises
    ------
    FitError
        When all cadences are flagged, no star lies on the pixels, or the cubes have different cadences.
    """
    series: _Series | None = None
    stamps: list[Stamp] = []
    tiles: list[RegionTile] = []
    for cube in cubes:
        series = _series_of(cube) if series is None else series
        if not np.array_equal(series.cadenceno, cube.cadenceno):
            raise FitError(f"the pixels {cube.stamp} have other cadences than the first ones, {stamps[0]}")
        stamps.append(cube.stamp)
        parts = [tile.stamp for tile in tiles_of(cube.stamp, settings.tile_size, 0)]
        tiles += [_start_tile(cube.cut(stamp), stars, settings) for stamp in parts]
    if series is None or not any(stamp.contains(stars.row, stars.column).any() for stamp in stamps):
        raise FitError("no star of the catalogue lies on the pixels")
    first = _first_kernel(series, bounding_stamp(stamps), settings) if kernel is None else kernel
    return Region(tuple(tiles), first, series.good, first.source == "pixels")


@dataclass(frozen=True, slots=True)
class _Series:
    """What a cube tells of all its cadences."""

    good: npt.NDArray[np.bool_]
    cadenceno: npt.NDArray[np.int32]
    pos_corr: npt.NDArray[np.float32] | None


def _series_of(cube: Cube) -> _Series:
    good: npt.NDArray[np.bool_] = np.asarray(cube.quality == 0, dtype=np.bool_)
    if not good.any():
        raise FitError("every cadence is flagged: there is nothing to measure mean fluxes and motion from")
    return _Series(good, cube.cadenceno, cube.pos_corr)


def _start_tile(cube: Cube, stars: Stars, settings: MotionSettings) -> RegionTile:
    """Tile with catalogue fluxes and no motion."""
    near = stars.select(cube.stamp.border_distance(stars.row, stars.column) > -PRF_REACH)
    data = tile_data(cube)
    faintest = np.sort(near.tmag)[min(settings.n_free, len(near)) - 1] if len(near) else settings.tmag_limit
    is_free = (near.tmag < settings.tmag_limit) & (near.tmag <= faintest)
    free = near.select(is_free)
    still = np.zeros(data.n_cadence)
    motion = TileMotion(still, still, np.zeros((data.n_cadence, len(_LINEAR))), np.zeros((data.n_cadence, N_LOCAL)))
    nothing = np.zeros(data.stamp.n_pixel)
    return RegionTile(
        data=data,
        free=free,
        held=near.select(~is_free),
        state=TileState(free.flux, motion, nothing, nothing),
        departure=np.zeros((len(free), data.n_cadence), dtype=np.float32),
        rejected=None,
    )


def kernel_of_tile(kernel: MovementKernel, data: TileData) -> MovementKernel:
    """Return the kernel of a region, expanded about the center and the scale of a tile."""
    to_tile = parameters_of_tile(kernel, data)
    return replace(
        kernel,
        center=data.stamp.center,
        scale=max(data.stamp.shape) / 2,
        parameters=kernel.parameters @ to_tile.T,
        covariance=to_tile @ kernel.covariance @ to_tile.T,
    )


def tile_motion(kernel: MovementKernel, data: TileData, local: npt.NDArray[np.float64]) -> TileMotion:
    """Return the motion of a tile by the kernel of its region."""
    own = kernel_of_tile(kernel, data).parameters
    return TileMotion(own[:, 0], own[:, 3], own[:, _LINEAR], local)


def few_cadences(region: Region) -> npt.NDArray[np.int64]:
    """Choose unflagged cadences of known motion, evenly in time: what all cadences share is known well from them."""
    good = np.flatnonzero(region.good & ~region.kernel.bad)
    good = good if len(good) else np.flatnonzero(region.good)
    return evenly_chosen(good, _MOST_CADENCES)


def evenly_chosen(cadences: npt.NDArray[np.int64], most: int) -> npt.NDArray[np.int64]:
    """Return at most so many of the cadences, evenly in time."""
    return cadences[np.unique(np.linspace(0, len(cadences) - 1, most).astype(np.int64))]


def region_of_cadences(region: Region, which: npt.NDArray[np.int64]) -> Region:
    """Return the tiles and the motion of a region in some cadences."""
    tiles = []
    for tile in region.tiles:
        motion = tile.state.motion
        some = TileMotion(
            motion.row_shift[which], motion.column_shift[which], motion.linear[which], motion.local[which]
        )
        tiles.append(
            replace(
                tile,
                data=tile.data.of_cadences(which),
                state=replace(tile.state, motion=some),
                departure=tile.departure[:, which],
                rejected=None if tile.rejected is None else tile.rejected[which],
            )
        )
    return replace(region, tiles=tuple(tiles), kernel=region.kernel.of_cadences(which), good=region.good[which])


def placed_tile(
    tile: RegionTile, kernel: MovementKernel, prf: PrfEvaluator, cadences: npt.NDArray[np.int64] | None = None
) -> tuple[TileModel, TileState]:
    """Put a tile's stars where the kernel has them: the stars about the nodes, and the state with that motion.

    Nodes are those of some `cadences`, all by default.
    """
    state = replace(tile.state, motion=tile_motion(kernel, tile.data, tile.state.motion.local))
    free, held = tile.free.moved(*kernel.offset), tile.held.moved(*kernel.offset)
    return build_model(tile.data, prf, free, held, state.motion, _NODE_REACH, cadences), state


def _first_kernel(series: _Series, stamp: Stamp, settings: MotionSettings) -> MovementKernel:
    """Motion before anything is measured: POS_CORR of a target pixel file, else none."""
    n_cadence = len(series.good)
    parameters = np.zeros((n_cadence, N_MOTION))
    bad = np.zeros(n_cadence, dtype=bool)
    source = "unchanged" if settings.mode == "unchanged" else "pixels"
    if source == "pixels" and series.pos_corr is not None:
        known = np.asarray(np.isfinite(series.pos_corr).all(axis=1), dtype=np.bool_)
        if known.any() and np.abs(series.pos_corr[known]).max() > 0:
            source, bad = "pos_corr", ~known
            for k, axis in ((0, 1), (3, 0)):
                parameters[:, k] = np.interp(series.cadenceno, series.cadenceno[known], series.pos_corr[known, axis])
    return MovementKernel(
        center=stamp.center,
        scale=max(stamp.shape) / 2,
        offset=(0.0, 0.0),
        parameters=parameters,
        covariance=np.zeros((n_cadence, N_MOTION, N_MOTION)),
        bad=bad,
        source=source,
    )


def parameters_of_tile(kernel: MovementKernel, data: TileData) -> npt.NDArray[np.float64]:
    """Matrix that turns the region's parameters into those about the tile's center and scale, (6, 6)."""
    row, column = data.stamp.center
    ratio = max(data.stamp.shape) / 2 / kernel.scale
    v, u = (row - kernel.center[0]) / kernel.scale, (column - kernel.center[1]) / kernel.scale
    axis = np.array([[1.0, v, u], [0.0, ratio, 0.0], [0.0, 0.0, ratio]])
    return np.kron(np.eye(2), axis)
