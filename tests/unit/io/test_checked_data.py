"""A flipped byte in what a product holds is an error that names the file, not another number."""

from dataclasses import fields

import h5py
import numpy as np
import pytest
from pixel_file_builder import PixelFileBuilder
from small_tiles import lopsided_prf
from tile_fits import make_fit

from photometry.calibration.kernel import MovementKernel
from photometry.catalog.region_stars import RegionStars
from photometry.core.errors import InputFileError
from photometry.io.pixels.pixel_readers import read_pixels
from photometry.io.products.cube_files import read_cube, read_cube_header, write_cube
from photometry.io.products.product_files import (
    read_kernel,
    read_prf,
    write_kernel,
    write_prf,
)
from photometry.io.products.tile_files import read_tile_fit, write_tile_fit
from photometry.io.stars.star_files import read_stars, reference_stars, write_stars
from photometry.io.store.checked_data import write_checked

RNG = np.random.default_rng(4)


def a_kernel():
    parameters, covariance = RNG.normal(size=(7, 9)), RNG.normal(size=(7, 9, 9))
    return MovementKernel((531.5, 1275.5), 32.0, (0.05, -0.06), parameters, covariance, RNG.random(7) < 0.3, "pixels")


def some_stars():
    values = {field.name: RNG.normal(size=20) for field in fields(RegionStars)}
    values |= {"starid": np.arange(20), "unplaced": np.array([77]), "asks_all": True, "tmag_limit": 15.0}
    values |= {
        "left_out": np.array([1, 2, 3]),
        "skipped": np.array([88]),
        "why_skipped": np.array([b"marked DUPLICATE"]),
    }
    return RegionStars(**(values | {"reaches": np.arange(20) < 15, "wanted": np.arange(20) % 2 == 0}))


def write_a_cube(path):
    pixels = PixelFileBuilder(kind="tpf", shape=(9, 40, 35)).write(path.with_suffix(".fits"))
    write_cube(path, read_pixels(pixels, "tpf"), {"pixels": pixels})


PRODUCTS = {
    "kernel": (lambda path: write_kernel(path, a_kernel(), {}), read_kernel),
    "prf": (lambda path: write_prf(path, lopsided_prf(), {}), read_prf),
    "tile_fit": (lambda path: write_tile_fit(path, make_fit(), {}), read_tile_fit),
    "stars": (lambda path: write_stars(path, some_stars(), {}), read_stars),
    "cube": (write_a_cube, lambda path: (read_cube(path), read_cube_header(path))),
}


def chunks_of(path):
    """Name, first byte and length of every chunk."""
    with h5py.File(path) as file:
        for name, item in file.items():
            for number in range(item.id.get_num_chunks()):
                chunk = item.id.get_chunk_info(number)
                yield name, chunk.byte_offset, chunk.size


@pytest.mark.parametrize("kind", PRODUCTS)
def test_any_byte_of_the_data(tmp_path, kind):
    write, read = PRODUCTS[kind]
    path = tmp_path / "product.hdf5"
    write(path)
    content = path.read_bytes()
    with h5py.File(path) as file:
        unchecked = [name for name, item in file.items() if item.size and not item.fletcher32]
    assert unchecked == []
    for name, start, size in chunks_of(path):
        if name == "sumimage":  # read by itself
            continue
        for place in {start, start + size // 2, start + size - 1}:
            changed = bytearray(content)
            changed[place] ^= 8
            path.write_bytes(changed)
            with pytest.raises(InputFileError, match=r"product\.hdf5: is damaged .*; delete it and run again"):
                read(path)


def test_stars_that_the_digest_is_not_of(tmp_path):
    path = tmp_path / "reference.hdf5"
    write_stars(path, some_stars(), {})
    with h5py.File(path, "r+") as file:
        rows = file["stars"][...]
        rows["tmag"][3] += 0.01
        file["stars"][...] = rows
    with pytest.raises(
        InputFileError, match=r"reference\.hdf5: is damaged \(its digest is of other stars\); delete it"
    ):
        read_stars(path)
    now = tmp_path / "stars.hdf5"
    write_stars(now, some_stars(), {})
    with pytest.raises(InputFileError, match=r"reference\.hdf5: is damaged"):
        reference_stars(now, path)


@pytest.mark.parametrize("data", [3.5, np.bytes_("cards"), np.empty((0, 3)), np.arange(7), np.zeros((5, 4), bool)])
def test_any_shape(tmp_path, data):
    with h5py.File(tmp_path / "a.hdf5", "w") as file:
        write_checked(file, "data", data)
        np.testing.assert_array_equal(file["data"][...], np.atleast_1d(data))
