"""Which stars of a region are its targets, the tile of each, and why the others are not measured.

A region is what one cube holds: a cutout, a target pixel file, a CCD. Where regions of the same sector, camera, CCD and
cadence length overlap, a star is measured in the one where it lies farthest from the border.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from photometry.core.geometry import Stamp, Tile
from photometry.core.stars import Stars

__all__ = ["NO_TMAG", "OUTSIDE", "RegionTargets", "TargetList", "choose_targets", "is_elsewhere", "too_faint"]

#: Reason of a star that was asked for and has no pixels here.
OUTSIDE = "outside the pixels"
_ELSEWHERE = "measured in region "
#: Reason of a star without a magnitude.
NO_TMAG = "no Tmag in the catalogue"


def too_faint(limit: float) -> str:
    """Return the reason of a star fainter than tmag_limit."""
    return f"fainter than tmag_limit {limit:g}"


def is_elsewhere(reason: npt.NDArray[np.str_]) -> npt.NDArray[np.bool_]:
    """Tell which reasons say that another region measures the star."""
    return np.strings.startswith(reason, _ELSEWHERE)


@dataclass(frozen=True, slots=True)
class RegionTargets:
    """A region, the stars near it, and which of them are asked for.

    Parameters
    ----------
    name : str
        Unique name; the lower one wins where two regions are equal.
    stamp : Stamp
        Its pixels.
    stars : Stars
        Catalogue stars at their places on the CCD.
    wanted : (n_wanted,) int64 or None
        TIC numbers that are asked for; None: every star on the pixels.
    tmag_limit : float
        Faintest target, mag.
    starid : int
        TIC number of the target of a target pixel file, which it measures whatever the other regions are; else 0.
    skipped : mapping of int to str
        TIC numbers that are asked for and not measured, and why.
    """

    name: str
    stamp: Stamp
    stars: Stars
    wanted: npt.NDArray[np.int64] | None
    tmag_limit: float
    starid: int = 0
    skipped: Mapping[int, str] = field(default_factory=dict)

    def distances(self, starid: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Return how far stars are from the border, pixels; -inf where the region does not measure the star."""
        mine = self.stars.select(self.measurable())
        distance = self.stamp.border_distance(mine.row, mine.column)
        if self.starid:
            distance[mine.starid == self.starid] = np.inf
        return _look_up(mine.starid, distance, starid, -np.inf)

    def measurable(self) -> npt.NDArray[np.bool_]:
        """Tell which of `stars` are asked for, on the pixels and bright enough: (n_star,)."""
        on_pixels = self.stamp.contains(self.stars.row, self.stars.column) & (self.stars.tmag <= self.tmag_limit)
        if self.wanted is None:
            return on_pixels
        return on_pixels & np.isin(self.stars.starid, self.wanted)


@dataclass(frozen=True, slots=True)
class TargetList:
    """Every star that a region was asked for.

    Parameters
    ----------
    starid : (n_target,) int64
        TIC numbers, increasing.
    row, column : (n_target,) float64
        0-based CCD positions, pixels; NaN where the region's catalogue does not reach.
    tmag : (n_target,) float64
        TESS magnitude; NaN where the region's catalogue does not reach.
    tile : (n_target,) str
        Name of the tile that measures the star; empty for others.
    reason : (n_target,) str
        Why a star is not measured here; empty for those that are.
    """

    starid: npt.NDArray[np.int64]
    row: npt.NDArray[np.float64]
    column: npt.NDArray[np.float64]
    tmag: npt.NDArray[np.float64]
    tile: npt.NDArray[np.str_]
    reason: npt.NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.starid)

    def of_tile(self, name: str) -> npt.NDArray[np.int64]:
        """Return the TIC numbers that a tile measures, increasing."""
        chosen: npt.NDArray[np.int64] = self.starid[self.tile == name]
        return chosen


def choose_targets(region: RegionTargets, tiles: Sequence[Tile], others: Sequence[RegionTargets] = ()) -> TargetList:
    """Choose the targets of a region and say why the other stars that were asked for are not targets.

    Parameters
    ----------
    region : Region
        The region; where `wanted` is None, its targets are the stars on its pixels down to `tmag_limit`.
    tiles : sequence of Tile
        Tiles of the region: their cores cover it once.
    others : sequence of Region
        Regions of the same sector, camera, CCD and cadence length, which may overlap.

    Returns
    -------
    TargetList
        With `wanted` given a row for each of its stars, else one for each star on the pixels within the limit and for
        the target of a target pixel file, whatever it is; and one for each that is skipped.
    """
    stars = region.stars
    asked = stars.starid[region.measurable()] if region.wanted is None else region.wanted
    own = [*region.skipped, *([region.starid] if region.starid and region.wanted is None else [])]
    starid = np.union1d(asked, np.array(own, dtype=np.int64))
    row, column, tmag = (_look_up(stars.starid, x, starid, np.nan) for x in (stars.row, stars.column, stars.tmag))
    rival = _rivals(region, others, starid)
    reason = np.select(
        [~region.stamp.contains(row, column), np.isnan(tmag), tmag > region.tmag_limit, rival != ""],
        [OUTSIDE, NO_TMAG, too_faint(region.tmag_limit), np.strings.add(_ELSEWHERE, rival)],
        default="",
    )
    for skipped, why in region.skipped.items():
        reason = np.where(starid == skipped, why, reason)
    return TargetList(starid, row, column, tmag, _tile_names(tiles, row, column, reason == ""), reason)


def _rivals(
    region: RegionTargets, others: Sequence[RegionTargets], starid: npt.NDArray[np.int64]
) -> npt.NDArray[np.str_]:
    """Name of the region that measures each star in place of `region`; empty where there is none."""
    best = region.distances(starid)
    names = np.full(len(starid), region.name, dtype=object)
    for other in others:
        distance = other.distances(starid)
        takes = (distance > best) | ((distance == best) & (distance > -np.inf) & (other.name < names))
        best[takes], names[takes] = distance[takes], other.name
    return np.where(names == region.name, "", names).astype(np.str_)


def _tile_names(
    tiles: Sequence[Tile], row: npt.NDArray[np.float64], column: npt.NDArray[np.float64], use: npt.NDArray[np.bool_]
) -> npt.NDArray[np.str_]:
    """Name of the tile whose core holds each star in use."""
    names = np.full(len(row), "", dtype=f"<U{max((len(tile.name) for tile in tiles), default=1)}")
    for tile in tiles:
        names[use & tile.core.contains(row, column)] = tile.name
    return names


def _look_up(
    known: npt.NDArray[np.int64], values: npt.NDArray[np.float64], starid: npt.NDArray[np.int64], missing: float
) -> npt.NDArray[np.float64]:
    """Values of the stars `starid` from a list of `known` stars; `missing` where a star is not among them."""
    found = np.full(len(starid), missing)
    if len(known):
        order = np.argsort(known, kind="stable")
        place = np.minimum(np.searchsorted(known, starid, sorter=order), len(known) - 1)
        there = known[order[place]] == starid
        found[there] = values[order[place[there]]]
    return found
