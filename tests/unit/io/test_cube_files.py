"""Cubes on disk."""

import h5py
import numpy as np
import pytest
from pixel_file_builder import PixelFileBuilder

from photometry.core.errors import InputFileError
from photometry.core.geometry import Stamp
from photometry.io.pixels.pixel_readers import read_pixels
from photometry.io.products import cube_files
from photometry.io.products.cube_files import CUBE_VERSION, read_cube, read_cube_header, read_sum_image, write_cube
from photometry.io.products.stored_patches import StoredPatches

PIXELS = ("images", "images_err", "backgrounds", "pixel_flags")
OF_HEADER = ("time", "timecorr", "cadenceno", "quality", "aperture")


@pytest.fixture(params=["tesscut", "tpf"])
def cube_and_path(request, tmp_path):
    builder = PixelFileBuilder(kind=request.param, shape=(9, 40, 35))
    flux = builder.flux()
    flux[1, 3, 3] = np.nan
    builder.columns = {"FLUX": flux, "QUALITY": np.array([0, 32, *[0] * 7])}
    pixels = builder.write(tmp_path / "pixels.fits")
    cube = read_pixels(pixels, request.param)
    write_cube(tmp_path / "cube.hdf5", cube, {"pixels": pixels})
    return cube, tmp_path / "cube.hdf5"


def test_round_trip(cube_and_path):
    cube, path = cube_and_path
    read = read_cube(path)
    arrays = [(name, cube, read) for name in PIXELS] + [(name, cube.header, read.header) for name in OF_HEADER]
    for name, one, other in arrays:
        ours, theirs = getattr(one, name), getattr(other, name)
        assert ours.dtype == theirs.dtype, name
        np.testing.assert_array_equal(ours, theirs, name)
    assert (read.header.pointing, read.exposure, read.stamp) == (cube.header.pointing, cube.exposure, cube.stamp)
    assert read.header.wcs_header == cube.header.wcs_header
    if cube.header.pos_corr is None:
        assert read.header.pos_corr is None
    else:
        np.testing.assert_array_equal(read.header.pos_corr, cube.header.pos_corr)


def test_part_equals_the_cut_of_the_whole(cube_and_path):
    cube, path = cube_and_path
    stamp = Stamp(310, 320, 705, 730)
    part = read_cube(path, stamp=stamp, cadences=slice(2, 7))
    cut = cube.cut(stamp)
    assert part.stamp == stamp
    np.testing.assert_array_equal(part.images, cut.images[2:7])
    np.testing.assert_array_equal(part.pixel_flags, cut.pixel_flags[2:7])
    np.testing.assert_array_equal(part.header.time, cube.header.time[2:7])
    np.testing.assert_array_equal(part.header.aperture, cut.header.aperture)


@pytest.mark.parametrize("cadences", [None, slice(60, 131), slice(64, 128), slice(3, 100, 2), slice(5, 5)])
@pytest.mark.parametrize("edges", [(3, 90, 30, 41), (32, 64, 0, 96), (95, 100, 90, 96)])
def test_a_part_of_many_chunks(tmp_path, monkeypatch, cadences, edges):
    pixels = PixelFileBuilder(kind="tesscut", shape=(140, 100, 96)).write(tmp_path / "pixels.fits")
    whole = read_pixels(pixels, "tesscut")
    write_cube(tmp_path / "cube.hdf5", whole, {})
    first = whole.stamp
    stamp = Stamp(*(edge + start for edge, start in zip(edges, [first.row_min] * 2 + [first.col_min] * 2, strict=True)))
    cut = whole.cut(stamp).images[slice(None) if cadences is None else cadences]
    np.testing.assert_array_equal(read_cube(tmp_path / "cube.hdf5", stamp, cadences).images, cut)
    monkeypatch.setattr(cube_files, "_MOST_VALUES", 0)
    np.testing.assert_array_equal(read_cube(tmp_path / "cube.hdf5", stamp, cadences).images, cut)


def test_for_a_fit_errors_and_flags_are_not_read(cube_and_path):
    cube, path = cube_and_path
    stamp = Stamp(310, 320, 705, 730)
    patches = StoredPatches(path, read_cube_header(path), (cube.stamp, stamp))
    assert len(patches) == 2
    part, cut = patches[1:][0], cube.cut(stamp)
    np.testing.assert_array_equal(part.images, cut.images)
    np.testing.assert_array_equal(part.backgrounds, cut.backgrounds)
    assert np.isnan(part.images_err).all()
    assert not part.pixel_flags.any()
    # One number stands for all.
    assert part.images_err.strides == part.pixel_flags.strides == (0, 0, 0)


def test_header_alone(cube_and_path):
    cube, path = cube_and_path
    header = read_cube_header(path)
    assert header.n_cadence == cube.n_cadence
    assert (header.pointing, header.exposure, header.stamp) == (cube.header.pointing, cube.exposure, cube.stamp)
    good = cube.images[cube.quality == 0]
    np.testing.assert_allclose(read_sum_image(path), good.mean(axis=0), rtol=1e-5)


def test_layout(cube_and_path):
    _, path = cube_and_path
    with h5py.File(path) as file:
        assert file["images"].chunks == (9, 32, 32)
        assert file.attrs["kind"] == "cube"
        assert file.attrs["layout_version"] == CUBE_VERSION
        assert file.attrs["input_pixels"].startswith("pixels.fits sha256:")
        assert (file.attrs["PIXEL_OFFSET_ROW"], file.attrs["PIXEL_OFFSET_COLUMN"]) == (300, 700)
        assert {"wcs", "sumimage", "backgrounds"} <= set(file)


def test_same_cube_same_bytes(cube_and_path, tmp_path):
    cube, path = cube_and_path
    write_cube(tmp_path / "again.hdf5", cube, {"pixels": tmp_path / "pixels.fits"})
    assert (tmp_path / "again.hdf5").read_bytes() == path.read_bytes()


def test_stamp_outside(cube_and_path):
    _, path = cube_and_path
    with pytest.raises(InputFileError, match=r"cube.hdf5: Stamp\(.*is not inside its pixels"):
        read_cube(path, stamp=Stamp(0, 5, 700, 705))


def test_missing_and_damaged_and_foreign(tmp_path, cube_and_path):
    _, path = cube_and_path
    with pytest.raises(InputFileError, match=r"nothing.hdf5: no such file"):
        read_cube(tmp_path / "nothing.hdf5")
    (tmp_path / "junk.hdf5").write_bytes(path.read_bytes()[:3000])
    with pytest.raises(InputFileError, match=r"junk.hdf5: cannot be read as HDF5"):
        read_cube(tmp_path / "junk.hdf5")
    with h5py.File(path, "r+") as file:
        del file["quality"]
    with pytest.raises(InputFileError, match=r"cube.hdf5: is damaged \(.*quality"):
        read_cube_header(path)
