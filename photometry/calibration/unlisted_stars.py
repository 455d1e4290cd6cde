"""Stars that the table lacks: sources in what the mean scene leaves of the pixels.

A matched filter with the PRF looks for them; the strongest within a few pixels becomes a star with a free mean flux, at
a place that later rounds refine, so that its neighbours are measured right. It is never a target.
"""

import functools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from photometry.calibration.kernel import MovementKernel
from photometry.calibration.region_tiles import RegionTile
from photometry.core.constants import ZERO_POINT_TMAG
from photometry.core.geometry import Stamp
from photometry.core.stars import Stars, flux_of_tmag
from photometry.prf.prf_grid import FOOTPRINT, PrfEvaluator
from photometry.scene.mean_scene import MeanStep
from photometry.scene.tile_data import TileData
from photometry.scene.tile_model import TileModel

__all__ = ["found_stars", "refined_places", "unlisted_stars", "with_sources"]

#: Places per pixel and axis at which sources are sought.
_PER_PIXEL = 3
#: Significance of a source, standard errors, with the PRF's error in them as if it were the same in all its pixels.
_SIGNIFICANT = 7.0
#: Faintest source that matters, Tmag.
_FAINTEST = 16.0
#: Of sources within this distance only the strongest is taken in a round, pixels.
_APART_PIX = 5.0
#: A source this near to a star is an error of that star's light, pixels.
_SAME_PIX = 0.5
#: Most sources that are taken in a round.
_MOST_FOUND = 50
#: Numbers that a tile has for its sources.
_NUMBERS_OF_TILE = 1000
#: Half the window in which a place is refined, step of the derivative, and longest step, pixels.
_HALF_WINDOW, _STEP, _LONGEST = 2, 0.1, 0.3


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
    old = ~model.stars.is_listed
    tmag = np.where(mean.flux > 0, ZERO_POINT_TMAG - 2.5 * np.log10(np.maximum(mean.flux, 1e-3)), np.inf)
    sources = refined_places(tile.data, mean, replace(model.stars, tmag=tmag).select(old), prf)
    first = number * _NUMBERS_OF_TILE + 1 - int(min(sources.starid.min(initial=0) + number * _NUMBERS_OF_TILE, 0))
    found = found_stars(tile.data, mean, model.stars.with_others(model.fixed), prf, first)
    real = sources.flux > flux_of_tmag(_FAINTEST)
    sources = sources.select(real)
    kept = np.concatenate([np.flatnonzero(~old), np.flatnonzero(old)[real]])
    in_catalog = sources.with_others(found)
    static = kernel.of_cadences(np.flatnonzero(~kernel.bad)).shifts(in_catalog.row, in_catalog.column)
    row, column = (
        place - offset - shift.mean(axis=1)
        for place, offset, shift in zip((in_catalog.row, in_catalog.column), kernel.offset, static, strict=True)
    )
    free = tile.free.select(np.flatnonzero(tile.free.is_listed)).with_others(
        replace(in_catalog, row=row, column=column)
    )
    state = replace(tile.state, flux=np.concatenate([tile.state.flux[kept], found.flux]))
    still = np.zeros((len(found), tile.data.n_cadence), dtype=np.float32)
    return replace(tile, free=free, state=state, deviation=np.concatenate([tile.deviation[kept], still]))


def unlisted_stars(tiles: Sequence[RegionTile]) -> Stars:
    """Return the sources of all tiles, by positions as if they were in the catalogue."""
    sources = [tile.free.select(~tile.free.is_listed) for tile in tiles]
    return functools.reduce(Stars.with_others, sources)


def found_stars(data: TileData, mean: MeanStep, stars: Stars, prf: PrfEvaluator, first_number: int) -> Stars:
    """Return sources in what a mean scene leaves of the pixels; they are numbered from -`first_number` down.

    Parameters
    ----------
    data : TileData
        The pixels.
    mean : MeanStep
        The mean scene.
    stars : Stars
        Stars that are in it.
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
        bright = stars.flux > 0.5 * flux[k]
        if (away < _APART_PIX).any() or (nearest[bright] < _SAME_PIX).any() or len(chosen) == _MOST_FOUND:
            continue
        if stamp.contains(rows[[k]], columns[[k]])[0]:
            chosen.append(int(k))
    numbers = -np.arange(first_number, first_number + len(chosen), dtype=np.int64)
    return Stars(numbers, rows[chosen], columns[chosen], ZERO_POINT_TMAG - 2.5 * np.log10(flux[chosen]))


def _filtered(
    data: TileData, mean: MeanStep, prf: PrfEvaluator
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Rows, columns, fluxes and significances of sources at a fine grid of places, local maxima alone, (n,) each."""
    stamp = data.stamp
    weight = np.where(data.usable & ~data.saturated, 1 / mean.variance, 0.0)
    images = [
        image.reshape(stamp.shape)
        for image in (weight * mean.mean_residual, weight, weight * np.sqrt(mean.prf_variance), weight**2 * mean.noise)
    ]
    phases = (np.arange(_PER_PIXEL) - _PER_PIXEL // 2) / _PER_PIXEL
    row, column = np.round(stamp.center)
    _, _, values = prf.evaluate([row], [column], phases, phases)
    shape = (stamp.shape[0], _PER_PIXEL, stamp.shape[1], _PER_PIXEL)
    flux, significance = np.zeros(shape), np.zeros(shape)
    for a in range(_PER_PIXEL):
        for b in range(_PER_PIXEL):
            kernel = values[0, a, b]
            light, square, doubt, noise = (
                ndimage.correlate(image, kernel**power, mode="constant")
                for image, power in zip(images, (1, 2, 1, 2), strict=True)
            )
            found = np.divide(light, square, out=np.zeros_like(light), where=square > 0)
            error = np.divide(np.sqrt(noise + doubt**2), square, out=np.ones_like(light), where=square > 0)
            flux[:, a, :, b], significance[:, a, :, b] = found, found / np.maximum(error, 1e-12)
    n_row, n_column = stamp.shape[0] * _PER_PIXEL, stamp.shape[1] * _PER_PIXEL
    flux, significance = flux.reshape(n_row, n_column), significance.reshape(n_row, n_column)
    top = np.nonzero(ndimage.maximum_filter(significance, 2 * _PER_PIXEL + 1) == significance)
    rows = stamp.row_min + (top[0] - _PER_PIXEL // 2) / _PER_PIXEL
    columns = stamp.col_min + (top[1] - _PER_PIXEL // 2) / _PER_PIXEL
    return rows, columns, flux[top], significance[top]


def refined_places(data: TileData, mean: MeanStep, sources: Stars, prf: PrfEvaluator) -> Stars:
    """Move sources to where the pixels around them have their light best, each by itself, neighbours as they are.

    Parameters are those of `found_stars`; `sources` have the fluxes of the mean scene.
    """
    row, column = sources.row.copy(), sources.column.copy()
    for k in range(len(sources)):
        window = _window(data.stamp, row[k], column[k])
        first_row, first_column, values = prf.evaluate(
            [row[k]], [column[k]], (-_STEP, 0.0, _STEP), (-_STEP, 0.0, _STEP)
        )
        inside = (slice(window.row_min - first_row[0], window.row_max - first_row[0]),)
        inside += (slice(window.col_min - first_column[0], window.col_max - first_column[0]),)
        light, flux = values[0, :, :, *inside], sources.flux[k]
        by_row, by_column = (light[2, 1] - light[0, 1]) / (2 * _STEP), (light[1, 2] - light[1, 0]) / (2 * _STEP)
        design = np.stack([light[1, 1].ravel(), flux * by_row.ravel(), flux * by_column.ravel()], axis=1)
        cut = window.slices_in(data.stamp)
        residual, variance = (
            image.reshape(data.stamp.shape)[cut].ravel() for image in (mean.mean_residual, mean.variance)
        )
        root = np.where(data.usable.reshape(data.stamp.shape)[cut].ravel(), 1 / np.sqrt(variance), 0.0)
        step = np.linalg.lstsq(design * root[:, None], residual * root, rcond=None)[0][1:]
        step *= min(1.0, _LONGEST / max(float(np.hypot(*step)), 1e-12))
        row[k], column[k] = row[k] + step[0], column[k] + step[1]
    return replace(sources, row=row, column=column)


def _window(stamp: Stamp, row: float, column: float) -> Stamp:
    """Pixels about a place, as far as the stamp has them."""
    middle = round(float(row)), round(float(column))
    size = min(_HALF_WINDOW, FOOTPRINT // 2)
    return Stamp(middle[0] - size, middle[0] + size + 1, middle[1] - size, middle[1] + size + 1).clipped(stamp)
