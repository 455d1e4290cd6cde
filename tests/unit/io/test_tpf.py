"""Reading target pixel files."""

import numpy as np
import pytest
from astropy.io import fits
from pixel_file_builder import PixelFileBuilder

from photometry.core.errors import InputFileError
from photometry.core.geometry import Stamp
from photometry.core.quality import BITMASKS, PIXEL_FLAGS, flagged
from photometry.io.pixels.tpf import read_tpf


def builder(**changes):
    return PixelFileBuilder(kind="tpf", **changes)


def test_background_of_the_file_is_kept(tmp_path):
    made = builder()
    cube = read_tpf(made.write(tmp_path / "a.fits"))
    np.testing.assert_allclose(cube.images, made.flux() - 90, rtol=1e-5)
    assert np.all(cube.backgrounds == 90)
    np.testing.assert_allclose(cube.header.pos_corr, [[0.01 * k, -0.01 * k] for k in range(6)], atol=1e-7)
    assert np.all(cube.header.aperture == 131)


def test_pixels_that_were_not_collected(tmp_path):
    aperture = np.full((5, 7), 129, np.int32)
    aperture[0, 0] = 128
    aperture[4] = 133
    cube = read_tpf(builder(aperture=aperture).write(tmp_path / "a.fits"))
    assert np.isnan(cube.images[:, 0, 0]).all()
    assert np.isnan(cube.images_err[:, 0, 0]).all()
    assert flagged(PIXEL_FLAGS, cube.pixel_flags, "dead")[:, 0, 0].all()
    assert flagged(PIXEL_FLAGS, cube.pixel_flags, "used_for_background").all(axis=0).sum() == 7


@pytest.mark.parametrize("values", [np.zeros(6), np.full(6, np.nan)])
def test_empty_pos_corr(tmp_path, values):
    path = builder(columns={"POS_CORR1": values, "POS_CORR2": values}).write(tmp_path / "a.fits")
    assert read_tpf(path).header.pos_corr is None


def test_without_pos_corr_columns(tmp_path):
    path = builder(without=("POS_CORR1", "POS_CORR2")).write(tmp_path / "a.fits")
    assert read_tpf(path).header.pos_corr is None


def test_missing_time_drops_the_row_everywhere(tmp_path):
    time = 1400 + np.arange(6) / 720
    time[2] = np.nan
    cube = read_tpf(builder(columns={"TIME": time}).write(tmp_path / "a.fits"))
    assert list(cube.cadenceno) == [500, 501, 503, 504, 505]
    assert cube.header.pos_corr.shape == (5, 2)
    assert cube.backgrounds.shape == (5, 5, 7)


def test_no_aperture(tmp_path):
    path = builder(with_aperture=False).write(tmp_path / "a.fits")
    with pytest.raises(InputFileError, match=r"is no target pixel file: it has no image APERTURE"):
        read_tpf(path)


def test_nothing_collected(tmp_path):
    path = builder(aperture=np.full((5, 7), 128, np.int32)).write(tmp_path / "a.fits")
    with pytest.raises(InputFileError, match=r"no collected pixel has a value"):
        read_tpf(path)


def test_aperture_of_another_shape(tmp_path):
    path = builder(aperture=np.ones((5, 6), np.int32)).write(tmp_path / "a.fits")
    with pytest.raises(
        InputFileError,
        match=r"header keys contradict each other: TDIM4 = \(7,5\), but NAXIS1, NAXIS2 = 6, 5 \(APERTURE\)",
    ):
        read_tpf(path)


def test_no_background_column(tmp_path):
    path = builder(without=("FLUX_BKG",)).write(tmp_path / "a.fits")
    with pytest.raises(InputFileError, match=r"its table PIXELS lacks FLUX_BKG"):
        read_tpf(path)


def test_all_cadences_flagged(tmp_path):
    path = builder(columns={"QUALITY": np.full(6, 128)}).write(tmp_path / "a.fits")
    with pytest.raises(InputFileError, match=r"all 6 cadences are flagged"):
        read_tpf(path)


#: Bits that say nothing about all pixels of the CCD.
HARMLESS = (64, 256, 512, 1024, 2048, 4096, 8192, 32768)


@pytest.mark.parametrize("quality", [*HARMLESS, sum(HARMLESS)])
def test_flags_that_say_nothing_about_the_pixels_leave_all_cadences_usable(tmp_path, quality):
    path = builder(columns={"QUALITY": np.full(6, quality)}).write(tmp_path / "a.fits")
    cube = read_tpf(path)
    assert cube.usable.all()
    assert set(cube.quality) == {quality}
    with pytest.raises(InputFileError, match="all 6 cadences are flagged"):
        read_tpf(path, quality_bitmask=BITMASKS["hardest"])


@pytest.mark.parametrize("quality", [1, 2, 4, 8, 16, 32, 128, 16384, 32 + 4096])
def test_flags_of_all_pixels_make_a_cadence_unusable(tmp_path, quality):
    path = builder(columns={"QUALITY": np.where(np.arange(6) == 2, quality, 0)}).write(tmp_path / "a.fits")
    assert np.flatnonzero(~read_tpf(path).usable).tolist() == [2]
    only_excluded = [2] if quality == 128 else []
    assert np.flatnonzero(~read_tpf(path, quality_bitmask=BITMASKS["none"]).usable).tolist() == only_excluded


@pytest.mark.realdata
def test_real_tpf(tess_data):
    from astropy.io import fits

    cube = read_tpf(tess_data / "tpf" / "tpf1.fits")
    assert cube.stamp == Stamp(883, 894, 1072, 1083)
    assert cube.images.shape == (100, 11, 11)
    assert cube.exposure.exposure_s == pytest.approx(95.04)
    assert np.isfinite(cube.header.pos_corr).all()
    with fits.open(tess_data / "tpf" / "lcf2.fits") as hdus:
        sap = hdus["LIGHTCURVE"].data["SAP_FLUX"]
    ours = cube.images[:, (cube.header.aperture & 2) != 0].sum(axis=1)
    np.testing.assert_allclose(ours, sap, rtol=1e-6)


@pytest.mark.realdata
def test_real_tpf_of_five_cadences(tess_data):
    cube = read_tpf(tess_data / "tpf" / "tess25155310-s01-first-cadences.fits.gz")
    assert cube.n_cadence == 5
    assert list(cube.quality) == [8, 0, 0, 0, 0]
    assert cube.header.pointing.starid == 25155310


@pytest.mark.parametrize(
    ("primary", "shift"),
    [
        ({"DATA_REL": 7}, -1.979),
        ({"DATA_REL": 30}, 0.0),
        ({"DATA_REL": None}, 0.0),
        ({"DATA_REL": 7, "SIMDATA": True}, 0.0),
        ({"DATA_REL": 27, "PROCVER": "spoc-4.0.14-20200108"}, -1.979),
        ({"DATA_REL": 27, "PROCVER": "spoc-4.0.28-20200415"}, 0.0),
    ],
)
def test_times_of_early_releases_are_corrected(tmp_path, primary, shift):
    cube = read_tpf(builder(primary=primary).write(tmp_path / "a.fits"))
    np.testing.assert_allclose(cube.header.time, 1400 + np.arange(6) / 720 + shift / 86400, atol=1e-9)
    assert cube.header.offset.mid_s == pytest.approx(shift)


def test_a_release_that_came_twice_needs_its_version(tmp_path):
    path = builder(primary={"DATA_REL": 29, "PROCVER": None}).write(tmp_path / "a.fits")
    with pytest.raises(InputFileError, match=r"a\.fits: DATA_REL = 29 was released twice"):
        read_tpf(path)


def test_a_background_of_another_shape(tmp_path):
    path = PixelFileBuilder(kind="tpf", checksum=False).write(tmp_path / "a.fits")
    with fits.open(path) as hdus:
        number = hdus["PIXELS"].columns.names.index("FLUX_BKG") + 1
    content = path.read_bytes()
    start = content.index(f"TDIM{number}".encode())
    path.write_bytes(content[:start] + b"HISTORY".ljust(80) + content[start + 80 :])
    with pytest.raises(InputFileError, match=r"a\.fits: FLUX_BKG has shape \(6, 35\), FLUX \(6, 5, 7\)"):
        read_tpf(path)
