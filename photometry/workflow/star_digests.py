"""Digests of the stars and of the targets of every tile of a region."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from photometry.catalog.region_stars import NearStars, RegionStars
from photometry.catalog.star_hashes import digest_of_rows, star_hashes
from photometry.core.geometry import Stamp
from photometry.core.stars import LIGHT_REACH
from photometry.workflow.plan import PlannedRegion

__all__ = ["target_digests", "tile_digests"]

_Ids = npt.NDArray[np.int64]


def tile_digests(near: NearStars, region: PlannedRegion, slack: float) -> dict[str, str]:
    """Return a digest of the stars whose light can reach each tile, by its name.

    Parameters
    ----------
    near : NearStars
        Stars of the region.
    region : PlannedRegion
        The region.
    slack : float
        Error of the places, pixels.
    """
    hashes, rows = star_hashes(near.stars()), _Rows(near)
    stamps = {name: tile.stamp for name, tile in region.tiles.items()}
    return {name: digest_of_rows(hashes[rows.within(stamp, LIGHT_REACH + slack)]) for name, stamp in stamps.items()}


def target_digests(
    name: str,
    near: Mapping[str, NearStars],
    regions: Mapping[str, PlannedRegion],
    overlaps: Sequence[str],
    slack: float,
) -> dict[str, str]:
    """Return a digest of the targets on and at each tile that has any, and of what decides that the tile measures them.

    Other tiles need not be fitted. A region without targets has all its tiles where all stars are asked for or none is
    near: its jobs say what is wrong.

    Parameters
    ----------
    name : str
        Name of the region.
    near : mapping of str to NearStars
        Stars of all regions that may overlap it.
    regions : mapping of str to PlannedRegion
        These regions.
    overlaps : sequence of str
        Names of those that overlap it.
    slack : float
        Error of the places, pixels.
    """
    mine, region = near[name], regions[name]
    stars = mine.stars()
    hashes, rows, chosen = star_hashes(stars), _Rows(mine), _targets(stars)
    rivals = [(regions[other], _target_ids(near[other].stars())) for other in overlaps]
    digests: dict[str, str] = {}
    without: dict[str, str] = {}
    for tile in region.tiles.values():
        there = rows.within(tile.core, slack)
        there = there[chosen[there]]
        others = [
            (other.name, other.pixels.stamp, other.pixels.pointing.starid, np.isin(stars.starid[there], ids).tobytes())
            for other, ids in rivals
            if other.pixels.stamp.overlaps(tile.core.grown(int(np.ceil(slack))))
        ]
        more = [region.pixels.pointing.starid, *others]
        digest = digest_of_rows(hashes[there], stars.teff[there], more=more)
        (digests if len(there) else without)[tile.name] = digest
    return without if not digests and (stars.asks_all or not len(stars.starid)) else digests


class _Rows:
    """Finds the stars on a stamp among those of a region."""

    def __init__(self, near: NearStars) -> None:
        self._placed = near.placed
        row = near.placed.row
        known = np.flatnonzero(np.isfinite(row))
        self._order = known[np.argsort(row[known], kind="stable")]
        self._row = row[self._order]

    def within(self, stamp: Stamp, reach: float) -> _Ids:
        """Return the indices of the stars on a stamp and up to `reach` pixels around it, increasing."""
        low, high = stamp.row_min - 0.5 - reach, stamp.row_max - 0.5 + reach
        first, last = np.searchsorted(self._row, [low, high])
        band = np.sort(self._order[first:last])
        column = self._placed.column[band]
        return band[(column >= stamp.col_min - 0.5 - reach) & (column <= stamp.col_max - 0.5 + reach)]


def _targets(stars: RegionStars) -> npt.NDArray[np.bool_]:
    chosen: npt.NDArray[np.bool_] = stars.wanted & (stars.tmag <= stars.tmag_limit)
    return chosen


def _target_ids(stars: RegionStars) -> _Ids:
    return stars.starid[_targets(stars)]
