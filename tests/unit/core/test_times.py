"""Offsets of early data releases, stagger of the readout, cadence numbers."""

import numpy as np
import pytest
from astropy.io import fits

from photometry.core.errors import ConfigError
from photometry.core.times import TimeOffset, ffi_index, readout_stagger, release_offset, time_offset

WRONG = TimeOffset(-1.969, -1.979, -1.989)
RIGHT = TimeOffset(0.0, 0.0, 0.0)


@pytest.mark.parametrize("release", [1, 2, 25, 26])
def test_first_releases_are_two_seconds_late_whatever_the_version(release):
    assert release_offset(release, "") == WRONG


@pytest.mark.parametrize("release", [28, 30, 42, 60])
def test_later_releases_are_right(release):
    assert release_offset(release, "") == RIGHT


@pytest.mark.parametrize(
    ("release", "version", "expected"),
    [
        (27, "spoc-4.0.14-20200108", WRONG),
        (27, "spoc-4.0.15-20200114", WRONG),
        (27, "spoc-4.0.17-20200130 ", WRONG),
        (27, "spoc-4.0.28-20200415", RIGHT),
        (29, "spoc-4.0.17-20200130", WRONG),
        (29, "spoc-4.0.20-20200220", WRONG),
        (29, "spoc-4.0.21-20200227", WRONG),
        (29, "spoc-4.0.14-20200108", RIGHT),
    ],
)
def test_the_version_tells_releases_that_came_twice_apart(release, version, expected):
    assert release_offset(release, version) == expected


@pytest.mark.parametrize("release", [27, 29])
def test_those_need_a_version(release):
    with pytest.raises(ConfigError, match="PROCVER"):
        release_offset(release, " ")


def test_stagger_by_camera_and_ccd():
    assert [readout_stagger(camera, 1) for camera in (1, 2, 3, 4)] == [0.0, 1.5, 0.5, 1.0]
    np.testing.assert_allclose([readout_stagger(1, ccd) for ccd in (1, 2, 3, 4)], [0, 0.02, 0.04, 0.06])


def test_only_full_frames_up_to_release_27_lack_the_stagger():
    def mid(release, *, full_frame):
        return time_offset(release, "spoc-4.0.28", 2, 3, full_frame=full_frame).mid_s

    assert mid(26, full_frame=True) == pytest.approx(-1.979 + 1.54)
    assert mid(26, full_frame=False) == pytest.approx(-1.979)
    assert mid(27, full_frame=True) == pytest.approx(1.54)
    assert mid(29, full_frame=True) == 0


def test_indices_count_cadences():
    first = 1325.3235172674146
    step = 1800 / 86400
    assert ffi_index(first) == 4697
    np.testing.assert_array_equal(ffi_index(first + step * np.array([-1, 1, 27, 6657])), [4696, 4698, 4724, 11354])


@pytest.mark.realdata
def test_indices_agree_with_those_of_real_cutouts(tess_data):
    with fits.open(tess_data / "tesscut/tess-s0001-4-2_84.291190_-80.469170_6x6_astrocut.fits") as hdus:
        assert hdus[1].header["DATA_REL"] == 42
        table, first = hdus[1].data, hdus[1].header["FFIINDEX"]
        mid = np.asarray(table["TIME"], dtype=float) - table["TIMECORR"]
    index = ffi_index(mid)
    assert index[0] == first
    assert np.all(np.diff(index) >= 1)
    assert index[-1] - index[0] == round((mid[-1] - mid[0]) * 48)


@pytest.mark.realdata
def test_stagger_agrees_with_real_headers(tess_data):
    with fits.open(tess_data / "ffi/tess2018206192942-s0001-1-4-0120-s_ffic.fits") as hdus:
        assert hdus[1].header["TMOFST14"] == pytest.approx(readout_stagger(1, 4))
    name = "reference/tess2018206045859-s0001-0000000025155310-0120-s_lc.fits"
    with fits.open(tess_data / name) as hdus:
        assert hdus[1].header["TMOFST41"] == pytest.approx(readout_stagger(4, 1))


@pytest.mark.realdata
def test_images_of_release_1_lack_the_stagger_that_target_files_have(tess_data):
    # Middle of the first image of camera 1, CCD 4 and of the 2 min cadences of camera 4, CCD 1 within it.
    with fits.open(tess_data / "ffi/tess2018206192942-s0001-1-4-0120-s_ffic.fits") as hdus:
        image = (hdus[0].header["TSTART"] + hdus[0].header["TSTOP"]) / 2
    name = "reference/tess2018206045859-s0001-0000000025155310-0120-s_lc.fits"
    with fits.open(tess_data / name) as hdus:
        table = hdus[1].data
        within = (table["CADENCENO"] >= 70458) & (table["CADENCENO"] < 70473)
        target = np.mean((table["TIME"] - table["TIMECORR"].astype(float))[within])
    assert (target - image) * 86400 == pytest.approx(readout_stagger(4, 1), abs=1e-3)
