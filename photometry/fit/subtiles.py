"""Parts of a tile whose stars are fitted jointly: the larger they are, the fewer stars are fitted twice in margins."""

import numpy as np

from photometry.calibration.region_tiles import PRF_REACH
from photometry.core.geometry import Stamp, tiles_of
from photometry.core.settings import FitSettings
from photometry.core.stars import Stars

__all__ = ["tile_parts"]

#: Parts of at most this many pixels along each axis are not divided any further.
_SMALL = 64
#: Most free stars of a part and those around it: with more, the products of all stars with each other take longer than
#: the margins.
_MOST_STARS = 1500
#: Most pixels times cadences of a part, its margin among them: half a gigabyte.
_MOST_VALUES = 40_000_000


def tile_parts(core: Stamp, region: Stamp, stars: Stars, n_cadence: int, settings: FitSettings) -> tuple[Stamp, ...]:
    """Divide a tile into parts.

    Parameters
    ----------
    core : Stamp
        The tile.
    region : Stamp
        All pixels of the region.
    stars : Stars
        All stars whose light reaches the tile and its margin.
    n_cadence : int
        Number of cadences.
    settings : FitSettings
        Largest size of a part, margin and faintest free star.

    Returns
    -------
    tuple of Stamp
        They cover the tile once.
    """
    free = stars.select(stars.tmag < settings.tmag_limit)
    parts: list[Stamp] = []
    for tile in tiles_of(core, settings.joint_size, 0):
        parts += _divided(tile.core, region, free, n_cadence, settings.tile_margin)
    return tuple(parts)


def _divided(part: Stamp, region: Stamp, free: Stars, n_cadence: int, margin: int) -> list[Stamp]:
    """Divide a part in four, a narrow one in two, as long as it has too many stars or values."""
    stamp = part.grown(margin).clipped(region)
    n_star = np.count_nonzero(stamp.border_distance(free.row, free.column) > -PRF_REACH)
    if max(part.shape) <= _SMALL or (n_star <= _MOST_STARS and stamp.n_pixel * n_cadence <= _MOST_VALUES):
        return [part]
    halves = tiles_of(part, -(-max(part.shape) // 2), 0)
    return [piece for half in halves for piece in _divided(half.core, region, free, n_cadence, margin)]
