"""The stars of regions, from star tables and tables of targets."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from photometry.catalog.far_tables import why_far
from photometry.catalog.region_stars import NearStars, RegionStars, StarsByDecl, is_among, take_near
from photometry.core.cube import CubeHeader
from photometry.core.datasources import DATASOURCES
from photometry.core.errors import CatalogError
from photometry.io.stars.star_tables import StarTable, read_star_table
from photometry.io.stars.target_tables import read_target_table
from photometry.workflow.plan import PlannedRegion
from photometry.workflow.region_places import RegionPlace

__all__ = ["near_stars", "region_stars_of"]

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
        known = read_star_table(catalog).table
        for path in {asked[name] for name in regions if regions[name].observation["catalog"] == catalog} - {"all"}:
            unknown[path] &= ~is_among(wanted[path], known["starid"].to_numpy())
        table, of_table = StarsByDecl.of(known), dict[str, NearStars]()
        for name, region in regions.items():
            if region.observation["catalog"] == catalog:
                of_table[name] = _near(table, region, places[name], wanted.get(asked[name]), coord_buffer)
        _check_near(catalog, of_table, places)
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
        raise CatalogError(catalog, f"none of its stars is near the pixels of {first}, {why}")


def _near(
    table: StarsByDecl, region: PlannedRegion, place: RegionPlace, wanted: _Ids | None, coord_buffer: float
) -> NearStars:
    """Find the stars near a region."""
    sector, limit = region.pixels.pointing.sector, float(region.observation["tmag_limit"])
    around = take_near(table, place.wcs_header, place.stamp, sector, coord_buffer, place.reach, place.slack)
    return replace(around, wanted=wanted, tmag_limit=limit)


def region_stars_of(
    table: StarTable, header: CubeHeader, targets: str, tmag_limit: float, coord_buffer: float
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
    """
    wanted = None if targets == "all" else read_target_table(targets)
    reach = DATASOURCES[header.pointing.datasource].star_reach
    by_decl, sector = StarsByDecl.of(table.table), header.pointing.sector
    near = take_near(by_decl, header.wcs_header, header.stamp, sector, coord_buffer, reach)
    asked = np.empty(0, dtype=np.int64) if wanted is None else wanted
    unplaced = np.setdiff1d(asked, by_decl.starid[near.rows])
    return replace(near, wanted=wanted, tmag_limit=tmag_limit, unplaced=unplaced).stars()


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
