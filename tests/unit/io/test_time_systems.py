"""From when, in which unit and on which scale times count: what the headers say is what is done."""

import numpy as np
import pytest
from pixel_file_builder import cutout, tpf

from photometry.core.errors import InputFileError
from photometry.io.pixels.pixel_files import inspect_pixel_file
from photometry.io.pixels.pixel_readers import read_pixels
from photometry.io.pixels.tpf_quality import short_flags

#: BTJD of the cadences of the builders' files.
BTJD = {"tesscut": 1400 + np.arange(6) / 48, "tpf": 1400 + np.arange(6) / 720}
BUILDERS = {"tesscut": cutout, "tpf": tpf}
STANDARD = {"TIMESYS": "TDB", "TIMEUNIT": "d", "TIMEREF": "SOLARSYSTEM", "TIMEPIXR": 0.5}


def write(path, kind, keys, zero=2457000.0):
    """A file whose times count from a Julian date."""
    return BUILDERS[kind](keys=keys, columns={"TIME": BTJD[kind] + (2457000.0 - zero)}).write(path)


@pytest.mark.parametrize("kind", BUILDERS)
@pytest.mark.parametrize(
    ("keys", "zero"),
    [
        ({}, 2457000.0),
        ({"BJDREFI": 2457000, "BJDREFF": 0.0}, 2457000.0),
        ({"BJDREFI": 2457000}, 2457000.0),
        ({"BJDREFI": 2454833, "BJDREFF": 0.0}, 2454833.0),
        ({"BJDREFI": 2400000, "BJDREFF": 0.5}, 2400000.5),
        ({"BJDREFI": 0, "BJDREFF": 0.0}, 0.0),
        ({"TUNIT1": "BJD - 2454833, days"}, 2454833.0),
        ({"TUNIT1": "BJD - 2457000, days", "BJDREFI": 2457000}, 2457000.0),
        ({"TUNIT1": "BJD-2400000.5", "BJDREFI": 2400000, "BJDREFF": 0.5}, 2400000.5),
        ({"TSTART": 1400.0}, 2457000.0),
        ({"TSTART": 3567.0, "BJDREFI": 2454833}, 2454833.0),
    ],
)
def test_times_count_from_what_the_header_says(tmp_path, kind, keys, zero):
    plain = read_pixels(write(tmp_path / "plain.fits", kind, {}), kind).header.time
    found = read_pixels(write(tmp_path / "a.fits", kind, STANDARD | keys, zero), kind).header.time
    np.testing.assert_allclose(found, plain, rtol=0, atol=1e-9)


WRONG = {
    "UTC": ({"TIMESYS": "UTC"}, "header key TIMESYS is 'UTC', expected TDB"),
    "no text": ({"TIMESYS": 3}, "header key TIMESYS is 3, expected TDB"),
    "seconds": ({"TIMEUNIT": "s"}, "header key TIMEUNIT is 's', expected d"),
    "at the Earth": ({"TIMEREF": "GEOCENTER"}, "header key TIMEREF is 'GEOCENTER', expected SOLARSYSTEM"),
    "start of a cadence": ({"TIMEPIXR": 0.0}, r"header key TIMEPIXR is 0.0, expected 0.5 \(middle of the cadence\)"),
    "no zero point": ({"BJDREFI": "abc"}, "header key BJDREFI is 'abc', expected 0 to 2500000 d"),
    "zero point far away": ({"BJDREFI": 10**30}, "header key BJDREFI is 10{30}, expected 0 to 2500000 d"),
    "no fraction": ({"BJDREFI": 2457000, "BJDREFF": 1e30}, r"header key BJDREFF is 1e\+30, expected -1 to 1 d"),
    "two zero points": (
        {"BJDREFI": 2454833, "TUNIT1": "BJD - 2457000, days"},
        "header keys disagree: BJDREFI, BJDREFF = 2454833, 0, while the unit of TIME is BJD - 2457000",
    ),
    "before the launch": (
        {"TSTART": 1400.0, "BJDREFI": 2454833},
        r"header key TSTART is 1400.0, from JD 2454833 on \(BJDREFI, BJDREFF\): TESS was launched at 2458226",
    ),
    "after the mission": ({"TSTART": 1e30}, r"header key TSTART is 1e\+30, from JD 2457000 on"),
}


@pytest.mark.parametrize("kind", BUILDERS)
@pytest.mark.parametrize(("keys", "message"), WRONG.values(), ids=WRONG)
def test_other_time_systems_are_refused_by_their_headers(tmp_path, kind, keys, message):
    path = BUILDERS[kind](keys=keys).write(tmp_path / "a.fits")
    with pytest.raises(InputFileError, match=r"a\.fits: " + message):
        inspect_pixel_file(path, kind)


@pytest.mark.parametrize("kind", BUILDERS)
def test_times_before_the_launch_are_refused(tmp_path, kind):
    path = write(tmp_path / "a.fits", kind, {}, zero=2457000.0 + 1000.0)
    with pytest.raises(InputFileError, match=r"a\.fits: 6 of 6 times are not those of TESS, as 400 from JD 2457000 on"):
        read_pixels(path, kind)


def test_a_cadence_with_a_time_that_is_none_of_tess_is_left_out_and_told(tmp_path, caplog):
    times = 1400 + np.arange(30) / 48
    times[7] = 1e30
    path = cutout(shape=(30, 5, 7), columns={"TIME": times}).write(tmp_path / "a.fits")
    assert len(read_pixels(path, "tesscut").header.time) == 29
    assert "a.fits: 1 of 30 times are not those of TESS, as 1e+30 from JD 2457000 on; these cadences" in caplog.text


def test_flags_of_target_pixel_files_are_at_their_times(tmp_path):
    paths = [write(tmp_path / "a.fits", "tpf", {"BJDREFI": 2454833}, zero=2454833.0)]
    time, _ = short_flags(paths, 5, 2, 3)
    np.testing.assert_allclose(time, BTJD["tpf"] - np.float32(1e-3), rtol=0, atol=1e-9)
