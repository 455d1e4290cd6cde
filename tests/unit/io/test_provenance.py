"""What products say of their origin."""

import hashlib
import inspect
import json
import sqlite3

import h5py
import pytest

from photometry.io.store.provenance import SOFTWARE, digest_of, origin_of, provenance_of, settings_of, write_product
from photometry.io.store.revision import git_revision


@pytest.fixture
def pixels(tmp_path):
    path = tmp_path / "pixels.fits"
    path.write_bytes(b"pixels")
    return path


def made(path, inputs, settings=None, **attributes):
    with write_product(path, "cube", 1, inputs, settings) as file:
        file.attrs.update(attributes)
    return path


def test_a_product_says_software_revision_settings_and_inputs(tmp_path, pixels):
    with h5py.File(made(tmp_path / "cube.hdf5", {"pixels": pixels}, {"datasource": "tpf"})) as file:
        text = '{"datasource": "tpf"}'
        assert dict(file.attrs) == {
            "kind": "cube",
            "layout_version": 1,
            "software": SOFTWARE,
            "git_revision": git_revision(),
            "settings": text,
            "settings_digest": hashlib.sha256(text.encode()).hexdigest(),
            "input_pixels": f"pixels.fits sha256:{hashlib.sha256(b'pixels').hexdigest()}",
        }


def test_settings_of_the_inputs_are_settings_of_the_product(tmp_path, pixels):
    cube = made(tmp_path / "cube.hdf5", {"pixels": pixels}, {"datasource": "tpf"})
    stars = tmp_path / "catalog.sqlite"
    with sqlite3.connect(stars) as connection:
        connection.execute("CREATE TABLE provenance (name, value)")
        connection.execute("INSERT INTO provenance VALUES ('settings', '{\"coord_buffer\": 0.1}')")
    connection.close()
    fit = made(tmp_path / "fit.hdf5", {"cube": cube, "catalog": stars}, {"fit": {"tmag_limit": 16.0}})
    assert settings_of(fit) == {"coord_buffer": 0.1, "datasource": "tpf", "fit": {"tmag_limit": 16.0}}


def test_the_order_of_settings_does_not_matter():
    one, other = origin_of({}, {"a": 1, "b": {"c": 2, "d": 3}}), origin_of({}, {"b": {"d": 3, "c": 2}, "a": 1})
    assert one == other
    assert json.loads(one["settings"]) == {"a": 1, "b": {"c": 2, "d": 3}}
    assert one["settings_digest"] != origin_of({}, {"a": 2, "b": {"c": 2, "d": 3}})["settings_digest"]


def test_other_files_tell_no_settings(tmp_path, pixels):
    with sqlite3.connect(tmp_path / "other.sqlite") as connection:
        connection.execute("CREATE TABLE catalog (starid)")
    connection.close()
    with h5py.File(tmp_path / "other.hdf5", "w"):
        pass
    (tmp_path / "text.hdf5").write_bytes(b"no HDF5")
    assert settings_of(tmp_path / "text.hdf5") == {}
    assert settings_of(pixels) == settings_of(tmp_path / "other.sqlite") == settings_of(tmp_path / "other.hdf5") == {}


def test_several_files_have_one_digest(tmp_path, pixels):
    other = tmp_path / "b.fits"
    other.write_bytes(b"b")
    digests = (digest_of(pixels) + digest_of(other)).encode()
    expected = f"2 files pixels.fits to b.fits sha256:{hashlib.sha256(digests).hexdigest()}"
    assert provenance_of([str(pixels), str(other)]) == expected
    assert "input_prf" not in origin_of({"prf": []})


def test_a_large_product_is_not_read_for_its_digest(tmp_path):
    path = made(tmp_path / "cube.hdf5", {}, digest="ab" * 32)
    assert provenance_of(path) == f"cube.hdf5 sha256:{'ab' * 32}"


def test_the_revision_is_that_of_the_folder_that_holds_the_package():
    root = inspect.signature(git_revision).parameters["root"].default
    assert (root / "photometry/__init__.py").is_file()
