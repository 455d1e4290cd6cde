"""Answers of table services as files that tell their question, address and date, and whether they are whole."""

import hashlib
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from astropy.table import Table

from photometry.io.store.provenance import atomic_path

__all__ = ["is_kept", "keep_answer", "keep_count", "kept_count", "kept_path", "kept_rows"]

#: Lines that say where an answer comes from.
_N_HEAD = 5


def kept_path(folder: str | Path, name: str, query: str) -> Path:
    """Return the file of a question's answer: its name begins with `name` and ends with a digest of the question."""
    return Path(folder) / f"{name}_{hashlib.sha256(query.encode()).hexdigest()[:12]}.csv"


def keep_answer(path: Path, table: Table, query: str, url: str) -> None:
    """Write an answer: lines that begin with # and say where the rest comes from, names of columns, rows.

    Integers are written as such, values that are missing as nothing.
    """
    written = io.StringIO()
    pd.DataFrame({name: _plain(table[name]) for name in table.colnames}, copy=False).to_csv(written, index=False)
    rows = written.getvalue().encode()
    head = {
        "service": url,
        "query": query,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "rows": len(table),
        "sha256": hashlib.sha256(rows).hexdigest(),
    }
    with atomic_path(path) as temporary:
        temporary.write_bytes("".join(f"# {key}: {value}\n" for key, value in head.items()).encode() + rows)


def _plain(column: Any) -> Any:
    """Return a column for pandas; integers stay integers, as Gaia's have more digits than a float."""
    values = np.ma.asarray(column)
    mask = np.ma.getmaskarray(values)
    if values.dtype.kind in "iu":
        return pd.arrays.IntegerArray(np.ma.filled(values, 0).astype(np.int64), mask)
    if values.dtype.kind == "f":
        return np.ma.filled(values, np.nan)
    return [None if hidden else value for value, hidden in zip(values.data, mask, strict=True)]


def is_kept(path: Path, query: str) -> bool:
    """Tell whether the answer to a question is there, and whole."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = [file.readline().decode(errors="replace").rstrip("\n") for _ in range(_N_HEAD)]
        found = dict(line[2:].split(": ", 1) for line in head if line.startswith("# ") and ": " in line)
        return found.get("query") == query and found.get("sha256") == hashlib.file_digest(file, "sha256").hexdigest()


def kept_rows(path: Path) -> pd.DataFrame:
    """Return the rows of an answer, as texts."""
    return pd.read_csv(path, comment="#", dtype=str, keep_default_na=False)


def keep_count(path: Path, count: int, query: str, url: str) -> None:
    """Keep how many rows a question has."""
    date = datetime.now(UTC).isoformat(timespec="seconds")
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps({"service": url, "query": query, "date": date, "count": count}) + "\n")


def kept_count(path: Path, query: str) -> int | None:
    """Return how many rows a question has; None where that is not known."""
    try:
        found = json.loads(path.read_bytes())
        return int(found["count"]) if found["query"] == query else None
    except (OSError, ValueError, TypeError, KeyError):
        return None
