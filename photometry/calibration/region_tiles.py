"""Tiles of a region while its motion is measured, and the motion of a tile from that of its region.

What all cadences share is measured from a few hundred of them, whose pixels stay in memory. The pixels of all cadences
are read tile by tile when they are needed, and not kept: those of a CCD's patches would fill the memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import linalg

from photometry.calibration.kernel import LARGEST_SHIFT, LINEAR, N_AFFINE, N_MOTION, MovementKernel
from photometry.core.cube import Cube
from photometry.core.errors import FitError
from photometry.core.geometry import Stamp, bounding_stamp, tiles_of
from photometry.core.settings import MotionSettings
from photometry.core.stars import LIGHT_REACH, Stars
from photometry.prf.prf_grid import PrfEvaluator
from photometry.scene.nodes import far_cadences
from photometry.scene.tile_data import TileData, tile_data
from photometry.scene.tile_model import TileModel, build_model, local_basis
from photometry.scene.tile_state import TileMotion, TileState

__all__ = [
    "NODE_REACH",
    "PRF_REACH",
    "Region",
    "RegionSeries",
    "RegionTile",
    "evenly_chosen",
    "kernel_of_tile",
    "no_background",
    "parameters_of_tile",
    "placed_tile",
    "start_region",
    "still_motion",
    "tile_motion",
]

#: Stars up to this many pixels outside shine into the pixels.
PRF_REACH = 7.5
#: Half the side of a node while the motion is measured, pixels.
NODE_REACH = 0.05
#: Stars that must share the light of a region, in effect, before changes of the PRF are measured; only stars brighter
#: than this count (T=14), and none more than one at the limit of saturation, e-/s.
_LEAST_FOR_MOMENTS = 3.0
_LEAST_LIGHT, _MOST_LIGHT = 380.0, 3e5
#: Unflagged cadences that mean fluxes, offset and PRF are measured from, at most.
_MOST_CADENCES = 400


@dataclass(frozen=True, slots=True)
class RegionTile:
    """One tile of a region, in some cadences.

    Parameters
    ----------
    data : TileData
        The pixels.
    free, fixed : Stars
        Stars with a free mean flux, and fainter ones at their catalogue flux; at their catalogue positions.
    state : TileState
        Mean fluxes, motion, model error.
    deviation : (n_free, n_cadence) float32
        Flux less mean flux of the free stars, as far as that is known, e-/s.
    rejected : (n_cadence, n_pixel) bool or None
        Pixels that disagree with the fit; None as long as they are unknown.
    """

    data: TileData
    free: Stars
    fixed: Stars
    state: TileState
    deviation: npt.NDArray[np.float32]
    rejected: npt.NDArray[np.bool_] | None


@dataclass(frozen=True, slots=True)
class Region:
    """A region in some cadences, while its motion is measured.

    Parameters
    ----------
    tiles : tuple of RegionTile
        All tiles with measured pixels.
    kernel : MovementKernel
        Motion of the region so far.
    good : (n_cadence,) bool
        Cadences that count for the means.
    measured : bool
        Whether the motion is measured from the pixels, or only the offset.
    moments : bool
        Whether enough stars show how the PRF changes with time: one alone cannot tell that from its own variation.
    information : (n_cadence, N_MOTION, N_MOTION) float64
        Inverse covariance of the motion by the pixels of the last round alone; zero before the first.
    target : (n_cadence, N_MOTION) float64
        Information times the motion by these pixels, the offset being that of `kernel`.
    """

    tiles: tuple[RegionTile, ...]
    kernel: MovementKernel
    good: npt.NDArray[np.bool_]
    measured: bool
    moments: bool
    information: npt.NDArray[np.float64]
    target: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RegionSeries:
    """All cadences of a region.

    Parameters
    ----------
    cubes : sequence of Cube
        The pixels; each is read when it is needed and not kept.
    tiles : tuple of (int, Stamp)
        The tiles, in the order of `Region.tiles`: number of the cube, and pixels.
    kernel : MovementKernel
        Motion to start from.
    good : (n_cadence,) bool
        Cadences that count for the means.
    which : (n_few,) int64
        Cadences from which fluxes, offset and PRF are measured.
    """

    cubes: Sequence[Cube]
    tiles: tuple[tuple[int, Stamp], ...]
    kernel: MovementKernel
    good: npt.NDArray[np.bool_]
    which: npt.NDArray[np.int64]

    def pixels(self, tile: int) -> TileData:
        """Return the pixels of a tile in all cadences."""
        cube, stamp = self.tiles[tile]
        return tile_data(self.cubes[cube].cut(stamp))


def start_region(
    cubes: Sequence[Cube], stars: Stars, settings: MotionSettings, kernel: MovementKernel | None = None
) -> tuple[RegionSeries, Region]:
    """Cut a region into tiles, with catalogue fluxes to start from.

    Parameters
    ----------
    cubes : sequence of Cube
        The pixels: one cube, or patches of a CCD, all of the same cadences. They are read one after the other,
        and again for every step towards the motion of all cadences.
    stars : Stars
        All catalogue stars whose light reaches the pixels, by their catalogue positions.
    settings : MotionSettings
        Mode and limits.
    kernel : MovementKernel, optional
        Motion to start from; by default that of the pixel files or zero.

    Returns
    -------
    RegionSeries
        All cadences.
    Region
        The tiles and the motion in a few of them, unflagged, evenly in time. Tiles without a measured pixel are left
        out.

    Raises
    ------
    FitError
        When all cadences are flagged, no pixel is measured in the others, no star lies on the pixels, or the cubes have
        different cadences.
    """
    cadenceno: npt.NDArray[np.int32] | None = None
    stamps: list[Stamp] = []
    places: list[tuple[int, Stamp]] = []
    tiles: list[RegionTile] = []
    for number in range(len(cubes)):
        cube = cubes[number]
        if cadenceno is None:
            cadenceno, good = cube.cadenceno, _good_cadences(cube)
            start = _first_kernel(cube, settings) if kernel is None else kernel
            which = _few_cadences(good, start)
        if not np.array_equal(cadenceno, cube.cadenceno):
            raise FitError(f"the pixels {cube.stamp} have other cadences than the first ones, {stamps[0]}")
        stamps.append(cube.stamp)
        for tile in tiles_of(cube.stamp, settings.tile_size, 0):
            data = tile_data(cube.cut(tile.stamp)).of_cadences(which)
            if data.valid.any():
                places.append((number, tile.stamp))
                tiles.append(_start_tile(data, stars, settings))
        # Freed before the next one is read.
        del cube
    if not tiles:
        raise FitError(
            "no pixel is measured in any cadence that is not flagged: there is nothing to measure motion from"
        )
    if not any(stamp.grown(LIGHT_REACH).contains(stars.row, stars.column).any() for stamp in stamps):
        raise FitError(
            "no star of the catalogue lies on the pixels; give the star table of this part of the sky (key 'catalog')"
        )
    if kernel is None:
        stamp = bounding_stamp(stamps)
        start = replace(start, center=stamp.center, scale=max(stamp.shape) / 2)
    series = RegionSeries(cubes, tuple(places), start, good, which)
    measured, moments = start.source == "pixels", _effective_number(tiles) > _LEAST_FOR_MOMENTS
    target = np.zeros((len(which), N_MOTION))
    information = np.zeros((*target.shape, N_MOTION))
    of_few = start.of_cadences(which)
    return series, Region(tuple(tiles), of_few, good[which], measured, moments, information, target)


def _effective_number(tiles: Sequence[RegionTile]) -> float:
    """Return how many stars of equal brightness would share the light of those on the pixels as evenly."""
    fluxes = [tile.free.flux[tile.data.stamp.contains(tile.free.row, tile.free.column)] for tile in tiles]
    flux = np.minimum(np.concatenate(fluxes), _MOST_LIGHT)
    flux = flux[flux > _LEAST_LIGHT]
    return float(flux.sum() ** 2 / (flux @ flux)) if len(flux) else 0.0


def _good_cadences(cube: Cube) -> npt.NDArray[np.bool_]:
    good = cube.usable
    if not good.any():
        raise FitError("every cadence is flagged: there is nothing to measure mean fluxes and motion from")
    return good


def _few_cadences(good: npt.NDArray[np.bool_], kernel: MovementKernel) -> npt.NDArray[np.int64]:
    """Choose unflagged cadences of known motion, evenly in time, to measure what all cadences share.

    Excursions are left out, as far as they are known: each is a node of its own.
    """
    usual = ~far_cadences(kernel.parameters[:, 0], kernel.parameters[:, 3], NODE_REACH)
    known = np.flatnonzero(good & ~kernel.bad & usual)
    return evenly_chosen(known if len(known) else np.flatnonzero(good), _MOST_CADENCES)


def evenly_chosen(cadences: npt.NDArray[np.int64], most: int) -> npt.NDArray[np.int64]:
    """Return at most `most` of the cadences, evenly in time."""
    return cadences[np.unique(np.linspace(0, len(cadences) - 1, most).astype(np.int64))]


def _start_tile(data: TileData, stars: Stars, settings: MotionSettings) -> RegionTile:
    """Tile with catalogue fluxes and no motion."""
    near = stars.select(data.stamp.border_distance(stars.row, stars.column) > -PRF_REACH)
    faintest = np.sort(near.tmag)[min(settings.n_free, len(near)) - 1] if len(near) else settings.tmag_limit
    is_free = (near.tmag < settings.tmag_limit) & (near.tmag <= faintest)
    free = near.select(is_free)
    nothing = np.zeros(data.stamp.n_pixel)
    return RegionTile(
        data=data,
        free=free,
        fixed=near.select(~is_free),
        state=TileState(free.flux, still_motion(data), nothing, nothing),
        deviation=np.zeros((len(free), data.n_cadence), dtype=np.float32),
        rejected=None,
    )


def still_motion(data: TileData) -> TileMotion:
    """Return no motion and no local background."""
    still = np.zeros(data.n_cadence)
    linear, widths = np.zeros((data.n_cadence, len(LINEAR))), np.zeros((data.n_cadence, N_MOTION - N_AFFINE))
    return TileMotion(still, still, linear, widths, no_background(data.stamp, data.n_cadence))


def no_background(stamp: Stamp, n_cadence: int) -> npt.NDArray[np.float64]:
    """Return no local background of a tile, (n_cadence, n_local)."""
    return np.zeros((n_cadence, local_basis(stamp).shape[1]))


def kernel_of_tile(kernel: MovementKernel, data: TileData | Cube) -> MovementKernel:
    """Return the kernel of a region, expanded about the centre and the scale of a tile."""
    to_tile = parameters_of_tile(kernel, data)
    return replace(
        kernel,
        center=data.stamp.center,
        scale=max(data.stamp.shape) / 2,
        parameters=kernel.parameters @ to_tile.T,
        covariance=to_tile @ kernel.covariance @ to_tile.T,
    )


def tile_motion(
    kernel: MovementKernel, data: TileData | Cube, local: npt.NDArray[np.float64] | None = None
) -> TileMotion:
    """Return the motion of a tile by the kernel of its region, and a local background (n_cadence, n_local), if any."""
    own = kernel_of_tile(kernel, data).parameters
    local = no_background(data.stamp, data.n_cadence) if local is None else local
    return TileMotion(own[:, 0], own[:, 3], own[:, LINEAR], own[:, N_AFFINE:], local)


def placed_tile(
    tile: RegionTile, kernel: MovementKernel, prf: PrfEvaluator, cadences: npt.NDArray[np.int64] | None = None
) -> tuple[TileModel, TileState]:
    """Place a tile's stars by the kernel: return the stars about the nodes, and the state with that motion.

    Nodes are those of some `cadences`, all by default.
    """
    state = replace(tile.state, motion=tile_motion(kernel, tile.data, tile.state.motion.local))
    free, fixed = tile.free.moved(*kernel.offset), tile.fixed.moved(*kernel.offset)
    return build_model(tile.data, prf, free, fixed, state.motion, NODE_REACH, cadences), state


def _first_kernel(cube: Cube, settings: MotionSettings) -> MovementKernel:
    """Motion before anything is measured: POS_CORR of a target pixel file, otherwise zero."""
    n_cadence = cube.n_cadence
    parameters = np.zeros((n_cadence, N_MOTION))
    bad = np.zeros(n_cadence, dtype=bool)
    source = "unchanged" if settings.mode == "unchanged" else "pixels"
    pos_corr = cube.header.pos_corr
    if source == "pixels" and pos_corr is not None:
        # NaN is in no range.
        known = np.asarray(np.hypot(*pos_corr.T) <= LARGEST_SHIFT, dtype=np.bool_)
        if known.any() and np.abs(pos_corr[known]).max() > 0:
            source, bad = "pos_corr", ~known
            for k, axis in ((0, 1), (3, 0)):
                parameters[:, k] = np.interp(cube.cadenceno, cube.cadenceno[known], pos_corr[known, axis])
    return MovementKernel(
        center=cube.stamp.center,
        scale=max(cube.stamp.shape) / 2,
        offset=(0.0, 0.0),
        parameters=parameters,
        covariance=np.zeros((n_cadence, N_MOTION, N_MOTION)),
        bad=bad,
        source=source,
    )


def parameters_of_tile(kernel: MovementKernel, data: TileData | Cube) -> npt.NDArray[np.float64]:
    """Matrix that turns the region's parameters into those about the tile's centre and scale, (N_MOTION, N_MOTION)."""
    row, column = data.stamp.center
    ratio = max(data.stamp.shape) / 2 / kernel.scale
    v, u = (row - kernel.center[0]) / kernel.scale, (column - kernel.center[1]) / kernel.scale
    axis = np.array([[1.0, v, u], [0.0, ratio, 0.0], [0.0, 0.0, ratio]])
    return linalg.block_diag(axis, axis, np.eye(N_MOTION - N_AFFINE))
