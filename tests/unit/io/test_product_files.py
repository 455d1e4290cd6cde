"""Products of the numerics: what is written is read, anything else is refused."""

from dataclasses import fields, replace

import h5py
import numpy as np
import pytest
from small_tiles import lopsided_prf
from tile_fits import make_fit

from photometry.calibration.kernel import MovementKernel
from photometry.core.errors import InputFileError
from photometry.io.products.product_files import (
    read_kernel,
    read_prf,
    write_kernel,
    write_prf,
)
from photometry.io.products.tile_files import read_tile_fit, write_tile_fit


@pytest.fixture
def kernel():
    rng = np.random.default_rng(6)
    return MovementKernel(
        center=(531.5, 1275.5),
        scale=32.0,
        offset=(0.051, -0.062),
        parameters=rng.normal(size=(7, 9)),
        covariance=rng.normal(size=(7, 9, 9)),
        bad=rng.random(7) < 0.3,
        source="pixels",
    )


def _products(kernel):
    return {
        "kernel": (kernel, write_kernel, read_kernel),
        "prf": (replace(lopsided_prf(), source="spoc x, kernel learnt from 12 stars"), write_prf, read_prf),
        "tile_fit": (make_fit(), write_tile_fit, read_tile_fit),
    }


@pytest.fixture(params=["kernel", "prf", "tile_fit"])
def product(request, kernel):
    return _products(kernel)[request.param]


def _assert_same(one, other):
    for field in fields(one):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if isinstance(a, np.ndarray):
            assert a.dtype == b.dtype, field.name
            np.testing.assert_array_equal(a, b, err_msg=field.name)
        else:
            assert a == b, field.name
            assert type(a) is type(b), field.name


def test_read_what_was_written(product, tmp_path):
    thing, write, read = product
    write(tmp_path / "deep" / "product.hdf5", thing, {})
    _assert_same(thing, read(tmp_path / "deep" / "product.hdf5"))


def test_same_thing_same_bytes(product, tmp_path):
    thing, write, _ = product
    cube = tmp_path / "cube.hdf5"
    cube.write_bytes(b"pixels")
    for name in ("one.hdf5", "two.hdf5"):
        write(tmp_path / name, thing, {"cube": cube})
    assert (tmp_path / "one.hdf5").read_bytes() == (tmp_path / "two.hdf5").read_bytes()


def test_product_says_where_it_came_from(product, tmp_path):
    thing, write, _ = product
    cube = tmp_path / "cube.hdf5"
    cube.write_bytes(b"pixels")
    write(tmp_path / "product.hdf5", thing, {"cube": cube})
    with h5py.File(tmp_path / "product.hdf5") as file:
        assert file.attrs["input_cube"].startswith("cube.hdf5 sha256:")
        assert file.attrs["software"].startswith("tess-psf-photometry ")


def test_another_kind_is_refused(product, kernel, tmp_path):
    thing, write, own_read = product
    write(tmp_path / "product.hdf5", thing, {})
    for _, _, read in _products(kernel).values():
        if read is not own_read:
            with pytest.raises(InputFileError, match=r"product\.hdf5: is a \w+, expected a \w+"):
                read(tmp_path / "product.hdf5")


def test_another_layout_is_refused(product, tmp_path):
    thing, write, read = product
    path = tmp_path / "product.hdf5"
    write(path, thing, {})
    with h5py.File(path, "a") as file:
        file.attrs["layout_version"] = 99
    expected = 3 if write is write_kernel else 1
    with pytest.raises(InputFileError, match=f"has layout version 99, expected {expected}; delete it and run again"):
        read(path)


def test_missing_file_is_refused(product, tmp_path):
    with pytest.raises(InputFileError, match=r"none\.hdf5: no such file"):
        product[2](tmp_path / "none.hdf5")


def test_foreign_files_are_refused(product, tmp_path):
    path = tmp_path / "text.hdf5"
    path.write_text("no HDF5")
    with pytest.raises(InputFileError, match=r"text\.hdf5: cannot be read as HDF5 .* delete it and run again"):
        product[2](path)
    with h5py.File(tmp_path / "foreign.hdf5", "w") as file:
        file["parameters"] = np.zeros(3)
    with pytest.raises(InputFileError, match="is a foreign file, expected a"):
        product[2](tmp_path / "foreign.hdf5")


def test_failure_leaves_no_file(kernel, tmp_path):
    with pytest.raises(FileNotFoundError):
        write_kernel(tmp_path / "kernel.hdf5", kernel, {"cube": tmp_path / "missing.hdf5"})
    assert list(tmp_path.iterdir()) == []


def test_a_fit_without_stars(tmp_path):
    fit = make_fit()
    stars = {}
    n_star = len(fit.starid)
    for field in fields(fit):
        value = getattr(fit, field.name)
        if isinstance(value, np.ndarray) and value.shape[:1] == (n_star,) and field.name != "cadence_chi2":
            stars[field.name] = value[:0]
    empty = replace(fit, **stars)
    write_tile_fit(tmp_path / "empty.hdf5", empty, {})
    _assert_same(empty, read_tile_fit(tmp_path / "empty.hdf5"))


@pytest.mark.parametrize("what", ["dataset", "version"])
def test_a_product_that_lacks_a_part_is_refused(kernel, tmp_path, what):
    path = tmp_path / "kernel.hdf5"
    write_kernel(path, kernel, {})
    with h5py.File(path, "a") as file:
        if what == "dataset":
            del file["bad"]
        else:
            del file.attrs["layout_version"]
    with pytest.raises(InputFileError, match="delete it and run again"):
        read_kernel(path)
