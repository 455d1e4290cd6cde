"""Where the pixels of a file are on the CCD, when its headers do not say it."""

import shutil
from dataclasses import astuple

import numpy as np
import pytest
from astrocut_files import astrocut_cutout, real_place, write_frames
from astropy.io import fits
from astropy.wcs import WCS
from pixel_file_builder import cutout, tpf

from photometry.core.errors import InputFileError
from photometry.io.pixels.file_places import FilePlace, PlaceNotes
from photometry.io.pixels.pixel_files import inspect_pixel_file, inspect_usable_files
from photometry.io.pixels.pixel_readers import read_pixels
from photometry.io.reference import sector_wcs
from photometry.prf.model import model_prf
from photometry.simulate import SceneSettings, simulate_scene

#: A place on the sky that camera 4, CCD 2 of sector 1 sees, and the place on the CCD of the first of 5x7 pixels there.
SEEN = {"ra": 84.0, "dec": -80.0, "primary": {"SECTOR": 1, "CAMERA": 4, "CCD": 2}}
NOWHERE = {"CRVAL1P": None, "CRVAL2P": None, "CRPIX1P": None, "CRPIX2P": None}


def without_place(source, path):
    """Copy a pixel file without the keys of its place on the CCD, as astrocut 1.0 to 1.4 writes files."""
    with fits.open(source) as hdus:
        for hdu in hdus:
            for key in [key for key in hdu.header if key.endswith("P") and key[:-1].strip("12").startswith(("CR",))]:
                del hdu.header[key]
            for key in [key for key in hdu.header if key[0] in "12" and key[1:4] in ("CRV", "CRP") and key[-1] == "P"]:
                del hdu.header[key]
        hdus.writeto(path)
    return path


REAL = {
    "s1": ("tesscut/tess-s0001-4-2_84.291190_-80.469170_6x6_astrocut.fits", "tesscut"),
    "s7": ("sky/toi519/tess-s0007-2-3_124.606752_-19.662788_5x5_astrocut.fits.gz", "tesscut"),
    "s19": ("sky/s19/tess-s0019-1-3_65.489205_28.443210_10x10_astrocut.fits.gz", "tesscut"),
    "s34": ("sky/toi519/tess-s0034-2-3_124.606752_-19.662788_5x5_astrocut.fits.gz", "tesscut"),
    "s61": ("sky/vela_s61/tess-s0061-3-1_121.736000_-47.050000_20x20_astrocut.fits.gz", "tesscut"),
    "simulated": ("simulated/exact/tess-s0001-4-2_84.043342_-78.022045_56x56_astrocut.fits.gz", "tesscut"),
    "target": ("tpf/tpf1.fits", "tpf"),
}


@pytest.mark.realdata
@pytest.mark.parametrize(("name", "kind"), REAL.values(), ids=REAL)
def test_real_files_without_their_place(tess_data, tmp_path, name, kind):
    told = inspect_pixel_file(tess_data / name, kind)
    found = inspect_pixel_file(without_place(tess_data / name, tmp_path / "a.fits"), kind)
    assert found.stamp == told.stamp
    assert (told.placed_by, found.placed_by) == ("header", sector_wcs.tesswcs_name())
    assert found.wcs_header == told.wcs_header
    assert found.region == told.region


@pytest.mark.parametrize("sector", [1, 56, 104, 1751])
def test_files_of_the_installed_astrocut(tmp_path, sector):
    """From the frames of a CCD where TESS looked in that sector; 1751 is known from its pointing alone."""
    place = {"row_min": 700, "col_min": 900, "n_row": 13, "n_column": 17}
    settings = SceneSettings(
        **real_place(sector, 2, 3, **place), n_cadence=3, n_pairs=0, sip_per_pix=2e-5, excursion_fraction=0.0
    )
    scene = simulate_scene(settings, model_prf())
    frames = write_frames(scene, tmp_path / "frames")
    path = astrocut_cutout(frames, settings, tmp_path)
    assert path.name.endswith("_17-x-13_astrocut.fits")
    file = inspect_pixel_file(path, "tesscut")
    rows, columns = (slice(*ends) for ends in np.reshape(astuple(file.stamp), (2, 2)))
    with fits.open(path) as cut, fits.open(frames[0]) as whole:
        np.testing.assert_array_equal(cut["PIXELS"].data["FLUX"][0], whole[1].data[rows, columns])
    assert file.placed_by == sector_wcs.tesswcs_name()
    cube = read_pixels(path, "tesscut")
    assert cube.header.placed_by == file.placed_by
    # The linear WCS of the cutout has the stars where the frame's has them.
    ours, theirs = (WCS(header).all_pix2world(905.0, 705.0, 0) for header in (cube.header.wcs_header, scene.wcs_header))
    np.testing.assert_allclose(ours, theirs, atol=0.02 * 21 / 3600)


@pytest.mark.realdata
def test_cutouts_in_a_folder_of_files_that_users_have(tess_data):
    """Two reach the sky with their keys; the pointing of the third is not that of its sector."""
    files, (problem,) = inspect_usable_files(tess_data / "files", "tesscut")
    assert [(file.path.name, *astuple(file.stamp)) for file in files] == [
        ("corner.fits.gz", 0, 15, 44, 59),
        ("inside.fits.gz", 287, 311, 387, 411),
    ]
    assert "astrocut-1.4" in str(problem.path)
    assert "no CCD of sector 60 sees the place in the sky that its WCS gives; correct SECTOR, or give" in str(problem)
    ((given,), _) = inspect_usable_files(problem.path, "tesscut", first_pixel=(287, 387))
    assert given.stamp == files[1].stamp
    assert given.placed_by == "settings"


def test_a_place_that_is_given_counts(tmp_path):
    path = cutout(wcs=NOWHERE, **SEEN).write(tmp_path / "a.fits")
    place = FilePlace(300, 700, "settings")
    assert inspect_pixel_file(path, "tesscut", place).place == place
    assert read_pixels(path, "tesscut", place).header.placed_by == "settings"
    # It also counts against the headers.
    told = cutout().write(tmp_path / "b.fits")
    ((file,), _) = inspect_usable_files(told, "tesscut", first_pixel=(10, 60))
    assert (file.stamp.row_min, file.stamp.col_min, file.placed_by) == (10, 60, "settings")
    with pytest.raises(InputFileError, match=r"a folder, and first_pixel is the place of one file; give that file"):
        inspect_usable_files(tmp_path, "tesscut", first_pixel=(10, 60))
    found, (problem,) = inspect_usable_files(told, "tesscut", first_pixel=(3000, 60))
    assert found == []
    assert "first_pixel: [3000, 60] places the pixels outside the CCD" in str(problem)


MESSAGES = {
    "another CCD": (
        {"SECTOR": 1, "CAMERA": 1, "CCD": 2},
        "its header says sector 1, camera 1, CCD 2, but its WCS gives a place that camera 4, CCD 2 sees",
    ),
    "no CCD": (
        {"SECTOR": 15, "CAMERA": 4, "CCD": 2},
        r"no CCD of sector 15 sees the place in the sky that its WCS gives; correct SECTOR, or give first_pixel: \[row",
    ),
    "no such sector": (
        {"SECTOR": 900, "CAMERA": 4, "CCD": 2},
        r"tesswcs [\d.]+ does not know where TESS looked in sector 900; give first_pixel: \[row, column\] of this file",
    ),
}


@pytest.mark.parametrize(("primary", "message"), MESSAGES.values(), ids=MESSAGES)
@pytest.mark.parametrize("build", [cutout, tpf])
def test_places_that_are_nowhere(tmp_path, build, primary, message):
    builder = build(wcs=NOWHERE, **{**SEEN, "primary": primary})
    with pytest.raises(InputFileError, match=message):
        inspect_pixel_file(builder.write(tmp_path / "a.fits"), "tpf" if build is tpf else "tesscut")


@pytest.mark.parametrize(
    ("wcs", "message"),
    [
        ({"CTYPE1": None}, "has no celestial WCS"),
        ({"CRVAL1": None}, "its WCS lacks CRVAL1"),
        ({"PC1_1": 0.0, "PC1_2": 0.0}, "its WCS cannot be used"),
        ({"CDELT1": 100.0}, "its WCS has pixels of"),
        ({"CRVAL1": 200.0}, "its WCS is wrong: it places RA_OBJ, DEC_OBJ"),
    ],
)
def test_without_a_wcs_there_is_no_place(tmp_path, wcs, message):
    path = cutout(wcs=NOWHERE | wcs, **SEEN).write(tmp_path / "a.fits")
    with pytest.raises(InputFileError, match=f"a.fits: {message}"):
        inspect_pixel_file(path, "tesscut")


def test_half_a_place_is_an_error(tmp_path):
    path = cutout(wcs={"CRVAL2P": None}).write(tmp_path / "a.fits")
    with pytest.raises(InputFileError, match=r"header key CRVAL2P \(or 2CRV5P\) is None, expected the CCD row"):
        inspect_pixel_file(path, "tesscut")


def test_notes_spare_the_jobs_the_search(tmp_path, monkeypatch):
    """Places and their absence: every job reads the headers of all files again."""
    (tmp_path / "pixels").mkdir()
    cutout(wcs=NOWHERE, **SEEN).write(tmp_path / "pixels/good.fits")
    elsewhere = {**SEEN, "primary": {"SECTOR": 15, "CAMERA": 4, "CCD": 2}}
    cutout(wcs=NOWHERE, **elsewhere).write(tmp_path / "pixels/bad.fits")
    notes = PlaceNotes(tmp_path / "plan/places.json")
    files, problems = inspect_usable_files(tmp_path / "pixels", "tesscut", notes)
    assert not (tmp_path / "plan").exists()
    notes.write()
    monkeypatch.setattr(sector_wcs, "_wcs_of", None)
    again = inspect_usable_files(tmp_path / "pixels", "tesscut", PlaceNotes(tmp_path / "plan/places.json"))
    assert again[0] == files
    assert [str(error) for error in again[1]] == [str(error) for error in problems]
    assert len(problems) == 1
    shutil.rmtree(tmp_path / "plan")
    with pytest.raises(TypeError):
        inspect_usable_files(tmp_path / "pixels", "tesscut", PlaceNotes(tmp_path / "plan/places.json"))


def test_doubtful_places_are_told(tmp_path, caplog):
    """Half a pixel off: the WCS of the file, or of the CCD, is not quite right."""
    builder = cutout(wcs=NOWHERE, **SEEN)
    builder.wcs = NOWHERE | {"CRPIX1": 4.0, "CRPIX2": 3.0}
    path = builder.write(tmp_path / "a.fits")
    sure = inspect_pixel_file(path, "tesscut").place
    off = PlaceNotes().place
    told = off(*_cards(path))
    shift = round(told.column) + 0.45 - told.column
    builder.wcs = NOWHERE | {"CRPIX1": 4.0 - shift, "CRPIX2": 3.0}
    caplog.clear()
    place = inspect_pixel_file(builder.write(tmp_path / "b.fits"), "tesscut").place
    assert abs(place.column - sure.column) <= 1
    assert "b.fits: the first pixel is taken as row" in caplog.text
    assert "may be one off" in caplog.text


def _cards(path):
    header = fits.getheader(path, "APERTURE")
    pointing = inspect_pixel_file(path, "tesscut").pointing
    return WCS(header).to_header_string(), (5, 7), pointing
