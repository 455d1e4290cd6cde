"""The stars of regions, from star tables and tables of targets."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from photometry.catalog.far_tables import why_far
from photometry.catalog.left_out import LeftOut, bright_ones, why_not_used, with_magnitudes
from photometry.catalog.region_stars import NearStars, RegionStars, StarsByDecl, is_among, take_near
from photometry.catalog.star_columns import TABLE_NAMES
from photometry.core.cube import CubeHeader, Pointing
from photometry.core.datasources import DATASOURCES, region_title
from photometry.core.errors import CatalogError
from photometry.core.wording import number_of
from photometry.io.stars.star_tables import StarTable, read_star_table
from photometry.io.stars.target_tables import read_target_table
from photometry.workflow.plan import PlannedRegion
from photometry.workflow.region_places import RegionPlace

__all__ = ["near_stars", "region_stars_of"]

_log = logging.getLogger(__name__)
_Ids = npt.NDArray[np.int64]
#: Stars that a message names.
_NAMED = 5


def near_stars(
    regions: Mapping[str, PlannedRegion], places: Mapping[str, RegionPlace], coord_buffer: float
) -> dict[str, NearStars]:
    """Read the star tables and the tables of targets of regions, each once.

    Parameters
    ----------
    regions : mapping of str to PlannedRegion
        Regions that have tables in common: targets near none of them are listed by the first that was asked for them.
    places : mapping of str to RegionPlace
        Where they are.
    coord_buffer : float
        Stars so far around the pixels count, deg.

    Raises
    ------
    CatalogError, InputFileError
        When a table cannot be used, has no star near any of its regions, or a target is in no star table.
    """
    asked = {name: region.observation["targets"] for name, region in regions.items()}
    wanted = {table: read_target_table(table) for table in sorted(set(asked.values()) - {"all"})}
    near: dict[str, NearStars] = {}
    unknown = {table: np.ones(len(stars), dtype=bool) for table, stars in wanted.items()}
    for catalog in sorted({region.observation["catalog"] for region in regions.values()}):
        using = {name: region for name, region in regions.items() if region.observation["catalog"] == catalog}
        table = read_star_table(catalog)
        tables = _Tables.of(table, [region.pixels.pointing for region in using.values()])
        for path in {asked[name] for name in using} - {"all"}:
            unknown[path] &= ~is_among(wanted[path], tables.stars.starid)
        of_table = {
            name: _near(tables, region, places[name], wanted.get(asked[name]), coord_buffer)
            for name, region in using.items()
        }
        _check_near(catalog, of_table, places)
        _tell_left_out(catalog, tables)
        near |= of_table
    for path, missing in unknown.items():
        if missing.any():
            catalogs = sorted({regions[name].observation["catalog"] for name in regions if asked[name] == path})
            raise _not_there(path, wanted[path][missing], catalogs)
    return _with_unplaced(near, regions, wanted)


def _check_near(catalog: str, near: Mapping[str, NearStars], places: Mapping[str, RegionPlace]) -> None:
    """Refuse a table that has no star near any of its regions; of some it may have none."""
    placed = [name for name in near if places[name].wcs_header]
    if placed and not any(near[name].reaches.any() for name in near):
        first, place = placed[0], places[placed[0]]
        why = why_far(near[first].table, place.wcs_header, place.stamp)
        raise CatalogError(catalog, f"none of its stars is near the pixels of {region_title(first)}, {why}")


@dataclass(frozen=True, slots=True)
class _Tables:
    """The stars of a star table and the rows that are no stars; what is missed without these is collected."""

    stars: StarsByDecl
    left_out: LeftOut
    left_by_decl: StarsByDecl
    bright: set[int]
    skipped: dict[int, str]

    @classmethod
    def of(cls, table: StarTable, pointings: Iterable[Pointing]) -> "_Tables":
        left_out = table.left_out
        tmag = {pointing.starid: pointing.tmag for pointing in pointings if pointing.starid}
        columns = {table_name: getattr(left_out, name) for name, table_name in TABLE_NAMES.items()}
        columns |= {name: np.nan_to_num(columns[name]) for name in ("pm_ra", "pm_decl")}
        stars = StarsByDecl.of(with_magnitudes(table.table, left_out, tmag))
        return cls(stars, left_out, StarsByDecl.of(columns), set(), {})

    def near(self, pointing: Pointing, place: RegionPlace, wanted: _Ids | None, coord_buffer: float) -> NearStars:
        """Find the stars near a region, and what is left out there."""
        where = (place.wcs_header, place.stamp, pointing.sector, coord_buffer, place.reach, place.slack)
        left = take_near(self.left_by_decl, *where)
        rows = left.rows[left.reaches]
        self.bright.update(bright_ones(rows, self.stars, self.left_out).tolist())
        why = why_not_used(pointing.starid, self.stars, self.left_out) if pointing.starid and wanted is None else ""
        skipped = {pointing.starid: why} if why else {}
        self.skipped.update(skipped)
        counts = self.left_out.counts(rows)
        return replace(take_near(self.stars, *where), wanted=wanted, left_out=counts, skipped=skipped)


def _tell_left_out(table: str | Path, tables: _Tables) -> None:
    """Warn of targets of target pixel files that cannot be measured, and of bright rows that are not used."""
    for starid, why in sorted(tables.skipped.items()):
        _log.warning("%s: the target of a target pixel file, TIC %d, is skipped: %s", table, starid, why)
    missed = sorted(tables.bright - set(tables.skipped))
    if missed:
        stars = ", ".join(f"TIC {starid}" for starid in missed[:_NAMED]) + (" and others" * (len(missed) > _NAMED))
        _log.warning(
            "%s: %s marked as artefact or duplicate, with no other star in the same place: %s; if these are stars, "
            "their light counts as that of their neighbours",
            *(table, number_of(len(missed), "bright row is", "bright rows are"), stars),
        )


def _near(
    tables: _Tables, region: PlannedRegion, place: RegionPlace, wanted: _Ids | None, coord_buffer: float
) -> NearStars:
    """Find the stars near a region."""
    near = tables.near(region.pixels.pointing, place, wanted, coord_buffer)
    return replace(near, tmag_limit=float(region.observation["tmag_limit"]))


def region_stars_of(
    table: StarTable, header: CubeHeader, targets: str, tmag_limit: float, coord_buffer: float, name: str = "stars"
) -> RegionStars:
    """Return the stars of a single region.

    Parameters
    ----------
    table : StarTable
        The star table.
    header : CubeHeader
        Place of the pixels.
    targets : str
        ``all``, or a table of targets; those that are not near are listed all the same.
    tmag_limit : float
        Faintest target, mag.
    coord_buffer : float
        Stars so far around the pixels count, deg.
    name : str
        Of the table, for the log.
    """
    wanted = None if targets == "all" else read_target_table(targets)
    reach = DATASOURCES[header.pointing.datasource].star_reach
    tables = _Tables.of(table, [header.pointing])
    place = RegionPlace(header.wcs_header, header.stamp, 0.0, reach)
    near = tables.near(header.pointing, place, wanted, coord_buffer)
    _tell_left_out(name, tables)
    asked = np.empty(0, dtype=np.int64) if wanted is None else wanted
    unplaced = np.setdiff1d(asked, tables.stars.starid[near.rows])
    return replace(near, tmag_limit=tmag_limit, unplaced=unplaced).stars()


def _not_there(path: str, missing: _Ids, catalogs: Sequence[str]) -> CatalogError:
    stars = ", ".join(map(str, missing[:_NAMED])) + (" and others" if len(missing) > _NAMED else "")
    tables = ", ".join(catalogs[:_NAMED]) + (" and others" if len(catalogs) > _NAMED else "")
    return CatalogError(
        path,
        f"TIC {stars}: not among the stars of {tables}; remove the row, or add the star to the catalogue with its "
        "magnitude (rows without one, artefacts and duplicates do not count)",
    )


def _with_unplaced(
    near: Mapping[str, NearStars], regions: Mapping[str, PlannedRegion], wanted: Mapping[str, _Ids]
) -> dict[str, NearStars]:
    """Give the stars that are near no region of their sector and cadence to the first that was asked for them."""
    done = dict(near)
    asking: dict[tuple[str, int, int], list[str]] = {}
    for name, region in regions.items():
        sector, _, _, cadence_s = region.detector
        if region.observation["targets"] != "all":
            asking.setdefault((region.observation["targets"], sector, cadence_s), []).append(name)
    for (targets, _, _), names in asking.items():
        unplaced = np.ones(len(wanted[targets]), dtype=bool)
        for name in names:
            starid = near[name].table.starid[near[name].rows]
            unplaced[np.searchsorted(wanted[targets], starid[is_among(starid, wanted[targets])])] = False
        done[names[0]] = replace(near[names[0]], unplaced=wanted[targets][unplaced])
    return done
