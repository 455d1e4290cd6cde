"""Starlight of a CCD: from the catalogue, from the frames, and its mask."""

import numpy as np
import pytest
from small_tiles import lopsided_prf

from photometry.background.starlight import catalogue_light, star_mask, static_light
from photometry.core.geometry import Stamp
from photometry.core.stars import flux_of_tmag, mask_radius
from photometry.prf.prf_grid import FOOTPRINT, PrfEvaluator

STAMP = Stamp(300, 360, 500, 580)


def exact_light(prf, stamp, row, column, tmag):
    first_row, first_column, values = PrfEvaluator(prf).evaluate(row, column)
    light = np.zeros((stamp.shape[0] + 60, stamp.shape[1] + 60))
    for star, flux in enumerate(flux_of_tmag(tmag)):
        low_row, low_column = first_row[star] - stamp.row_min + 30, first_column[star] - stamp.col_min + 30
        window = (slice(low_row, low_row + FOOTPRINT), slice(low_column, low_column + FOOTPRINT))
        light[window] += flux * values[star, 0, 0]
    return light[30:-30, 30:-30]


@pytest.mark.parametrize("place", [(330.0, 540.0), (330.25, 540.7), (329.6, 539.5)])
def test_light_of_a_star_is_at_its_place(place):
    prf, tmag = lopsided_prf(), np.array([10.0])
    found = catalogue_light(prf, STAMP, *([value] for value in place), tmag)
    exact = exact_light(prf, STAMP, np.array([place[0]]), np.array([place[1]]), tmag)
    assert np.abs(found - exact).max() < 0.04 * exact.max()
    assert abs(found.sum() / exact.sum() - 1) < 2e-3


def test_light_of_many_stars():
    rng = np.random.default_rng(1)
    row, column, tmag = rng.uniform(290, 370, 300), rng.uniform(490, 590, 300), rng.uniform(10, 16, 300)
    tmag[7] = np.nan
    found = catalogue_light(lopsided_prf(), STAMP, row, column, tmag)
    known = np.isfinite(tmag)
    exact = exact_light(lopsided_prf(), STAMP, row[known], column[known], tmag[known])
    assert found.dtype == np.float32
    assert np.std(found - exact) < 0.03 * np.std(exact)
    assert abs(found.sum() / exact.sum() - 1) < 5e-3


def test_light_does_not_depend_on_the_rectangle():
    rng = np.random.default_rng(2)
    row, column, tmag = rng.uniform(0, 700, 900), rng.uniform(44, 744, 900), rng.uniform(10, 16, 900)
    whole = catalogue_light(lopsided_prf(), Stamp(0, 700, 44, 744), row, column, tmag)
    part = catalogue_light(lopsided_prf(), STAMP, row, column, tmag)
    cut = whole[300:360, 500 - 44 : 580 - 44]
    assert np.abs(part - cut).max() < 0.02 * cut.max()


@pytest.mark.parametrize(("row", "column"), [(298, 540), (362, 540), (330, 498), (330, 582), (298, 582)])
def test_light_from_beyond_an_edge_does_not_come_in_at_the_other(row, column):
    tmag = np.array([8.0])
    found = catalogue_light(lopsided_prf(), STAMP, [row], [column], tmag)
    exact = exact_light(lopsided_prf(), STAMP, np.array([row]), np.array([column]), tmag)
    assert exact.any()
    assert np.abs(found - exact).max() < 0.04 * exact.max()


def test_no_stars():
    empty = np.empty(0)
    assert not catalogue_light(lopsided_prf(), STAMP, empty, empty, empty).any()
    assert not star_mask(STAMP, empty, empty, empty).any()


def test_mask_is_a_disc_around_the_star():
    mask = star_mask(STAMP, [330.3], [540.6], [9.0])
    row, column = np.mgrid[300:360, 500:580]
    np.testing.assert_array_equal(mask, np.hypot(row - 330.3, column - 540.6) <= mask_radius(9.0))


def test_radius_grows_with_brightness():
    radius = mask_radius([2.0, 5.0, 8.0, 11.0, 14.0, 20.0])
    assert np.all(np.diff(radius) <= 0)
    assert radius[0] <= 120
    assert radius[-1] == 1.5


def test_stars_outside_reach_in():
    assert star_mask(STAMP, [290.0], [540.0], [6.0])[:3].any()
    assert not star_mask(STAMP, [290.0], [540.0], [14.0]).any()
    assert not star_mask(STAMP, [np.nan, 330.0], [540.0, 540.0], [6.0, np.nan]).any()


def test_crowded_field_keeps_free_pixels():
    rng = np.random.default_rng(3)
    stamp = Stamp(0, 256, 44, 300)
    n_star = 60000
    row, column = rng.uniform(0, 256, n_star), rng.uniform(44, 300, n_star)
    tmag = 16 + np.log10(rng.uniform(10 ** (-0.33 * 5.5), 1, n_star)) / 0.33
    mask = star_mask(stamp, row, column, tmag)
    assert 0.3 < mask.mean() < 0.7
    brightest = np.argsort(tmag)[:50]
    assert (
        mask[np.rint(row[brightest]).astype(int) % 256, np.rint(column[brightest] - 44).astype(int) % 256].mean() > 0.95
    )


def test_static_light_is_the_median():
    rng = np.random.default_rng(4)
    truth = rng.uniform(0, 100, (300, 7)).astype(np.float32)
    frames = [truth + rng.normal(0, 0.1, truth.shape).astype(np.float32) for _ in range(9)]
    frames[2][10:20] += 500
    frames[3][:, 4] = np.nan
    for frame in frames:
        frame[5, 5] = np.nan
    found = static_light(frames)
    assert np.isnan(found[5, 5])
    truth[5, 5] = found[5, 5] = 0
    assert np.abs(found - truth).max() < 0.3


@pytest.mark.parametrize("n_frame", [1, 2])
def test_static_light_of_few_frames(n_frame):
    frames = [np.full((3, 3), value, np.float32) for value in (1.0, 3.0)[:n_frame]]
    np.testing.assert_allclose(static_light(frames), (1 + 2 * (n_frame - 1) + 1) / 2 if n_frame == 2 else 1.0)


def test_static_light_needs_frames():
    with pytest.raises(ValueError, match="no frames"):
        static_light([])
