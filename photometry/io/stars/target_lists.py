"""Target lists of regions."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from photometry.catalog.region_stars import RegionStars, catalog_around
from photometry.catalog.star_catalog import Catalog, stars_near
from photometry.catalog.targets import RegionTargets, TargetList
from photometry.core.cube import CubeHeader
from photometry.core.geometry import Stamp
from photometry.core.sky import mid_time
from photometry.io.store.provenance import Inputs, origin_of
from photometry.io.store.tables import ColumnSpec, read_ecsv, table_of, write_ecsv

__all__ = ["LEFT_OUT_NAMES", "TARGET_COLUMNS", "make_region", "read_targets", "region_near", "write_targets"]

#: Stars this far outside the pixels still get a position in the list, pixels.
_MARGIN = 20

#: Names of the numbers of rows of the star table that are not used.
LEFT_OUT_NAMES = ("artefact", "duplicate", "without_tmag")
#: Columns of a target list.
TARGET_COLUMNS = (
    ColumnSpec("starid", "int64", "", "TIC number"),
    ColumnSpec("row", "float64", "pix", "CCD row, 0-based"),
    ColumnSpec("column", "float64", "pix", "CCD column, 0-based"),
    ColumnSpec("tmag", "float64", "mag", "TESS magnitude"),
    ColumnSpec("tile", "str", "", "tile that measures the star"),
    ColumnSpec("reason", "str", "", "why the star is not measured here"),
)


def make_region(
    name: str, header: CubeHeader, catalog: Catalog, wanted: npt.NDArray[np.int64] | None, tmag_limit: float
) -> RegionTargets:
    """Put together what the choice of targets needs to know of a region.

    Parameters
    ----------
    name : str
        Name of the region.
    header : CubeHeader
        Header of its cube.
    catalog : Catalog
        Its catalogue.
    wanted : (n_wanted,) int64 or None
        TIC numbers that are asked for; None: all stars on the pixels.
    tmag_limit : float
        Faintest target, mag.
    """
    stars = stars_near(catalog, header.wcs_header, header.stamp, _MARGIN)
    return RegionTargets(name, header.stamp, stars, wanted, tmag_limit, header.pointing.starid)


def region_near(name: str, header: CubeHeader, stars: RegionStars, stamp: Stamp) -> RegionTargets:
    """Put together what the choice of targets on a stamp needs to know of a region.

    Parameters
    ----------
    name : str
        Name of the region.
    header : CubeHeader
        Header of its cube.
    stars : RegionStars
        Its stars.
    stamp : Stamp
        The stars on it and up to 20 pixels around it take part.
    """
    near = catalog_around(stars, header.pointing, header.wcs_header, stamp, mid_time(header.time), _MARGIN)
    why = [text.decode() for text in stars.why_skipped.tolist()]
    skipped = dict(zip(stars.skipped.tolist(), why, strict=True))
    return replace(make_region(name, header, near, stars.asked_for, stars.tmag_limit), skipped=skipped)


def write_targets(
    path: str | Path,
    targets: TargetList,
    region: str,
    header: CubeHeader,
    left_out: npt.NDArray[np.int64],
    inputs: Inputs | None = None,
    settings: Mapping[str, Any] | None = None,
) -> None:
    """Write the target list of a region (ECSV).

    Parameters
    ----------
    path : path-like
        The list.
    targets : TargetList
        What to write.
    region : str
        Name of the region.
    header : CubeHeader
        Header of its cube.
    left_out : (3,) int64
        `photometry.catalog.region_stars.RegionStars.left_out`.
    inputs, settings
        What it was made from, see `photometry.io.store.provenance.origin_of`.
    """
    names = [spec.name for spec in TARGET_COLUMNS]
    rows = [
        dict(zip(names, values, strict=True))
        for values in zip(*(getattr(targets, name) for name in names), strict=True)
    ]
    table = table_of(rows, TARGET_COLUMNS)
    pointing = header.pointing
    table.meta |= {
        "region": region,
        "sector": pointing.sector,
        "camera": pointing.camera,
        "ccd": pointing.ccd,
        "cadence": header.exposure.cadence_s,
        "left_out": dict(zip(LEFT_OUT_NAMES, left_out.tolist(), strict=True)),
        "origin": origin_of(inputs or {}, settings),
    }
    write_ecsv(table, path)


def read_targets(path: str | Path) -> tuple[TargetList, dict[str, Any]]:
    """Read the target list of a region, and its region, sector, camera, ccd, cadence (s) and left_out."""
    table = read_ecsv(path, TARGET_COLUMNS)
    metadata = {name: value for name, value in table.meta.items() if name != "origin"}
    return TargetList(**{spec.name: np.asarray(table[spec.name], spec.kind) for spec in TARGET_COLUMNS}), metadata
