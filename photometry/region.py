"""A region's motion, from all its tiles: mean scene and motion in turns.

Every tile is worked out alone; what the tiles say of the region's motion and of the constant offset between catalogue
and pixels is added up as normal equations.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from photometry.cube import Cube
from photometry.errors import FitError
from photometry.geometry import tiles_of
from photometry.kernel_update import improved_kernel, static_precision, with_static
from photometry.mean_scene import ExtraColumns, MeanStep, solve_mean
from photometry.motion import MovementKernel
from photometry.motion_fit import MOTION_IMAGES, N_MOTION, motion_step
from photometry.normal import inverse
from photometry.prf import PrfEvaluator, PrfGrid
from photometry.settings import MotionSettings
from photometry.stars import Stars
from photometry.tile_data import TileData, tile_data
from photometry.tile_model import N_LOCAL, NodeModel, TileModel, TileMotion, TileState, build_model

__all__ = [
    "PRF_REACH",
    "Region",
    "RegionTile",
    "kernel_of_tile",
    "mean_of_tile",
    "measure_motion",
    "parameters_of_tile",
    "placed_tile",
    "region_round",
    "start_region",
    "static_columns",
    "tile_motion",
]

#: Stars up to so many pixels outside shine into the pixels.
PRF_REACH = 7.5
#: Pixels that disagree with the fit by more standard deviations are left out.
_OUTLIER_SIGMA = 6.0
#: Half the side of a node while the motion is measured, pixels.
_NODE_REACH = 0.05
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


def measure_motion(cube: Cube, stars: Stars, prf: PrfGrid, settings: MotionSettings) -> MovementKernel:
    """Measure the movement kernel of a region, and the constant offset between catalogue and pixels.

    Target pixel files bring their motion along (POS_CORR); there only the offset is measured.

    Parameters
    ----------
    cube : Cube
        The pixels.
    stars : Stars
        All catalogue stars whose light reaches the pixels, by their catalogue positions.
    prf : PrfGrid
        PRF of the CCD.
    settings : MotionSettings
        Mode and limits.

    Raises
    ------
    FitError
        When all cadences are flagged, or no star lies on the pixels.
    """
    region = start_region(cube, stars, settings, _first_kernel(cube, settings))
    evaluator = PrfEvaluator(prf, np.float32)
    for _ in range(settings.n_round):
        region = region_round(region, evaluator, settings)
    return region.kernel


def start_region(cube: Cube, stars: Stars, settings: MotionSettings, kernel: MovementKernel) -> Region:
    """Cut a region into tiles, with catalogue fluxes to start from; parameters as of `measure_motion`."""
    good = cube.quality == 0
    if not good.any():
        raise FitError("every cadence is flagged: there is nothing to measure mean fluxes and motion from")
    if not cube.stamp.contains(stars.row, stars.column).any():
        raise FitError("no star of the catalogue lies on the pixels")
    tiles = []
    for tile in tiles_of(cube.stamp, settings.tile_size, 0):
        near = stars.select(tile.stamp.border_distance(stars.row, stars.column) > -PRF_REACH)
        data = tile_data(cube.cut(tile.stamp))
        faintest = np.sort(near.tmag)[min(settings.n_free, len(near)) - 1] if len(near) else settings.tmag_limit
        is_free = (near.tmag < settings.tmag_limit) & (near.tmag <= faintest)
        free, held = near.select(is_free), near.select(~is_free)
        motion = tile_motion(kernel, data, np.zeros((data.n_cadence, N_LOCAL)))
        tiles.append(
            RegionTile(
                data,
                free,
                held,
                TileState(free.flux, motion, np.zeros(data.stamp.n_pixel), np.zeros(data.stamp.n_pixel)),
                np.zeros((len(free), data.n_cadence), dtype=np.float32),
                None,
            )
        )
    return Region(tuple(tiles), kernel, good, kernel.source == "pixels")


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


def placed_tile(tile: RegionTile, kernel: MovementKernel, prf: PrfEvaluator) -> tuple[TileModel, TileState]:
    """Put a tile's stars where the kernel has them: the stars about the nodes, and the state with that motion."""
    state = replace(tile.state, motion=tile_motion(kernel, tile.data, tile.state.motion.local))
    free, held = tile.free.moved(*kernel.offset), tile.held.moved(*kernel.offset)
    return build_model(tile.data, prf, free, held, state.motion, _NODE_REACH), state


def region_round(region: Region, prf: PrfEvaluator, settings: MotionSettings) -> Region:
    """Improve mean fluxes, offset and motion of a region once."""
    kernel, n_cadence = region.kernel, len(region.good)
    information = np.zeros((n_cadence, N_MOTION, N_MOTION))
    gradient = np.zeros((n_cadence, N_MOTION))
    precision = static_precision(kernel.scale)
    static_information = np.diag(precision)
    static_gradient = -precision * np.array([kernel.offset[0], 0.0, 0.0, kernel.offset[1], 0.0, 0.0])
    tiles = []
    for tile in region.tiles:
        model, state = placed_tile(tile, kernel, prf)
        mean = mean_of_tile(tile, model, state, region.good, static_columns, precision)
        to_tile = parameters_of_tile(kernel, tile.data)
        static_information += to_tile.T @ mean.information @ to_tile
        static_gradient += to_tile.T @ mean.gradient
        state = replace(state, flux=mean.flux, static=mean.static, misfit=mean.misfit)
        rejected = np.zeros_like(tile.data.valid) if tile.rejected is None else tile.rejected
        step = motion_step(tile.data, model, state, rejected, _OUTLIER_SIGMA)
        information += to_tile.T @ step.information @ to_tile
        gradient += np.einsum("ji,tjk,tk->ti", to_tile, step.information, step.change)
        motion = replace(state.motion, local=state.motion.local + step.local)
        state = replace(state, motion=motion)
        tiles.append(replace(tile, state=state, departure=step.departure, rejected=step.outliers))
    if region.measured:
        kernel = improved_kernel(kernel, information, gradient, region.good, settings.mode)
    kernel = with_static(kernel, inverse(static_information) @ static_gradient)
    return replace(region, tiles=tuple(tiles), kernel=kernel)


def mean_of_tile(
    tile: RegionTile,
    model: TileModel,
    state: TileState,
    good: npt.NDArray[np.bool_],
    columns: ExtraColumns,
    precision: npt.NDArray[np.float64],
) -> MeanStep:
    """Improve a tile's mean scene; residuals are clipped as long as it is not known which pixels are outliers."""
    if tile.rejected is None:
        return solve_mean(tile.data, model, state, good, columns, precision, clip=True)
    data = replace(tile.data, valid=tile.data.valid & ~tile.rejected)
    return solve_mean(data, model, state, good, columns, precision, departure=tile.departure)


def _first_kernel(cube: Cube, settings: MotionSettings) -> MovementKernel:
    """Motion before anything is measured: POS_CORR of a target pixel file, else none."""
    n_cadence = cube.n_cadence
    parameters = np.zeros((n_cadence, N_MOTION))
    bad = np.zeros(n_cadence, dtype=bool)
    source = "unchanged" if settings.mode == "unchanged" else "pixels"
    if source == "pixels" and cube.pos_corr is not None:
        known = np.asarray(np.isfinite(cube.pos_corr).all(axis=1), dtype=np.bool_)
        if known.any() and np.abs(cube.pos_corr[known]).max() > 0:
            source, bad = "pos_corr", ~known
            for k, axis in ((0, 1), (3, 0)):
                parameters[:, k] = np.interp(cube.cadenceno, cube.cadenceno[known], cube.pos_corr[known, axis])
    return MovementKernel(
        center=cube.stamp.center,
        scale=max(cube.stamp.shape) / 2,
        offset=(0.0, 0.0),
        parameters=parameters,
        covariance=np.zeros((n_cadence, N_MOTION, N_MOTION)),
        bad=bad,
        source=source,
    )


def static_columns(part: NodeModel, images: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Change of a node's pixels with a constant affine shift of all stars: (n_pixel, 6)."""
    del part
    return images[MOTION_IMAGES].T


def parameters_of_tile(kernel: MovementKernel, data: TileData) -> npt.NDArray[np.float64]:
    """Matrix that turns the region's parameters into those about the tile's center and scale, (6, 6)."""
    row, column = data.stamp.center
    ratio = max(data.stamp.shape) / 2 / kernel.scale
    v, u = (row - kernel.center[0]) / kernel.scale, (column - kernel.center[1]) / kernel.scale
    axis = np.array([[1.0, v, u], [0.0, ratio, 0.0], [0.0, 0.0, ratio]])
    return np.kron(np.eye(2), axis)
