"""Cubes in the older layout: what such files hold, may hold, and lack."""

import logging
from pathlib import Path

import h5py
import numpy as np
import pytest
from astropy.io import fits
from older_folder import older_folder, replaced, without
from prepared_folder import Prepared, prepare_ccd

from photometry import PSFPhotometry
from photometry.catalog.star_catalog import wcs_of
from photometry.core.errors import InputFileError
from photometry.io.legacy.older_cubes import is_older_cube, read_older_cube, read_older_header, read_older_wcs

EXPOSURE = ("CADENCE", "NUM_FRM", "CRMITEN", "CRBLKSZ", *(f"{stem}{x}" for stem in ("GAIN", "READNOI") for x in "ABCD"))
OFFSETS = ("images@PIXEL_OFFSET_ROW", "images@PIXEL_OFFSET_COLUMN")


@pytest.fixture(scope="module")
def ffi(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return prepare_ccd(tmp_path_factory.mktemp("ffi") / "prepared", n_cadence=20)


def cube_file(folder: Path) -> Path:
    (path,) = folder.glob("sector*.hdf5")
    return path


def test_the_numbers_are_those_of_todays_layout(ffi, tmp_path):
    folder = older_folder(tmp_path / "older", ffi)
    with (
        PSFPhotometry(ffi.starid, folder, tmp_path, **ffi.place) as older,
        PSFPhotometry(ffi.starid, ffi.folder, tmp_path, **ffi.place) as target,
    ):
        for one in (older, target):
            one.photometry()
        np.testing.assert_array_equal(older.lightcurve["flux"], target.lightcurve["flux"])
        for name in ("images_cube", "images_err_cube", "backgrounds_cube", "pixelflags_cube"):
            np.testing.assert_array_equal(getattr(older, name), getattr(target, name))
        np.testing.assert_allclose(older.sumimage, target.sumimage, rtol=1e-5)
        np.testing.assert_array_equal(older.aperture[0, ::2] & 4, older.aperture[1, ::2] & 4)
        assert len(np.unique(older.aperture[0, :2] & 4)) == 2
        assert older.header["NUM_FRM"] == 900
        assert older.details["warnings"] == []
        assert Path(older.save_lightcurve()).is_file()


@pytest.mark.parametrize(
    "storage",
    [
        {"compression": None},
        {"compression": "gzip", "compression_opts": 4, "shuffle": True, "chunks": (16, 16)},
        {"compression": "lzf", "fletcher32": True},
        {"compression": None, "dtype": "f8"},
    ],
)
def test_pixels_stored_in_any_way(ffi, tmp_path, storage):
    path = cube_file(older_folder(tmp_path / "older", ffi, **storage))
    cube = read_older_cube(path, ffi.cube.stamp)
    for name in ("images", "images_err", "backgrounds", "pixel_flags"):
        np.testing.assert_array_equal(getattr(cube, name), getattr(ffi.cube, name))


def test_a_whole_ccd_needs_no_offsets(ffi, tmp_path):
    inner = ffi.cube.stamp

    def enlarge(file: h5py.File) -> None:
        without(*OFFSETS)(file)
        where = slice(inner.row_min, inner.row_max), slice(inner.col_min - 44, inner.col_max - 44)
        for name in [
            f"{kind}/{n}" for kind in ("images", "images_err", "backgrounds", "pixel_flags") for n in file[kind]
        ]:
            small = file[name][()]
            del file[name]
            whole = file.create_dataset(name, (2048, 2048), small.dtype, chunks=(64, 64), compression="lzf")
            whole[where] = small
        for name in ("sumimage", "backgrounds_pixels_used"):
            whole = np.zeros((2048, 2048), dtype=file[name].dtype)
            whole[where] = file[name][()]
            replaced(name, whole, compression="lzf")(file)

    folder = older_folder(tmp_path / "older", ffi, enlarge)
    with PSFPhotometry(ffi.starid, folder, tmp_path, **ffi.place) as target:
        assert target.stamp == PSFPhotometry(ffi.starid, ffi.folder, tmp_path, **ffi.place).stamp
        rows, columns = (slice(low - first, high - first) for low, high, first in edges(target.stamp, inner))
        np.testing.assert_array_equal(np.moveaxis(target.images_cube, -1, 0), ffi.cube.images[:, rows, columns])
        assert target.resize_stamp(up=3000, left=3000)
        assert target.stamp[1:3] == (2048, 44)


def edges(stamp: tuple[int, int, int, int], inner: object) -> list[tuple[int, int, int]]:
    return [(*stamp[:2], inner.row_min), (*stamp[2:], inner.col_min)]


def test_little_is_needed(ffi, tmp_path, caplog):
    metadata = [f"images@{key}" for key in (*EXPOSURE, "SECTOR", "CAMERA", "CCD", "DATA_REL", "PROCVER")]
    change = without(*metadata, "wcs@ref_frame", "backgrounds_pixels_used", "images_err", "pixel_flags")
    path = cube_file(older_folder(tmp_path / "older", ffi, change))
    header = read_older_header(path)
    assert (header.exposure.cadence_s, header.exposure.num_readouts) == (1800, 720)
    assert (header.pointing.sector, header.pointing.camera, header.pointing.ccd) == tuple(ffi.place.values())
    assert header.pointing.data_rel == 0
    texts = [record.getMessage() for record in caplog.records]
    assert len(texts) == 3
    assert "images_err" in texts[0]
    assert "pixel_flags" in texts[1]
    assert "typical values count: CRMITEN = True, CRBLKSZ = 10, GAINA = 5.2" in texts[2]
    caplog.clear()
    cube = read_older_cube(path, ffi.cube.stamp, header)
    assert caplog.records == []
    assert np.isnan(cube.images_err).all()
    assert not cube.pixel_flags.any()
    assert set(np.unique(header.aperture)) == {1 + 128}


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("CADENCE", b"1800", 1800),
        ("CADENCE", np.bytes_("600"), 600),
        ("CADENCE", np.array([200]), 200),
        ("CADENCE", 1800.0, 1800),
        ("CADENCE", "None", 1800),
        ("CADENCE", h5py.Empty("f8"), 1800),
        ("CADENCE", np.nan, 1800),
    ],
)
def test_attributes_of_any_type(ffi, tmp_path, key, value, expected):
    path = cube_file(older_folder(tmp_path / "older", ffi, replaced(f"images@{key}", value)))
    assert read_older_header(path).exposure.cadence_s == expected


@pytest.mark.parametrize(
    ("value", "readouts"), [(False, 900), ("F", 900), (b"True", 720), (np.int64(0), 900), (1.0, 720)]
)
def test_mitigation_of_cosmic_rays_of_any_type(ffi, tmp_path, value, readouts):
    path = cube_file(older_folder(tmp_path / "older", ffi, replaced("images@CRMITEN", value)))
    assert read_older_header(path).exposure.num_readouts == readouts


def test_attributes_anywhere(ffi, tmp_path):
    def moved(file: h5py.File) -> None:
        file["wcs"].attrs["sector"], file.attrs["Camera"] = (
            file["images"].attrs["SECTOR"],
            file["images"].attrs["CAMERA"],
        )
        without("images@SECTOR", "images@CAMERA")(file)

    folder = older_folder(tmp_path / "older", ffi, moved)
    path = cube_file(folder).rename(folder / "a_cube.hdf5")
    assert read_older_header(path).pointing.camera == ffi.place["camera"]


# WCS


def places(cards: str) -> np.ndarray:
    """Sky positions of some pixels."""
    return np.array(wcs_of(cards).all_pix2world([1250.0, 1270.5], [520.0, 533.3], 0))


@pytest.mark.parametrize("form", ["text", "bytes", "variable", "cards", "lines", "padded"])
def test_wcs_in_any_form(ffi, tmp_path, form):
    cards = ffi.cube.header.wcs_header
    lines = [cards[k : k + 80] for k in range(0, len(cards), 80)]

    def change(file: h5py.File) -> None:
        for name in list(file["wcs"]):
            value = {
                "text": cards,
                "bytes": np.bytes_(cards),
                "variable": np.array([cards], dtype=object),
                "cards": np.array([line.rstrip().encode() for line in lines]),
                "lines": "\n".join(lines),
                "padded": cards + "END".ljust(80),
            }[form]
            kind = {"dtype": h5py.string_dtype()} if form == "variable" else {}
            replaced(f"wcs/{name}", value, **kind)(file)

    path = cube_file(older_folder(tmp_path / "older", ffi, change))
    found = read_older_header(path).wcs_header
    np.testing.assert_array_equal(places(found), places(cards))
    assert read_older_wcs(path) == (found,) * ffi.cube.n_cadence


def test_frames_without_a_wcs_are_passed_over(ffi, tmp_path):
    def change(file: h5py.File) -> None:
        replaced("wcs/0003", np.bytes_(""))(file)
        replaced("wcs/0010", "no header at all")(file)
        without("wcs/0000", "wcs/0011")(file)

    path = cube_file(older_folder(tmp_path / "older", ffi, change))
    np.testing.assert_array_equal(places(read_older_header(path).wcs_header), places(ffi.cube.header.wcs_header))
    assert [number for number, cards in enumerate(read_older_wcs(path)) if not cards] == [0, 3, 10, 11]


# Cadences


def test_cadences_are_in_the_order_of_their_numbers(ffi, tmp_path):
    def change(file: h5py.File) -> None:
        for kind in ("images", "images_err", "backgrounds", "pixel_flags", "wcs"):
            for name in list(file[kind]):
                file[kind].move(name, f"{int(name) + 9990:04d}")

    path = cube_file(older_folder(tmp_path / "older", ffi, change))
    np.testing.assert_array_equal(read_older_cube(path, ffi.cube.stamp).images, ffi.cube.images)


def test_cadences_without_a_time_are_left_out(ffi, tmp_path):
    time = ffi.cube.header.time.copy()
    time[[0, 7]] = np.nan
    path = cube_file(older_folder(tmp_path / "older", ffi, replaced("time", time)))
    cube, timed = read_older_cube(path, ffi.cube.stamp), np.isfinite(time)
    np.testing.assert_array_equal(cube.images, ffi.cube.images[timed])
    np.testing.assert_array_equal(cube.cadenceno, ffi.cube.cadenceno[timed])
    assert len(read_older_wcs(path)) == cube.n_cadence == 18


# What cannot be used


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (without("images"), "lacks group images: its preparation"),
        (without("wcs", "timecorr", "sumimage"), "lacks group wcs, dataset timecorr, dataset sumimage"),
        (without("backgrounds"), "lacks group backgrounds"),
        (without("backgrounds/0005", "backgrounds/0006"), "backgrounds lacks 2 of the 20 cadences of images, as 0005"),
        (without("pixel_flags/0005"), "pixel_flags lacks 1 of the 20"),
        (without("images/0005"), "time has shape .20,., images has 19 cadences"),
        (without(*(f"images/{n:04d}" for n in range(20))), "images holds nothing"),
        (replaced("images/first", [[1.0]]), "images holds first, expected 0000"),
        (without(*(f"wcs/{n:04d}" for n in range(20))), "wcs holds no celestial WCS"),
        (without(*OFFSETS), "no attribute PIXEL_OFFSET_ROW, and images of .30, 32. pixels"),
        (replaced("images@CADENCE", "long"), "CADENCE is 'long', expected a number"),
        (replaced("images@CRMITEN", "perhaps"), "CRMITEN is 'perhaps', expected True or False"),
        (replaced("images@CRBLKSZ", 2), "CRBLKSZ is 2"),
        (replaced("images@CAMERA", 3), "its attribute CAMERA is 3; correct the name"),
        (replaced("sumimage", np.zeros((3, 4))), r"sumimage has shape \(3, 4\), expected \(30, 32\)"),
        (replaced("backgrounds/0004", np.zeros((3, 4))), r"backgrounds/0004 has shape \(3, 4\)"),
        (replaced("pixel_flags/0004", np.full((30, 32), 256)), "pixel_flags/0004 holds 256"),
        (replaced("time", np.full(20, np.nan)), "no cadence has a time"),
    ],
)
def test_what_is_wrong_is_named(ffi, tmp_path, change, words):
    path = cube_file(older_folder(tmp_path / "older", ffi, change))
    assert is_older_cube(path)
    with pytest.raises(InputFileError, match=rf"{path.name}: .*{words}"):
        read_older_cube(path, ffi.cube.stamp)


def test_a_wcs_that_cannot_be_used_is_told(ffi, tmp_path):
    header = fits.Header.fromstring(ffi.cube.header.wcs_header)
    header["CDELT1"] = 100.0
    wrong = header.tostring(endcard=False, padding=False)

    def change(file: h5py.File) -> None:
        for name in list(file["wcs"]):
            replaced(f"wcs/{name}", np.bytes_(wrong))(file)

    path = cube_file(older_folder(tmp_path / "older", ffi, change))
    with pytest.raises(InputFileError, match=r"no celestial WCS that can be used \(pixels of"):
        read_older_header(path)


def test_damaged_files_are_named(tmp_path, caplog):
    caplog.set_level(logging.ERROR)
    path = tmp_path / "sector001_camera1_ccd1.hdf5"
    with pytest.raises(InputFileError, match="no such file"):
        is_older_cube(path)
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    with pytest.raises(InputFileError, match=r"sector001_camera1_ccd1.hdf5: is no cube, or damaged"):
        is_older_cube(path)
