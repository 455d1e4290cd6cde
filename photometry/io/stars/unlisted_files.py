"""Stars of a region that the star table lacks."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from photometry.core.stars import Stars
from photometry.io.store.provenance import Inputs, origin_of
from photometry.io.store.tables import ColumnSpec, read_ecsv, table_of, write_ecsv

__all__ = ["UNLISTED_COLUMNS", "read_unlisted", "write_unlisted"]

#: Columns of the table.
UNLISTED_COLUMNS = (
    ColumnSpec("number", "int64", "", "number of the star, below zero: it is never a target"),
    ColumnSpec("row", "float64", "pix", "CCD row, 0-based, as if the star were in the catalogue"),
    ColumnSpec("column", "float64", "pix", "CCD column, 0-based, likewise"),
    ColumnSpec("tmag", "float64", "mag", "TESS magnitude by the pixels"),
    ColumnSpec("flux", "float64", "electron / s", "mean flux by the pixels"),
)


def write_unlisted(
    path: str | Path, stars: Stars, region: str, inputs: Inputs, settings: Mapping[str, Any] | None = None
) -> None:
    """Write the stars that the star table lacks (ECSV).

    Parameters
    ----------
    path : path-like
        The table.
    stars : Stars
        Stars with numbers below zero, by positions as if they were in the catalogue.
    region : str
        Name of the region.
    inputs, settings
        What they were found with, see `photometry.io.store.provenance.origin_of`.
    """
    values = (stars.starid, stars.row, stars.column, stars.tmag, stars.flux)
    names = [spec.name for spec in UNLISTED_COLUMNS]
    table = table_of([dict(zip(names, row, strict=True)) for row in zip(*values, strict=True)], UNLISTED_COLUMNS)
    table.meta |= {"region": region, "origin": origin_of(inputs, settings)}
    write_ecsv(table, path)


def read_unlisted(path: str | Path) -> Stars:
    """Read what `write_unlisted` wrote; InputFileError when the file holds no such table."""
    table = read_ecsv(path, UNLISTED_COLUMNS)
    place = (np.asarray(table[name], dtype=np.float64) for name in ("row", "column", "tmag"))
    return Stars(np.asarray(table["number"], dtype=np.int64), *place)
