"""Tables of the stars that a user asks for."""

import io
import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from astropy.table import Table
from astropy.utils.exceptions import AstropyUserWarning

from photometry.core.errors import InputFileError
from photometry.io.fits.damage import DAMAGED
from photometry.io.stars.table_formats import table_by_content

__all__ = ["read_target_table"]

#: Names of the column of TIC numbers, compared without case.
_STARID_NAMES = ("starid", "id", "tic", "ticid", "tic_id")
#: Rows that a message names, and characters of a cell that it shows.
_NAMED, _MOST_SHOWN = 5, 100
#: Rows of a CSV table that are read at once.
_ROWS_AT_ONCE = 100_000


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
    if not path.is_file():
        raise InputFileError(
            path, "no such file; correct the key 'targets' (all, or a table with a column starid, ID or TIC)"
        )
    numbers = _plain_numbers(path)
    if numbers is not None:
        numbers = np.sort(numbers)
        return numbers[np.diff(numbers, prepend=-1) > 0]
    try:
        return _numbers(path, _read_table(path))
    except InputFileError:
        raise
    except DAMAGED as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputFileError(
            path, f"cannot be read as a table of targets ({reason}); expected CSV, ECSV, FITS or VOTable"
        ) from error


def _numbers(path: Path, table: pd.DataFrame) -> npt.NDArray[np.int64]:
    """TIC numbers of a table, which may come as text."""
    names = {str(name).strip().lower(): name for name in table.columns}
    column = next((names[name] for name in _STARID_NAMES if name in names), None)
    if column is None:
        found = ", ".join(map(str, table.columns))[:_MOST_SHOWN]
        raise InputFileError(path, f"has no column starid (or ID, TIC, TICID), only {found}; name it so")
    if not len(table):
        raise InputFileError(path, "has no rows; give at least one TIC number, or 'targets: all'")
    texts = table[column].astype(str).str.strip().str.removeprefix("TIC").str.strip().str.removesuffix(".0")
    good = texts.str.fullmatch(r"[0-9]{1,11}").to_numpy(bool)
    if not good.all():
        bad = [f"{number + 1} ({texts.iloc[number][:_MOST_SHOWN]!r})" for number in np.flatnonzero(~good)[:_NAMED]]
        raise InputFileError(path, f"column {column}, row {', '.join(bad)}: expected a TIC number, digits only")
    return np.unique(texts.to_numpy(str).astype(np.int64))


def _plain_numbers(path: Path) -> npt.NDArray[np.int64] | None:
    """Read a CSV table whose TIC numbers are plain numbers, in a fifth of the time and memory; None for any other."""
    parts = []
    try:
        # Not by its name, of which pandas would take a ~ for a user's folder.
        with (
            path.open("rb") as file,
            pd.read_csv(file, comment="#", skipinitialspace=True, chunksize=_ROWS_AT_ONCE) as reader,
        ):
            for part in reader:
                names = {str(name).strip().lower(): name for name in part.columns}
                column = next((names[name] for name in _STARID_NAMES if name in names), None)
                values = None if column is None else part[column].to_numpy()
                if values is None or values.dtype != np.int64 or not ((values >= 0) & (values < 10**11)).all():
                    return None
                parts.append(values)
    except DAMAGED:
        return None  # read again in the way that takes any form
    return np.concatenate(parts) if parts else None


def _read_table(path: Path) -> pd.DataFrame:
    """Read a table by what it holds, not by its name."""
    content = path.read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("error", AstropyUserWarning)  # truncated, damaged header
        table = table_by_content(io.BytesIO(content))
    if table is not None:
        return _frame(table)
    return pd.read_csv(io.BytesIO(content), comment="#", dtype=str, skipinitialspace=True, keep_default_na=False)


def _frame(table: Table) -> pd.DataFrame:
    return pd.DataFrame({name: np.ma.filled(table[name].astype(str), "") for name in table.colnames})
