"""Patches of pixels from which the motion and the PRF of a whole CCD are measured."""

import numpy as np
import numpy.typing as npt

from photometry.core.geometry import Stamp, Tile, tiles_of
from photometry.core.settings import MotionSettings
from photometry.core.stars import Stars, flux_of_tmag

__all__ = ["is_measured_whole", "patches_of", "stars_on_measured"]

#: Stars brighter than this saturate and do not show the motion, Tmag.
_SATURATED_TMAG = 7.3
#: Brighter stars count as one of this magnitude: a patch with a single bright star samples one phase of the PRF, Tmag.
_BRIGHT_TMAG = 9.0
#: Stars nearer than this to the border of a patch are cut off, pixels.
_BORDER = 3.0


def is_measured_whole(stamp: Stamp, settings: MotionSettings) -> bool:
    """Whether motion and PRF of a region are measured on all of its pixels, not on patches."""
    return max(stamp.shape) <= settings.n_patch * settings.tile_size


def patches_of(stamp: Stamp, stars: Stars, settings: MotionSettings) -> tuple[Stamp, ...]:
    """Choose the pixels that motion and PRF of a region are measured on.

    Regions of up to `settings.n_patch` tiles along each side are taken as they are. Larger ones, CCDs, are divided into
    `n_patch` times `n_patch` blocks, and of each the tile with most light of stars that do not saturate is taken: the
    information on the motion grows with the light.

    Parameters
    ----------
    stamp : Stamp
        All pixels there are.
    stars : Stars
        Catalogue stars.
    settings : MotionSettings
        Size of tiles, number of patches.

    Returns
    -------
    tuple of Stamp
        The whole stamp, or patches of up to `settings.tile_size` pixels, row by row.
    """
    if is_measured_whole(stamp, settings):
        return (stamp,)
    best: dict[tuple[int, int], tuple[float, Stamp]] = {}
    shown = stars.select((stars.tmag > _SATURATED_TMAG) & stamp.contains(stars.row, stars.column))
    light = flux_of_tmag(np.maximum(shown.tmag, _BRIGHT_TMAG))
    for tile in tiles_of(stamp, settings.tile_size, 0):
        block = _block_of(tile, stamp, settings.n_patch)
        on_tile = _light_on(tile.core, shown, light)
        if block not in best or on_tile > best[block][0]:
            best[block] = (on_tile, tile.core)
    return tuple(chosen for _, (_, chosen) in sorted(best.items()))


def _block_of(tile: Tile, stamp: Stamp, n_patch: int) -> tuple[int, int]:
    """Block, along rows and columns, that the centre of a tile lies in."""
    row, column = tile.core.center
    n_row, n_column = stamp.shape
    return int((row - stamp.row_min) * n_patch // n_row), int((column - stamp.col_min) * n_patch // n_column)


def _light_on(stamp: Stamp, stars: Stars, light: npt.NDArray[np.float64]) -> float:
    """Light of the stars that are seen whole, e-/s."""
    return float(light[stamp.border_distance(stars.row, stars.column) > _BORDER].sum())


def stars_on_measured(stars: Stars, stamp: Stamp, sum_image: npt.NDArray[np.float32]) -> Stars:
    """Return the stars on pixels of a stamp that were measured in unflagged cadences.

    Parameters
    ----------
    stars : Stars
        Catalogue stars.
    stamp : Stamp
        The pixels.
    sum_image : (n_row, n_column) float32
        Mean image of the unflagged cadences; NaN where never measured.
    """
    inside = stamp.contains(stars.row, stars.column)
    row, column = (np.floor(place[inside] + 0.5).astype(np.int64) for place in (stars.row, stars.column))
    inside[inside] = np.isfinite(sum_image[row - stamp.row_min, column - stamp.col_min])
    return stars.select(inside)
