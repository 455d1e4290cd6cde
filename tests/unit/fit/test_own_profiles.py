"""Profiles of variable stars: with a PRF that is wrong their light stays out of constant neighbours."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from cubes import with_header
from scenes import fit
from scipy import sparse
from small_tiles import exact_images, lopsided_prf, make_cube, make_stars

import photometry.fit.tile_photometry as steps
from photometry.calibration.kernel import N_MOTION, MovementKernel
from photometry.core.geometry import Stamp
from photometry.fit.own_profiles import own_profiles
from photometry.simulate import blurred_prf, mixed_prf

_STAMP = Stamp(100, 124, 600, 624)
_N_CADENCE = 200
#: Movement along rows and columns: five places, several nodes of the motion.
_PLACES = np.array([[-0.08, -0.03, 0.0, 0.04, 0.07], [0.05, -0.06, 0.02, -0.02, 0.01]])
_WHERE = np.random.default_rng(3).integers(0, 5, _N_CADENCE)
_SIGNAL = np.sin(np.arange(_N_CADENCE) / 9)
_GIVEN = lopsided_prf()
#: Off by 8 % of the peak.
_TRUE = mixed_prf(_GIVEN, blurred_prf(_GIVEN, 0.35), 0.4)


def _field(angle, true_prf=_TRUE, amplitude=0.1):
    """A variable star of T=9, a constant one of T=11 at 2 px from it, and five others: cube, stars, kernel."""
    row = [112.3, 112.3 + 2 * np.cos(angle), 105.2, 118.1, 106.0, 119.4, 104.8]
    column = [611.8, 611.8 + 2 * np.sin(angle), 605.1, 606.0, 618.3, 618.8, 612.0]
    stars = make_stars(row, column, [9.0, 11.0, 10.0, 10.5, 11.0, 12.0, 13.0])
    images = exact_images(true_prf, stars, _STAMP, *_PLACES)[_WHERE]
    of_variable = exact_images(true_prf, stars.select(np.array([0])), _STAMP, *_PLACES)[_WHERE]
    images += amplitude * _SIGNAL[:, None, None] * of_variable
    parameters = np.zeros((_N_CADENCE, N_MOTION))
    parameters[:, [0, 3]] = _PLACES[:, _WHERE].T
    nothing = np.zeros((_N_CADENCE, N_MOTION, N_MOTION))
    still = np.zeros(_N_CADENCE, dtype=bool)
    kernel = MovementKernel(_STAMP.center, 12.0, (0.0, 0.0), parameters, nothing, still, "pixels")
    return SimpleNamespace(cube=make_cube(_STAMP, images, np.random.default_rng(1)), stars=stars, kernel=kernel)


def _slopes(field):
    """Slopes of the fluxes of all stars on that of the variable one."""
    fitted = fit(field.cube, field.stars, _GIVEN, field.kernel)
    flux = fitted.flux[np.argsort(fitted.starid)].astype(np.float64)
    true = 0.1 * field.stars.flux[0] * (_SIGNAL - _SIGNAL.mean())
    return (flux - flux.mean(axis=1, keepdims=True)) @ true / (true @ true)


@pytest.mark.parametrize("angle", [0.7, 2.5, 4.5])
def test_light_of_a_variable_star_stays_out_of_its_neighbour(angle, monkeypatch):
    """The leak falls below a third, and to 0.05 % of the variation; the variable star keeps its own to 0.1 %."""
    field = _field(angle)
    with_profile = _slopes(field)
    monkeypatch.setattr(steps, "own_profiles", lambda *_: {})
    without = _slopes(field)
    assert 0.003 < abs(without[1]) < 0.02
    assert abs(with_profile[1]) < min(abs(without[1]) / 3, 5e-4)
    assert abs(with_profile[0] - 1) < 1e-3 < abs(without[0] - 1)


def _profiles(field, monkeypatch):
    """Changes of the PRFs that a fit finds."""
    found = []

    def watched(*parts):
        found.append(measure(*parts))
        return found[-1]

    measure = steps.own_profiles
    with monkeypatch.context() as patch:
        patch.setattr(steps, "own_profiles", watched)
        fit(field.cube, field.stars, _GIVEN, field.kernel)
    (profiles,) = found
    return profiles


def _mean_change(field, where):
    """True PRF of the variable star less the given one, in the mean of its places."""
    own = field.stars.select(np.array([0]))
    true, given = (exact_images(prf, own, _STAMP, *_PLACES)[where].mean(axis=0).ravel() for prf in (_TRUE, _GIVEN))
    return (true - given) / own.flux[0]


def test_the_change_is_that_of_the_true_prf(monkeypatch):
    """To 0.0005 of the light per pixel, where it is up to 0.017: the sum of the slopes is known to 0.001."""
    field = _field(0.7)
    (star,), (change,) = zip(*_profiles(field, monkeypatch).items(), strict=True)
    assert star == 0
    expected = _mean_change(field, _WHERE)
    assert np.abs(expected).max() > 0.015
    np.testing.assert_allclose(change, expected, atol=5e-4)
    assert abs(change.sum()) < 1e-9


def test_a_node_without_good_cadences_has_no_say(monkeypatch):
    """The stars stand elsewhere in flagged cadences alone, and their pixels are rubbish there."""
    field = _field(0.7)
    quality, images = np.where(_WHERE == 0, 128, 0).astype(np.int32), field.cube.images.copy()
    images[_WHERE == 0] += np.random.default_rng(2).normal(0, 300, images.shape[1:]).astype(np.float32)
    (before,) = _profiles(field, monkeypatch).values()
    field.cube = replace(with_header(field.cube, quality=quality), images=images)
    (after,) = _profiles(field, monkeypatch).values()
    np.testing.assert_allclose(before, _mean_change(field, _WHERE), atol=5e-4)
    np.testing.assert_allclose(after, _mean_change(field, _WHERE[_WHERE > 0]), atol=5e-4)


def test_a_prf_that_is_right_stays(monkeypatch):
    """Slopes are known to 0.0001 of the light, and the mean scene shows that the PRF is right."""
    (change,) = _profiles(_field(0.7, _GIVEN), monkeypatch).values()
    assert np.abs(change).max() < 1e-5


@pytest.mark.parametrize("amplitude", [0.0, 0.001])
def test_stars_that_do_not_vary_have_no_profile_of_their_own(amplitude, monkeypatch):
    assert _profiles(_field(0.7, amplitude=amplitude), monkeypatch) == {}


def test_errors_of_slopes_know_what_weeks_differ_by(monkeypatch):
    """The PRF changes half-way: slopes of either half are as far from those of all as their errors say, by a factor."""
    field = _field(0.7)
    other = _field(0.7, _GIVEN).cube.images
    late = (np.arange(_N_CADENCE) >= _N_CADENCE // 2)[:, None, None]
    field.cube = replace(field.cube, images=np.where(late, other, field.cube.images))
    found = []

    def watched(*parts):
        found.append(measure(*parts))
        return found[-1]

    measure = steps.pixel_slopes
    monkeypatch.setattr(steps, "pixel_slopes", watched)
    fit(field.cube, field.stars, _GIVEN, field.kernel)
    away = _mean_change(field, _WHERE) / 2
    error = np.sqrt(found[0].flux_variance[:, 0])
    assert 0.3 < error[np.argmax(np.abs(away))] / np.abs(away).max() < 3.5


def test_pixels_that_tell_little_do_not_say_how_large_a_profile_is():
    """Slopes near another star are noise: the profile stays what the other pixels say, its size too."""
    light = exact_images(_GIVEN, make_stars([112.3], [611.8], [9.0]), _STAMP, np.zeros(1), np.zeros(1)).ravel()
    light /= light.sum()
    noise = np.full(light.shape, 1e-8)
    slope = light + 2e-4 * np.sin(np.arange(light.size))
    near_other = np.flatnonzero((light > 0) & (light < 0.01))[:9]
    slope[near_other], noise[near_other] = -0.1, 0.1**2
    scene = SimpleNamespace(data=SimpleNamespace(usable=np.ones(light.shape, bool), saturated=light > 9, stamp=_STAMP))
    scene.state, node = None, SimpleNamespace(expansion=SimpleNamespace(transposed=[sparse.csr_matrix(light[None])]))
    slopes = SimpleNamespace(
        stars=np.array([0]), of_model=light[:, None], on_flux=slope[:, None], flux_variance=noise[:, None]
    )
    change = own_profiles(scene, SimpleNamespace(main_node=node), slopes, 0.02)[0]
    assert np.abs(change).max() < 1e-3


def test_stars_that_vary_in_step_keep_their_light():
    """A star of a sixth of the light varies by as much as the variable one, mostly in step with it."""
    field = _field(0.7, amplitude=0.3)
    other = exact_images(_TRUE, field.stars.select(np.array([1])), _STAMP, *_PLACES)[_WHERE]
    flux = 0.3 * _SIGNAL + 0.1 * np.sin(1.3 * np.arange(_N_CADENCE))
    images = field.cube.images + flux[:, None, None] * other
    field.cube = replace(field.cube, images=images.astype(np.float32))
    found = fit(field.cube, field.stars, _GIVEN, field.kernel)
    assert found.flux[found.starid == 2].mean() == pytest.approx(field.stars.flux[1], rel=0.1)
