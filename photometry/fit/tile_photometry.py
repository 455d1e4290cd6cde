"""Joint photometry of a tile: every star in every cadence."""

from dataclasses import fields, replace

import numpy as np
import numpy.typing as npt

from photometry.calibration.kernel import MovementKernel
from photometry.calibration.region_tiles import PRF_REACH, evenly_chosen, kernel_of_tile, tile_motion
from photometry.core.cube import Cube
from photometry.core.geometry import Stamp
from photometry.core.settings import FitSettings
from photometry.core.stages import counted
from photometry.core.stars import Stars
from photometry.fit.aperture import Apertures, choose_apertures, windows_of
from photometry.fit.background_slopes import with_expected_slopes
from photometry.fit.cadence_fit import FirstFit, TileScene, final_fit, first_fit, moment_images
from photometry.fit.mean_images import left_in, mean_images, measured_image
from photometry.fit.moment_widths import moment_widths
from photometry.fit.motion_slopes import left_of_image, motion_slopes
from photometry.fit.outlying_cadences import fit_outlying
from photometry.fit.own_profiles import own_profiles
from photometry.fit.pixel_slopes import PixelSlopes, pixel_slopes
from photometry.fit.prf_changes import edge_share, prf_change_share
from photometry.fit.star_quality import StarQuality, blending, star_flags, star_quality
from photometry.fit.star_series import BlockSeries, StarBackgrounds, StarSeries, series_of
from photometry.fit.static_misfit import static_misfit
from photometry.fit.tile_fit import TileFit
from photometry.fit.tile_without_pixels import without_pixels
from photometry.fit.unlisted_neighbours import unlisted_neighbours
from photometry.fit.unmeasured_motion import with_unmeasured_motion
from photometry.prf.prf_grid import PrfEvaluator, PrfGrid
from photometry.scene.mean_scene import PixelMean, solve_mean
from photometry.scene.mean_state import with_mean
from photometry.scene.model_error import error_shape
from photometry.scene.node_model import NodeModel, main_node, node_variance
from photometry.scene.nodes import far_cadences
from photometry.scene.prf_edge import edge_variance
from photometry.scene.tile_data import tile_data
from photometry.scene.tile_model import build_model, with_profiles
from photometry.scene.tile_state import TileState
from photometry.solver.node_solver import NodeSolver

__all__ = ["fit_tile"]

#: Linear steps to the mean fluxes without outliers; the second one knows the errors of the model.
_MEAN_ROUNDS = 2
#: Cadences that the first mean fluxes are solved from: they serve until outliers and flux deviations are known.
_FIRST_CADENCES = 200
#: The prior of a flux is never narrower than for a mean flux of this fraction of the catalogue flux.
_LEAST_OF_CATALOG = 0.1
#: Variation of every star that the final fit allows for, as a fraction of its flux, and its prior in units of the first
#: one, at least.
_LEAST_VARIATION = 0.01
_NARROWEST = 0.03


def fit_tile(
    cube: Cube,
    stars: Stars,
    core: Stamp,
    prf: PrfGrid,
    kernel: MovementKernel,
    settings: FitSettings,
    prior_widths: npt.NDArray[np.float64] | None = None,
    *,
    overwrite: bool = False,
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
    prior_widths : (n_star,) float64, optional
        Widths of the priors of the flux deviations of all `stars`, as fractions of their mean fluxes, if they are
        known; by default as wide as the first fit sees each star vary.
    overwrite : bool
        Whether the pixels of the cube may be overwritten, which saves the memory of a copy.

    Returns
    -------
    TileFit
        Where no pixel is measured, stars without a flux, flagged as such.
    """
    motion = tile_motion(kernel, cube)
    far = far_cadences(motion.row_shift, motion.column_shift, settings.node_reach)
    measured = measured_image(cube, _good_of(cube, ~far & cube.measured))
    data = tile_data(cube, overwrite=overwrite)
    is_near = cube.stamp.border_distance(stars.row, stars.column) > -PRF_REACH
    near = stars.select(is_near)
    is_free = near.tmag < settings.tmag_limit
    in_core = np.flatnonzero(core.contains(near.row[is_free], near.column[is_free]) & near.is_listed[is_free])
    placed = near.moved(*kernel.offset)
    free, fixed = placed.select(is_free), placed.select(~is_free)
    nothing = np.zeros(data.stamp.n_pixel)
    near_node = ~far & data.measured
    if not near_node.any():
        return without_pixels(cube, free.select(in_core), kernel, prf.source, settings.tmag_limit)
    state = TileState(free.flux, motion, nothing, nothing)
    evaluator = PrfEvaluator(prf, np.float32)
    model = build_model(data, evaluator, free, fixed, motion, settings.node_reach, np.flatnonzero(~far))
    good = _good_of(cube, near_node)
    mean = solve_mean(data, model, state, _some(good), clip=True)
    model, state = with_mean(model, state, mean)
    share = settings.prior_width if prior_widths is None else prior_widths[is_near][is_free]
    width = share * np.maximum(state.flux, _LEAST_OF_CATALOG * free.flux)
    own_kernel, still = kernel_of_tile(kernel, data), np.zeros(len(free))
    scene = TileScene(data, model, state, 1 / width**2, still, nothing, still, in_core, own_kernel, settings)
    scene = with_unmeasured_motion(scene, good)
    scene = replace(scene, edge_variance=edge_variance(data, free, state.flux, prf, motion, good))
    first = first_fit(scene, good)
    scene, first = _with_what_first_fit_shows(scene, first, good, mean.prf_error)
    if prior_widths is None:
        scene = replace(scene, precision=_final_precision(scene.state.flux, first.variation, width))
    scene = replace(scene, still=1 - np.minimum(scene.precision * first.variation**2, 1.0))
    scene, first = with_expected_slopes(scene, first, good)
    return _assemble(measured, scene, evaluator, good, first)


def _with_what_first_fit_shows(
    scene: TileScene, first: FirstFit, good: npt.NDArray[np.bool_], prf_error: float
) -> tuple[TileScene, FirstFit]:
    """Return the scene without outliers, with own profiles, new means and errors of the model, and what is left."""
    data, state = replace(scene.data, valid=scene.data.valid & ~first.rejected), scene.state
    slopes = pixel_slopes(scene, first, good)
    profiles = own_profiles(scene, first, slopes, prf_error)
    model = with_profiles(scene.model, profiles)
    means = [_with_profiles(one, state.flux, profiles) for one in first.means]
    mean = solve_mean(data, model, state, good, means=means, n_round=_MEAN_ROUNDS)
    state = replace(state, flux=mean.flux, mean_residual=mean.mean_residual, model_error=mean.model_error)
    scene = _with_edges(replace(scene, data=data, model=model, state=state), first)
    scene, first = _with_motion_slopes(scene, first, slopes.with_profiles(profiles), good)
    return _with_moments(_with_prf_changes(scene, first), first, good), first


def _good_of(cube: Cube, near: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return those of some cadences that are not flagged, or all where none is, (n_cadence,)."""
    good = cube.usable & near
    return good if good.any() else near


def _assemble(
    measured: npt.NDArray[np.float64], scene: TileScene, prf: PrfEvaluator, good: npt.NDArray[np.bool_], first: FirstFit
) -> TileFit:
    """Fit all cadences, put them in the order of time, and judge the stars."""
    data, model, core, flux = scene.data, scene.model, scene.core, scene.state.flux
    main = main_node(model.nodes, good)
    images = model.mean_images(main, flux)
    variance = node_variance(data, main, images)
    quality = star_quality(data, main, images, flux, core)
    apertures = choose_apertures(main.expansion.matrices[0][:, core], flux[core], variance, data.usable, data.stamp)
    series, left, system = _fit_blocks(scene, prf, good, first, main, apertures, quality)
    # With the priors of the first fit: those of the final one hold neighbours still that the pixels do not separate.
    correlation = blending(first.main, core)
    mean = mean_images(data, good, scene.state.mean_residual, left)
    leverage = system.leverage if first.static is first.main else first.static.leverage
    misfit = static_misfit(first.static, core, quality.light, mean, variance, leverage)
    neighbours = unlisted_neighbours(model.stars, flux, core)
    chi2, motion_bad, doubt = series.stars.chi2[:, good], scene.kernel.bad[good], scene.kernel.table_doubt
    row, column = model.stars.row[core], model.stars.column[core]
    window, window_row, window_column = windows_of(apertures, row, column, data.stamp)
    row_shift, column_shift = scene.kernel.shifts(row, column)
    return TileFit(
        stamp=data.stamp,
        starid=model.stars.starid[core],
        tmag=model.stars.tmag[core],
        row=row,
        column=column,
        row_shift=row_shift.astype(np.float32),
        column_shift=column_shift.astype(np.float32),
        pixel_quality=series.flags,
        cadence_chi2=series.cadence_chi2,
        star_flags=star_flags(quality, correlation, chi2, misfit, flux[core], motion_bad, neighbours, doubt),
        contamination=quality.contamination,
        blend_correlation=correlation,
        chi2_mean=misfit.chi2,
        mean_misfit=misfit.share,
        mean_flux_syst=misfit.flux_error,
        unlisted_tmag=neighbours.tmag,
        unlisted_distance=neighbours.distance,
        prf_source=prf.grid.source,
        fit_tmag_limit=scene.settings.tmag_limit,
        sum_image=measured,
        model_image=np.where(data.saturated, np.nan, mean.model).reshape(data.stamp.shape),
        aperture=window,
        window_row=window_row,
        window_column=window_column,
        **{field.name: getattr(series.stars, field.name) for field in fields(StarSeries)},
    )


def _fit_blocks(
    scene: TileScene,
    prf: PrfEvaluator,
    good: npt.NDArray[np.bool_],
    first: FirstFit,
    main: NodeModel,
    apertures: Apertures,
    quality: StarQuality,
) -> tuple[BlockSeries, npt.NDArray[np.float64], NodeSolver]:
    """Fit node by node, block by block, then the outlying cadences.

    Returns
    -------
    series : BlockSeries
        Series of all cadences, in the order of time.
    left : (2, n_pixel) float64
        What the fit leaves of the good cadences (`photometry.fit.mean_images.left_in`).
    system : NodeSolver
        Linear system of the main node.
    """
    series, backgrounds = BlockSeries.unknown(len(scene.core), scene.data.n_cadence), StarBackgrounds.of(scene)
    factored: list[NodeSolver] = []
    left = np.zeros((2, scene.data.stamp.n_pixel))
    # The main node comes last: the cadences far from all others take its inverse over.
    for node in counted(sorted(scene.model.nodes, key=lambda node: node is main), "final fit", "nodes"):
        for fit in final_fit(scene, first, node, factored):
            series.take(series_of(scene, fit, apertures, quality, backgrounds))
            left += left_in(fit, good)
    near = np.concatenate([node.cadences for node in scene.model.nodes])
    for outlying in fit_outlying(scene, prf, np.setdiff1d(series.cadences, near), fit):
        series.take(series_of(scene, outlying, apertures, quality, backgrounds))
    return series, left, fit.system


def _with_profiles(
    mean: PixelMean, flux: npt.NDArray[np.float64], profiles: dict[int, npt.NDArray[np.float64]]
) -> PixelMean:
    """Take the light that goes with other profiles of some stars out of a mean residual."""
    light = sum((flux[star] * change for star, change in profiles.items()), np.zeros_like(mean.mean))
    return replace(mean, mean=mean.mean - light * (mean.count > 0))


def _with_edges(scene: TileScene, first: FirstFit) -> TileScene:
    """Return the scene with as much variance where the PRFs end as the first fit shows."""
    light = scene.model.mean_images(first.main_node, scene.state.flux)
    variance = node_variance(scene.data, first.main_node, light)
    share = edge_share(first.scatter, variance, first.main.leverage, light[0], scene.edge_variance)
    return replace(scene, edge_variance=share * scene.edge_variance)


def _with_motion_slopes(
    scene: TileScene, first: FirstFit, slopes: PixelSlopes, good: npt.NDArray[np.bool_]
) -> tuple[TileScene, FirstFit]:
    """Return the scene with what follows the motion, and what the first fit shows without it."""
    found = motion_slopes(scene, first, slopes, good)
    if found is None:
        return scene, first
    residual, variation = found
    shown = [left_of_image(first.main, image, scene.data.usable) for image in residual.images.T]
    scatter = np.maximum(first.scatter - np.square(shown).sum(axis=0), 0.0)
    scene = replace(scene, state=replace(scene.state, motion_residual=residual))
    return scene, replace(first, scatter=scatter, variation=variation)


def _with_prf_changes(scene: TileScene, first: FirstFit) -> TileScene:
    """Return the scene with the variance that changes of the PRF from cadence to cadence add."""
    data, node = scene.data, first.main_node
    light = scene.model.mean_images(node, scene.state.flux)[0]
    variance = data.variance(np.maximum(light, 0.0) + np.maximum(node.sky, 0.0))
    shape = error_shape(light, data.stamp.shape, data.saturated, scene.model.saturated.variance)
    share = prf_change_share(first.scatter, variance, first.main.leverage, light, shape)
    of_sum = share**2 * scene.model.saturated.sum_variance
    return replace(scene, prf_variance=share**2 * shape + scene.edge_variance, sum_variance=of_sum)


def _with_moments(scene: TileScene, first: FirstFit, good: npt.NDArray[np.bool_]) -> TileScene:
    """Return the scene with second moments that change, if any, and the changes of the PRF beyond them."""
    width = moment_widths(scene, good)
    if not width.any():
        return scene
    model, usable = scene.model, scene.data.usable
    images = moment_images(model, first.main_node, np.where(model.unsaturated, scene.state.flux, 0.0))
    shown = [left_of_image(first.main, image, usable) for image in width[:, None] * images]
    scatter = np.maximum(first.scatter - np.square(shown).sum(axis=0), 0.0)
    return _with_prf_changes(replace(scene, moment_width=width), replace(first, scatter=scatter))


def _final_precision(
    flux: npt.NDArray[np.float64], variation: npt.NDArray[np.float64], first_width: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Precision of the priors of the final fit, (n_star,): as wide as the stars vary, no wider than at first."""
    width = np.hypot(_LEAST_VARIATION * np.maximum(flux, 0.0), variation)
    return np.asarray(1 / np.clip(width, _NARROWEST * first_width, first_width) ** 2, dtype=np.float64)


def _some(good: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Choose some of the good cadences, evenly in time, (n_cadence,)."""
    chosen = np.zeros_like(good)
    chosen[evenly_chosen(np.flatnonzero(good), _FIRST_CADENCES)] = True
    return chosen
