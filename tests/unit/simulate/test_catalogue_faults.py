"""Catalogues that are wrong: places, missing stars, entries that are no stars."""

import h5py
import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS

from photometry.core.errors import ConfigError
from photometry.prf.model import model_prf
from photometry.simulate import CcdSettings, Scene, SceneSettings, settings_from_mapping, simulate_scene
from photometry.simulate.scene_files import write_pixels, write_star_table, write_truth

PRF = model_prf()
ALL = {"missing_fraction": 0.1, "false_fraction": 0.05, "place_error_pix": 0.02}


def _scene(**changes) -> Scene:
    small = {"n_row": 24, "n_column": 20, "n_cadence": 3, "density": 9000.0, "seed": 5, "proper_motion_mas": 0.0}
    return simulate_scene(SceneSettings(**{**small, **changes}), PRF)


@pytest.fixture(scope="module")
def right() -> Scene:
    return _scene()


@pytest.fixture(scope="module")
def wrong() -> Scene:
    return _scene(**ALL)


def _assert_same_stars(one: Scene, other: Scene) -> None:
    for name in ("starid", "row", "column", "tmag"):
        np.testing.assert_array_equal(getattr(one.catalogue.stars, name), getattr(other.catalogue.stars, name))


def test_without_faults_the_catalogue_has_all_stars_in_their_places(right):
    np.testing.assert_array_equal(right.catalogue.stars.starid, right.population.starid)
    np.testing.assert_array_equal(right.catalogue.stars.row, right.population.row)
    np.testing.assert_array_equal(right.catalogue.ra, right.full_catalogue.ra)
    assert right.listed.all()


def test_sky_and_pixels_do_not_know_what_the_catalogue_says(right, wrong):
    np.testing.assert_array_equal(wrong.pixels, right.pixels)
    np.testing.assert_array_equal(wrong.flux, right.flux)
    np.testing.assert_array_equal(wrong.stars.row, right.stars.row)
    np.testing.assert_array_equal(wrong.full_catalogue.ra, right.full_catalogue.ra)


def test_stars_are_missing(right):
    scene, n_star = _scene(missing_fraction=0.1), len(right.stars)
    missing = ~scene.listed
    assert missing.sum() == pytest.approx(0.1 * n_star, abs=4 * np.sqrt(0.09 * n_star))
    np.testing.assert_array_equal(scene.catalogue.stars.starid, right.population.starid[~missing])
    np.testing.assert_array_equal(scene.catalogue.stars.tmag, right.catalogue.stars.tmag[~missing])
    _assert_same_stars(_scene(missing_fraction=0.1), scene)


def test_entries_that_are_no_stars_are_at_the_end_and_like_stars(right):
    scene, n_star = _scene(false_fraction=0.2), len(right.stars)
    entries = scene.catalogue.stars
    np.testing.assert_array_equal(entries.starid[:n_star], right.population.starid)
    false = entries.select(~np.isin(entries.starid, right.population.starid))
    assert len(false) == pytest.approx(0.2 * n_star, abs=4 * np.sqrt(0.16 * n_star))
    assert len(set(entries.starid)) == len(entries)
    assert np.isin(false.tmag, right.catalogue.stars.tmag).all()
    area = scene.settings.stamp.grown(scene.settings.star_margin)
    assert area.contains(false.row, false.column).all()
    assert scene.listed.all()


def test_places_are_off_by_their_error(right):
    scene = _scene(place_error_pix=0.02)
    errors = np.array([getattr(scene.catalogue.stars, name) - getattr(right.stars, name) for name in ("row", "column")])
    assert errors.std(axis=1) == pytest.approx(0.02, rel=0.15)
    assert np.abs(errors.mean(axis=1)).max() < 0.005
    assert abs(np.corrcoef(errors)[0, 1]) < 0.25


def test_the_kinds_do_not_change_each_other(wrong):
    alone = _scene(missing_fraction=ALL["missing_fraction"])
    np.testing.assert_array_equal(wrong.listed, alone.listed)
    placed = _scene(place_error_pix=ALL["place_error_pix"]).catalogue.stars
    np.testing.assert_array_equal(wrong.catalogue.stars.row[: wrong.listed.sum()], placed.row[wrong.listed])


def test_a_field_without_stars_has_an_empty_catalogue():
    assert len(_scene(density=0.0, **ALL).catalogue_stars) == 0


def test_the_star_table_says_what_the_photometry_is_given(wrong, tmp_path):
    write_star_table(wrong, tmp_path / "stars.csv", n_artefact=2)
    table, stars = Table.read(tmp_path / "stars.csv"), wrong.catalogue_stars
    np.testing.assert_array_equal(table["ID"][:-2], stars.starid)
    np.testing.assert_allclose(table["Tmag"][:-2], stars.tmag, atol=1e-4)
    wcs = WCS(fits.Header.fromstring(wrong.wcs_header))
    column, row = wcs.all_world2pix(table["ra"][:-2], table["dec"][:-2], 0)
    np.testing.assert_allclose(row, stars.row, atol=1e-5)
    np.testing.assert_allclose(column, stars.column, atol=1e-5)


def test_the_truth_tells_which_stars_the_table_has(wrong, tmp_path):
    write_truth(wrong, tmp_path / "truth.hdf5")
    with h5py.File(tmp_path / "truth.hdf5") as file:
        np.testing.assert_array_equal(file["listed"][()], wrong.listed)
        np.testing.assert_array_equal(file["ra"][()], wrong.full_catalogue.ra)
        assert len(file["tic"]) == len(wrong.listed) > wrong.listed.sum()


def test_the_target_of_a_pixel_file_is_in_the_catalogue(tmp_path):
    for seed in range(4):
        scene = _scene(seed=seed, missing_fraction=0.6, cadence_s=120, n_row=11, n_column=11)
        write_pixels(scene, tmp_path / "tp.fits")
        assert fits.getval(tmp_path / "tp.fits", "TICID") in scene.catalogue.stars.starid


@pytest.mark.parametrize(
    "name", ["missing_fraction", "false_fraction", "place_error_pix", "focus_share", "intrapixel_loss"]
)
def test_wrong_values_are_named_and_full_frame_images_have_none_of_it(name):
    with pytest.raises(ConfigError, match=rf"{name} is -1\.0, expected"):
        settings_from_mapping({name: -1}, SceneSettings)
    with pytest.raises(ConfigError, match=rf"{name} is 0\.1: full-frame images do not have it"):
        settings_from_mapping({name: 0.1}, CcdSettings)
