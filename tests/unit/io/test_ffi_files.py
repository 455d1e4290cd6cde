"""Finding full-frame images and reading their headers."""

import gzip
import re
import shutil
import warnings
from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS, FITSFixedWarning
from ffi_builder import AREA, FIRST_TJD, STEP, FfiBuilder

from photometry.ccd.ccd_frames import make_frames
from photometry.core.datasources import region_pattern
from photometry.core.errors import InputFileError
from photometry.core.geometry import Stamp
from photometry.io.ffi.ffi_files import find_ffis, inspect_ffis, listing_digest, target_pixel_files
from photometry.io.ffi.ffi_headers import full_shape, inspect_frame, parse_name, read_frame
from photometry.io.pixels.pixel_wcs import wcs_problem

REAL = "ffi/tess2018206192942-s0001-1-4-0120-s_ffic.fits"


@pytest.fixture
def builder(tmp_path):
    return FfiBuilder(tmp_path)


def read(path):
    return read_frame(parse_name(path), AREA)


def test_frames_are_found_at_any_depth_and_sorted_by_time(builder, tmp_path):
    first, second = builder.path(3), builder.path(1)
    for path in (tmp_path / "b" / first.name, tmp_path / "a" / "c" / second.name):
        path.parent.mkdir(parents=True)
        path.touch()
    (tmp_path / "tess2018206192942-s0001-1-3-0120-s_ffic.fits.gz").touch()
    (tmp_path / "tess2018206192942-s0001-1-3-0120-s_ffir.fits").touch()
    found = find_ffis(tmp_path)
    assert list(found) == [(1, 1, 3), (1, 1, 4)]
    assert [name.path.name for name in found[1, 1, 4]] == [second.name, first.name]


def test_headers_of_a_frame(builder):
    frame = read(builder.write(2, FFIINDEX=None, DQUALITY=36))
    assert frame.status == "ok"
    assert (frame.index, frame.quality) == (4699, 36)
    assert frame.start == pytest.approx(FIRST_TJD + 2 * STEP, abs=1e-12)
    assert frame.end == pytest.approx(FIRST_TJD + 3 * STEP, abs=1e-12)
    assert frame.barycorr == pytest.approx(5.6780875e-3)
    assert frame.release == (1, "spoc-3.3.31-20180902")
    assert (frame.exposure.cadence_s, frame.exposure.num_readouts) == (1800, 720)
    assert wcs_problem(frame.wcs, AREA) == ""


def test_an_index_in_the_header_counts(builder):
    builder.primary = {"FFIINDEX": 12345}
    assert read(builder.write(0)).index == 12345


def test_shorter_cadences_need_an_index(builder):
    frame = read(builder.write(0, TIMEDEL=600 / 86400, NUM_FRM=300, NREADOUT=240, EXPOSURE=0.0055))
    assert frame.status == "unreadable"
    assert "FFIINDEX is missing" in frame.reason


def test_times_of_the_image_less_its_correction_stand_in_for_those_of_the_primary_header(builder):
    builder.primary = {"TSTART": None, "TSTOP": None}
    assert read(builder.write(0)).start == pytest.approx(FIRST_TJD, abs=1e-11)


def test_times_count_from_what_the_header_says(builder):
    plain = read(builder.write(0))
    with fits.open(plain.path) as hdus:
        starts = {key: [hdu.header[key] for hdu in hdus[:2]] for key in ("TSTART", "TSTOP")}
    builder.primary = {key: value[0] + 2167.0 for key, value in starts.items()}
    image = {key: value[1] + 2167.0 for key, value in starts.items()}
    frame = read(builder.write(0, BJDREFI=2454833, BJDREFF=0.0, **image))
    assert (frame.start, frame.end) == pytest.approx((plain.start, plain.end), abs=1e-9)


@pytest.mark.parametrize("text", ["1E400", "-1E400"])
@pytest.mark.parametrize("key", ["CAMERA", "BITPIX", "NAXIS2", "TSTART", "CRVAL1"])
def test_infinite_numbers_are_named(builder, key, text):
    path = builder.write(0)
    content = path.read_bytes()
    cards = (content[at : at + 80] for at in range(0, len(content), 80))
    for card in {card for card in cards if card.startswith(f"{key:8s}=".encode())}:
        content = content.replace(card, f"{key:8s}= {text:>20s}".ljust(80).encode())
    path.write_bytes(content)
    frame = read(path)
    assert frame.status in ("unreadable", "wrong_shape")
    assert key in frame.reason


def test_gzipped_frames_are_read(builder, tmp_path):
    path = builder.write(0)
    zipped = tmp_path / f"{path.name}.gz"
    with open(path, "rb") as plain, gzip.open(zipped, "wb") as packed:
        shutil.copyfileobj(plain, packed)
    assert read(zipped) == replace(read(path), name=zipped.name, path=str(zipped))


@pytest.mark.parametrize(
    ("keys", "status", "words"),
    [
        ({"CCD": 2}, "other_ccd", "header says camera 1, CCD 2, its name 1, 4"),
        ({"CAMERA": None}, "unreadable", "CAMERA is missing"),
        ({"NREADOUT": 500}, "unreadable", "disagree about the number of readouts"),
        ({"DQUALITY": -1}, "unreadable", "DQUALITY is -1"),
        ({"BARYCORR": "none"}, "unreadable", "BARYCORR is 'none'"),
        ({"BARYCORR": 3.0}, "unreadable", "BARYCORR is 3.0, expected -0.006 to 0.006 d"),
        ({"BARYCORR": 1e-3 + 1e-3j}, "unreadable", "BARYCORR is (0.001+0.001j), expected"),
        ({"CAMERA": 1 + 2j}, "unreadable", "CAMERA is (1+2j), expected 1 to 4"),
        ({"INT_TIME": 1e30}, "unreadable", "INT_TIME is 1e+30, expected 1.9 to 2 s"),
        ({"GAINA": 1e30}, "unreadable", "GAINA is 1e+30, expected 1 to 20 e-/ADU"),
        ({"BUNIT": "ADU"}, "unreadable", "BUNIT is 'ADU', expected e-/s"),
        ({"TIMESYS": "UTC"}, "unreadable", "TIMESYS is 'UTC', expected TDB"),
        ({"BJDREFI": 2400000}, "unreadable", "TSTART is 1325"),
        ({"BJDREFF": "x", "BJDREFI": 2457000}, "unreadable", "BJDREFF is 'x', expected -1 to 1 d"),
        ({"A_ORDER": 10**9}, "ok", "has no WCS that can be used"),
        ({"CRVAL1": 1 + 2j}, "ok", "has no WCS that can be used"),
        ({"CD1_1": "x"}, "ok", "has no WCS that can be used"),
    ],
)
def test_what_is_wrong_becomes_the_status(builder, keys, status, words):
    frame = read(builder.write(0, **keys))
    assert frame.status == status
    assert words in frame.reason


@pytest.mark.parametrize("bytes_left", [0, 100, 10000, 60000])
def test_damaged_files_are_unreadable(builder, bytes_left):
    path = builder.write(0)
    path.write_bytes(path.read_bytes()[:bytes_left])
    frame = read(path)
    assert frame.status == "unreadable"
    assert frame.reason


@pytest.mark.parametrize(
    ("card", "damaged", "status"),
    [
        (b"BITPIX  =                  -32", b"BITPIX  =                     ", "unreadable"),
        (b"A_ORDER ", b"A_ORDER?", "ok"),
    ],
)
def test_a_damaged_header_is_a_status_not_an_exception(builder, card, damaged, status):
    path = builder.write(0)
    path.write_bytes(path.read_bytes().replace(card, damaged))
    assert read(path).status == status


def test_other_files_are_told_as_such(builder):
    path = builder.write(0)
    path.write_bytes(b"<html>503</html>")
    assert read(path).reason.startswith("is no FITS file (16 bytes)")


def test_cut_frames_are_refused(builder):
    frame = read(builder.write(0, image=np.ones((96, 140), dtype=np.float32)))
    assert frame.status == "wrong_shape"
    assert "has 96 rows and 140 columns, expected 126 and 184" in frame.reason


@pytest.mark.parametrize("keys", [{"CTYPE1": None}, {"CRVAL1": None}, {"CRPIX2": "x"}])
def test_a_frame_without_wcs_is_still_a_frame(builder, keys):
    frame = read(builder.write(0, **keys))
    assert (frame.status, frame.wcs) == ("ok", "")


def test_a_wcs_that_does_not_invert_is_told(builder):
    assert "come back" in wcs_problem(read(builder.write(0, A_2_0=0.02, A_1_1=0.02)).wcs, AREA)
    assert wcs_problem(read(builder.write(0, CD1_1=0.0, CD1_2=0.0)).wcs, AREA)
    assert "arcsec" in wcs_problem(read(builder.write(0, CD1_1=-0.5, CD2_2=-0.5)).wcs, AREA)


def test_the_plan_reads_one_header_of_each_ccd_and_passes_over_bad_ones(builder):
    for number in range(4):
        builder.write(number)
    builder.path(0).write_bytes(b"nothing")
    (region,) = inspect_ffis(builder.folder, AREA)
    assert region.region == "sector001_camera1_ccd4"
    assert (region.pointing.datasource, region.pointing.data_rel, region.exposure.cadence_s) == ("ffi", 1, 1800)
    assert [path.name for path in region.paths] == [builder.path(number).name for number in range(4)]


def test_sectors_of_four_digits(tmp_path):
    builder = FfiBuilder(tmp_path, sector=1751)
    for number in range(2):
        builder.write(number)
    (region,) = inspect_ffis(tmp_path, AREA)
    assert (region.region, region.pointing.sector) == ("sector1751_camera1_ccd4", 1751)
    assert re.fullmatch(region_pattern(whole_ccd=True), region.region)


def test_a_folder_of_wrong_frames_stops_with_what_is_wrong_with_the_first(builder):
    for number in range(3):
        builder.write(number, image=np.ones((96, 140), dtype=np.float32))
    with pytest.raises(InputFileError, match="no whole frame") as caught:
        inspect_ffis(builder.folder, AREA)
    assert caught.value.path == builder.folder
    assert "none of the frames of sector 1, camera 1, CCD 4 that were tried can be used (3 files" in str(caught.value)
    assert f"the first is {builder.path(0)}: its image has 96 rows" in str(caught.value)


def test_a_ccd_without_a_good_frame_does_not_stop_the_others(builder, caplog):
    """It is planned, and its own job says what is wrong."""
    stray = FfiBuilder(builder.folder, ccd=1)
    for number in range(3):
        builder.write(number)
        stray.write(number, image=np.ones((96, 140), dtype=np.float32))
    bad, good = inspect_ffis(builder.folder, AREA)
    assert (bad.region, good.region) == ("sector001_camera1_ccd1", "sector001_camera1_ccd4")
    assert (bad.pointing.camera, bad.pointing.ccd, bad.exposure) == (1, 1, good.exposure)
    words = "none of the frames of sector 1, camera 1, CCD 1 that were tried can be used (3 files, the first is "
    assert words in caplog.text
    assert "other CCDs go on with --keep-going" in caplog.text
    with pytest.raises(InputFileError, match=r"sector 1, camera 1, CCD 1: 0 of 3 frames can be used; .*no whole frame"):
        make_frames(bad.paths, bad.pointing, bad.exposure, area=AREA)


def test_a_stray_frame_of_another_ccd_is_left_out(builder, caplog):
    for number in range(2):
        builder.write(number)
    FfiBuilder(builder.folder, ccd=1).write(0)
    (region,) = inspect_ffis(builder.folder, AREA)
    assert region.pointing.ccd == 4
    assert "one frame of sector 1, camera 1, CCD 1 is left out" in caplog.text
    for number in range(2):
        builder.path(number).unlink()
    with pytest.raises(InputFileError, match="not more than one frame of any CCD"):
        inspect_ffis(builder.folder, AREA)


def test_folders_without_frames_stop(tmp_path):
    (tmp_path / "stars.fits").touch()
    with pytest.raises(InputFileError, match=r"no full-frame images in this folder \(1 other FITS files\)"):
        inspect_ffis(tmp_path)
    (tmp_path / "hlsp_tica_tess_ffi_s0027-o1-00116470-cam1-ccd1_tess_v01_img.fits").touch()
    with pytest.raises(InputFileError, match="TICA images are not in e-/s"):
        inspect_ffis(tmp_path)
    with pytest.raises(InputFileError, match="no such folder"):
        inspect_ffis(tmp_path / "nowhere")


def test_links_that_lead_nowhere_are_unreadable_frames(builder):
    builder.write(0)
    builder.path(1).symlink_to("nowhere")
    builder.write(2)
    (region,) = inspect_ffis(builder.folder, AREA)
    assert len(region.paths) == 3
    assert len(listing_digest(region.paths)) == 16
    assert "cannot be read (No such file" in read(builder.path(1)).reason


def test_linked_folders_are_searched_once(builder, tmp_path):
    for number in range(3):
        builder.write(number)
    (tmp_path / "tess00-s0001-1_tp.fits").touch()
    links = tmp_path / "links"
    links.mkdir()
    (links / "sector").symlink_to(builder.folder)
    (links / "again").symlink_to(builder.folder)
    (links / "above").symlink_to(tmp_path)
    (builder.folder / "loop").symlink_to(links)
    (region,) = inspect_ffis(links, AREA)
    assert sorted(path.name for path in region.paths) == [builder.path(number).name for number in range(3)]
    assert [path.name for path in target_pixel_files(links, 1)] == ["tess00-s0001-1_tp.fits"]


def test_the_listing_tells_when_frames_change(builder):
    paths = tuple(builder.write(number) for number in range(2))
    before = listing_digest(paths)
    assert listing_digest(paths) == before
    assert listing_digest(paths[:1]) != before
    paths[0].write_bytes(b"other")
    assert listing_digest(paths) != before


@pytest.mark.realdata
def test_the_real_header_parses_and_its_cut_image_is_refused(tess_data):
    name = parse_name(tess_data / REAL)
    frame = read_frame(name)
    assert frame.status == "wrong_shape"
    with pytest.raises(
        InputFileError, match="has 128 rows and 173 columns, expected 2078 and 2136: it is no whole frame"
    ):
        inspect_frame(name)
    assert full_shape() == (2078, 2136)


@pytest.mark.realdata
def test_the_real_wcs_is_kept(tess_data, monkeypatch):
    monkeypatch.setattr("photometry.io.ffi.ffi_headers.full_shape", lambda _: (128, 173))
    frame, pointing = inspect_frame(parse_name(tess_data / REAL), Stamp(0, 128, 44, 172))
    assert (frame.index, pointing.sector, pointing.camera, pointing.ccd) == (4697, 1, 1, 4)
    assert frame.exposure.read_noise_e[3] == pytest.approx(9.1685991)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FITSFixedWarning)
        original = WCS(fits.getheader(tess_data / REAL, 1))
    columns, rows = (axis.ravel() for axis in np.meshgrid(np.linspace(44, 2091, 9), np.linspace(0, 2047, 9)))
    found = WCS(frame.wcs).all_world2pix(*original.all_pix2world(columns, rows, 0), 0, tolerance=1e-8)
    np.testing.assert_allclose(found, [columns, rows], atol=1e-6)
