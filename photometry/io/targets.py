"""Tables of the stars that a user asks for, and target lists of regions."""

import io
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from astropy.table import Table
from astropy.utils.exceptions import AstropyUserWarning

from photometry.catalog import Catalog, stars_near
from photometry.errors import InputFileError
from photometry.geometry import Stamp
from photometry.io.provenance import Inputs, origin_of
from photometry.io.tables import ColumnSpec, read_ecsv, table_of, write_ecsv
from photometry.lightcurve import CubeHeader
from photometry.region_stars import RegionStars, catalog_around
from photometry.sky import mid_time
from photometry.targets import Region, TargetList

__all__ = ["TARGET_COLUMNS", "make_region", "read_target_table", "read_targets", "region_near", "write_targets"]

#: Names of the column of TIC numbers, compared without case.
_STARID_NAMES = ("starid", "id", "tic", "ticid", "tic_id")
#: Stars this far outside the pixels still get a position in the list, pixels.
_MARGIN = 20
#: Rows that a message names.
_NAMED = 5
#: Rows of a CSV table that are read at once.
_ROWS_AT_ONCE = 100_000

#: Columns of a target list.
TARGET_COLUMNS = (
    ColumnSpec("starid", "int64", "", "TIC number"),
    ColumnSpec("row", "float64", "pix", "CCD row, 0-based"),
    ColumnSpec("column", "float64", "pix", "CCD column, 0-based"),
    ColumnSpec("tmag", "float64", "mag", "TESS magnitude"),
    ColumnSpec("tile", "str", "", "tile that measures the star"),
    ColumnSpec("reason", "str", "", "why the star is not measured here"),
)


def read_target_table(path: str | Path) -> npt.NDArray[np.int64]:
    """Read the TIC numbers of a table: CSV, ECSV, FITS or VOTable with a column starid (or ID, TIC, TICID).

    Returns
    -------
    (n_target,) int64
        TIC numbers, increasing, each once.

    Raises
    ------
    InputFileError
        When the file is missing, cannot be read, is empty, lacks the column or holds something that is no TIC number.
    """
    path = Path(path)
    numbers = _plain_numbers(path)
    if numbers is not None:
        numbers = np.sort(numbers)
        return numbers[np.diff(numbers, prepend=-1) > 0]
    table = _read_table(path)
    names = {str(name).strip().lower(): name for name in table.columns}
    column = next((names[name] for name in _STARID_NAMES if name in names), None)
    if column is None:
        raise InputFileError(
            path, f"has no column starid (or ID, TIC, TICID), only {', '.join(map(str, table.columns))}; name it so"
        )
    if not len(table):
        raise InputFileError(path, "has no rows; give at least one TIC number, or 'targets: all'")
    texts = table[column].astype(str).str.strip().str.removeprefix("TIC").str.strip().str.removesuffix(".0")
    good = texts.str.fullmatch(r"[0-9]{1,11}").to_numpy(bool)
    if not good.all():
        bad = [f"{number + 1} ({texts.iloc[number]!r})" for number in np.flatnonzero(~good)[:_NAMED]]
        raise InputFileError(path, f"column {column}, row {', '.join(bad)}: expected a TIC number, digits only")
    return np.unique(texts.to_numpy(str).astype(np.int64))


def _plain_numbers(path: Path) -> npt.NDArray[np.int64] | None:
    """Read a CSV table whose TIC numbers are plain numbers, in a fifth of the time and memory; None for any other."""
    if not path.is_file():
        return None
    parts = []
    try:
        with pd.read_csv(path, comment="#", skipinitialspace=True, compression=None, chunksize=_ROWS_AT_ONCE) as reader:
            for part in reader:
                names = {str(name).strip().lower(): name for name in part.columns}
                column = next((names[name] for name in _STARID_NAMES if name in names), None)
                values = None if column is None else part[column].to_numpy()
                if values is None or values.dtype != np.int64 or not ((values >= 0) & (values < 10**11)).all():
                    return None
                parts.append(values)
    except (ValueError, OSError):
        return None
    return np.concatenate(parts) if parts else None


def _read_table(path: Path) -> pd.DataFrame:
    """Read a table by what it holds, not by its name."""
    if not path.is_file():
        raise InputFileError(path, "no such file; correct the key 'targets' (all, or a table with a column starid)")
    content = path.read_bytes()
    try:
        if content.startswith(b"SIMPLE  ="):
            with warnings.catch_warnings():
                warnings.simplefilter("error", AstropyUserWarning)  # truncated, damaged header
                return _frame(Table.read(io.BytesIO(content), format="fits", character_as_bytes=False))
        if b"<VOTABLE" in content[:2000]:
            return _frame(Table.read(io.BytesIO(content), format="votable"))
        if content.startswith(b"# %ECSV"):
            return _frame(Table.read(content.decode(), format="ascii.ecsv"))
        return pd.read_csv(io.BytesIO(content), comment="#", dtype=str, skipinitialspace=True, keep_default_na=False)
    except (ValueError, TypeError, KeyError, IndexError, OSError, EOFError, AstropyUserWarning) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputFileError(
            path, f"cannot be read as a table of targets ({reason}); expected CSV, ECSV, FITS or VOTable"
        ) from error


def _frame(table: Table) -> pd.DataFrame:
    return pd.DataFrame({name: np.ma.filled(table[name].astype(str), "") for name in table.colnames})


def make_region(
    name: str, header: CubeHeader, catalog: Catalog, wanted: npt.NDArray[np.int64] | None, tmag_limit: float
) -> Region:
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
    return Region(name, header.stamp, stars, wanted, tmag_limit, header.pointing.starid)


def region_near(name: str, header: CubeHeader, stars: RegionStars, stamp: Stamp) -> Region:
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
    return make_region(name, header, near, stars.asked_for, stars.tmag_limit)


def write_targets(
    path: str | Path,
    targets: TargetList,
    region: str,
    header: CubeHeader,
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
    inputs, settings
        What it was made from, see `photometry.io.provenance.origin_of`.
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
        "origin": origin_of(inputs or {}, settings),
    }
    write_ecsv(table, path)


def read_targets(path: str | Path) -> tuple[TargetList, dict[str, str | int]]:
    """Read the target list of a region, and its region, sector, camera, ccd and cadence (s)."""
    table = read_ecsv(path, TARGET_COLUMNS)
    facts = {name: value for name, value in table.meta.items() if name != "origin"}
    return TargetList(**{spec.name: np.asarray(table[spec.name], spec.kind) for spec in TARGET_COLUMNS}), facts
