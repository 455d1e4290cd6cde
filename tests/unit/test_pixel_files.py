"""Finding and inspecting pixel files, and every way in which they can be wrong."""

import gzip
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from pixel_file_builder import PixelFileBuilder

from photometry.errors import ConfigError, InputFileError
from photometry.geometry import Stamp
from photometry.io.pixel_files import find_pixel_files, inspect_pixel_file, inspect_pixel_files, read_pixels


def cutout(**changes):
    return PixelFileBuilder(**changes)


def tpf(**changes):
    return PixelFileBuilder(kind="tpf", **changes)


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


# Finding


def test_folder_is_searched_for_the_kind(tmp_path):
    (tmp_path / "sub").mkdir()
    first = cutout().write(tmp_path / "sub" / "x_astrocut.fits")
    second = tpf().write(tmp_path / "y_tp.fits.gz")
    fits.PrimaryHDU().writeto(tmp_path / "other.fits")
    (tmp_path / "notes.txt").write_text("no pixels")
    assert find_pixel_files(tmp_path, "tesscut") == [first]
    assert find_pixel_files(tmp_path, "tpf") == [second]
    assert [file.path for file in inspect_pixel_files(tmp_path, "tpf")] == [second]
    assert find_pixel_files(first, "tesscut") == [first]


def test_folder_without_matching_files(tmp_path):
    tpf().write(tmp_path / "a.fits")
    with pytest.raises(InputFileError, match=r"no TESScut file in this folder \(1 other FITS files\); correct the key"):
        find_pixel_files(tmp_path, "tesscut")


def test_missing_path(tmp_path):
    with pytest.raises(InputFileError, match=r"nothing: no such file or folder; correct the key 'input'"):
        find_pixel_files(tmp_path / "nothing", "tesscut")


def test_damaged_file_in_a_folder_is_not_passed_over(tmp_path):
    cutout().write(tmp_path / "a.fits")
    (tmp_path / "b.fits").write_bytes(b"something else")
    with pytest.raises(InputFileError, match=r"b.fits: cannot be read as FITS"):
        find_pixel_files(tmp_path, "tesscut")


def test_same_region_twice(tmp_path):
    cutout().write(tmp_path / "a.fits")
    cutout().write(tmp_path / "b.fits")
    with pytest.raises(InputFileError, match=r"b.fits: has the same pixels of the same sector as .*a.fits; remove one"):
        inspect_pixel_files(tmp_path, "tesscut")


def test_unknown_datasource(tmp_path):
    with pytest.raises(ConfigError, match=r"datasource is 'ffy', expected one of tesscut, tpf"):
        find_pixel_files(tmp_path, "ffy")
    with pytest.raises(ConfigError, match=r"datasource is 'ffy'"):
        read_pixels(tmp_path, "ffy")


# Damage


def test_file_cut_at_half_its_bytes(tmp_path):
    path = cutout(shape=(400, 5, 7)).write(tmp_path / "a.fits")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputFileError, match=r"a.fits: is truncated.*fetch it again"):
        inspect_pixel_file(path, "tesscut")


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.8, 0.95])
def test_cut_anywhere_is_refused(tmp_path, share):
    path = tpf().write(tmp_path / "a.fits")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(InputFileError, match=r"a.fits: .*(truncated|cannot be read|no table PIXELS|no image APERTURE)"):
        read_pixels(path, "tpf")


def test_truncated_gzip(tmp_path):
    path = cutout().write(tmp_path / "a.fits.gz")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputFileError, match=r"a.fits.gz: is truncated or damaged \(.*fetch it again"):
        inspect_pixel_file(path, "tesscut")


def test_damaged_gzip(tmp_path):
    path = cutout().write(tmp_path / "a.fits")
    content = bytearray(gzip.compress(path.read_bytes()))
    content[-6] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputFileError, match=r"is truncated or damaged \(CRC"):
        inspect_pixel_file(path, "tesscut")


@pytest.mark.parametrize("kind", ["tesscut", "tpf"])
def test_flipped_byte_in_the_table(tmp_path, kind):
    path = PixelFileBuilder(kind=kind).write(tmp_path / "a.fits")
    with fits.open(path) as hdus:
        position = hdus["PIXELS"].fileinfo()["datLoc"] + 333
    content = bytearray(path.read_bytes())
    content[position] ^= 64
    path.write_bytes(content)
    with pytest.raises(InputFileError, match=r"the data of HDU PIXELS disagree with the checksum.*fetch it again"):
        read_pixels(path, kind)


def test_flipped_byte_in_a_header(tmp_path):
    path = cutout().write(tmp_path / "a.fits")
    content = path.read_bytes().replace(b"READNOIA=                 10.0", b"READNOIA=                 18.0")
    path.write_bytes(content)
    with pytest.raises(InputFileError, match=r"the header of HDU PIXELS disagree with the checksum"):
        read_pixels(path, "tesscut")


def test_unparsable_card(tmp_path):
    path = cutout().write(tmp_path / "a.fits")
    content = path.read_bytes()
    assert b"NUM_FRM =                  900" in content
    path.write_bytes(content.replace(b"NUM_FRM =                  900", b"NUM_FRM =                  9{0"))
    with pytest.raises(InputFileError, match=r"a.fits: has a damaged header \(.*NUM_FRM"):
        inspect_pixel_file(path, "tesscut")


def test_excerpt_with_stale_checksums_is_read(tmp_path, caplog):
    path = cutout().write(tmp_path / "a.fits")
    with fits.open(path) as hdus:
        cards = {key: hdus["PIXELS"].header[key] for key in ("CHECKSUM", "DATASUM")}
        hdus["PIXELS"].data["FLUX"][0] += 1
        hdus["PIXELS"].header["COMMENT"] = "first cadences"
        hdus["PIXELS"].header.update(cards)
        hdus["PIXELS"]._output_checksum = False
        hdus.writeto(tmp_path / "b.fits")
    content = (tmp_path / "b.fits").read_bytes()
    for key, value in cards.items():
        assert f"{key:8s}= '{value}".encode() in content
    read_pixels(tmp_path / "b.fits", "tesscut")
    assert "CHECKSUM and DATASUM of HDU PIXELS are out of date" in caplog.text


def test_empty_file(tmp_path):
    (tmp_path / "a.fits").write_bytes(b"")
    with pytest.raises(InputFileError, match=r"a.fits: cannot be read as FITS"):
        inspect_pixel_file(tmp_path / "a.fits", "tesscut")


def test_missing_file(tmp_path):
    with pytest.raises(InputFileError, match=r"a.fits: no such file"):
        inspect_pixel_file(tmp_path / "a.fits", "tesscut")


# Wrong kind


def test_fits_without_pixels(tmp_path):
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(np.zeros((3, 3)), name="SCI")]).writeto(tmp_path / "a.fits")
    with pytest.raises(
        InputFileError, match=r"is no TESScut or target pixel file: it has no table PIXELS, only PRIMARY, SCI"
    ):
        inspect_pixel_file(tmp_path / "a.fits", "tesscut")


def test_table_without_columns(tmp_path):
    path = cutout(without=("FLUX_ERR", "QUALITY")).write(tmp_path / "a.fits")
    with pytest.raises(InputFileError, match=r"is no TESScut file: its table PIXELS lacks FLUX_ERR, QUALITY"):
        inspect_pixel_file(path, "tesscut")


def test_kinds_mixed_up(tmp_path):
    with pytest.raises(
        InputFileError, match=r"is a target pixel file \(TPF\), not a TESScut file; set datasource: tpf"
    ):
        inspect_pixel_file(tpf().write(tmp_path / "a.fits"), "tesscut")
    with pytest.raises(InputFileError, match=r"is a TESScut file, not a target pixel file .*; set datasource: tesscut"):
        inspect_pixel_file(cutout().write(tmp_path / "b.fits"), "tpf")


def test_neither_kind(tmp_path):
    path = cutout(primary={"CREATOR": "somebody"}).write(tmp_path / "a.fits")
    with pytest.raises(InputFileError, match=r"is no TESScut or target pixel file: no column FFI_FILE"):
        inspect_pixel_file(path, "tesscut")


def test_tica_cutout(tmp_path):
    path = cutout(primary={"FFI_TYPE": "TICA"}).write(tmp_path / "a.fits")
    with pytest.raises(InputFileError, match=r"is cut from TICA images, which are not in e-/s"):
        inspect_pixel_file(path, "tesscut")


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
        ({"READNOIB": 0.0}, "header key READNOIB is 0.0"),
        ({"READNOIB": None}, "header key READNOIB is missing: pixels lie on that output"),
        ({f"GAIN{name}": None for name in "ABCD"}, "header keys GAINA to GAIND are missing"),
    ],
)
def test_wrong_physics(tmp_path, keys, message):
    path = cutout(keys=keys).write(tmp_path / "a.fits")
    with pytest.raises(InputFileError, match=message):
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
    with pytest.raises(InputFileError, match=r"has 1 cadence\(s\); a light curve needs at least 2"):
        inspect_pixel_file(path, "tesscut")


def test_data_release_may_be_missing(tmp_path):
    path = cutout(primary={"DATA_REL": None, "PROCVER": None}).write(tmp_path / "a.fits")
    pointing = inspect_pixel_file(path, "tesscut").pointing
    assert (pointing.data_rel, pointing.procver) == (0, "")


def test_inspection_imports_little():
    code = "import sys, photometry.io.pixel_files; print({'pandas', 'scipy', 'h5py', 'matplotlib'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"


# Real files


@pytest.mark.realdata
def test_real_files(tess_data):
    (cut,) = tess_data.glob("tesscut/*_6x6_astrocut.fits")
    file = inspect_pixel_file(cut, "tesscut")
    assert file.stamp == Stamp(256, 262, 1627, 1633)
    assert file.region == "tesscut_sector001_camera4_ccd2_ra84.2912_dec-80.4692_r0256_c1627_6x6"
    assert (file.exposure.num_readouts, file.n_cadence) == (720, 50)
    regions = [file.region for file in inspect_pixel_files(tess_data / "tpf", "tpf")]
    assert sorted(regions) == [
        "tpf_sector001_camera4_ccd1_00025155310_c0120",
        "tpf_sector015_camera2_ccd3_00273589987_c0120",
    ]


@pytest.mark.realdata
def test_real_cutout_without_sector(tess_data):
    (cut,) = tess_data.glob("tesscut/*_5x5_astrocut.fits")
    with pytest.raises(InputFileError, match=r"header key SECTOR is missing or blank"):
        inspect_pixel_file(cut, "tesscut")


@pytest.mark.realdata
def test_real_light_curve_is_no_pixel_file(tess_data):
    with pytest.raises(InputFileError, match=r"has no table PIXELS, only PRIMARY, LIGHTCURVE"):
        inspect_pixel_file(tess_data / "tpf" / "lcf1.fits", "tpf")
