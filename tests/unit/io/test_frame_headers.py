"""From headers to the cadences of a CCD: times, flags, reference; the product that holds them."""

import logging
from dataclasses import fields, is_dataclass

import numpy as np
import pytest
from ffi_builder import AREA, FIRST_TJD, STEP, FfiBuilder
from pixel_file_builder import PixelFileBuilder

from photometry.catalog.star_catalog import stamp_on_sky
from photometry.ccd.ccd_frames import make_frames
from photometry.core.barycentre import barycentric_correction
from photometry.core.errors import InputFileError
from photometry.io.ffi.ffi_files import inspect_ffis
from photometry.io.products.frame_lists import read_frames, write_frames

CORRECTION = 5.6780875e-3


@pytest.fixture
def builder(tmp_path):
    return FfiBuilder(tmp_path / "ffi")


def frames_of(builder, **options):
    (region,) = inspect_ffis(builder.folder, AREA)
    return make_frames(region.paths, region.pointing, region.exposure, area=AREA, **options)


def test_times_of_early_releases_are_corrected_once_and_the_original_ones_kept(builder):
    for number in range(4):
        builder.write(number)
    frames = frames_of(builder)
    start = FIRST_TJD + STEP * np.arange(4)
    np.testing.assert_allclose(frames.listing.start, start, atol=1e-11)
    np.testing.assert_allclose(frames.listing.end, start + STEP, atol=1e-11)
    # Camera 1, CCD 4, release 1: -1.979 s and a stagger of 0.06 s.
    expected = start + STEP / 2 + (-1.979 + 0.06) / 86400
    np.testing.assert_allclose(frames.header.time - CORRECTION, expected, atol=1e-9)
    np.testing.assert_allclose(frames.header.timecorr, CORRECTION, atol=1e-9)
    assert (frames.header.offset.start_s, frames.header.offset.end_s) == pytest.approx((-1.909, -1.929))
    assert (frames.ephemeris.source, frames.ephemeris.error_s) == ("place of the Earth", 1.4)


def test_later_releases_are_left_alone(builder):
    builder.primary = {"DATA_REL": 42, "FFIINDEX": 4697}
    builder.write(0)
    builder.primary = {"DATA_REL": 42, "FFIINDEX": 4698}
    builder.write(1)
    frames = frames_of(builder)
    np.testing.assert_allclose(frames.header.time - CORRECTION, FIRST_TJD + STEP * (0.5 + np.arange(2)), atol=1e-9)
    assert frames.header.offset.mid_s == 0


def test_simulated_frames_are_right(builder):
    builder.primary = {"SIMDATA": True}
    for number in range(2):
        builder.write(number)
    assert frames_of(builder).header.offset.mid_s == 0


def test_a_release_that_came_twice_needs_its_version(builder):
    builder.primary = {"DATA_REL": 27, "PROCVER": None}
    builder.write(0)
    builder.write(1)
    with pytest.raises(InputFileError, match="PROCVER, which tells which it is, is missing"):
        frames_of(builder)


@pytest.mark.realdata
def test_an_ephemeris_gives_the_header_s_correction_of_sector_1(builder, tess_data):
    # The real frame's BARYCORR is for the middle of the real CCD; the small one's is not.
    for number in range(3):
        builder.write(number)
    frames = frames_of(builder, ephemeris=str(tess_data / "geometry/20180720_tess_ephem.csv"))
    assert frames.ephemeris.source == "Horizons table 20180720_tess_ephem.csv"
    ra, dec, _, _ = stamp_on_sky(frames.header.wcs_header, AREA)
    np.testing.assert_allclose(
        frames.header.timecorr, barycentric_correction(frames.ephemeris.position, ra, dec), atol=1e-9
    )
    # CRVAL of the real frame is its middle: 5.6780875e-3 d there, with 4 ms of the light time.
    np.testing.assert_allclose(
        barycentric_correction(frames.ephemeris.position, 315.4075184165135, -28.955999797147)[0],
        CORRECTION,
        atol=0.1 / 86400,
    )


def test_bad_frames_are_named_and_flagged(builder, caplog):
    for number in (0, 1, 2, 3, 5):
        builder.write(number, DQUALITY=32 if number == 1 else 0)
    builder.path(2).write_bytes(b"<html>")
    with caplog.at_level(logging.WARNING):
        frames = frames_of(builder)
    np.testing.assert_array_equal(frames.header.quality, [0, 32, 128, 0, 0])
    np.testing.assert_array_equal(frames.good, [True, True, False, True, True])
    np.testing.assert_array_equal(frames.missing, [4701])
    assert frames.listing.status[2] == "unreadable"
    assert f"{builder.path(2).name}: is no FITS file (6 bytes)" in caplog.text
    assert "1 cadences have no file: 4701" in caplog.text
    assert np.all(np.isfinite(frames.header.time))


def test_of_files_of_the_same_name_the_one_without_fault_is_read(builder):
    for number in range(4):
        builder.write(number)
    earlier = builder.folder / "earlier" / builder.path(1).name
    builder.primary = {"DATA_REL": 0}
    builder.write(1, path=earlier)
    copy = builder.folder / "broken" / builder.path(2).name
    copy.parent.mkdir()
    copy.write_bytes(builder.path(2).read_bytes()[:9000])
    frames = frames_of(builder)
    assert frames.files == tuple(str(builder.path(number)) for number in range(4))
    assert frames.listing.status.tolist() == ["ok"] * 4 + ["other_release", "duplicate"]


def test_one_wrong_barycentric_correction_does_not_count(builder, caplog):
    for number in range(4):
        builder.write(number)
    expected = frames_of(builder)
    builder.write(2, BARYCORR=CORRECTION - 30 / 86400)
    frames = frames_of(builder)
    np.testing.assert_allclose(frames.header.time, expected.header.time, atol=0.02 / 86400)
    assert f"{builder.path(2).name}: BARYCORR is -29.9 s off" in caplog.text


def test_the_reference_inverts(builder, caplog):
    for number in range(5):
        builder.write(number, **({"A_2_0": 0.02, "A_1_1": 0.02} if number == 2 else {}))
    frames = frames_of(builder)
    assert frames.reference in (1, 3)
    assert "its WCS cannot be used (positions come back" in caplog.text


def test_the_reference_places_the_ccd_as_the_others_do(builder, caplog):
    for number in range(7):
        builder.write(number, **({"CRPIX1": 122.0} if number == 3 else {}))
    frames = frames_of(builder)
    assert frames.reference in (2, 4)
    assert f"{builder.path(3).name}: its WCS is 29.5 pixels off and no reference" in caplog.text


def test_wrong_wcs_of_all_frames_near_the_middle_are_no_reference(tmp_path, caplog):
    """They agree with each other; the rest of the sector tells."""
    builder = FfiBuilder(tmp_path / "ffi")
    for number in range(40):
        off = {"CRPIX1": 92.0 + 30} if 15 <= number < 25 else {}
        builder.write(number, **off)
    frames = frames_of(builder)
    assert frames.reference in (14, 25)
    assert caplog.text.count("pixels off and no reference") == 9


def test_without_any_wcs_the_sector_stops(builder):
    for number in range(3):
        builder.write(number, CTYPE1=None)
    with pytest.raises(InputFileError, match="none of 3 frames has a WCS"):
        frames_of(builder)


def test_one_frame_is_too_few(builder):
    builder.write(0)
    builder.write(1).write_bytes(b"")
    with pytest.raises(InputFileError, match="1 of 2 frames can be used"):
        frames_of(builder)


def test_flags_of_target_pixel_files_of_the_ccd_are_added(builder, tmp_path, caplog):
    for number in range(3):
        builder.write(number)
    time = FIRST_TJD + STEP * np.array([0.5, 1.2, 1.4]) + 1e-3
    columns = {"TIME": time, "QUALITY": np.array([64, 8, 0])}
    ours = PixelFileBuilder(kind="tpf", shape=(3, 5, 5), columns=columns, primary={"SECTOR": 1, "CAMERA": 1, "CCD": 4})
    others = PixelFileBuilder(kind="tpf", shape=(3, 5, 5), columns=columns | {"QUALITY": np.full(3, 2)})
    bad = tmp_path / "bad_tp.fits"
    bad.write_bytes(b"nothing")
    files = [bad, others.write(tmp_path / "other_tp.fits"), ours.write(tmp_path / "ours_tp.fits")]
    frames = frames_of(builder, target_files=files)
    np.testing.assert_array_equal(frames.header.quality, [0, 8, 0])
    assert "bad_tp.fits" in caplog.text


def test_known_defects_are_flagged(tmp_path):
    builder = FfiBuilder(tmp_path, sector=5)
    for number in range(3):
        builder.primary = {"FFIINDEX": 11353 + number}
        builder.write(number)
    np.testing.assert_array_equal(frames_of(builder).header.quality, [0, 128, 128])


def test_products_are_read_as_written_and_equal_frames_give_equal_bytes(builder, tmp_path):
    for number in range(4):
        builder.write(number)
    builder.path(2).write_bytes(b"")
    frames = frames_of(builder)
    for name in ("a.hdf5", "b.hdf5"):
        write_frames(tmp_path / name, frames)
    assert (tmp_path / "a.hdf5").read_bytes() == (tmp_path / "b.hdf5").read_bytes()
    again = read_frames(tmp_path / "a.hdf5")
    _assert_same(frames, again)


def _assert_same(one, other):
    """Data classes with the same content, those in them too."""
    for item in fields(one):
        ours, theirs = getattr(one, item.name), getattr(other, item.name)
        if is_dataclass(ours):
            _assert_same(ours, theirs)
        elif isinstance(ours, np.ndarray):
            np.testing.assert_array_equal(ours, theirs)
        else:
            assert ours == theirs
