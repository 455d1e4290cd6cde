"""How wrong the model is: one share for all stars; only what no PRF explains takes a pixel's weight away."""

import numpy as np
import pytest

from photometry.scene.model_error import bounded_error, error_shape, share_of_light

_SHAPE = (40, 40)
_DARK = np.zeros(_SHAPE[0] * _SHAPE[1], dtype=bool)


def _stars(places, peaks, width=1.0):
    """Light of round stars, (n_pixel,), e-/s."""
    row, column = np.mgrid[: _SHAPE[0], : _SHAPE[1]]
    light = np.zeros(_SHAPE)
    for (i, j), peak in zip(places, peaks, strict=True):
        light += peak * np.exp(-((row - i) ** 2 + (column - j) ** 2) / (2 * width**2))
    return light.ravel()


@pytest.fixture
def field():
    """Light, shape of the error, and noise of a field of stars of all magnitudes."""
    rng = np.random.default_rng(1)
    light = _stars(rng.uniform(2, 38, (60, 2)), 10 ** rng.uniform(2.5, 4.5, 60))
    return light, error_shape(light, _SHAPE, _DARK), np.full(len(light), 4.0)


@pytest.mark.parametrize("share", [0.003, 0.01, 0.05])
def test_the_share_is_that_of_the_residuals(field, share):
    """A thousand telling pixels tell it to 10 %."""
    light, shape, noise = field
    telling = light > 300
    assert telling.sum() > 500
    residual = np.random.default_rng(2).normal(size=len(light)) * np.sqrt(noise + share**2 * shape)
    found = share_of_light(residual[telling] ** 2, noise[telling], shape[telling])
    assert found == pytest.approx(share, rel=0.1)
    _, of_all = bounded_error(residual, noise, light, shape, ~_DARK)
    assert of_all == found


def test_residuals_that_are_noise_leave_no_error_of_the_model(field):
    light, shape, noise = field
    residual = np.random.default_rng(3).normal(size=len(light)) * np.sqrt(noise)
    error, _ = bounded_error(residual, noise, light, shape, ~_DARK)
    assert np.median(error**2 / noise) < 0.05


def test_a_field_without_bright_pixels_tells_nothing(field):
    _, shape, noise = field
    _, share = bounded_error(np.full(len(noise), 50.0), noise, np.full(len(noise), 20.0), shape, ~_DARK)
    assert share <= 1e-6


def test_the_share_has_a_bound(field):
    """Residuals as large as the stars do not make the model worthless."""
    light, shape, noise = field
    _, share = bounded_error(10 * light, noise, light, shape, ~_DARK)
    assert share == pytest.approx(0.2, rel=1e-3)


def _with_wild_pixel(field, residual):
    """Index of the brightest pixel, errors before and after its residual is changed, with both shares."""
    light, shape, noise = field
    wild, usual = int(np.argmax(light)), np.random.default_rng(4).normal(size=len(light))
    usual *= np.sqrt(noise + 0.01**2 * shape)
    before = bounded_error(usual, noise, light, shape, ~_DARK)
    usual[wild] = residual
    return wild, before, bounded_error(usual, noise, light, shape, ~_DARK)


def _assert_others_keep_their_errors(wild, before, after):
    assert after[1] == pytest.approx(before[1], rel=0.02)
    others = np.arange(len(before[0])) != wild
    np.testing.assert_allclose(after[0][others], before[0][others], rtol=0.02, atol=1e-3)


@pytest.mark.parametrize("share", [0.07, 0.15, 0.29])
def test_a_pixel_that_a_prf_may_spoil_never_gets_more_than_the_limit(field, share):
    """Off by up to three times 10 % of the light: four times the variance that is expected of it."""
    light, shape, noise = field
    residual = share * np.sqrt(shape[np.argmax(light)])
    wild, before, after = _with_wild_pixel(field, residual)
    expected = noise[wild] + after[1] ** 2 * shape[wild]
    assert residual > 6 * np.sqrt(expected)
    assert noise[wild] + after[0][wild] ** 2 == pytest.approx(4 * expected, rel=1e-6)
    _assert_others_keep_their_errors(wild, before, after)


@pytest.mark.parametrize("share", [0.5, 10.0, 1e4])
def test_what_no_prf_explains_is_an_error_of_the_pixel_itself(field, share):
    """All that is beyond three times 10 % of the light, so that the pixel has no say, and no other pixel suffers."""
    light, shape, noise = field
    residual = share * np.sqrt(shape[np.argmax(light)])
    wild, before, after = _with_wild_pixel(field, residual)
    expected, most = noise[wild] + after[1] ** 2 * shape[wild], 9 * (noise[wild] + 0.1**2 * shape[wild])
    assert noise[wild] + after[0][wild] ** 2 == pytest.approx(4 * expected + residual**2 - most, rel=1e-6)
    _assert_others_keep_their_errors(wild, before, after)


@pytest.mark.parametrize("share", [0.5, 10.0, 1e4])
def test_light_of_a_saturated_star_keeps_the_limit(field, share):
    """Its weight is that of the sum of its light, whatever is left of it."""
    light, shape, noise = field
    wild = int(np.argmax(light))
    residual = np.zeros(len(light))
    residual[wild] = share * np.sqrt(shape[wild])
    error, found = bounded_error(residual, noise, light, shape, ~_DARK, np.arange(len(light)) == wild)
    assert noise[wild] + error[wild] ** 2 == pytest.approx(4 * (noise[wild] + found**2 * shape[wild]), rel=1e-6)


def test_a_pixel_within_three_standard_deviations_has_the_error_of_all(field):
    light, shape, noise = field
    residual = np.random.default_rng(5).uniform(-1, 1, len(light)) * np.sqrt(noise + 0.01**2 * shape)
    error, share = bounded_error(residual, noise, light, shape, ~_DARK)
    np.testing.assert_allclose(error**2, share**2 * shape, rtol=1e-6, atol=1e-9)


def test_weights_of_a_star_alone_go_as_one_over_its_light():
    """Within two pixels of its peak: the sum of weight times light squared is then that of the light itself."""
    light = _stars([(20.0, 20.0)], [5e4])
    shape = error_shape(light, _SHAPE, _DARK).reshape(_SHAPE)
    core = np.s_[18:23, 18:23]
    of_core = light.reshape(_SHAPE)[core] / shape[core]
    np.testing.assert_allclose(of_core, of_core[2, 2], rtol=1e-12)
    assert shape[20, 20] == pytest.approx(5e4**2)


def test_light_of_a_faint_neighbour_is_as_uncertain_as_the_bright_core_beside_it_makes_it():
    """Two pixels away the bright star counts, three pixels away it does not."""
    light = _stars([(10.0, 10.0), (10.0, 12.0), (13.0, 10.0)], [1e4, 100.0, 100.0], width=0.5)
    shape, of_pixel = error_shape(light, _SHAPE, _DARK).reshape(_SHAPE), light.reshape(_SHAPE)
    assert shape[10, 12] == pytest.approx(of_pixel[10, 12] * of_pixel[10, 10])
    assert shape[13, 10] == pytest.approx(of_pixel[13, 10] * of_pixel[11:16, 8:13].max())
    assert shape[13, 10] < 0.2 * shape[10, 12]


def test_the_sum_of_a_bleed_trail_is_no_core():
    """It has the error that the stars give it whose light it holds, and makes nothing beside it more uncertain."""
    light = _stars([(10.0, 10.0)], [1e3], width=0.5)
    saturated = _DARK.copy()
    trail = 10 * _SHAPE[1] + 11
    saturated[trail], light[trail] = True, 1e7
    of_saturated = np.zeros_like(light)
    of_saturated[trail], of_saturated[0] = 1e12, 5.0
    shape = error_shape(light, _SHAPE, saturated, of_saturated)
    assert shape[trail] == pytest.approx(1e12)
    middle = 10 * _SHAPE[1] + 10
    assert shape[middle] == pytest.approx(light[middle] ** 2)
    assert shape[0] == pytest.approx(5.0)


def test_negative_light_is_no_light():
    light = np.full(len(_DARK), -3.0)
    np.testing.assert_array_equal(error_shape(light, _SHAPE, _DARK), 0)
