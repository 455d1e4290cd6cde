"""Catalogue files."""

import sqlite3
from dataclasses import replace

import numpy as np
import pytest

from photometry.catalog.star_catalog import Catalog, CatalogSettings
from photometry.core.errors import CatalogError
from photometry.io.stars.catalog_files import read_catalog, write_catalog

SETTINGS = CatalogSettings(1, 2, 3, "8.2", 1325.0, 2018.56, 0.1, 84.0, -80.0, "1.0,2.0 3.0,4.0")
NAMES = ("starid", "ra", "decl", "ra_j2000", "decl_j2000", "pm_ra", "pm_decl", "tmag", "teff")


def catalog(n_star=50, seed=0):
    rng = np.random.default_rng(seed)
    ra, decl = rng.uniform(359, 361, n_star) % 360, rng.uniform(-1, 1, n_star)
    teff = np.where(rng.uniform(size=n_star) < 0.5, np.nan, 5500.0)
    numbers = rng.permutation(n_star).astype(np.int64) + 9007199254740993
    return Catalog(numbers, ra, decl, ra, decl, rng.uniform(5, 15, n_star), teff, SETTINGS, ra, decl)


def test_round_trip(tmp_path):
    made = catalog()
    write_catalog(tmp_path / "a.sqlite", made)
    read = read_catalog(tmp_path / "a.sqlite")
    order = np.argsort(made.starid)
    assert read.settings == made.settings
    assert read.starid.dtype == np.int64
    for name in NAMES:
        np.testing.assert_array_equal(getattr(read, name), getattr(made, name)[order], name)


def test_layout(tmp_path):
    write_catalog(tmp_path / "a.sqlite", catalog())
    connection = sqlite3.connect(tmp_path / "a.sqlite")
    columns = [row[1] for row in connection.execute("PRAGMA table_info(catalog)")]
    settings = [row[1] for row in connection.execute("PRAGMA table_info(settings)")]
    connection.close()
    assert columns == ["starid", "ra", "decl", "ra_J2000", "decl_J2000", "pm_ra", "pm_decl", "tmag", "teff"]
    assert settings == [
        *("sector", "camera", "ccd", "ticver", "reference_time", "epoch", "coord_buffer"),
        *("camera_centre_ra", "camera_centre_dec", "footprint"),
    ]


def test_same_catalogue_same_bytes(tmp_path):
    write_catalog(tmp_path / "a.sqlite", catalog())
    write_catalog(tmp_path / "b.sqlite", catalog())
    assert (tmp_path / "a.sqlite").read_bytes() == (tmp_path / "b.sqlite").read_bytes()


def test_circle_across_right_ascension_zero(tmp_path):
    write_catalog(tmp_path / "a.sqlite", catalog())
    whole = read_catalog(tmp_path / "a.sqlite")
    part = read_catalog(tmp_path / "a.sqlite", center=(0.0, 0.2), radius_deg=0.5)
    expected = np.hypot((whole.ra + 180) % 360 - 180, whole.decl - 0.2) < 0.5
    assert 0 < expected.sum() < len(whole)
    np.testing.assert_array_equal(part.starid, whole.starid[expected])


def test_empty_catalogue(tmp_path):
    write_catalog(tmp_path / "a.sqlite", catalog(0))
    read = read_catalog(tmp_path / "a.sqlite")
    assert len(read) == 0
    assert read.settings == SETTINGS


def test_all_stars_and_unknown_version(tmp_path):
    made = catalog()
    settings = CatalogSettings(1, 2, 3, "", 1325.0, 2018.56, np.inf, 84.0, -80.0, "")
    write_catalog(tmp_path / "a.sqlite", replace(made, settings=settings))
    assert read_catalog(tmp_path / "a.sqlite").settings == settings


def test_settings_of_another_program(tmp_path):
    write_catalog(tmp_path / "a.sqlite", catalog())
    connection = sqlite3.connect(tmp_path / "a.sqlite")
    with connection:
        connection.execute("ALTER TABLE settings DROP COLUMN ticver")
        connection.execute("ALTER TABLE settings DROP COLUMN epoch")
    connection.close()
    settings = read_catalog(tmp_path / "a.sqlite").settings
    assert settings.ticver == ""
    assert np.isnan(settings.epoch)


def test_reading_leaves_the_file_alone(tmp_path):
    path = tmp_path / "a#b?c.sqlite"
    write_catalog(path, catalog())
    before = path.stat().st_mtime_ns
    read_catalog(path)
    assert path.stat().st_mtime_ns == before
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_bad_files(tmp_path):
    with pytest.raises(CatalogError, match=r"a.sqlite: no such file"):
        read_catalog(tmp_path / "a.sqlite")
    (tmp_path / "b.sqlite").write_bytes(b"no database at all, but long enough to be one" * 50)
    with pytest.raises(CatalogError, match=r"b.sqlite: is no catalogue \(file is not a database\)"):
        read_catalog(tmp_path / "b.sqlite")
    sqlite3.connect(tmp_path / "c.sqlite").close()
    (tmp_path / "c.sqlite").touch()
    with pytest.raises(CatalogError, match=r"c.sqlite: is no catalogue \(no such table: settings\)"):
        read_catalog(tmp_path / "c.sqlite")
    write_catalog(tmp_path / "d.sqlite", catalog())
    connection = sqlite3.connect(tmp_path / "d.sqlite")
    with connection:
        connection.execute("DELETE FROM settings")
    connection.close()
    with pytest.raises(CatalogError, match=r"d.sqlite: is no catalogue \(its table settings is empty\)"):
        read_catalog(tmp_path / "d.sqlite")


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("settings", "epoch", "abc"),
        ("settings", "sector", b"\xff"),
        ("settings", "camera", float("inf")),
        ("catalog", "tmag", "bright"),
        ("catalog", "decl", b"\xff\xfe"),
    ],
)
def test_values_that_are_none_are_told_with_the_name_of_the_file(tmp_path, table, column, value):
    write_catalog(tmp_path / "a.sqlite", catalog())
    connection = sqlite3.connect(tmp_path / "a.sqlite")
    with connection:
        connection.execute(f"UPDATE {table} SET {column} = ?", (value,))
    connection.close()
    with pytest.raises(CatalogError, match=r"a\.sqlite: is no catalogue \(.*\); delete it and make it again"):
        read_catalog(tmp_path / "a.sqlite")
