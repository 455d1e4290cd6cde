"""Reading TESScut files."""

import numpy as np
import pytest
from astropy.io import fits
from pixel_file_builder import PixelFileBuilder

from photometry.catalog.star_catalog import ccd_positions
from photometry.core.errors import InputFileError
from photometry.core.geometry import Stamp
from photometry.core.quality import PIXEL_FLAGS, flagged
from photometry.core.stars import flux_of_tmag
from photometry.core.times import time_offset
from photometry.io.pixels.pixel_files import inspect_pixel_file
from photometry.io.pixels.pixel_readers import read_pixels
from photometry.io.pixels.tesscut import read_tesscut

#: The first three of six cadences have no value.
HALF_MISSING = np.where(np.arange(6)[:, None, None] < 3, np.nan, 100.0) * np.ones((6, 5, 7))


def test_flux_is_images_and_background(tmp_path):
    builder = PixelFileBuilder(shape=(6, 20, 24))
    cube = read_pixels(builder.write(tmp_path / "a.fits"), "tesscut")
    np.testing.assert_allclose(cube.images + cube.backgrounds, builder.flux(), rtol=1e-6)
    assert cube.images.dtype == np.float32
    row = np.arange(20)[:, None]
    assert np.abs(cube.backgrounds - (100 + row)).max() < 2
    assert np.all(cube.images_err == 2)
    assert cube.header.pos_corr is None
    assert cube.n_cadence == 6
    np.testing.assert_allclose(cube.header.time[1] - cube.header.time[0], 1800 / 86400)
    assert list(cube.cadenceno) == [500, 501, 502, 503, 504, 505]


def test_outputs_in_the_aperture_follow_the_column(tmp_path):
    path = PixelFileBuilder(first=(301, 45 + 1024 - 3)).write(tmp_path / "a.fits")
    assert list(read_tesscut(path).header.aperture[0]) == [1 + 64] * 3 + [1 + 128] * 4


#: First pixels (1-based row and column) of files that reach beyond the science area, and the part that sees the sky.
BEYOND = {
    "virtual columns": ((301, 43), Stamp(300, 305, 44, 49)),
    "below row 0": ((-1, 701), Stamp(0, 3, 700, 707)),
    "the corner of the CCD": ((-3, 41), Stamp(0, 1, 44, 47)),
    "smear rows": ((2046, 701), Stamp(2045, 2048, 700, 707)),
    "collateral columns at the right": ((301, 2090), Stamp(300, 305, 2089, 2092)),
}


@pytest.mark.parametrize("kind", ["tesscut", "tpf"])
@pytest.mark.parametrize(("first", "stamp"), BEYOND.values(), ids=BEYOND)
def test_pixels_beside_the_science_area_are_left_out(tmp_path, kind, first, stamp):
    builder = PixelFileBuilder(kind=kind, first=first)
    flux = builder.flux()
    outer = Stamp(first[0] - 1, first[0] + 4, first[1] - 1, first[1] + 6)
    inside = stamp.slices_in(outer)
    masked = np.full_like(flux, np.nan)
    masked[:, *inside] = flux[:, *inside]
    builder.columns = {"FLUX": masked}
    cube = read_pixels(builder.write(tmp_path / "a.fits"), kind)
    assert cube.stamp == stamp
    assert np.isfinite(cube.images).all()
    assert np.all(cube.header.aperture & 1 == 1)
    file = inspect_pixel_file(tmp_path / "a.fits", kind)
    assert (file.stamp, file.file_stamp) == (stamp, outer)
    assert "-" not in file.region.replace("dec-80", "")
    # The sky is where it was: the target of the file is in the middle of all its pixels.
    row, column = ccd_positions(84.0, -80.0, cube.header.wcs_header)
    assert (row, column) == pytest.approx((first[0] - 1 + 2, first[1] - 1 + 3), abs=1e-6)


def test_rows_without_a_time_are_dropped(tmp_path):
    time = 1400 + np.arange(6) / 48
    time[[1, 4]] = np.nan, 0
    cube = read_tesscut(PixelFileBuilder(columns={"TIME": time}).write(tmp_path / "a.fits"))
    assert list(cube.cadenceno) == [500, 502, 503, 505]
    assert np.isfinite(cube.header.time).all()
    assert cube.images.shape == (4, 5, 7)


def test_missing_and_dead_and_saturated_pixels_are_flagged(tmp_path):
    builder = PixelFileBuilder()
    flux, error = builder.flux(), np.full((6, 5, 7), 2, np.float32)
    flux[2, 0, 0] = np.nan
    error[3, 0, 1] = np.nan
    flux[:, 4, 6] = np.nan
    flux[:, 4, 5] = 0
    flux[1, 2, 3] = 1.1e5
    builder.columns = {"FLUX": flux, "FLUX_ERR": error}
    cube = read_tesscut(builder.write(tmp_path / "a.fits"))
    flags = cube.pixel_flags
    missing = flagged(PIXEL_FLAGS, flags, "not_measured")
    assert missing[2, 0, 0]
    assert missing[3, 0, 1]
    assert missing[:, 4, 5].all()
    assert missing.sum() == 2 + 2 * 6
    assert np.array_equal(np.isnan(cube.images), missing)
    assert np.array_equal(np.isnan(cube.images_err), missing)
    assert np.argwhere(flagged(PIXEL_FLAGS, flags, "dead").all(axis=0)).tolist() == [[4, 5], [4, 6]]
    assert np.argwhere(flagged(PIXEL_FLAGS, flags, "saturated")).tolist() == [[1, 2, 3]]
    assert flagged(PIXEL_FLAGS, flags, "used_for_background").any(axis=0).sum() >= 6
    assert np.isfinite(cube.backgrounds).all()


def test_all_zero_image_is_not_measured(tmp_path):
    builder = PixelFileBuilder()
    flux = builder.flux()
    flux[3] = 0
    builder.columns = {"FLUX": flux}
    cube = read_tesscut(builder.write(tmp_path / "a.fits"))
    assert np.isnan(cube.images[3]).all()
    assert np.isfinite(cube.images[2]).all()


def test_cadence_numbers_that_do_not_count_are_made_from_the_times(tmp_path):
    time = 1400 + np.array([0, 1, 2, 5, 6, 7]) / 48
    builder = PixelFileBuilder(columns={"CADENCENO": np.zeros(6), "TIME": time}, primary={"FFIINDEX": 4697})
    cube = read_tesscut(builder.write(tmp_path / "a.fits"))
    assert list(cube.cadenceno) == [4697, 4698, 4699, 4702, 4703, 4704]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"QUALITY": np.full(6, 8)},
            r"all 6 cadences are flagged \(earth_point in QUALITY\): .* leave these bits out of quality_bitmask",
        ),
        (
            {"QUALITY": np.array([0, 0, 0, 8, 8, 8]), "FLUX": HALF_MISSING},
            r"none of the 3 unflagged cadences \(by the bits of quality_bitmask\) has a pixel with a value",
        ),
        ({"FLUX": np.full((6, 5, 7), np.nan)}, "no pixel has a value in any cadence"),
        ({"FLUX": np.zeros((6, 5, 7))}, "no pixel has a value in any cadence"),
        ({"FLUX_ERR": np.full((6, 5, 7), np.nan)}, "no pixel has a value in any cadence"),
        ({"TIME": np.full(6, np.nan)}, r"has 0 cadences with a time"),
        (
            {"TIME": np.array([1400.0, *[np.nan] * 5])},
            r"has 1 cadence with a time; a light curve needs at least 2",
        ),
        ({"TIME": 1400 + np.array([0, 1, 2, 2, 4, 5]) / 48}, "TIME does not increase at the 4th cadence"),
        ({"TIME": 1400 + np.arange(6) / 720}, "the times are 120.0 s apart, the header's cadence is 1800 s"),
    ],
)
def test_useless_tables(tmp_path, columns, message):
    path = PixelFileBuilder(columns=columns).write(tmp_path / "a.fits")
    with pytest.raises(InputFileError, match=message):
        read_tesscut(path)


@pytest.mark.parametrize("days", [1 / 48, 3.25, 3.3750, 27.0])
@pytest.mark.parametrize("drift", [-1e-4, 0.0, 1e-4])
def test_sparse_cadences_are_as_good_as_others(tmp_path, days, drift):
    """The barycentre makes 28 s of three days: less than a cadence, more than a fiftieth of one."""
    step = np.rint(days * 48) / 48
    time = 1400 + np.append(0, np.cumsum(step * (1 + drift * np.array([1, 0.9, 1, 0.8, 1]))))
    cube = read_tesscut(PixelFileBuilder(columns={"TIME": time}).write(tmp_path / "a.fits"))
    assert cube.n_cadence == 6


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([1, 1.5, 1, 2, 1], r"1800.0 s apart.* 1 of 5 steps are no multiple of it, as 2700.0 s"),
        ([0.5, 1, 1, 1, 1], r"1 of 5 steps are no multiple of it, as 900.0 s"),
        ([3.5, 3.5, 3.5, 3.5, 3.5], r"6300.0 s apart.* 5 of 5 steps are no multiple of it, as 6300.0 s"),
    ],
)
def test_times_between_cadences_are_told(tmp_path, steps, message):
    time = 1400 + np.append(0, np.cumsum(steps)) / 48
    with pytest.raises(InputFileError, match=message):
        read_tesscut(PixelFileBuilder(columns={"TIME": time}).write(tmp_path / "a.fits"))


def test_table_that_does_not_fit_its_header(tmp_path):
    path = PixelFileBuilder(checksum=False).write(tmp_path / "a.fits")
    content = path.read_bytes()
    assert b"TFORM5  = '35E     '" in content
    path.write_bytes(content.replace(b"TFORM5  = '35E     '", b"TFORM5  = '35Q     '"))
    with pytest.raises(InputFileError, match=r"a.fits: "):
        read_tesscut(path)


@pytest.mark.realdata
def test_real_saturated_cutout(tess_data):
    (path,) = tess_data.glob("tesscut/*_6x6_astrocut.fits")
    cube = read_tesscut(path)
    assert cube.images.shape == (50, 6, 6)
    assert flagged(PIXEL_FLAGS, cube.pixel_flags, "saturated").any()
    assert cube.cadenceno[0] == 4697
    assert np.all(np.diff(cube.cadenceno) >= 1)
    # T = 5.1; its bleed trail leaves the pixels.
    assert flux_of_tmag(6.5) < np.median(cube.images.sum(axis=(1, 2))) < flux_of_tmag(4.5)


@pytest.mark.realdata
@pytest.mark.parametrize("case", ["exact", "perturbed"])
def test_shared_simulated_fields(tess_data, case):
    """CCD positions through the WCS equal the truth, and the brightest star lights its pixel."""
    h5py = pytest.importorskip("h5py")
    from photometry.io.stars.star_tables import read_star_table

    folder = tess_data / "simulated" / case
    (path,) = folder.glob("*.fits.gz")
    cube = read_tesscut(path)
    stars = read_star_table(folder / "catalog.csv").table
    with h5py.File(folder / "truth.h5") as truth:
        order = np.argsort(truth["tic"][:])
        assert np.array_equal(truth["tic"][:][order], stars["starid"])
        true_row, true_column = truth["row"][:][order], truth["col"][:][order] + 44
    row, column = ccd_positions(stars["ra_J2000"], stars["decl_J2000"], cube.header.wcs_header)
    assert np.abs(row - true_row).max() < 1e-4
    assert np.abs(column - true_column).max() < 1e-4
    on_pixels = stars[cube.stamp.contains(row, column)]
    brightest = on_pixels["tmag"].idxmin()
    mean = np.nanmean(np.where(np.isnan(cube.images), 0, cube.images), axis=0)
    peak = np.unravel_index(mean.argmax(), mean.shape)
    assert abs(row[brightest] - cube.stamp.row_min - peak[0]) < 1
    assert abs(column[brightest] - cube.stamp.col_min - peak[1]) < 1


@pytest.mark.parametrize(
    ("primary", "shift"),
    [({"DATA_REL": 7}, -1.979 + 1.54), ({"DATA_REL": 42}, 0.0), ({"DATA_REL": 27, "PROCVER": "0.10.0"}, 1.54)],
)
def test_times_of_cutouts_of_early_releases_are_corrected(tmp_path, primary, shift):
    # Camera 2, CCD 3: read 1.54 s after CCD 1 of camera 1.
    cube = read_tesscut(PixelFileBuilder(primary=primary).write(tmp_path / "a.fits"))
    np.testing.assert_allclose(cube.header.time, 1400 + np.arange(6) / 48 + shift / 86400, atol=1e-9)


@pytest.mark.realdata
def test_real_times_of_both_releases_agree_after_the_correction(tess_data):
    # The same exposure in a cutout of release 42 and in an image of release 1, 0.949 s apart in the files.
    new = read_tesscut(tess_data / "tesscut/tess-s0001-4-2_84.291190_-80.469170_6x6_astrocut.fits")
    assert new.header.offset.mid_s == 0
    with fits.open(tess_data / "ffi/tess2018206192942-s0001-1-4-0120-s_ffic.fits") as hdus:
        old = (hdus[0].header["TSTART"] + hdus[0].header["TSTOP"]) / 2
    corrected = old + time_offset(1, "", 4, 2, full_frame=True).mid_s / 86400
    assert (new.header.time[0] - new.header.timecorr[0] - corrected) * 86400 == pytest.approx(0.0, abs=0.02)
