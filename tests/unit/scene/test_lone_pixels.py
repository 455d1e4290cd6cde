"""Values that no star gives are found before anything is fitted."""

import numpy as np
import pytest
from scenes import fit, make_scene

from photometry.calibration.region import measure_motion
from photometry.core.settings import MotionSettings
from photometry.prf.model import model_prf
from photometry.scene.lone_pixels import lone_pixels

SHAPE = (9, 8)


def stars(n=40, peak=4000.0):
    """A star with noise, (n_cadence, n_pixel)."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    star = peak * np.exp(-0.5 * ((y - 4) ** 2 + (x - 3) ** 2) / 0.45)
    return (star.ravel() + np.random.default_rng(2).normal(0, 3, (n, star.size))).astype(np.float32), star.ravel()


@pytest.mark.parametrize("value", [1e3, 1e4, 1e5, 9e5, -1e4])
@pytest.mark.parametrize("pixel", [0, 7, 35, 36, 71])
def test_one_value(pixel, value):
    images, _ = stars()
    images[30, pixel] += value
    found = lone_pixels(images, np.ones(images.shape, bool), SHAPE)
    assert np.argwhere(found).tolist() == [[30, pixel]]


def test_what_stars_do_is_not_found():
    images, star = stars()
    images[10] += 30 * star
    images[11] -= star
    images[20] = np.roll(images[20].reshape(SHAPE), 1, axis=0).ravel()
    images[25] += 5000
    assert not lone_pixels(images, np.ones(images.shape, bool), SHAPE).any()


def test_only_what_was_measured_counts():
    images, _ = stars()
    measured = np.ones(images.shape, bool)
    images[30, 35], measured[30, 35] = 0, False
    images[31, 20], measured[31, 20] = 1e5, False
    assert not lone_pixels(images, measured, SHAPE).any()


def test_few_cadences_tell_nothing():
    images, _ = stars(4)
    images[2, 35] = 1e5
    assert not lone_pixels(images, np.ones(images.shape, bool), SHAPE).any()


@pytest.mark.parametrize("value", [3e4, 9e5])
def test_a_value_moves_no_other_cadence(value):
    prf = model_prf()
    scene, cube = make_scene(prf, n_row=11, n_column=11)
    usual = fit(cube, scene.catalogue_stars, prf, measure_motion([cube], scene.catalogue_stars, prf, MotionSettings()))
    cube.images[30, 5, 5] = value
    found = fit(cube, scene.catalogue_stars, prf, measure_motion([cube], scene.catalogue_stars, prf, MotionSettings()))
    moved = np.abs(found.flux - usual.flux) / usual.flux_err
    assert np.nanmax(np.delete(moved, 30, axis=1)) < 0.3
    assert np.nanmedian(moved[:, 30]) < 1
