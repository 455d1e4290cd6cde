"""Stars that the table lacks: sources in what the mean scene leaves of the pixels.

A matched filter with the PRF looks for them; the strongest within a few pixels becomes a star with a free mean flux, at
a place that later rounds refine, so that its neighbours are measured right. It is never a target.

Until then neighbours in the table take its light over, many times their own. Sources are therefore sought in what is
left when stars that have left their catalogue flux far behind are put back to it, but for those where the source would
be: their magnitude is wrong. Places are solved for together with the fluxes around them.
"""

import functools
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage

from photometry.calibration.kernel import MovementKernel
from photometry.calibration.region_tiles import RegionTile
from photometry.core.constants import ZERO_POINT_TMAG
from photometry.core.geometry import Stamp
from photometry.core.stars import Stars, flux_of_tmag
from photometry.prf.prf_grid import FOOTPRINT, PrfEvaluator
from photometry.scene.mean_scene import CATALOG_WIDTH, MeanStep
from photometry.scene.tile_data import TileData
from photometry.scene.tile_model import TileModel

__all__ = ["are_settled", "found_stars", "kept_in_place", "refined_places", "unlisted_stars", "with_sources"]

#: Places per pixel and axis at which sources are sought.
_PER_PIXEL = 3
#: Significance of a source, standard errors, with the PRF's error in them as if it were the same in all its pixels.
_SIGNIFICANT = 7.0
#: Faintest source that matters, Tmag.
_FAINTEST = 16.0
#: Of sources within this distance only the strongest is taken in a round, pixels.
_APART_PIX = 5.0
#: A source this near to a star is an error of that star's light, pixels; one this near to a brighter source is an error
#: of that one's place.
_SAME_PIX, _SAME_SOURCE_PIX = 0.5, 2.0
#: A source this near to a star of at least half its light is an error of that star's place, pixels, unless the star
#: would be off by more than this, were the two one: more than tables are. To stay, a source needs half of that.
_BESIDE_PIX = 1.5
_WORST_PLACE = 0.2
#: Stars whose mean flux differs from the catalogue's by more than this share of it have taken over foreign light.
_IMPLAUSIBLE = 1.0
#: A source this near to such a star is the star itself, pixels.
_ITSELF_PIX = 0.15
#: Sources that move by less than this in a round are in place, pixels.
_IN_PLACE = 0.02
#: Most sources that are taken in a round.
_MOST_FOUND = 50
#: Share of the largest weight that rounding may leave where there is none.
_ROUNDING = 1e-12
#: Numbers that a tile has for its sources.
_NUMBERS_OF_TILE = 1000
#: Half the window in which a place is refined, step of the derivative, and longest step, pixels.
_HALF_WINDOW, _STEP, _LONGEST = 2, 0.1, 0.3
#: Stars whose flux is free meanwhile, pixels.
_NEIGHBOUR_PIX = 4.0


def with_sources(
    tile: RegionTile, model: TileModel, mean: MeanStep, prf: PrfEvaluator, kernel: MovementKernel, number: int
) -> RegionTile:
    """Add sources in what a tile's mean scene leaves to its stars, and move those that it has to better places.

    Parameters
    ----------
    tile : RegionTile
        The tile, with the mean fluxes of the mean scene.
    model : TileModel
        Its stars where they are in the pixels.
    mean : MeanStep
        The mean scene.
    prf : PrfEvaluator
        The PRF.
    kernel : MovementKernel
        Offset and motion by which catalogue positions were moved.
    number : int
        Number of the tile, which makes those of the sources.
    """
    old, (row_shift, column_shift) = ~model.stars.is_listed, _mean_movement(kernel, model.stars)
    in_place = replace(model.stars, row=model.stars.row + row_shift, column=model.stars.column + column_shift)
    stars = replace(in_place, tmag=_tmag_of(mean.flux))
    known, in_table = stars.select(old), in_place.select(~old).with_others(model.fixed)
    first = number * _NUMBERS_OF_TILE + 1 - int(min(known.starid.min(initial=0) + number * _NUMBERS_OF_TILE, 0))
    excess = _implausible_flux(model, mean.flux)
    seek = partial(found_stars, tile.data, stars=in_table, sources=known, prf=prf, first_number=first)
    found = seek(_put_back(model, mean, excess))
    found = refined_places(tile.data, model, mean, found, prf, in_scene=False)
    itself = _are_themselves(stars, excess, found)
    if itself.any():
        found = seek(_put_back(model, mean, np.where(itself, 0.0, excess)))
        found = refined_places(tile.data, model, mean, found, prf, in_scene=False)
    sources = refined_places(tile.data, model, mean, known, prf)
    real, is_new = _are_real(sources, in_table, _WORST_PLACE / 2), _are_real(found, in_table, _WORST_PLACE)
    found = found.select(is_new)
    in_pixels = sources.select(real).with_others(found)
    kept = np.concatenate([np.flatnonzero(~old), np.flatnonzero(old)[real]])
    row_shift, column_shift = _static_shift(kernel, in_pixels)
    sources = replace(in_pixels, row=in_pixels.row - row_shift, column=in_pixels.column - column_shift)
    free = tile.free.select(np.flatnonzero(tile.free.is_listed)).with_others(sources)
    state = replace(tile.state, flux=np.concatenate([tile.state.flux[kept], found.flux]))
    still = np.zeros((len(found), tile.data.n_cadence), dtype=np.float32)
    return replace(tile, free=free, state=state, deviation=np.concatenate([tile.deviation[kept], still]))


def _are_real(sources: Stars, stars: Stars, worst: float) -> npt.NDArray[np.bool_]:
    """Tell which sources matter and are no star of the table that is off by less than `worst` pixels, (n_source,)."""
    away = np.hypot(sources.row[:, None] - stars.row, sources.column[:, None] - stars.column)
    flux = sources.flux[:, None]
    # By how far the star would be off if the two were one.
    displaced = away * flux / (flux + stars.flux)
    beside = ((away < _BESIDE_PIX) & (stars.flux > 0.5 * flux) & (displaced < worst)).any(axis=1)
    return np.asarray((sources.flux > flux_of_tmag(_FAINTEST)) & ~beside)


def _tmag_of(flux: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """TESS magnitudes of fluxes, (n_star,); infinite where there is no light."""
    return np.where(flux > 0, ZERO_POINT_TMAG - 2.5 * np.log10(np.maximum(flux, 1e-3)), np.inf)


def _implausible_flux(model: TileModel, flux: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Mean fluxes (n_star,) beyond the catalogue's, of stars of the table where they are implausible, else 0, e-/s."""
    excess = flux - model.stars.flux
    is_plausible = np.abs(excess) <= _IMPLAUSIBLE * model.stars.flux
    return np.where(model.stars.is_listed & ~is_plausible, excess, 0.0)


def _put_back(model: TileModel, mean: MeanStep, excess: npt.NDArray[np.float64]) -> MeanStep:
    """Return a mean scene that leaves some more flux (n_star,) of its stars in the residual, e-/s."""
    if not excess.any():
        return mean
    n_cadence = sum(len(node.cadences) for node in model.nodes)
    light = np.zeros_like(mean.mean_residual)
    for node in model.nodes:
        light += node.expansion.images(excess)[0] * (len(node.cadences) / n_cadence)
    return replace(mean, mean_residual=mean.mean_residual + light)


def _are_themselves(stars: Stars, excess: npt.NDArray[np.float64], found: Stars) -> npt.NDArray[np.bool_]:
    """Tell which stars with an excess (n_star,) of flux are where a source was found: only their magnitude is wrong."""
    away = np.hypot(stars.row[:, None] - found.row, stars.column[:, None] - found.column)
    return np.asarray((excess > 0) & ((away < _ITSELF_PIX) & (excess[:, None] > 0.5 * found.flux)).any(axis=1))


def _mean_movement(kernel: MovementKernel, stars: Stars) -> npt.NDArray[np.float64]:
    """Mean movement of stars along rows and columns, (2, n_star), pixels: its linear terms have constant parts."""
    # Without a measurement in any cadence all of them stand still.
    known = kernel if kernel.bad.all() else kernel.of_cadences(np.flatnonzero(~kernel.bad))
    return np.stack([shift.mean(axis=1) for shift in known.shifts(stars.row, stars.column)])


def _static_shift(kernel: MovementKernel, stars: Stars) -> npt.NDArray[np.float64]:
    """Mean distance of stars from their catalogue positions along rows and columns, (2, n_star), pixels."""
    shift: npt.NDArray[np.float64] = _mean_movement(kernel, stars) + np.reshape(kernel.offset, (2, 1))
    return shift


def kept_in_place(tiles: Sequence[RegionTile], before: MovementKernel, after: MovementKernel) -> tuple[RegionTile, ...]:
    """Keep sources where they are in the pixels when the motion of the region changes: they are not in the catalogue.

    Parameters
    ----------
    tiles : sequence of RegionTile
        Tiles of the region.
    before, after : MovementKernel
        Motion by which their sources were placed, and the new one.
    """
    return tuple(_kept(tile, before, after) for tile in tiles)


def _kept(tile: RegionTile, before: MovementKernel, after: MovementKernel) -> RegionTile:
    """Keep the sources of a tile in their place."""
    listed = tile.free.is_listed
    if listed.all():
        return tile
    change = np.where(listed, 0.0, _static_shift(after, tile.free) - _static_shift(before, tile.free))
    return replace(tile, free=replace(tile.free, row=tile.free.row - change[0], column=tile.free.column - change[1]))


def are_settled(before: Stars, after: Stars) -> bool:
    """Tell whether the sources of a region are the same as a round ago, in the same places."""
    if not np.array_equal(before.starid, after.starid):
        return False
    moved = np.hypot(after.row - before.row, after.column - before.column)
    return bool(moved.max(initial=0.0) < _IN_PLACE)


def unlisted_stars(tiles: Sequence[RegionTile]) -> Stars:
    """Return the sources of all tiles, by positions as if they were in the catalogue."""
    sources = [tile.free.select(~tile.free.is_listed) for tile in tiles]
    return functools.reduce(Stars.with_others, sources)


def found_stars(
    data: TileData, mean: MeanStep, stars: Stars, sources: Stars, prf: PrfEvaluator, first_number: int
) -> Stars:
    """Return sources in what a mean scene leaves of the pixels; they are numbered from -`first_number` down.

    Parameters
    ----------
    data : TileData
        The pixels.
    mean : MeanStep
        The mean scene.
    stars, sources : Stars
        Stars of the table, and sources found before, that are in it.
    prf : PrfEvaluator
        PRF; that of the middle of the pixels is used.
    first_number : int
        Number of the first source.
    """
    stamp = data.stamp
    rows, columns, flux, significance = _filtered(data, mean, prf)
    order = np.argsort(-significance, kind="stable")
    order = order[(significance[order] > _SIGNIFICANT) & (flux[order] > flux_of_tmag(_FAINTEST))]
    chosen: list[int] = []
    for k in order:
        away = np.hypot(rows[chosen] - rows[k], columns[chosen] - columns[k])
        nearest = np.hypot(stars.row - rows[k], stars.column - columns[k])
        near = (nearest < _SAME_PIX) & (stars.flux > 0.5 * flux[k])
        to_source = np.hypot(sources.row - rows[k], sources.column - columns[k])
        doubled = (to_source < _SAME_SOURCE_PIX) & (sources.flux > 0.5 * flux[k])
        if (away < _APART_PIX).any() or near.any() or doubled.any() or len(chosen) == _MOST_FOUND:
            continue
        if stamp.contains(rows[[k]], columns[[k]])[0]:
            chosen.append(int(k))
    numbers = -np.arange(first_number, first_number + len(chosen), dtype=np.int64)
    return Stars(numbers, rows[chosen], columns[chosen], _tmag_of(flux[chosen]))


def _filtered(
    data: TileData, mean: MeanStep, prf: PrfEvaluator
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Rows, columns, fluxes and significances of sources at a fine grid of places, local maxima alone, (n,) each."""
    stamp = data.stamp
    counted = data.usable & ~data.saturated & (mean.variance > 0)
    weight = 1 / np.where(counted, mean.variance, np.inf)
    images = [
        image.reshape(stamp.shape)
        for image in (weight * mean.mean_residual, weight, weight * np.sqrt(mean.prf_variance), weight**2 * mean.noise)
    ]
    phases = (np.arange(_PER_PIXEL) - _PER_PIXEL // 2) / _PER_PIXEL
    row, column = np.round(stamp.center)
    _, _, values = prf.evaluate([row], [column], phases, phases)
    # As `scipy.signal.fftconvolve`, which takes every job of a tile 0.7 s to import.
    lengths = list(zip(stamp.shape, values.shape[-2:], strict=True))
    size = [fft.next_fast_len(n + k - 1, real=True) for n, k in lengths]
    inside = tuple(slice(k // 2, k // 2 + n) for n, k in lengths)
    spectra = [fft.rfft2(image, size) for image in images]
    shape = (stamp.shape[0], _PER_PIXEL, stamp.shape[1], _PER_PIXEL)
    flux, significance = np.zeros(shape), np.zeros(shape)
    for a in range(_PER_PIXEL):
        for b in range(_PER_PIXEL):
            kernel = values[0, a, b, ::-1, ::-1]
            once, twice = fft.rfft2(kernel, size), fft.rfft2(kernel**2, size)
            light, square, doubt, noise = (
                fft.irfft2(spectrum * filtering, size)[inside]
                for spectrum, filtering in zip(spectra, (once, twice, once, twice), strict=True)
            )
            # Where no pixel counts a Fourier transform leaves rounding errors.
            told = square > _ROUNDING * square.max()
            found = np.divide(light, square, out=np.zeros_like(light), where=told)
            error = np.divide(np.sqrt(np.abs(noise) + doubt**2), square, out=np.ones_like(light), where=told)
            flux[:, a, :, b], significance[:, a, :, b] = found, found / np.maximum(error, 1e-12)
    n_row, n_column = stamp.shape[0] * _PER_PIXEL, stamp.shape[1] * _PER_PIXEL
    all_flux, fine = flux.reshape(n_row, n_column), significance.reshape(n_row, n_column)
    top = np.nonzero(ndimage.maximum_filter(fine, 2 * _PER_PIXEL + 1) == fine)
    rows = stamp.row_min + (top[0] - _PER_PIXEL // 2) / _PER_PIXEL
    columns = stamp.col_min + (top[1] - _PER_PIXEL // 2) / _PER_PIXEL
    return rows, columns, all_flux[top], fine[top]


def refined_places(
    data: TileData, model: TileModel, mean: MeanStep, sources: Stars, prf: PrfEvaluator, *, in_scene: bool = True
) -> Stars:
    """Give sources the place and flux that the pixels around them fit best, with the fluxes of the stars around free.

    These have the priors that they have in the mean scene; every source is fitted by itself.

    Parameters
    ----------
    data : TileData
        The pixels.
    model : TileModel
        Stars in the mean scene.
    mean : MeanStep
        The mean scene.
    sources : Stars
        What is to be moved.
    prf : PrfEvaluator
        The PRF.
    in_scene : bool
        Whether the sources are in the mean scene, with their fluxes.
    """
    # A source that wanders off the pixels is at their edge, wherever the region's offset took it since: nothing shows
    # where it is beyond.
    row, column = _on_pixels(data.stamp, sources.row, sources.column)
    flux = sources.flux.copy()
    all_light = max(model.nodes, key=lambda node: len(node.cadences)).expansion.matrices[0]
    numbers = np.arange(data.stamp.n_pixel).reshape(data.stamp.shape)
    for k in range(len(sources)):
        window = _window(data.stamp, row[k], column[k])
        pixels = numbers[window.slices_in(data.stamp)].ravel()
        near = np.hypot(model.stars.row - row[k], model.stars.column - column[k]) < _NEIGHBOUR_PIX
        near &= model.stars.starid != sources.starid[k]
        catalog = model.stars.flux[near]
        design = np.concatenate(
            [_change_of_source(prf, window, row[k], column[k], flux[k]), all_light[pixels][:, near].toarray()], axis=1
        )
        counted = data.usable[pixels] & (mean.variance[pixels] > 0)
        root = 1 / np.sqrt(np.where(counted, mean.variance[pixels], np.inf))
        prior = np.eye(design.shape[1])[3:] / (CATALOG_WIDTH * catalog)[:, None]
        left = mean.mean_residual[pixels] * root, (catalog - mean.flux[near]) / (CATALOG_WIDTH * catalog)
        design = np.concatenate([design * root[:, None], prior])
        more, *step = np.linalg.lstsq(design, np.concatenate(left), rcond=None)[0][:3]
        shorter = min(1.0, _LONGEST / max(float(np.hypot(*step)), 1e-12))
        row[k], column[k], flux[k] = (
            row[k] + shorter * step[0],
            column[k] + shorter * step[1],
            more + in_scene * flux[k],
        )
    row, column = _on_pixels(data.stamp, row, column)
    return replace(sources, row=row, column=column, tmag=_tmag_of(flux))


def _on_pixels(
    stamp: Stamp, row: npt.NDArray[np.float64], column: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Move places beyond the edge of a stamp to it."""
    return np.clip(row, stamp.row_min, stamp.row_max - 1), np.clip(column, stamp.col_min, stamp.col_max - 1)


def _change_of_source(
    prf: PrfEvaluator, window: Stamp, row: float, column: float, flux: float
) -> npt.NDArray[np.float64]:
    """Light of a source per flux, and its change along rows and columns, (n_pixel, 3)."""
    first_row, first_column, values = prf.evaluate([row], [column], (-_STEP, 0.0, _STEP), (-_STEP, 0.0, _STEP))
    on_rows = slice(window.row_min - first_row[0], window.row_max - first_row[0])
    on_columns = slice(window.col_min - first_column[0], window.col_max - first_column[0])
    light = values[0, :, :, on_rows, on_columns]
    by_row, by_column = (light[2, 1] - light[0, 1]) / (2 * _STEP), (light[1, 2] - light[1, 0]) / (2 * _STEP)
    return np.stack([light[1, 1].ravel(), flux * by_row.ravel(), flux * by_column.ravel()], axis=1)


def _window(stamp: Stamp, row: float, column: float) -> Stamp:
    """Pixels about a place, as far as the stamp has them."""
    middle = round(float(row)), round(float(column))
    size = min(_HALF_WINDOW, FOOTPRINT // 2)
    return Stamp(middle[0] - size, middle[0] + size + 1, middle[1] - size, middle[1] + size + 1).clipped(stamp)
