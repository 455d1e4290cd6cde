"""Rows of results as they stand in their files: a summary of a million rows is put together without reading numbers."""

import io
import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from astropy.table import Table
from astropy.table.meta import get_header_from_yaml

from photometry.core.errors import InputFileError
from photometry.io.store.provenance import atomic_path
from photometry.io.store.tables import RESULT_COLUMNS, read_ecsv, table_of

__all__ = ["ResultRows", "read_rows", "rows_of", "texts_in", "with_last", "write_rows"]

_INTEGERS = ("starid", "sector", "camera", "ccd", "cadence")
_TEXTS = ("status", "region", "file")
#: A row that ends too early lacks the last column.
_LAST = RESULT_COLUMNS[-1].name
#: Metadata in the header of an ECSV file.
_META = re.compile(rb"^# meta:.*?(?=^# schema:)", re.MULTILINE | re.DOTALL)
#: Rows that are formatted at once: bounds the memory.
_ROWS_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class ResultRows:
    """Rows of `RESULT_COLUMNS`.

    Parameters
    ----------
    region : str
        Region of the first row: of an index, or of a target list, that of all; empty where there is none.
    starid, sector, camera, ccd, cadence : (n_row,) int64
        Columns of the rows.
    status : (n_row,) object
        Column of the rows, texts.
    file : tuple of str
        Light curve files that the rows name.
    lines : list of bytes
        The rows, without the ends of the lines.
    meta : mapping
        Metadata of the file.
    """

    region: str
    starid: npt.NDArray[np.int64]
    sector: npt.NDArray[np.int64]
    camera: npt.NDArray[np.int64]
    ccd: npt.NDArray[np.int64]
    cadence: npt.NDArray[np.int64]
    status: npt.NDArray[np.object_]
    file: tuple[str, ...]
    lines: list[bytes]
    meta: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.lines)


def read_rows(path: str | Path) -> ResultRows:
    """Read the index of a tile.

    Raises
    ------
    InputFileError
        When it is missing, damaged, or lacks a column.
    """
    if not Path(path).is_file():
        raise InputFileError(path, "no such file")
    head, body = _split(Path(path).read_bytes())
    meta = _META.search(head)
    if _META.sub(b"", head) != _head():
        # Of another version, or damaged.
        return rows_of(read_ecsv(path, RESULT_COLUMNS)[[spec.name for spec in RESULT_COLUMNS]])
    try:
        metadata = (
            get_header_from_yaml(re.sub("^# ", "", meta[0].decode(), flags=re.MULTILINE).splitlines()) if meta else {}
        )
        return _rows(body, metadata.get("meta", {}))
    except (ValueError, TypeError) as error:
        raise InputFileError(path, f"cannot be read as ECSV ({error}); delete it and run again") from error


def rows_of(table: Table) -> ResultRows:
    """Return the rows of a table with `RESULT_COLUMNS`."""
    parts = [table[start : start + _ROWS_AT_ONCE] for start in range(0, len(table), _ROWS_AT_ONCE)]
    return _rows(b"".join(_split(_formatted(part))[1] for part in parts), dict(table.meta))


def texts_in(path: str | Path, name: str) -> tuple[str, ...]:
    """Return the texts in a column of a summary or index, without the empty ones; nothing else of it is kept.

    Raises
    ------
    InputFileError
        When it is missing, damaged, or lacks the column.
    """
    try:
        with open(path, "rb") as file:
            n_head = sum(1 for _ in itertools.takewhile(lambda line: line.startswith(b"#"), file))
        column = pd.read_csv(path, sep=" ", skiprows=n_head, usecols=[name], dtype="object", keep_default_na=False)[
            name
        ]
    except FileNotFoundError as error:
        raise InputFileError(path, "no such file") from error
    except ValueError as error:
        raise InputFileError(path, f"cannot be read as ECSV ({error}); delete it and run again") from error
    return tuple(text for text in column if text)


def with_last(line: bytes, text: str) -> bytes:
    """Return a row whose last column, which is empty, has a text without blanks and quotes in place."""
    return line.removesuffix(b'""') + text.encode()


def write_rows(path: str | Path, lines: Iterable[bytes], meta: Mapping[str, Any]) -> None:
    """Write a table with `RESULT_COLUMNS`, to the bytes that `photometry.io.store.tables.write_ecsv` would write."""
    empty = table_of([], RESULT_COLUMNS)
    empty.meta = dict(meta)
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        file.write(_formatted(empty))
        file.writelines(line + b"\n" for line in lines)


def _rows(body: bytes, meta: Mapping[str, Any]) -> ResultRows:
    names = [spec.name for spec in RESULT_COLUMNS]
    columns = pd.read_csv(
        io.BytesIO(body),
        sep=" ",
        names=names,
        usecols=[*_INTEGERS, *_TEXTS, _LAST],
        dtype=dict.fromkeys(_INTEGERS, "int64") | dict.fromkeys((*_TEXTS, _LAST), "object"),
        keep_default_na=False,
    )
    lines = body.split(b"\n")[:-1]
    if len(lines) != len(columns) or columns[_LAST].isna().any():
        raise ValueError("a row is cut off")
    return ResultRows(
        region=columns["region"].iloc[0] if lines else "",
        **{name: columns[name].to_numpy() for name in (*_INTEGERS, "status")},
        file=tuple(name for name in columns["file"] if name),
        lines=lines,
        meta=meta,
    )


def _split(content: bytes) -> tuple[bytes, bytes]:
    """Split a file into header and names of the columns, and rows."""
    end = len(content) if not content.startswith(b"#") else 0
    while content.startswith(b"#", end):
        end = content.find(b"\n", end) + 1 or len(content)
    end = content.find(b"\n", end) + 1 or len(content)
    return content[:end], content[end:]


@cache
def _head() -> bytes:
    """Header and names of the columns of a table without metadata."""
    return _formatted(table_of([], RESULT_COLUMNS))


def _formatted(table: Table) -> bytes:
    text = io.StringIO()
    table.write(text, format="ascii.ecsv")
    return text.getvalue().encode()
