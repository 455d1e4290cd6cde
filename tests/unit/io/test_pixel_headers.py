"""What the headers of pixel files say, and every way in which they can be wrong."""

import gzip
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from pixel_file_builder import cutout, tpf

from photometry.core.errors import InputFileError
from photometry.core.geometry import Stamp
from photometry.io.pixels.pixel_files import inspect_pixel_file


def test_cutout_headers(tmp_path):
    file = inspect_pixel_file(cutout().write(tmp_path / "a.fits"), "tesscut")
    assert file.region == "tesscut_sector005_camera2_ccd3_ra84.0000_dec-80.0000_r0300_c0700_5x7"
    assert file.stamp == Stamp(300, 305, 700, 707)
    assert file.n_cadence == 6
    pointing, exposure = file.pointing, file.exposure
    assert (pointing.sector, pointing.camera, pointing.ccd, pointing.data_rel) == (5, 2, 3, 7)
    assert pointing.starid == 0
    assert (exposure.cadence_s, exposure.num_readouts) == (1800, 720)
    assert exposure.exposure_s == pytest.approx(1425.6)
    assert exposure.read_noise_e == (10.0, 11.0, 12.0, 13.0)


def test_tpf_headers(tmp_path):
    file = inspect_pixel_file(tpf().write(tmp_path / "a.fits"), "tpf")
    assert file.region == "tpf_sector005_camera2_ccd3_00000001234_c0120"
    assert file.pointing.starid == 1234
    assert (file.exposure.cadence_s, file.exposure.num_readouts) == (120, 48)
    assert file.exposure.exposure_s == pytest.approx(95.04)


@pytest.mark.parametrize("with_aperture", [True, False])
def test_wcs_is_in_ccd_pixels(tmp_path, with_aperture):
    file = inspect_pixel_file(cutout(with_aperture=with_aperture).write(tmp_path / "a.fits"), "tesscut")
    assert len(file.wcs_header) % 80 == 0
    column, row = WCS(file.wcs_header).all_world2pix(84.0, -80.0, 0)
    assert (row, column) == pytest.approx(file.stamp.center, abs=1e-6)


def test_distortion_is_kept(tmp_path):
    sip = {"CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP", "CRVAL1": 84.3}
    path = cutout(wcs=sip).write(tmp_path / "a.fits")
    with fits.open(path, mode="update") as hdus:
        for key, value in {"A_ORDER": 2, "B_ORDER": 2, "A_2_0": 1e-5, "B_0_2": 2e-5}.items():
            hdus["APERTURE"].header[key] = value
    file = inspect_pixel_file(path, "tesscut")
    assert WCS(file.wcs_header).sip.a[2, 0] == 1e-5
    assert WCS(file.wcs_header).sip.b[0, 2] == 2e-5


def test_region_names_differ_and_are_safe(tmp_path):
    builder = cutout()
    paths = [
        builder.write(tmp_path / "a.fits"),
        replace(builder, first=(301, 702)).write(tmp_path / "b.fits"),
        replace(builder, primary={"SECTOR": 6}).write(tmp_path / "c.fits"),
    ]
    names = [inspect_pixel_file(path, "tesscut").region for path in paths]
    assert len(set(names)) == 3
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789._+-") for name in names)


def test_gzipped_file_gives_the_same(tmp_path):
    plain = inspect_pixel_file(cutout().write(tmp_path / "a.fits"), "tesscut")
    zipped = inspect_pixel_file(cutout().write(tmp_path / "a.fits.gz"), "tesscut")
    assert replace(zipped, path=plain.path) == plain


def test_cutout_without_position_has_no_position_in_its_name(tmp_path):
    path = cutout(primary={"RA_OBJ": None, "DEC_OBJ": None}).write(tmp_path / "a.fits")
    assert inspect_pixel_file(path, "tesscut").region == "tesscut_sector005_camera2_ccd3_r0300_c0700_5x7"


# Wrong headers


@pytest.mark.parametrize(
    ("primary", "message"),
    [
        ({"SECTOR": ""}, "header key SECTOR is missing or blank"),
        ({"SECTOR": None}, "header key SECTOR is missing or blank"),
        ({"CAMERA": 5}, "header key CAMERA is 5, expected 1 to 4"),
        ({"CCD": 0}, "header key CCD is 0, expected 1 to 4"),
        ({"CCD": "x"}, "header key CCD is 'x', expected 1 to 4"),
        ({"RA_OBJ": 85.0}, "its WCS is wrong: it places RA_OBJ, DEC_OBJ = 85.0, -80.0 at row"),
        ({"DEC_OBJ": 80.0}, "its WCS is wrong"),
        ({"DEC_OBJ": "abc"}, "header key DEC_OBJ is 'abc', expected -90 to 90 deg"),
        ({"DEC_OBJ": 91.0}, "header key DEC_OBJ is 91.0, expected -90 to 90 deg"),
        ({"RA_OBJ": 1e30}, r"header key RA_OBJ is 1e\+30, expected -360 to 360 deg"),
        ({"RA_OBJ": 1 + 2j}, r"header key RA_OBJ is \(1\+2j\), expected -360 to 360 deg"),
        ({"CAMERA": 1 + 2j}, r"header key CAMERA is \(1\+2j\), expected 1 to 4"),
        ({"DATA_REL": "x"}, "header key DATA_REL is 'x', expected 0 to 9999"),
    ],
)
def test_wrong_pointing(tmp_path, primary, message):
    path = cutout(primary=primary).write(tmp_path / "a.fits")
    with pytest.raises(InputFileError, match=message):
        inspect_pixel_file(path, "tesscut")


@pytest.mark.parametrize(
    ("wcs", "message"),
    [
        ({"CTYPE1": None, "CTYPE2": None}, "has no celestial WCS"),
        ({"CTYPE1": "LINEAR", "CTYPE2": "LINEAR"}, "has no celestial WCS .*LINEAR"),
        ({"CRVAL1": None}, "its WCS lacks CRVAL1"),
        ({"PC1_1": 0.0, "PC1_2": 0.0, "PC2_1": 0.0, "PC2_2": 0.0}, "its WCS cannot be used"),
        ({"CDELT1": 0.01, "CDELT2": 0.01}, r"its WCS has pixels of 0.21 x 0.21 arcsec, expected about 21"),
        ({"CRVAL1P": 119, "CRVAL2P": -856}, "CRVAL1P, CRVAL2P = 119, -856 place the pixels outside the CCD"),
        ({"CRVAL1P": 3000}, "place the pixels outside the CCD"),
        ({"CRPIX1P": "x"}, "header key CRPIX1P is 'x', which is no part of a WCS"),
        ({"CRVAL1P": 1 + 2j}, r"header key CRVAL1P is \(1\+2j\), which is no part of a WCS"),
        ({"CRVAL1": "x"}, "header key CRVAL1 is 'x', which is no part of a WCS"),
        ({"CTYPE1": 3}, "header key CTYPE1 is 3, which is no part of a WCS"),
        ({"PC1_1": "x"}, "header key PC1_1 is 'x', which is no part of a WCS"),
        ({"CRVAL2P": None}, "header key CRVAL2P .* expected the CCD row of the first pixel"),
    ],
)
def test_wrong_wcs(tmp_path, wcs, message):
    path = cutout(wcs=wcs).write(tmp_path / "a.fits")
    with pytest.raises(InputFileError, match=message):
        inspect_pixel_file(path, "tesscut")


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"TIMEDEL": None, "NUM_FRM": None}, "TIMEDEL and NUM_FRM are missing"),
        ({"TIMEDEL": 0.0}, "header key TIMEDEL is 0.0, expected a number above zero"),
        ({"TIMEDEL": 0.01}, "TIMEDEL gives a cadence of 864 s, expected one of 20, 120, 200, 600, 1800 s"),
        ({"NUM_FRM": 300}, "header keys disagree: NUM_FRM = 300 frames of 2 s, TIMEDEL says 1800 s"),
        ({"EXPOSURE": None, "NUM_FRM": None}, "header keys NREADOUT, EXPOSURE, or NUM_FRM, CRMITEN and CRBLKSZ, are"),
        ({"EXPOSURE": 0.01}, "header keys disagree about the number of readouts .*EXPOSURE/INT_TIME: 436"),
        ({"EXPOSURE": -1.0}, "header key EXPOSURE is -1.0, expected a number above zero"),
        ({"NREADOUT": 900}, "disagree about the number of readouts"),
        ({"INT_TIME": "two"}, "header key INT_TIME is 'two'"),
        ({"INT_TIME": 1e30}, r"header key INT_TIME is 1e\+30, expected 1.9 to 2 s"),
        ({"INT_TIME": 1e-30}, "header key INT_TIME is 1e-30, expected 1.9 to 2 s"),
        ({"INT_TIME": True}, "header key INT_TIME is True, expected a number above zero"),
        ({"INT_TIME": 1 + 2j}, r"header key INT_TIME is \(1\+2j\), expected a number above zero"),
        ({"FRAMETIM": 4.0}, "header key FRAMETIM is 4.0, expected 1.99 to 2.01 s"),
        ({"NREADOUT": 9, "EXPOSURE": None}, "9 readouts expose only 17.82 s of a cadence of 1800 s"),
        ({"NREADOUT": 1e30, "EXPOSURE": None}, "readouts do not fit into a cadence of 1800 s"),
        ({"CRBLKSZ": 2}, "header key CRBLKSZ is 2, expected 3 to 1000 readouts"),
        ({"TIMEDEL": 1e30}, "TIMEDEL gives a cadence of 8.64e.34 s, expected one of"),
        ({"GAINB": 1e30}, r"header key GAINB is 1e\+30, expected 1 to 20 e-/ADU"),
        ({"GAINB": 0.01}, r"header key GAINB is 0.01, expected 1 to 20 e-/ADU"),
        ({"READNOIA": 1e6}, "header key READNOIA is 1000000.0, expected 1 to 100 e-"),
        ({"TUNIT4": "ADU"}, "header key TUNIT4 is 'ADU', expected e-/s; fetch calibrated pixels"),
        ({"TUNIT4": "electrons"}, "header key TUNIT4 is 'electrons', expected e-/s"),
    ],
)
def test_wrong_physics(tmp_path, keys, message):
    path = cutout(keys=keys).write(tmp_path / "a.fits")
    with pytest.raises(InputFileError, match=message):
        inspect_pixel_file(path, "tesscut")


@pytest.mark.parametrize("unit", ["e-/s", "electrons/s", "electron / s", "e- s-1", "electron s^-1", "e-/sec", "E-/S"])
def test_units_that_are_electrons_per_second(tmp_path, unit):
    assert inspect_pixel_file(cutout(keys={"TUNIT4": unit}).write(tmp_path / "a.fits"), "tesscut").n_cadence == 6


def overwritten(path, key, text):
    """Put the text of a value into a card, which astropy would not write."""
    content = path.read_bytes()
    card = next(
        content[at : at + 80] for at in range(0, len(content), 80) if content[at : at + 8] == key.ljust(8).encode()
    )
    path.write_bytes(content.replace(card, f"{key:8s}= {text:>20s}".ljust(80).encode(), 1))


@pytest.mark.parametrize("text", ["1E400", "-1E400"])
@pytest.mark.parametrize("key", ["CAMERA", "SECTOR", "DEC_OBJ", "INT_TIME", "TFIELDS", "TTYPE7", "NAXIS2", "CRVAL1P"])
def test_numbers_that_are_infinite_are_named(tmp_path, key, text):
    path = cutout(checksum=False).write(tmp_path / "a.fits")
    overwritten(path, key, text)
    with pytest.raises(InputFileError, match=r"a\.fits: ") as error:
        inspect_pixel_file(path, "tesscut")
    assert key in str(error.value)


@pytest.mark.parametrize("text", ["2457000", "1E30", "999999999999999999"])
@pytest.mark.parametrize("key", ["NAXIS", "TFIELDS"])
@pytest.mark.parametrize("ending", [".fits", ".fits.gz"])
def test_counts_without_end_are_refused_at_once(tmp_path, key, text, ending):
    path = cutout(checksum=False).write(tmp_path / "a.fits")
    overwritten(path, key, text)
    if ending.endswith("gz"):
        path = tmp_path / "a.fits.gz"
        path.write_bytes(gzip.compress((tmp_path / "a.fits").read_bytes()))
    start = time.perf_counter()
    with pytest.raises(
        InputFileError, match=rf"a\{ending}: cannot be read as FITS \(header key {key} is .*, expected 0 to 999"
    ):
        inspect_pixel_file(path, "tesscut")
    assert time.perf_counter() - start < 5


def test_a_gzipped_file_that_unpacks_to_gigabytes_is_refused_early(tmp_path):
    whole = cutout().write(tmp_path / "a.fits").read_bytes()
    (tmp_path / "a.fits.gz").write_bytes(gzip.compress(whole) + gzip.compress(bytes(1 << 24)) * 64)
    with pytest.raises(InputFileError, match=r"a\.fits\.gz: unpacks to more than \d+ MB, too much for its size"):
        inspect_pixel_file(tmp_path / "a.fits.gz", "tesscut")


@pytest.mark.parametrize("shape", ["(7000,5)", "(0,5)", "(-7,5)", "(7,100000000000)"])
def test_shapes_that_are_no_part_of_a_ccd(tmp_path, shape):
    path = cutout(checksum=False).write(tmp_path / "a.fits")
    overwritten(path, "TDIM4", f"'{shape}'")
    with pytest.raises(InputFileError, match=r"a\.fits: FLUX has the shape .*: no part of a CCD"):
        inspect_pixel_file(path, "tesscut")


@pytest.mark.parametrize(("key", "value"), [("A_ORDER", 10**9), ("BP_ORDER", -1), ("A_2_0", "x"), ("A_ORDER", 2.5)])
def test_distortions_that_are_none(tmp_path, key, value):
    path = cutout(wcs={"CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP"}).write(tmp_path / "a.fits")
    fits.setval(path, key, value=value, extname="APERTURE")
    with pytest.raises(InputFileError, match=rf"a\.fits: header key {key} is {value!r}, which is no part of a WCS"):
        inspect_pixel_file(path, "tesscut")


def test_tpf_without_readouts(tmp_path):
    path = tpf(keys={"NREADOUT": None, "NUM_FRM": None}).write(tmp_path / "a.fits")
    with pytest.raises(InputFileError, match=r"header keys NREADOUT, or NUM_FRM, CRMITEN and CRBLKSZ, are missing"):
        inspect_pixel_file(path, "tpf")


@pytest.mark.parametrize(
    ("keys", "cadence", "readouts"),
    [
        ({"TIMEDEL": None}, 1800, 720),
        ({"EXPOSURE": None}, 1800, 720),
        ({"INT_TIME": None}, 1800, 720),
        ({"EXPOSURE": None, "CRMITEN": False}, 1800, 900),
        ({"NUM_FRM": None}, 1800, 720),
        ({"TIMEDEL": 20 / 86400, "NUM_FRM": 10, "NREADOUT": 10, "EXPOSURE": None}, 20, 10),
        ({"TIMEDEL": 200 / 86400, "NUM_FRM": 100, "EXPOSURE": 80 * 1.98 / 86400}, 200, 80),
    ],
)
def test_physics_from_what_there_is(tmp_path, keys, cadence, readouts):
    exposure = inspect_pixel_file(cutout(keys=keys).write(tmp_path / "a.fits"), "tesscut").exposure
    assert (exposure.cadence_s, exposure.num_readouts) == (cadence, readouts)
    assert exposure.exposure_s == pytest.approx(1.98 * readouts)


def test_output_that_is_not_needed_may_be_missing(tmp_path):
    path = cutout(keys={"READNOIA": None}).write(tmp_path / "a.fits")
    read_noise = inspect_pixel_file(path, "tesscut").exposure.read_noise_e
    assert np.isnan(read_noise[0])
    assert read_noise[1:] == (11.0, 12.0, 13.0)


def test_only_output_counts_for_all(tmp_path, caplog):
    keys = {f"READNOI{name}": None for name in "BCD"}
    path = cutout(keys=keys).write(tmp_path / "a.fits")
    assert inspect_pixel_file(path, "tesscut").exposure.read_noise_e == (10.0,) * 4
    assert "READNOIA counts for the outputs of all pixels" in caplog.text


def test_one_cadence(tmp_path):
    path = cutout(shape=(1, 5, 7)).write(tmp_path / "a.fits")
    with pytest.raises(InputFileError, match=r"has 1 cadence; a light curve needs at least 2"):
        inspect_pixel_file(path, "tesscut")


def test_data_release_may_be_missing(tmp_path):
    path = cutout(primary={"DATA_REL": None, "PROCVER": None}).write(tmp_path / "a.fits")
    pointing = inspect_pixel_file(path, "tesscut").pointing
    assert (pointing.data_rel, pointing.procver) == (0, "")


def test_inspection_imports_little():
    heavy = "{'pandas', 'scipy', 'h5py', 'matplotlib'}"
    code = f"import sys, photometry.io.pixels.pixel_files; print({heavy} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"
