"""Reading star tables: CSV, ECSV, FITS, VOTable or a catalogue SQLite, with names of the TIC or our own."""

import logging
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from astropy.table import Table

from photometry.catalog.left_out import ARTEFACT, DUPLICATE, NO_TMAG, LeftOut
from photometry.catalog.star_columns import NUMBERS, STAR_COLUMNS, TABLE_NAMES
from photometry.core.errors import CatalogError, InputFileError
from photometry.core.wording import number_of
from photometry.io.fits.damage import DAMAGED
from photometry.io.fits.gzip_files import is_gzipped, open_gzipped
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
#: What stars can have, and what becomes of those that have something else: from Sirius to nothing, Tmag; twice as fast
#: as Barnard's star, mas/yr.
_POSSIBLE = (
    (("tmag",), (-5.0, 50.0), "which counts as no magnitude"),
    (("pm_ra", "pm_decl"), (-20_000.0, 20_000.0), "and count as standing still"),
)
#: Words for units; positions in hours, minutes and seconds are what tables have most often in place of them.
_UNIT_WORDS = {"deg": "degrees (not hours or degrees, minutes and seconds)"}
#: Texts that stand for no value.
_NO_VALUE = ("", "nan", "none", "null", "--")
#: TIC numbers as text, of so many digits at most that they can be read.
_STARID = re.compile(r"\s*(?:TIC)?\s*([0-9]{1,19})(?:\.0*)?\s*", re.IGNORECASE)
_TOO_LARGE = 2**63
#: Rows that a message names, and characters of a cell that it shows.
_NAMED, _MOST_SHOWN = 5, 60
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
    left_out : LeftOut
        Rows that the TIC marks ARTIFACT or DUPLICATE, and those without a TESS magnitude.
    """

    table: pd.DataFrame
    left_out: LeftOut

    def __len__(self) -> int:
        return len(self.table)


def read_star_table(path: str | Path) -> StarTable:
    """Read a star table; its content, not its name, tells the format.

    Rows that the TIC marks as artefact or duplicate, and rows without a magnitude, are left out and counted. A missing
    proper motion counts as 0. Rows that say the same of a star, as those of cone searches that overlap, count once.

    Raises
    ------
    CatalogError
        When the file is missing or cannot be read, lacks a needed column, is empty, has positions that are no
        positions, numbers that are no TIC numbers, or different rows for one star.
    """
    path = Path(path)
    if not path.is_file():
        raise CatalogError(
            path, "no such file; correct the key 'catalog' (a star table, a catalogue SQLite, mast, gaia)"
        )
    try:
        return _stars(path, _read(path))
    except InputFileError:
        raise
    except DAMAGED as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise CatalogError(
            path, f"cannot be read as a star table ({reason}); expected CSV, ECSV, FITS, VOTable or SQLite"
        ) from error


def _stars(path: Path, raw: pd.DataFrame) -> StarTable:
    """Take the stars out of a table, which is used up."""
    columns = _match(path, raw)
    disposition = _texts(raw, columns.get("disposition"))
    is_marked = np.isin(disposition, (ARTEFACT, DUPLICATE))
    marked = _leniently(raw[is_marked], columns)
    if is_marked.any():
        raw = raw[~is_marked]
    if not len(raw):
        marks = f" ({len(disposition)} rows are marked as artefact or duplicate)" if len(disposition) else ""
        raise CatalogError(path, f"has no star{marks}; give a table with at least one")
    found: dict[str, npt.NDArray[Any]] = {"starid": _starids(path, raw.pop(columns["starid"]))}
    for name in (TABLE_NAMES[number] for number in NUMBERS):
        found[name] = _numbers(path, raw, columns.get(name), name)
    table = pd.DataFrame(found, copy=False)
    _check_positions(path, table)
    table = _once(path, table)
    _leave_out_impossible(path, table)
    with_tmag = np.isfinite(table["tmag"].to_numpy())
    if not with_tmag.any():
        raise CatalogError(path, f"none of its {len(table)} stars has a value in {columns['tmag']} (TESS magnitude)")
    why = np.concatenate([disposition[is_marked], np.full(int((~with_tmag).sum()), NO_TMAG)]).astype(np.str_)
    left_out = _left_out(pd.concat([marked, table[~with_tmag]], ignore_index=True), why)
    if len(left_out):
        logging.getLogger(__name__).info(
            "%s: left out %d artefacts, %d duplicates, %d without a magnitude", path, *left_out.counts()
        )
    if not (with_tmag.all() and table["starid"].is_monotonic_increasing):
        table = table[with_tmag].sort_values("starid").reset_index(drop=True)
    table[["pm_ra", "pm_decl"]] = table[["pm_ra", "pm_decl"]].fillna(0.0)
    table["ra_J2000"] %= 360.0
    return StarTable(table, left_out)


def _leniently(raw: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    """Return what rows that are left out tell; they are no reason to refuse a table."""
    found: dict[str, Any] = {"starid": np.array([_starid(value) for value in raw[columns["starid"]]], dtype=np.int64)}
    for name in (TABLE_NAMES[number] for number in NUMBERS):
        is_real = name in columns and raw[columns[name]].dtype.kind not in "cb"
        values = raw[columns[name]] if is_real else pd.Series(np.nan, index=raw.index)
        found[name] = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64)
    return pd.DataFrame(found)


def _left_out(table: pd.DataFrame, why: npt.NDArray[np.str_]) -> LeftOut:
    order = np.argsort(table["starid"].to_numpy(), kind="stable")
    columns = {name: table[TABLE_NAMES[name]].to_numpy(dtype=np.float64)[order] for name in NUMBERS}
    return LeftOut(starid=table["starid"].to_numpy(dtype=np.int64)[order], why=why[order], **columns)


def _read(path: Path) -> pd.DataFrame:
    with path.open("rb") as file:
        opened: IO[bytes] = open_gzipped(path, file) if is_gzipped(file) else file
        head = opened.read(_HEAD)
        if head.startswith(b"SQLite format 3\0"):
            if opened is not file:
                raise CatalogError(path, "is a gzipped SQLite file; unpack it")
            return _read_sqlite(path)
        if not head.strip() and not opened.read().strip():
            raise CatalogError(path, "is empty; give a table with at least one star")
        opened.seek(0)
        table = table_by_content(opened)
        return _read_csv(opened) if table is None else _plain(table)


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
        elif masked.dtype.kind in "iuf":
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
    values = [value.decode(errors="replace") if isinstance(value, bytes) else str(value) for value in raw[column]]
    return np.array([value.strip().upper() for value in values], dtype=object)


def _starids(path: Path, values: "pd.Series[Any]") -> npt.NDArray[np.int64]:
    """TIC numbers, which may come as text."""
    if values.dtype.kind in "iu":
        numbers = values.to_numpy(dtype=np.int64)
    elif values.dtype.kind == "f":
        real = values.to_numpy(dtype=np.float64)
        numbers = np.where((real > 0) & (real < _TOO_LARGE) & (real == np.floor(real)), real, 0).astype(np.int64)
    else:
        numbers = np.array([_starid(value) for value in values], dtype=np.int64)
    bad = np.flatnonzero(numbers <= 0)
    if len(bad):
        shown = ", ".join(f"{_shown(values.iloc[row])} in row {row + 1}" for row in bad[:_NAMED])
        many = number_of(len(bad), "star number is no TIC number", "star numbers are no TIC numbers")
        raise CatalogError(path, f"{many}: {shown}; correct or remove these rows")
    return numbers


def _starid(value: Any) -> int:
    """TIC number of a cell; 0 where it holds none."""
    text = _STARID.fullmatch(value.decode(errors="replace") if isinstance(value, bytes) else str(value))
    number = int(text[1]) if text else 0
    return number if number < _TOO_LARGE else 0


def _shown(value: Any) -> str:
    """Write a cell, shortened where it is long."""
    return repr(value)[:_MOST_SHOWN]


def _numbers(path: Path, raw: pd.DataFrame, column: str | None, name: str) -> npt.NDArray[np.float64]:
    """Take a column out of the table."""
    if column is None:
        return np.full(len(raw), np.nan)
    values = raw.pop(column)
    if values.dtype.kind in "cb":
        raise CatalogError(path, f"column {column} ({name}) has {_shown(values.iloc[0])} in row 1, not a number")
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64)
    empty = np.flatnonzero(np.isnan(numbers) & ~values.isna().to_numpy())
    wrong = [row for row in empty if str(values.iloc[row]).strip().lower() not in _NO_VALUE]
    if wrong:
        row = wrong[0]
        expected = f"a number in {_UNIT_WORDS.get(_UNITS[name], _UNITS[name])}" if name in _UNITS else "a number"
        raise CatalogError(
            path, f"column {column} ({name}) has {_shown(values.iloc[row])} in row {row + 1}, expected {expected}"
        )
    return np.where(np.isinf(numbers), np.nan, numbers)


def _check_positions(path: Path, table: pd.DataFrame) -> None:
    ra, decl = table["ra_J2000"].to_numpy(), table["decl_J2000"].to_numpy()
    for bad, problem in (
        (np.isnan(ra) | np.isnan(decl), "without a position (NaN)"),
        ((ra < -180) | (ra > 360) | (np.abs(decl) > 90), "with a position outside RA -180 to 360, Dec -90 to 90"),
    ):
        if bad.any():
            rows = np.flatnonzero(bad)
            shown = ", ".join(f"TIC {table['starid'].iloc[row]} (row {row + 1})" for row in rows[:_NAMED])
            raise CatalogError(path, f"{number_of(len(rows), 'star')} {problem}: {shown}; correct or remove these rows")


def _leave_out_impossible(path: Path, table: pd.DataFrame) -> None:
    """Make NaN of values that no star has, and tell how many there are: a magnitude of -999, a motion of 1e23."""
    for names, (low, high), consequence in _POSSIBLE:
        values = [table[name].to_numpy() for name in names]
        bad = np.any([(value < low) | (value > high) for value in values], axis=0)
        if not bad.any():
            continue
        table.loc[bad, list(names)] = np.nan
        rows = np.flatnonzero(bad)
        stars = ", ".join(f"TIC {table['starid'].iloc[row]} (row {row + 1})" for row in rows[:_NAMED])
        logging.getLogger(__name__).warning(
            "%s: %s %s outside %g to %g %s, %s: %s",
            *(
                path,
                number_of(len(rows), "star has", "stars have"),
                " or ".join(names),
                low,
                high,
                _UNITS[names[0]],
                consequence,
                stars,
            ),
        )


def _once(path: Path, table: pd.DataFrame) -> pd.DataFrame:
    """Merge rows of a star that are the same in all columns that are used; different ones are an error."""
    if not table["starid"].duplicated().any():
        return table
    merged = table.drop_duplicates(ignore_index=True)
    again = merged["starid"].duplicated(keep=False)
    if again.any():
        differing = merged[again]
        stars = differing["starid"].unique()
        first = differing[differing["starid"] == stars[0]]
        names = [name for name in table.columns if len(first[name].drop_duplicates()) > 1]
        shown = ", ".join(f"TIC {starid}" for starid in stars[:_NAMED])
        raise CatalogError(
            path,
            f"{number_of(len(stars), 'star is', 'stars are')} there more than once, with different values: {shown} "
            f"(TIC {stars[0]} differs in {', '.join(names)}); keep one row of each",
        )
    logging.getLogger(__name__).info("%s: %d rows are there twice and count once", path, len(table) - len(merged))
    return merged
