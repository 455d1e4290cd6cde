"""Damage of products is found, byte by byte, whatever kind of file they are."""

import sqlite3
from contextlib import closing

import numpy as np
import pytest

from photometry.io.store.provenance import atomic_path, digest_of, origin_of, write_product
from photometry.io.store.tables import RESULT_COLUMNS, table_of, write_ecsv
from photometry.plots.style import note_figure, save_figure
from photometry.workflow.product_checks import damage_of, digests_named_in


def hdf5(path, inputs):
    with write_product(path, "thing", 1, inputs) as file:
        file["values"] = np.arange(1000.0)


def ecsv(path, inputs):
    table = table_of([{"starid": number} for number in range(5)], RESULT_COLUMNS)
    table.meta["origin"] = origin_of(inputs)
    write_ecsv(table, path)


def sqlite(path, inputs):
    with atomic_path(path) as temporary, closing(sqlite3.connect(temporary)) as connection, connection:
        connection.execute("CREATE TABLE provenance (name TEXT, value TEXT)")
        connection.executemany("INSERT INTO provenance VALUES (?, ?)", origin_of(inputs).items())


def png(path, inputs):
    save_figure(note_figure("nothing"), path, origin_of(inputs))


@pytest.fixture(params=[hdf5, ecsv, sqlite, png], ids=lambda make: make.__name__)
def product(request, tmp_path):
    (tmp_path / "input.txt").write_text("from what")
    path = tmp_path / f"product.{request.param.__name__}"
    request.param(path, {"one": tmp_path / "input.txt", "several": [str(tmp_path / "input.txt")]})
    return path


def test_what_it_was_made_from(product):
    assert digests_named_in(product) == {"input.txt": digest_of(product.with_name("input.txt"))}


def test_a_whole_product(product):
    assert damage_of(product, None) == ""
    assert damage_of(product, digest_of(product)) == ""


def test_any_byte_of_it(product):
    digest, content = digest_of(product), product.read_bytes()
    for place in np.linspace(0, len(content) - 1, 25).astype(int):
        changed = bytearray(content)
        changed[place] ^= 16
        product.write_bytes(changed)
        assert damage_of(product, digest), place


@pytest.mark.parametrize("share", [0, 0.3, 0.999])
def test_cut(product, share):
    product.write_bytes(product.read_bytes()[: int(share * product.stat().st_size)])
    assert damage_of(product, None).startswith("is damaged")
    assert digests_named_in(product) == {}


def test_lost(product):
    product.unlink()
    assert damage_of(product, None) == "is lost"
    assert digests_named_in(product) == {}


def test_any_byte_of_a_figure(tmp_path):
    path = tmp_path / "a.png"
    png(path, {})
    content = path.read_bytes()
    for place in np.linspace(0, len(content) - 1, 40).astype(int):
        changed = bytearray(content)
        changed[place] ^= 16
        path.write_bytes(changed)
        assert damage_of(path, None), place
