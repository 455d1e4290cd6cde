"""Reading star tables: CSV, ECSV, FITS, VOTable or a catalogue SQLite, with names of the TIC or our own."""

import gzip
import logging
import sqlite3
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from astropy.table import Table

from photometry.catalog.star_columns import NUMBERS, STAR_COLUMNS, TABLE_NAMES
from photometry.core.errors import CatalogError, InputFileError
from photometry.io.stars.table_formats import table_by_content
from photometry.io.store.sqlite_files import open_sqlite

__all__ = ["ACCEPTED_NAMES", "StarTable", "read_star_table"]

#: Names (in any case) of each column, the preferred first: ours, those of MAST, of its TAP service, of VizieR.
ACCEPTED_NAMES = {
    "starid": ("starid", "ID", "TIC", "TICID", "tic_id"),
    "ra_J2000": ("ra_J2000", "ra", "RAJ2000"),
    "decl_J2000": ("decl_J2000", "dec_J2000", "dec", "decl", "DEJ2000"),
    "pm_ra": ("pm_ra", "pmRA"),
    "pm_decl": ("pm_decl", "pm_dec", "pmDEC", "pmDE"),
    "tmag": ("tmag", "Tmag", "TESSmag"),
    "teff": ("teff", "Teff"),
    "disposition": ("disposition", "Disp"),
}
_NEEDED = ("starid", "ra_J2000", "decl_J2000", "tmag")
_UNITS = {column.table_name: column.unit for column in STAR_COLUMNS if column.unit}
#: Texts that stand for no value.
_NO_VALUE = ("", "nan", "none", "null", "--")
#: Rows that a message names.
_NAMED = 5
#: Rows of a CSV table that are read at once.
_ROWS_AT_ONCE = 100_000
#: Bytes at the beginning in which SQLite and empty files show.
_HEAD = 2000


@dataclass(frozen=True, slots=True)
class StarTable:
    """Stars of a star table that can be used.

    Parameters
    ----------
    table : DataFrame
        The columns of `photometry.catalog.star_columns.STAR_COLUMNS` under their `table_name`, by increasing TIC
        number; proper motions are 0 where the table has none.
    n_artefact, n_duplicate : int
        Rows left out because the TIC marks them ARTIFACT or DUPLICATE.
    n_without_tmag : int
        Rows left out because they have no TESS magnitude.
    """

    table: pd.DataFrame
    n_artefact: int
    n_duplicate: int
    n_without_tmag: int

    def __len__(self) -> int:
        return len(self.table)


def read_star_table(path: str | Path) -> StarTable:
    """Read a star table; its content, not its name, tells the format.

    Rows that the TIC marks as artefact or duplicate, and rows without a magnitude, are left out and counted. A missing
    proper motion counts as 0.

    Raises
    ------
    CatalogError
        When the file is missing or cannot be read, lacks a needed column, is empty, has positions that are no
        positions, numbers that are no TIC numbers, or a star twice.
    """
    path = Path(path)
    raw = _read(path)
    columns = _match(path, raw)
    disposition = _texts(raw, columns.get("disposition"))
    artefact, duplicate = disposition == "ARTIFACT", disposition == "DUPLICATE"
    if (artefact | duplicate).any():
        raw = raw[~(artefact | duplicate)]
    if not len(raw):
        left_out = f" ({len(disposition)} rows are marked as artefact or duplicate)" if len(disposition) else ""
        raise CatalogError(path, f"has no star{left_out}; give a table with at least one")
    found: dict[str, npt.NDArray[Any]] = {"starid": _starids(path, raw.pop(columns["starid"]))}
    for name in (TABLE_NAMES[number] for number in NUMBERS):
        found[name] = _numbers(path, raw, columns.get(name), name)
    table = pd.DataFrame(found, copy=False)
    _check_positions(path, table)
    _check_unique(path, table)
    with_tmag = np.isfinite(table["tmag"].to_numpy())
    if not with_tmag.any():
        raise CatalogError(path, f"none of its {len(table)} stars has a value in {columns['tmag']} (TESS magnitude)")
    counts = int(artefact.sum()), int(duplicate.sum()), int((~with_tmag).sum())
    if any(counts):
        logging.getLogger(__name__).info(
            "%s: left out %d artefacts, %d duplicates, %d without a magnitude", path, *counts
        )
    if not (with_tmag.all() and table["starid"].is_monotonic_increasing):
        table = table[with_tmag].sort_values("starid").reset_index(drop=True)
    table[["pm_ra", "pm_decl"]] = table[["pm_ra", "pm_decl"]].fillna(0.0)
    table["ra_J2000"] %= 360.0
    return StarTable(table, *counts)


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise CatalogError(path, "no such file; correct the key 'catalog' (a star table, a catalogue SQLite, mast)")
    try:
        with path.open("rb") as file:
            is_gzip = file.read(2) == b"\x1f\x8b"
        opened: IO[bytes]
        with cast(IO[bytes], gzip.open(path)) if is_gzip else path.open("rb") as opened:
            head = opened.read(_HEAD)
            if head.startswith(b"SQLite format 3\0"):
                return _read_sqlite(path)
            if not head.strip() and not opened.read().strip():
                raise CatalogError(path, "is empty; give a table with at least one star")
            opened.seek(0)
            table = table_by_content(opened)
            return _read_csv(opened) if table is None else _plain(table)
    except InputFileError:
        raise
    except (ValueError, TypeError, KeyError, IndexError, OSError, EOFError, sqlite3.Error, UserWarning) as error:
        reason = " ".join(str(error).split())[:200]
        raise CatalogError(
            path, f"cannot be read as a star table ({reason}); expected CSV, ECSV, FITS, VOTable or SQLite"
        ) from error


def _read_sqlite(path: Path) -> pd.DataFrame:
    with open_sqlite(path) as connection:
        return pd.read_sql_query("SELECT * FROM catalog", connection)


def _read_csv(opened: IO[bytes]) -> pd.DataFrame:
    """Read the columns that are known; the others of a table of millions of stars would take gigabytes."""
    lines = (line.decode("utf-8-sig") for line in opened)
    first = next((line for line in lines if line.strip() and not line.startswith("#")), "")
    opened.seek(0)
    separator = next((mark for mark in (",", ";", "\t", "|") if mark in first), r"\s+")
    known = {name.lower() for accepted in ACCEPTED_NAMES.values() for name in accepted}
    parts = []
    # Not by pandas' usecols, with which a row that has a comma too many is shifted without a word.
    with pd.read_csv(
        opened, sep=separator, comment="#", skipinitialspace=True, encoding="utf-8-sig", chunksize=_ROWS_AT_ONCE
    ) as reader:
        for part in reader:
            names = {str(name).strip().lower(): name for name in part.columns}
            if not all(any(name.lower() in names for name in ACCEPTED_NAMES[needed]) for needed in _NEEDED):
                return part.rename(columns=str.strip)
            parts.append(part[[name for lower, name in names.items() if lower in known]])
    # Every column gets memory of its own, so that it is free again when the column is taken out.
    columns = {name.strip(): pd.concat([part[name] for part in parts], ignore_index=True) for name in parts[0].columns}
    return pd.DataFrame(columns, copy=False)


def _plain(table: Table) -> pd.DataFrame:
    """Turn an astropy table into a DataFrame, numbers in our units, masked values NaN."""
    columns: dict[str, Any] = {}
    known = {name.lower(): ours for ours, names in ACCEPTED_NAMES.items() for name in names}
    for name in table.colnames:
        column = table[name]
        unit = _UNITS.get(known.get(name.lower(), ""))
        if column.ndim != 1:
            continue
        if unit and column.unit and str(column.unit) != unit:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                column = np.ma.MaskedArray(column.quantity.to_value(unit), np.ma.getmaskarray(np.ma.asarray(column)))
        masked = np.ma.asarray(column)
        if masked.dtype.kind in "iu" and not np.ma.getmaskarray(masked).any():
            columns[name] = np.asarray(masked.data).astype(np.int64)
        elif masked.dtype.kind in "iufb":
            columns[name] = np.ma.filled(masked.astype(np.float64), np.nan)
        else:
            columns[name] = [None if value is np.ma.masked else value for value in masked]
    return pd.DataFrame(columns)


def _match(path: Path, raw: pd.DataFrame) -> dict[str, str]:
    """Names that the table uses, by ours."""
    found = {str(name).lower(): str(name) for name in reversed(list(raw.columns))}
    columns: dict[str, str] = {}
    for ours, accepted in ACCEPTED_NAMES.items():
        names = [found[name.lower()] for name in accepted if name.lower() in found]
        if names:
            columns[ours] = names[0]
        elif ours in _NEEDED:
            raise CatalogError(
                path,
                f"has no column {ours} (accepted names: {', '.join(accepted)}); "
                f"its columns are {', '.join(map(str, raw.columns[:20]))}",
            )
    if "pm_ra" not in columns or "pm_decl" not in columns:
        logging.getLogger(__name__).warning("%s: no column for proper motion, which counts as 0", path)
    return columns


def _texts(raw: pd.DataFrame, column: str | None) -> npt.NDArray[np.object_]:
    """Values as upper-case text."""
    if column is None:
        return np.full(len(raw), "", dtype=object)
    values = [value.decode() if isinstance(value, bytes) else str(value) for value in raw[column]]
    return np.array([value.strip().upper() for value in values], dtype=object)


def _starids(path: Path, values: "pd.Series[Any]") -> npt.NDArray[np.int64]:
    """TIC numbers, which may come as text."""
    if values.dtype.kind not in "iuf":
        text = pd.Series([value.decode() if isinstance(value, bytes) else str(value) for value in values])
        values = text.str.replace("TIC", "", case=False).str.strip()
    if values.dtype.kind in "iu":
        numbers = values.to_numpy(dtype=np.int64)
        bad = numbers <= 0
    else:
        as_float = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64)
        bad = ~(np.isfinite(as_float) & (as_float > 0) & (as_float == np.floor(as_float)))
        numbers = np.zeros(len(values), dtype=np.int64)
        whole = values.to_numpy()[~bad]
        numbers[~bad] = [int(float(value)) if "." in str(value) else int(value) for value in whole]
    if bad.any():
        rows = np.flatnonzero(bad)
        shown = ", ".join(f"{values.iloc[row]!r} in row {row + 1}" for row in rows[:_NAMED])
        raise CatalogError(path, f"{len(rows)} star number(s) are no TIC number: {shown}; correct or remove these rows")
    return numbers


def _numbers(path: Path, raw: pd.DataFrame, column: str | None, name: str) -> npt.NDArray[np.float64]:
    """Take a column out of the table."""
    if column is None:
        return np.full(len(raw), np.nan)
    values = raw.pop(column)
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64)
    empty = np.flatnonzero(np.isnan(numbers) & ~values.isna().to_numpy())
    wrong = [row for row in empty if str(values.iloc[row]).strip().lower() not in _NO_VALUE]
    if wrong:
        row = wrong[0]
        raise CatalogError(path, f"column {column} ({name}) has {values.iloc[row]!r} in row {row + 1}, not a number")
    return np.where(np.isinf(numbers), np.nan, numbers)


def _check_positions(path: Path, table: pd.DataFrame) -> None:
    ra, decl = table["ra_J2000"].to_numpy(), table["decl_J2000"].to_numpy()
    for bad, problem in (
        (np.isnan(ra) | np.isnan(decl), "have no position (NaN)"),
        ((ra < -180) | (ra > 360) | (np.abs(decl) > 90), "have a position outside RA -180 to 360, Dec -90 to 90"),
    ):
        if bad.any():
            rows = np.flatnonzero(bad)
            shown = ", ".join(f"TIC {table['starid'].iloc[row]} (row {row + 1})" for row in rows[:_NAMED])
            raise CatalogError(path, f"{len(rows)} star(s) {problem}: {shown}; correct or remove these rows")


def _check_unique(path: Path, table: pd.DataFrame) -> None:
    repeated = table.loc[table["starid"].duplicated(), "starid"].unique()
    if len(repeated):
        shown = ", ".join(f"TIC {starid}" for starid in repeated[:_NAMED])
        raise CatalogError(path, f"{len(repeated)} star(s) are there more than once: {shown}; keep one row of each")
