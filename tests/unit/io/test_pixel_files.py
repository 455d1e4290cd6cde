"""Finding pixel files, and files that are damaged or of another kind."""

import gzip
from itertools import product

import numpy as np
import pytest
from astropy.io import fits
from pixel_file_builder import PixelFileBuilder, cutout, tpf

from photometry.core.errors import ConfigError, InputFileError
from photometry.core.geometry import Stamp
from photometry.io.ffi.ffi_files import find_ffis
from photometry.io.pixels.pixel_files import inspect_pixel_file, inspect_pixel_files, inspect_usable_files
from photometry.io.pixels.pixel_readers import read_pixels

# Finding


def test_folder_is_searched_for_the_kind(tmp_path):
    (tmp_path / "sub").mkdir()
    first = cutout().write(tmp_path / "sub" / "x_astrocut.fits")
    second = tpf().write(tmp_path / "y_tp.fits.gz")
    fits.PrimaryHDU().writeto(tmp_path / "other.fits")
    (tmp_path / "notes.txt").write_text("no pixels")
    for path, kind, expected in ((tmp_path, "tesscut", first), (tmp_path, "tpf", second), (first, "tesscut", first)):
        assert [file.path for file in inspect_pixel_files(path, kind)] == [expected]


def test_folder_without_matching_files(tmp_path):
    tpf().write(tmp_path / "a.fits")
    with pytest.raises(InputFileError, match=r"no TESScut file in this folder \(1 other FITS files\); correct the key"):
        inspect_pixel_files(tmp_path, "tesscut")


def test_missing_path(tmp_path):
    with pytest.raises(InputFileError, match=r"nothing: no such file or folder; correct the key 'input'"):
        inspect_pixel_files(tmp_path / "nothing", "tesscut")


def test_damaged_file_in_a_folder_is_not_passed_over(tmp_path):
    cutout().write(tmp_path / "a.fits")
    (tmp_path / "b.fits").write_bytes(b"something else")
    with pytest.raises(InputFileError, match=r"b.fits: cannot be read as FITS"):
        inspect_pixel_files(tmp_path, "tesscut")


def test_same_region_twice(tmp_path):
    cutout().write(tmp_path / "a.fits")
    cutout().write(tmp_path / "b.fits")
    with pytest.raises(InputFileError, match=r"b.fits: has the same pixels of the same sector as .*a.fits; remove one"):
        inspect_pixel_files(tmp_path, "tesscut")


def test_unknown_datasource(tmp_path):
    with pytest.raises(ConfigError, match=r"datasource is 'ffy', expected one of tesscut, tpf"):
        inspect_pixel_files(tmp_path, "ffy")
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


@pytest.mark.parametrize("kind", ["tesscut", "tpf"])
@pytest.mark.parametrize(
    ("n_extension", "cut"),
    [
        *product([None, 2], ["primary", "PIXELS + 7", "PIXELS + 80", "PIXELS + 2880", "APERTURE + 800"]),
        (2, "PIXELS"),  # without NEXTEND nothing says that APERTURE was there
    ],
)
@pytest.mark.parametrize("in_folder", [False, True])
def test_file_that_ends_at_or_in_a_header(tmp_path, kind, n_extension, in_folder, cut):
    """astropy takes such a file for whole, with fewer HDUs; a gzipped one is no other."""
    PixelFileBuilder(kind=kind).write(tmp_path / "good.fits")
    path = PixelFileBuilder(kind=kind, first=(101, 101), primary={"NEXTEND": n_extension}).write(tmp_path / "bad.fits")
    with fits.open(path) as hdus:
        starts = {"primary": hdus[1].fileinfo()["hdrLoc"], "PIXELS": hdus[2].fileinfo()["hdrLoc"]}
        starts |= {f"PIXELS + {n}": starts["primary"] + n for n in (7, 80, 2880)}
        starts["APERTURE + 800"] = starts["PIXELS"] + 800
    content = path.read_bytes()[: starts[cut]]
    path.unlink()
    path = path.with_name("bad.fits.gz")
    path.write_bytes(gzip.compress(content))
    if in_folder:
        files, (problem,) = inspect_usable_files(tmp_path, kind)
        assert [file.path.name for file in files] == ["good.fits"]
    else:
        files, (problem,) = inspect_usable_files(path, kind)
        assert files == []
    assert str(problem).startswith(f"{path}: is truncated: ")
    assert str(problem).endswith("; delete it and fetch it again")


def test_files_of_other_kinds_may_have_fewer_extensions_than_they_say(tmp_path):
    cutout(primary={"NEXTEND": 3}).write(tmp_path / "cut_by_a_tool.fits")
    curve = fits.BinTableHDU.from_columns([fits.Column("FLUX", "E", array=[1.0])], name="LIGHTCURVE")
    primary = fits.PrimaryHDU()
    primary.header["NEXTEND"], primary.header["TICID"] = 2, 42
    fits.HDUList([primary, curve]).writeto(tmp_path / "curve.fits")
    image = fits.PrimaryHDU()
    image.header["EXTNAME"] = "PIXELS"
    fits.HDUList([image, curve]).writeto(tmp_path / "eleanor.fits")
    files, problems = inspect_usable_files(tmp_path, "tesscut")
    assert ([file.path.name for file in files], problems) == (["cut_by_a_tool.fits"], [])
    with pytest.raises(InputFileError, match=r"it has no table PIXELS, only an image PIXELS, LIGHTCURVE"):
        inspect_pixel_file(tmp_path / "eleanor.fits", "tesscut")


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


def test_pixels_of_neither_kind_do_not_vanish_from_a_folder(tmp_path):
    cutout(primary={"CREATOR": "somebody"}).write(tmp_path / "a.fits")
    cutout(first=(101, 101)).write(tmp_path / "good.fits")
    (good,), (problem,) = inspect_usable_files(tmp_path, "tesscut")
    assert good.path.name == "good.fits"
    assert "a.fits: is no TESScut or target pixel file: no column FFI_FILE" in str(problem)


def test_tica_cutout(tmp_path):
    path = cutout(primary={"FFI_TYPE": "TICA"}).write(tmp_path / "a.fits")
    with pytest.raises(InputFileError, match=r"is cut from TICA images, which are not in e-/s"):
        inspect_pixel_file(path, "tesscut")


def test_tica_cutout_as_astrocut_writes_it(tmp_path):
    """Without TIMECORR, which is said of it before anything else."""
    path = cutout(primary={"FFI_TYPE": "TICA"}, without=("TIMECORR",)).write(tmp_path / "a.fits")
    cutout(first=(101, 101)).write(tmp_path / "good.fits")
    with pytest.raises(InputFileError, match=r"is cut from TICA images, which are not in e-/s; ask TESScut for SPOC's"):
        inspect_pixel_file(path, "tesscut")
    _, (problem,) = inspect_usable_files(tmp_path, "tesscut")
    assert "is cut from TICA images" in str(problem)


@pytest.mark.parametrize("named", ["PIXELS", None])
def test_cutout_of_a_moving_target(tmp_path, named):
    """Its table has the place of the target in each cadence; where it has no WCS, APERTURE is missing."""
    builder = cutout(primary={"NEXTEND": 2}, with_aperture=False)
    with fits.open(builder.write(tmp_path / "whole.fits")) as hdus:
        columns = [fits.Column(name, "D", array=np.zeros(6)) for name in ("TGT_X", "TGT_Y", "TGT_RA", "TGT_DEC")]
        table = fits.BinTableHDU.from_columns([*hdus["PIXELS"].columns, *columns], name=named)
        fits.HDUList([hdus[0], table]).writeto(tmp_path / "moving.fits")
    (tmp_path / "whole.fits").unlink()
    cutout(first=(101, 101)).write(tmp_path / "good.fits")
    tpf().write(tmp_path / "target.fits")
    with pytest.raises(InputFileError, match=r"moving.fits: is a cutout of a moving target: .* ask TESScut for a"):
        inspect_pixel_file(tmp_path / "moving.fits", "tesscut")
    (good,), (problem,) = inspect_usable_files(tmp_path, "tesscut")
    assert (good.path.name, problem.path.name) == ("good.fits", "moving.fits")
    (target,), problems = inspect_usable_files(tmp_path, "tpf")
    assert (target.path.name, problems) == ("target.fits", [])


@pytest.mark.parametrize("shape", [(6, 1, 1), (6, 1, 7), (6, 5, 1)])
@pytest.mark.parametrize("wcs", [{"CTYPE1": None, "CTYPE2": None}, {"CDELT1": 0.0, "CDELT2": 0.0}, {"CRVAL1": 0.0}])
def test_cutout_without_a_wcs_for_want_of_pixels(tmp_path, shape, wcs):
    path = cutout(shape=shape, wcs=wcs).write(tmp_path / "a.fits")
    words = rf"a.fits: has {shape[1]}x{shape[2]} pixels, to which no WCS can be fitted; ask TESScut for more rows and"
    with pytest.raises(InputFileError, match=words):
        inspect_pixel_file(path, "tesscut")


def test_archives_are_mentioned(tmp_path, caplog):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/astrocut_84.29_-80.47_10x10px.zip").write_bytes(b"PK")
    words = r"no TESScut file in this folder \(0 other FITS files\); sub/astrocut.*zip is an archive, .*: unpack it"
    with pytest.raises(InputFileError, match=words):
        inspect_usable_files(tmp_path, "tesscut")
    with pytest.raises(InputFileError, match=r"no full-frame images .*zip is an archive, which is not read: unpack it"):
        find_ffis(tmp_path)
    cutout().write(tmp_path / "a.fits")
    (tmp_path / "b.tar.gz").touch()
    assert len(inspect_usable_files(tmp_path, "tesscut")[0]) == 1
    assert "b.tar.gz and 1 more is an archive, which is not read: unpack it" in caplog.text


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
