"""Values that no detector gives count as not measured, are counted and told, whatever kind of file has them."""

import numpy as np
import pytest
from ffi_builder import AREA, FfiBuilder
from older_folder import older_folder
from pixel_file_builder import PixelFileBuilder
from prepared_folder import prepare_ccd

from photometry.calibration.region_tiles import start_region
from photometry.core.settings import MotionSettings
from photometry.core.stars import Stars
from photometry.io.ffi.ffi_pixels import read_checked_frame, read_image
from photometry.io.legacy.older_cubes import read_older_cube
from photometry.io.pixels.pixel_tables import native
from photometry.io.pixels.tesscut import read_tesscut
from photometry.io.pixels.tpf import read_tpf

GARBAGE = [1e30, -1e30, 3e38, 2e6, -2e6]


def spoilt(kind, name, where, value):
    """Builder of a file with one value changed."""
    builder = PixelFileBuilder(kind=kind)
    flux = builder.flux()
    background = np.full_like(flux, 90.0)
    usual = {
        "FLUX": flux - background if kind == "tpf" else flux,
        "FLUX_ERR": np.full_like(flux, 2.0),
        "FLUX_BKG": background,
        "TIMECORR": np.full(len(flux), 1e-3, np.float32),
        "POS_CORR1": 0.01 * np.arange(len(flux), dtype=np.float32),
    }
    values = usual[name]
    values[where] = value
    builder.columns[name] = values
    return builder


@pytest.mark.parametrize("value", GARBAGE)
@pytest.mark.parametrize("name", ["FLUX", "FLUX_ERR", "FLUX_BKG"])
def test_one_pixel_of_a_target_pixel_file(tmp_path, caplog, name, value):
    cube = read_tpf(spoilt("tpf", name, (2, 1, 3), value).write(tmp_path / "a.fits"))
    assert np.argwhere(~np.isfinite(cube.images)).tolist() == [[2, 1, 3]]
    assert np.argwhere(cube.pixel_flags & 1).tolist() == [[2, 1, 3]]
    assert np.nanmax(np.abs(cube.backgrounds)) == 90
    assert f"a.fits: 1 values of {name} in 1 cadences are beyond +-1e+06 e-/s, which no measurement" in caplog.text


@pytest.mark.parametrize("value", GARBAGE)
def test_one_pixel_of_a_cutout(tmp_path, caplog, value):
    cube = read_tesscut(spoilt("tesscut", "FLUX", (2, 1, 3), value).write(tmp_path / "a.fits"))
    usual = read_tesscut(PixelFileBuilder().write(tmp_path / "b.fits"))
    assert np.argwhere(~np.isfinite(cube.images)).tolist() == [[2, 1, 3]]
    np.testing.assert_allclose(cube.backgrounds, usual.backgrounds, atol=0.5)
    assert "a.fits: 1 values of FLUX in 1 cadences" in caplog.text


def test_a_background_of_a_whole_cadence(tmp_path, caplog):
    cube = read_tpf(spoilt("tpf", "FLUX_BKG", 3, 1e30).write(tmp_path / "a.fits"))
    assert np.isnan(cube.images).all(axis=(1, 2)).tolist() == [False, False, False, True, False, False]
    assert "35 values of FLUX_BKG in 1 cadences" in caplog.text


@pytest.mark.parametrize("value", [1e30, 0.02, -3.0])
def test_a_barycentric_correction(tmp_path, caplog, value):
    cube = read_tesscut(spoilt("tesscut", "TIMECORR", 3, value).write(tmp_path / "a.fits"))
    neighbours = cube.header.timecorr[[2, 4]]
    assert neighbours.min() <= cube.header.timecorr[3] <= neighbours.max()
    assert "1 values of TIMECORR in 1 cadences are beyond +-0.01 d" in caplog.text


@pytest.mark.parametrize("value", [1e30, 7.0])
def test_a_motion_that_no_spacecraft_makes_is_interpolated(tmp_path, value):
    cube = read_tpf(spoilt("tpf", "POS_CORR1", 3, value).write(tmp_path / "a.fits"))
    star = Stars(np.array([1]), np.array([302.0]), np.array([703.0]), np.array([11.0]))
    series, _ = start_region([cube], star, MotionSettings())
    assert series.kernel.source == "pos_corr"
    assert series.kernel.bad.tolist() == [False, False, False, True, False, False]
    np.testing.assert_allclose(series.kernel.parameters[:, 3], 0.01 * np.arange(6), atol=1e-6)


def test_values_too_large_for_single_precision():
    values = np.array([[1.0], [1e300], [-1e300]])
    assert native(values, np.array([2, 1, 0])).tolist() == [[-np.inf], [np.inf], [1.0]]


@pytest.mark.parametrize("value", GARBAGE)
def test_a_pixel_of_a_full_frame_image(tmp_path, caplog, value):
    builder = FfiBuilder(tmp_path)
    image = builder.image(0)
    image[10, 60] = value
    path = builder.write(0, image=image)
    checked, errors = read_checked_frame(path, AREA)
    assert np.argwhere(~np.isfinite(checked)).tolist() == [[10, 16]]
    np.testing.assert_array_equal(read_image(path, AREA), checked)
    assert f"{path.name}: 1 pixels are beyond +-1e+06 e-/s, which no detector gives" in caplog.text
    assert np.nanmax(errors) < 1e6


def test_a_pixel_of_an_older_prepared_file(tmp_path, caplog):
    prepared = prepare_ccd(tmp_path / "now", n_cadence=8)

    def change(file):
        file["images/0004"][2, 3] = 1e30
        file["backgrounds/0005"][2, 3] = -1e30

    folder = older_folder(tmp_path / "older", prepared, change)
    path = folder / f"{prepared.name}.hdf5"
    cube = read_older_cube(path, prepared.cube.stamp)
    assert np.argwhere(np.isnan(cube.images) != np.isnan(prepared.cube.images)).tolist() == [[4, 2, 3]]
    assert np.argwhere(np.isnan(cube.backgrounds)).tolist() == [[5, 2, 3]]
    assert "1 values of images in 1 cadences" in caplog.text
