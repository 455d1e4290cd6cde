"""What the PRF changes from cadence to cadence, from the scatter of pixels."""

import numpy as np
import pytest

from photometry.fit.prf_changes import edge_share, prf_change_share

_N = 800


@pytest.fixture
def pixels():
    """Variance, leverage, light and shape of the error of pixels of all brightnesses."""
    rng = np.random.default_rng(1)
    light = 10 ** rng.uniform(1, 4.5, _N)
    return light / 1400 + 0.1, rng.uniform(0, 0.7, _N), light, light * np.maximum(light, 1000.0)


def _scatter(variance, leverage, n_cadence=400):
    """Mean square of what a fit leaves of that variance."""
    return (1 - leverage) * variance * np.random.default_rng(2).chisquare(n_cadence, _N) / n_cadence


def _added(scatter, variance, leverage, light, shape):
    """Variance of the pixels by the share that is found."""
    return prf_change_share(scatter, variance, leverage, light, shape) ** 2 * shape


@pytest.mark.parametrize("share", [1e-4, 1e-3, 1e-2])
def test_the_share_is_found_behind_noise_and_leverage(pixels, share):
    variance, leverage, light, shape = pixels
    scatter = _scatter(variance + share**2 * shape, leverage)
    found = _added(scatter, variance, leverage, light, shape)
    np.testing.assert_allclose(np.sqrt(found / shape), share, rtol=0.1)


def test_noise_alone_adds_next_to_nothing(pixels):
    variance, leverage, light, shape = pixels
    found = _added(_scatter(variance, leverage), variance, leverage, light, shape)
    bright = light > 300
    assert np.median((found / variance)[bright]) < 0.03


def test_pixels_that_tell_nothing_do_not_count(pixels):
    """Such that the fit follows, that are dark, or that were never valid: whatever they scatter."""
    variance, leverage, light, shape = pixels
    scatter = _scatter(variance + 1e-3**2 * shape, leverage)
    expected = _added(scatter, variance, leverage, light, shape)[light > 300]
    wild = scatter.copy()
    wild[light < 300] *= 1e4
    some = np.flatnonzero(light > 300)[:20]
    wild[some[:10]] = np.nan
    followed = leverage.copy()
    followed[some[10:]] = 0.95
    wild[some[10:]] *= 1e4
    found = _added(wild, variance, followed, light, shape)[light > 300]
    np.testing.assert_allclose(found, expected, rtol=0.05)


def test_a_few_wild_pixels_do_not_decide(pixels):
    variance, leverage, light, shape = pixels
    scatter = _scatter(variance + 1e-3**2 * shape, leverage)
    expected = _added(scatter, variance, leverage, light, shape)
    scatter[np.argsort(light)[-10:]] *= 1e6
    np.testing.assert_allclose(_added(scatter, variance, leverage, light, shape), expected, rtol=0.2)


def test_three_bright_pixels_tell_nothing(pixels):
    variance, leverage, _, shape = pixels
    dark = np.where(np.arange(_N) < 3, 1e4, 10.0)
    np.testing.assert_array_equal(_added(100 * variance, variance, leverage, dark, shape), 0)


@pytest.mark.parametrize(("true", "found"), [(0.0, 0.0), (0.2, 0.2), (0.7, 0.7), (2.0, 1.0)])
def test_edges_have_what_they_show_and_no_more_than_expected(pixels, true, found):
    variance, leverage, light, _ = pixels
    edge = np.where(np.arange(_N) % 2, 10 * variance, 0.0)
    scatter = _scatter(variance + true * edge, leverage)
    assert edge_share(scatter, variance, leverage, light, edge) == pytest.approx(found, abs=0.05)


def test_edges_that_no_pixel_tells_of_are_taken_for_what_is_expected(pixels):
    variance, leverage, light, _ = pixels
    assert edge_share(_scatter(variance, leverage), variance, leverage, light, 0.1 * variance) == 1.0
    assert edge_share(_scatter(variance, leverage), variance, leverage, light, 0.0) == 1.0
