"""Apertures of stars with known light."""

from dataclasses import fields

import numpy as np
import pytest
from scipy import sparse
from small_tiles import exact_images, lopsided_prf, make_stars

from photometry.core.geometry import Stamp
from photometry.fit.aperture import aperture_photometry, choose_apertures, light_in_apertures, windows_of
from photometry.prf.prf_grid import FOOTPRINT, PrfEvaluator
from photometry.scene.design_matrices import expand, monomials

_STAMP = Stamp(100, 130, 600, 632)
_USABLE = np.ones(_STAMP.n_pixel, dtype=bool)
_SHIFTS = (np.array([0.0, 0.03, -0.04]), np.array([0.0, -0.02, 0.04]))


def _expansion(stars):
    placed = PrfEvaluator(lopsided_prf()).place(stars.row, stars.column)
    return expand(placed, stars.flux, (0.0, 0.0), _STAMP, reach=0.05, faintest=0.0)


@pytest.fixture(scope="module")
def stars():
    return make_stars([108.2, 109.4, 122.0, 80.0], [609.1, 610.3, 620.6, 620.0], [10.0, 11.0, 13.0, 12.0])


def _variance(stars):
    zero = np.zeros(1)
    return exact_images(lopsided_prf(), stars, _STAMP, zero, zero).ravel() / 1425.6 + 0.1


def _measure(stars, flux, rest, apertures=None):
    expansion, variance = _expansion(stars), _variance(stars)
    if apertures is None:
        apertures = choose_apertures(expansion.matrices[0], stars.flux, variance, _USABLE, _STAMP)
    light = light_in_apertures(apertures, expansion.transposed, np.arange(len(stars)))
    return apertures, aperture_photometry(apertures, light, monomials(*_SHIFTS).T, flux, rest, variance)


def test_right_fluxes_leave_nothing_and_come_back(stars):
    flux = np.repeat(stars.flux[:, None], 3, axis=1)
    _, measured = _measure(stars, flux, np.zeros((_STAMP.n_pixel, 3), dtype=np.float32))
    np.testing.assert_allclose(measured.flux[:3], flux[:3], rtol=1e-6)
    assert (measured.flux_err[:3] > 0).all()


def test_neighbours_are_subtracted_and_what_is_left_over_counts(stars):
    """Pixels of three moving stars, their model 10 % short for the second: the aperture has its full flux."""
    images = exact_images(lopsided_prf(), stars, _STAMP, *_SHIFTS).reshape(3, -1).T
    model_flux = np.repeat(stars.flux[:, None], 3, axis=1)
    model_flux[2] *= 0.9
    terms = monomials(*_SHIFTS).T
    model = sum((matrix @ model_flux) * term for matrix, term in zip(_expansion(stars).matrices, terms.T, strict=True))
    _, measured = _measure(stars, model_flux, (images - model).astype(np.float32))
    np.testing.assert_allclose(measured.flux[:3], np.repeat(stars.flux[:3, None], 3, axis=1), rtol=1e-3)


def test_error_is_that_of_the_pixels_summed(stars):
    flux = np.repeat(stars.flux[:, None], 3, axis=1)
    apertures, measured = _measure(stars, flux, np.zeros((_STAMP.n_pixel, 3), dtype=np.float32))
    light = _expansion(stars).matrices[0].toarray()
    for star in range(3):
        inside = apertures.pixels[star].toarray().ravel() > 0
        expected = np.sqrt(_variance(stars)[inside].sum()) / light[inside, star].sum()
        assert measured.flux_err[star, 0] == pytest.approx(expected, rel=1e-5)


def test_aperture_has_the_best_signal_to_noise_ratio(stars):
    """No pixel more or less makes the ratio of a star's own light to the noise better."""
    light, variance = _expansion(stars).matrices[0], _variance(stars)
    apertures = choose_apertures(light, stars.flux, variance, _USABLE, _STAMP)
    light = light.toarray()
    for star in range(3):
        inside = apertures.pixels[star].toarray().ravel() > 0
        assert 1 < inside.sum() <= 25

        def ratio(pixels, star=star):
            return light[pixels, star].sum() / np.sqrt(variance[pixels].sum())

        best = ratio(inside)
        order = np.argsort(-light[:, star])[:25]
        assert best == pytest.approx(max(ratio(order[: n + 1]) for n in range(25)), rel=1e-6)


def test_only_usable_pixels(stars):
    usable = _USABLE.copy()
    brightest = int(np.argmax(_expansion(stars).matrices[0].toarray()[:, 2]))
    usable[brightest] = False
    apertures = choose_apertures(_expansion(stars).matrices[0], stars.flux, _variance(stars), usable, _STAMP)
    assert apertures.pixels[2, brightest] == 0
    assert apertures.pixels[2].sum() > 0


def test_star_without_pixels_has_no_aperture_flux(stars):
    flux = np.repeat(stars.flux[:, None], 3, axis=1)
    apertures, measured = _measure(stars, flux, np.zeros((_STAMP.n_pixel, 3), dtype=np.float32))
    assert apertures.pixels[3].sum() == 0
    for field in fields(measured):
        assert np.isnan(getattr(measured, field.name)[3]).all()


def test_centroid_moves_with_the_star():
    """A wide aperture follows the star by all but the light that crosses its edge."""
    star = make_stars([115.2], [615.7], [10.0])
    image = _expansion(star).matrices[0].toarray()[:, 0]
    apertures = choose_apertures(
        _expansion(star).matrices[0], star.flux, np.full(_STAMP.n_pixel, 1e-9), _USABLE, _STAMP
    )
    whole = apertures.__class__(
        sparse.csr_matrix((image[None] > 1e-5).astype(np.float32)), apertures.rows, apertures.columns
    )
    _, measured = _measure(star, star.flux[:, None].repeat(3, 1), np.zeros((_STAMP.n_pixel, 3)), whole)
    row, column = measured.centroid_row, measured.centroid_column
    np.testing.assert_allclose(row[0] - row[0, 0], _SHIFTS[0], atol=1e-3)
    np.testing.assert_allclose(column[0] - column[0, 0], _SHIFTS[1], atol=1e-3)
    # The tail moves the centroid to larger rows by 0.2 x 1 + 0.05 x 2.2 px, and not along columns.
    assert row[0, 0] == pytest.approx(115.2 + 0.31, abs=0.01)
    assert column[0, 0] == pytest.approx(615.7, abs=0.01)


def test_no_centroid_without_light(stars):
    _, measured = _measure(stars, np.full((4, 3), -5.0), np.zeros((_STAMP.n_pixel, 3), dtype=np.float32))
    assert np.isnan(measured.centroid_row).all()
    assert np.isnan(measured.centroid_column).all()


def test_windows_hold_the_apertures(stars):
    apertures = choose_apertures(_expansion(stars).matrices[0], stars.flux, _variance(stars), _USABLE, _STAMP)
    image, first_row, first_column = windows_of(apertures, stars.row, stars.column, _STAMP)
    assert image.shape == (4, FOOTPRINT, FOOTPRINT)
    for star in range(4):
        whole = np.zeros((300, 900), dtype=bool)
        whole[_STAMP.row_min : _STAMP.row_max, _STAMP.col_min : _STAMP.col_max] = (
            apertures.pixels[star].toarray().reshape(_STAMP.shape) > 0
        )
        row, column = first_row[star], first_column[star]
        np.testing.assert_array_equal(image[star], whole[row : row + FOOTPRINT, column : column + FOOTPRINT])
        assert whole.sum() == image[star].sum()


def test_no_stars_at_all():
    none = make_stars([], [], [])
    apertures = choose_apertures(_expansion(none).matrices[0], none.flux, np.ones(_STAMP.n_pixel), _USABLE, _STAMP)
    assert apertures.pixels.shape == (0, _STAMP.n_pixel)
