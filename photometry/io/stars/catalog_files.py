"""Catalogues of a region: SQLite files with the tables ``catalog``, ``settings`` and ``provenance``."""

import math
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from photometry.catalog.star_catalog import Catalog, CatalogSettings
from photometry.catalog.star_columns import TABLE_NAMES
from photometry.core.errors import CatalogError, InputFileError
from photometry.core.sky import angular_distance
from photometry.io.fits.damage import DAMAGED
from photometry.io.store.provenance import Inputs, atomic_path, origin_of
from photometry.io.store.sqlite_files import open_sqlite

__all__ = ["read_catalog", "write_catalog"]

#: Columns of the table catalog, with the field of `Catalog` each holds.
_COLUMNS = {"starid": "starid", "ra": "ra", "decl": "decl"} | {name: field for field, name in TABLE_NAMES.items()}
_NULLABLE = ("tmag", "teff")
_SQL_TYPES = {int: "INTEGER", float: "REAL", str: "TEXT"}


def write_catalog(
    path: str | Path, catalog: Catalog, inputs: Inputs | None = None, settings: Mapping[str, Any] | None = None
) -> None:
    """Write a catalogue; the same catalogue gives the same bytes.

    Parameters
    ----------
    path : path-like
        The SQLite file.
    catalog : Catalog
        Stars and settings.
    inputs : mapping of str to path-like
        Files it was made from, by role.
    settings : mapping of str to object
        Settings of the rule that matter for it.
    """
    origin = origin_of(inputs or {}, settings)
    with atomic_path(path) as temporary:
        connection = sqlite3.connect(temporary)
        try:
            _fill(connection, catalog, origin)
        finally:
            connection.close()


def _fill(connection: sqlite3.Connection, catalog: Catalog, origin: Mapping[str, str]) -> None:
    settings = asdict(catalog.settings)
    types = ", ".join(f"{name} {_SQL_TYPES[type(value)]}" for name, value in settings.items())
    marks = ", ".join("?" * len(settings))
    with connection:
        connection.execute(f"CREATE TABLE settings ({types})")
        connection.execute(f"INSERT INTO settings VALUES ({marks})", tuple(settings.values()))  # noqa: S608 (own names)
        connection.execute("CREATE TABLE provenance (name TEXT PRIMARY KEY, value TEXT NOT NULL)")
        connection.executemany("INSERT INTO provenance VALUES (?, ?)", origin.items())
        numbers = ", ".join(
            f"{name} REAL{'' if name in _NULLABLE else ' NOT NULL'}" for name in _COLUMNS if name != "starid"
        )
        connection.execute(f"CREATE TABLE catalog (starid INTEGER PRIMARY KEY, {numbers})")
        order = np.argsort(catalog.starid, kind="stable")
        columns = [getattr(catalog, field)[order].tolist() for field in _COLUMNS.values()]
        marks = ", ".join("?" * len(_COLUMNS))
        # NaN becomes NULL in SQLite.
        connection.executemany(f"INSERT INTO catalog VALUES ({marks})", zip(*columns, strict=True))  # noqa: S608
        connection.execute("CREATE INDEX catalog_decl ON catalog (decl)")


def read_catalog(
    path: str | Path, center: tuple[float, float] | None = None, radius_deg: float | None = None
) -> Catalog:
    """Read a catalogue, or the part of it in a circle.

    Parameters
    ----------
    path : path-like
        The SQLite file.
    center : (ra, dec), optional
        Middle of a circle, deg [default: all stars].
    radius_deg : float, optional
        Its radius, deg.

    Returns
    -------
    Catalog
        Stars by increasing TIC number.

    Raises
    ------
    CatalogError
        When the file is missing or is no catalogue.
    """
    condition = ""
    limits: tuple[float, ...] = ()
    if center is not None and radius_deg is not None:
        condition, limits = "WHERE decl BETWEEN ? AND ?", (center[1] - radius_deg, center[1] + radius_deg)
    with _opened(path) as connection:
        settings = _read_settings(path, connection)
        names = ", ".join(_COLUMNS)
        query = f"SELECT {names} FROM catalog {condition} ORDER BY starid"  # noqa: S608 (names and text are our own)
        rows = connection.execute(query, limits).fetchall()
        columns = list(zip(*rows, strict=True)) if rows else [()] * len(_COLUMNS)
        arrays = {
            field: np.array(values, dtype=np.float64) for field, values in zip(_COLUMNS.values(), columns, strict=True)
        }
        starid = np.array(columns[0], dtype=np.int64)
        del arrays["starid"]
    if center is not None and radius_deg is not None:
        inside = angular_distance(arrays["ra"], arrays["decl"], *center) <= radius_deg
        arrays = {field: values[inside] for field, values in arrays.items()}
        starid = starid[inside]
    return Catalog(settings=settings, starid=starid, **arrays)


@contextmanager
def _opened(path: str | Path) -> Iterator[sqlite3.Connection]:
    path = Path(path)
    if not path.is_file():
        raise CatalogError(path, "no such file; make it with the rule catalog")
    try:
        with open_sqlite(path) as connection:
            yield connection
    except InputFileError:
        raise
    except DAMAGED as error:
        raise CatalogError(path, f"is no catalogue ({error}); delete it and make it again") from error


def _read_settings(path: str | Path, connection: sqlite3.Connection) -> CatalogSettings:
    """Read the settings of a catalogue; those that it lacks (files of other programs) are 0, NaN or empty."""
    cursor = connection.execute("SELECT * FROM settings")
    row = cursor.fetchone()
    if row is None:
        raise CatalogError(path, "is no catalogue (its table settings is empty); delete it and make it again")
    found = dict(zip((item[0] for item in cursor.description), row, strict=True))

    def number(name: str) -> float:
        return math.nan if found.get(name) is None else float(found[name])

    return CatalogSettings(
        sector=int(found.get("sector") or 0),
        camera=int(found.get("camera") or 0),
        ccd=int(found.get("ccd") or 0),
        ticver=str(found.get("ticver") or ""),
        reference_time=number("reference_time"),
        epoch=number("epoch"),
        coord_buffer=number("coord_buffer"),
        camera_centre_ra=number("camera_centre_ra"),
        camera_centre_dec=number("camera_centre_dec"),
        footprint=str(found.get("footprint") or ""),
    )
