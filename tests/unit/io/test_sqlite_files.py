"""SQLite files are opened by the name that is given, and nothing is written beside them."""

import sqlite3
from contextlib import closing

import pytest

from photometry.core.errors import CatalogError, InputFileError
from photometry.io.stars.catalog_files import read_catalog
from photometry.io.stars.star_tables import read_star_table
from photometry.io.store.provenance import settings_of
from photometry.io.store.sqlite_files import open_sqlite

#: Names, with what an address without encoding would open in their place.
NAMES = {
    "a#b.sqlite": "a",
    "a%41.sqlite": "aA.sqlite",
    "a%2Fb.sqlite": "a/b.sqlite",
    "a?mode=rwc.sqlite": "a",
    "a&cache=shared.sqlite": "a",
    "a%00b.sqlite": "a",
    "a b;c.sqlite": "a",
    "é ü.sqlite": "a",
    "file:a.sqlite": "a.sqlite",
    ":memory:": "a",
}


def write_stars(path, starid, mode="delete"):
    with closing(sqlite3.connect(str(path))) as connection, connection:
        connection.execute(f"PRAGMA journal_mode={mode}")
        connection.execute("CREATE TABLE catalog (starid INTEGER, ra REAL, decl REAL, tmag REAL)")
        connection.execute("INSERT INTO catalog VALUES (?, 84.0, -80.0, 10.0)", (starid,))


def files_in(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(("name", "other"), NAMES.items(), ids=NAMES)
def test_the_file_that_is_named_is_opened_and_none_is_made(tmp_path, name, other):
    (tmp_path / "a.sqlite").write_bytes(b"")
    write_stars(tmp_path / "made", 12)
    (tmp_path / "made").rename(tmp_path / name)
    if "/" in other:
        (tmp_path / other).parent.mkdir()
    if not (tmp_path / other).exists():
        write_stars(tmp_path / other, 99)
    before = files_in(tmp_path)
    assert list(read_star_table(tmp_path / name).table["starid"]) == [12]
    assert files_in(tmp_path) == before


@pytest.mark.parametrize("name", NAMES)
def test_a_catalogue_that_is_no_catalogue_is_named_and_no_file_is_made(tmp_path, name):
    write_stars(tmp_path / "made", 12)
    (tmp_path / "made").rename(tmp_path / name)
    before = files_in(tmp_path)
    with pytest.raises(CatalogError, match=r"is no catalogue \(no such table: settings\)") as error:
        read_catalog(tmp_path / name)
    assert error.value.path == tmp_path / name
    assert not settings_of(tmp_path / name)
    assert files_in(tmp_path) == before


def test_a_database_in_wal_mode_gets_no_files_beside_it(tmp_path):
    write_stars(tmp_path / "a.sqlite", 12, mode="wal")
    before = files_in(tmp_path)
    assert list(read_star_table(tmp_path / "a.sqlite").table["starid"]) == [12]
    assert files_in(tmp_path) == before
    assert len(before) == 1


def test_a_database_in_a_folder_that_cannot_be_written_is_read(tmp_path):
    write_stars(tmp_path / "a.sqlite", 12, mode="wal")
    (tmp_path / "a.sqlite").chmod(0o444)
    tmp_path.chmod(0o555)
    try:
        assert list(read_star_table(tmp_path / "a.sqlite").table["starid"]) == [12]
    finally:
        tmp_path.chmod(0o755)


@pytest.mark.parametrize("ending", ["-wal", "-journal"])
def test_a_database_that_is_being_written_is_refused(tmp_path, ending):
    with closing(sqlite3.connect(tmp_path / "a.sqlite")) as connection:
        connection.execute(f"PRAGMA journal_mode={'wal' if ending == '-wal' else 'delete'}")
        connection.execute("CREATE TABLE catalog (starid INTEGER, ra REAL, decl REAL, tmag REAL)")
        connection.commit()
        connection.execute("INSERT INTO catalog VALUES (12, 84.0, -80.0, 10.0)")
        if ending == "-wal":
            connection.commit()
        with pytest.raises(InputFileError, match=rf"a\.sqlite: another program .*\(a\.sqlite{ending} holds changes\)"):
            read_star_table(tmp_path / "a.sqlite")


def test_a_missing_database_is_not_made(tmp_path):
    with pytest.raises(sqlite3.OperationalError), open_sqlite(tmp_path / "a.sqlite") as connection:
        connection.execute("SELECT 1 FROM sqlite_master")
    assert not files_in(tmp_path)
