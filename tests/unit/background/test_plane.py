"""Background of cutouts."""

import numpy as np
import pytest

from photometry.background.plane import background_pixels, estimate_background


def field(n_cadence=5, n_row=40, n_column=50, seed=3):
    """Stars of all kinds on a plane that changes with time; the plane itself."""
    rng = np.random.default_rng(seed)
    row, column = np.mgrid[:n_row, :n_column]
    level = 100 + 20 * np.sin(np.arange(n_cadence))[:, None, None]
    plane = level + 0.3 * row - 0.2 * column
    stars = np.zeros((n_row, n_column))
    for _ in range(60):
        r, c, flux = rng.uniform(0, n_row), rng.uniform(0, n_column), 10 ** rng.uniform(2, 4)
        stars += flux / (2 * np.pi) * np.exp(-0.5 * ((row - r) ** 2 + (column - c) ** 2))
    return (plane + stars + rng.normal(0, 1, plane.shape)).astype(np.float32), plane


def test_plane_is_found_among_stars():
    images, plane = field()
    background = estimate_background(images)
    assert background.dtype == np.float32
    assert background.shape == images.shape
    assert np.abs(background - plane).max() < 2.5


def test_every_cadence_has_its_own():
    images, plane = field()
    change = estimate_background(images).mean(axis=(1, 2)) - plane.mean(axis=(1, 2))
    assert np.ptp(change) < 0.5


def test_bad_values_do_no_harm():
    images, _ = field()
    clean = estimate_background(images)
    images[2, 5:9] = np.nan
    dark = np.argwhere(background_pixels(images))[::40]
    images[3, dark[:, 0], dark[:, 1]] = 5000
    assert np.abs(estimate_background(images) - clean).max() < 1


def test_cadence_without_a_value_has_no_background():
    images, _ = field()
    images[1] = np.nan
    background = estimate_background(images)
    assert np.all(background[1] == 0)
    assert np.all(background[0] > 0)


@pytest.mark.parametrize("shape", [(3, 5, 5), (2, 1, 1), (4, 2, 30)])
def test_small_cutouts(shape):
    images = np.full(shape, 50, np.float32)
    images[:, 0, 0] = 900
    background = estimate_background(images)
    expected = 900 if shape[1:] == (1, 1) else 50
    np.testing.assert_allclose(background, expected, rtol=1e-5)


def test_nothing_measured():
    images = np.full((3, 4, 4), np.nan, np.float32)
    assert not background_pixels(images).any()
    assert np.all(estimate_background(images) == 0)


def test_pixel_that_is_rarely_measured_is_not_dark():
    images, _ = field()
    images[1:, 7, 7] = np.nan
    images[0, 7, 7] = -100
    assert not background_pixels(images)[7, 7]


def test_shift_by_a_constant():
    images, _ = field()
    shifted = estimate_background(images + np.float32(64)) - estimate_background(images)
    np.testing.assert_allclose(shifted, 64, atol=1e-2)
