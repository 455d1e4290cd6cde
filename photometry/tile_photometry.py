"""Joint photometry of a tile: every star in every cadence."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from photometry.aperture import Apertures, aperture_photometry, choose_apertures, windows_of
from photometry.cube import Cube
from photometry.departures import FirstFit, Scene, first_fit, members_of, solve_block, system_of
from photometry.flux_errors import flux_variance, motion_response
from photometry.geometry import Stamp
from photometry.mean_scene import solve_mean
from photometry.motion import MovementKernel
from photometry.motion_fit import MOTION_IMAGES
from photometry.normal import NodeSystem
from photometry.prf import PrfEvaluator, PrfGrid
from photometry.quality import PIXEL_QUALITY, bit
from photometry.region import PRF_REACH, kernel_of_tile, tile_motion
from photometry.scene import N_TERM
from photometry.settings import FitSettings
from photometry.solve import ACCURACY
from photometry.star_quality import StarQuality, blending, cadence_flags, reduced_chi2, star_flags, star_quality
from photometry.stars import Stars
from photometry.tile_data import TileData, tile_data
from photometry.tile_fit import TileFit
from photometry.tile_model import (
    N_LOCAL,
    TileState,
    build_model,
    local_basis,
    node_variance,
)

__all__ = ["fit_tile"]

#: Linear steps to the mean fluxes without outliers; the second sees what is not understood.
_MEAN_ROUNDS = 2
_NOT_FITTED = bit(PIXEL_QUALITY, "not_fitted")


@dataclass(frozen=True, slots=True)
class _Block:
    """Series (n_star, n_cadence) by the names of `TileFit`, and flags; chi-squared and local background per cadence."""

    cadences: npt.NDArray[np.int64]
    series: dict[str, npt.NDArray[np.float64]]
    flags: npt.NDArray[np.int32]
    chi2: npt.NDArray[np.float64]
    local: npt.NDArray[np.float64]


def fit_tile(
    cube: Cube, stars: Stars, core: Stamp, prf: PrfGrid, kernel: MovementKernel, settings: FitSettings
) -> TileFit:
    """Fit all stars of a tile jointly in all cadences.

    Parameters
    ----------
    cube : Cube
        The tile's pixels: its core and the margin.
    stars : Stars
        All catalogue stars whose light reaches the pixels, by their catalogue positions.
    core : Stamp
        Stars on these pixels are returned.
    prf : PrfGrid
        PRF of the CCD.
    kernel : MovementKernel
        Motion of the region, and the offset between catalogue and pixels.
    settings : FitSettings
        Limits.

    Raises
    ------
    FitError
        When no pixel is usable.
    """
    data = tile_data(cube)
    near = stars.select(cube.stamp.border_distance(stars.row, stars.column) > -PRF_REACH)
    is_free = near.tmag < settings.tmag_limit
    in_core = np.flatnonzero(core.contains(near.row[is_free], near.column[is_free]))
    placed = near.moved(*kernel.offset)
    free, held = placed.select(is_free), placed.select(~is_free)
    nothing = np.zeros(data.stamp.n_pixel)
    motion = tile_motion(kernel, data, np.zeros((data.n_cadence, N_LOCAL)))
    state = TileState(free.flux, motion, nothing, nothing)
    model = build_model(data, PrfEvaluator(prf, np.float32), free, held, motion, settings.node_reach)
    good = cube.quality == 0
    if not good.any():
        good = np.ones(data.n_cadence, dtype=bool)
    mean = solve_mean(data, model, state, good, clip=True)
    state = replace(state, flux=mean.flux, static=mean.static, misfit=mean.misfit)
    scene = Scene(data, model, state, in_core, kernel_of_tile(kernel, data), settings)
    first = first_fit(scene)
    data = replace(data, valid=data.valid & ~first.rejected)
    for _ in range(_MEAN_ROUNDS):
        mean = solve_mean(data, model, state, good, departure=first.unknowns[: len(free)])
        state = replace(state, flux=mean.flux, static=mean.static, misfit=mean.misfit)
    scene = replace(scene, data=data, state=state)
    return _assemble(cube, scene, prf, good, first)


def _assemble(cube: Cube, scene: Scene, prf: PrfGrid, good: npt.NDArray[np.bool_], first: FirstFit) -> TileFit:
    """Fit node by node, block by block, and put the cadences in order."""
    data, model, core = scene.data, scene.model, scene.core
    main = max(model.nodes, key=lambda part: int(good[part.node.cadences].sum()))
    images = model.mean_images(main, scene.state.flux)
    variance = node_variance(data, main, images)
    quality = star_quality(data, main, images, scene.state.flux, core)
    apertures = choose_apertures(
        main.expansion.matrices[0][:, core], scene.state.flux[core], variance, data.usable, data.stamp
    )
    blocks, correlation = [], np.zeros(len(core))
    for part in model.nodes:
        system = system_of(scene, part, first.factored)
        if part is main:
            correlation = blending(system, core)
        blocks += [_fit_block(scene, system, apertures, quality, members, first) for members in members_of(scene, part)]
    series = {name: _in_order(blocks, [block.series[name] for block in blocks], np.float32) for name in _SERIES}
    local = _in_order(blocks, [block.local for block in blocks], np.float64)[:, good].mean(axis=1)
    window, window_row, window_column = windows_of(
        apertures, model.stars.row[core], model.stars.column[core], data.stamp
    )
    row_shift, column_shift = scene.kernel.shifts(model.stars.row[core], model.stars.column[core])
    return TileFit(
        stamp=data.stamp,
        starid=model.stars.starid[core],
        tmag=model.stars.tmag[core],
        row=model.stars.row[core],
        column=model.stars.column[core],
        row_shift=row_shift.astype(np.float32),
        column_shift=column_shift.astype(np.float32),
        pixel_quality=_in_order(blocks, [block.flags for block in blocks], np.int32),
        cadence_chi2=_in_order(blocks, [block.chi2 for block in blocks], np.float32),
        star_flags=star_flags(quality, correlation, series["chi2"][:, good]),
        contamination=quality.contamination,
        blend_correlation=correlation,
        prf_source=prf.source,
        fit_tmag_limit=scene.settings.tmag_limit,
        sum_image=_mean_image(cube, good),
        model_image=np.where(data.saturated, np.nan, images[0] + model.local_basis @ local).reshape(data.stamp.shape),
        aperture=window,
        window_row=window_row,
        window_column=window_column,
        **series,
    )


def _in_order(blocks: list[_Block], parts: list[npt.NDArray[Any]], dtype: type) -> npt.NDArray[Any]:
    """Put the blocks' values (..., n_cadence of the block) into the order of the cadences."""
    order = np.argsort(np.concatenate([block.cadences for block in blocks]))
    return np.concatenate(parts, axis=-1)[..., order].astype(dtype)


def _mean_image(cube: Cube, good: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Mean of the good images, (n_row, n_column), e-/s; NaN where no pixel was measured."""
    finite = np.isfinite(cube.images[good])
    count = finite.sum(axis=0)
    total = np.where(finite, cube.images[good], 0).sum(axis=0, dtype=np.float64)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _fit_block(
    scene: Scene,
    system: NodeSystem,
    apertures: Apertures,
    quality: StarQuality,
    cadences: npt.NDArray[np.int64],
    first: FirstFit,
) -> _Block:
    """Work out everything about the stars of the core in some cadences of a node."""
    data, model, core, part = scene.data, scene.model, scene.core, system.part
    motion, kernel = scene.state.motion, scene.kernel
    images = model.mean_images(part, scene.state.flux)
    variance = node_variance(data, part, images)
    mean, valid = scene.state.flux[core, None], data.valid[cadences]
    start = first.unknowns[:, cadences]
    start[: len(first.flux)] += (first.flux - scene.state.flux).astype(np.float32)[:, None]
    solution, rest = solve_block(scene, system, cadences, ACCURACY, start)
    departure = solution.departure[core] / (1 - system.own_prior[core])[:, None]
    coefficients = motion.local[cadences].T + solution.common
    local = model.local_basis @ coefficients
    extra_sky = data.sky[cadences].mean(axis=1) + local.mean(axis=0) - part.sky.mean()
    response = motion_response(system, images[MOTION_IMAGES])[core]
    squared = flux_variance(system, core, departure, extra_sky, valid, data, response, kernel.covariance[cadences])
    terms = part.coefficients(motion, cadences)[:, :N_TERM]
    own = tuple(matrix[:, core] for matrix in part.expansion.matrices)
    in_aperture = aperture_photometry(apertures, own, terms, mean + solution.departure[core], rest, variance)
    chi2, cadence_chi2 = reduced_chi2(quality, rest, valid, variance, system.leverage)
    distance = np.hypot(motion.row_shift, motion.column_shift)[cadences]
    rejected = first.rejected[cadences]
    flags = cadence_flags(quality, data, cadences, rejected, chi2, distance, kernel.bad[cadences], solution.converged)
    pixel = _pixel_of(data, model.stars.row[core], model.stars.column[core])
    values = (
        mean + departure,
        np.sqrt(squared),
        *in_aperture,
        data.sky[cadences][:, pixel].T + local_basis(data.stamp)[pixel] @ coefficients,
        chi2,
    )
    fitted = (flags & _NOT_FITTED) == 0
    series = {name: np.where(fitted, value, np.nan) for name, value in zip(_SERIES, values, strict=True)}
    return _Block(cadences, series, flags, cadence_chi2, coefficients)


def _pixel_of(data: TileData, row: npt.NDArray[np.float64], column: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Flat index of the pixel nearest to positions."""
    n_row, n_column = data.stamp.shape
    in_row = np.clip(np.rint(row).astype(np.int64) - data.stamp.row_min, 0, n_row - 1)
    in_column = np.clip(np.rint(column).astype(np.int64) - data.stamp.col_min, 0, n_column - 1)
    return in_row * n_column + in_column


#: Fields of `TileFit` that are series of a star and that a block fills.
_SERIES = (
    "flux",
    "flux_err",
    "aperture_flux",
    "aperture_flux_err",
    "centroid_row",
    "centroid_column",
    "background",
    "chi2",
)
