"""What is put into a movement kernel, and what is too large to be true."""

import numpy as np
import pytest

from photometry.calibration.kernel import LINEAR, N_MOTION, MovementKernel
from photometry.calibration.kernel_update import improved_kernel, static_precision, with_mean_in_offset, with_static

_N_CADENCE = 60
_GOOD = np.ones(_N_CADENCE, dtype=bool)


def _kernel():
    nothing, exact = np.zeros((_N_CADENCE, N_MOTION)), np.zeros((_N_CADENCE, N_MOTION, N_MOTION))
    bad = np.zeros(_N_CADENCE, dtype=bool)
    return MovementKernel((100.0, 100.0), 32.0, (0.0, 0.0), nothing, exact, bad, "pixels")


def _measured(shifts, sigma=1e-3):
    """Information and gradient of row shifts (n_cadence,) measured with an error of `sigma` pixels."""
    information = np.broadcast_to(np.eye(N_MOTION) / sigma**2, (_N_CADENCE, N_MOTION, N_MOTION)).copy()
    gradient = np.zeros((_N_CADENCE, N_MOTION))
    gradient[:, 0] = shifts / sigma**2
    return information, gradient


def test_shifts_are_taken_over_less_their_mean():
    shifts = 0.1 * np.sin(np.arange(_N_CADENCE)) + 0.03
    kernel = improved_kernel(_kernel(), *_measured(shifts), _GOOD, "affine")
    np.testing.assert_allclose(kernel.parameters[:, 0], shifts - shifts.mean(), atol=1e-4)
    assert not kernel.bad.any()


def test_about_a_known_mean_scene_the_mean_belongs_to_the_motion():
    shifts = 0.1 * np.sin(np.arange(_N_CADENCE)) + 0.03
    kernel = improved_kernel(_kernel(), *_measured(shifts), _GOOD, "affine", static_mean=False)
    np.testing.assert_allclose(kernel.parameters[:, 0], shifts, atol=1e-4)


def test_the_mean_of_good_cadences_in_the_offset_leaves_the_stars_where_they_are():
    good = np.arange(_N_CADENCE) % 3 > 0
    shifts = 0.1 * np.sin(np.arange(_N_CADENCE)) + 0.3 * ~good - 0.02
    kernel = improved_kernel(_kernel(), *_measured(shifts), good, "affine", static_mean=False)
    centred = with_mean_in_offset(kernel, good)
    assert abs(centred.parameters[good, 0].mean()) < 1e-12
    assert centred.offset[0] == pytest.approx(shifts[good].mean(), abs=1e-4)
    np.testing.assert_allclose(
        centred.parameters[:, 0] + centred.offset[0], kernel.parameters[:, 0] + kernel.offset[0], atol=1e-15
    )


def test_a_shift_too_large_to_be_true_is_interpolated():
    shifts = 0.1 * np.sin(np.arange(_N_CADENCE) / 10)
    shifts[30] = 7.0
    kernel = improved_kernel(_kernel(), *_measured(shifts), _GOOD, "affine")
    np.testing.assert_array_equal(np.flatnonzero(kernel.bad), [30])
    np.testing.assert_allclose(kernel.parameters[30, 0], kernel.parameters[[29, 31], 0].mean(), atol=1e-6)


@pytest.mark.parametrize("mode", ["affine", "euclidian", "translation"])
def test_shifts_that_are_no_motion_of_a_spacecraft_are_not_believed(mode):
    shifts = np.random.default_rng(1).normal(0, 5, _N_CADENCE)
    kernel = improved_kernel(_kernel(), *_measured(shifts), _GOOD, mode)
    assert kernel.bad.all()
    np.testing.assert_array_equal(kernel.parameters, 0)


def test_a_constant_shift_goes_no_farther_than_a_step_is_linear():
    for shift, expected in (((0.3, -0.2), (0.3, -0.2)), ((-3.0, 4.0), (-0.3, 0.4))):
        change = np.array([shift[0], 1e-4, 2e-4, shift[1], 3e-4, 4e-4])
        kernel = with_static(_kernel(), change)
        np.testing.assert_allclose(kernel.offset, expected)
        np.testing.assert_array_equal(kernel.parameters[7], [0.0, 1e-4, 2e-4, 0.0, 3e-4, 4e-4, 0.0, 0.0, 0.0])


def _all_measured(values, sigma, seed=1):
    """Information and gradient of all parameters (n_cadence, N_MOTION), with noise of `sigma` (N_MOTION,)."""
    noisy = values + np.random.default_rng(seed).normal(size=values.shape) * sigma
    information = np.broadcast_to(np.diag(1 / np.asarray(sigma) ** 2), (_N_CADENCE, N_MOTION, N_MOTION)).copy()
    return information, noisy / np.asarray(sigma) ** 2


def _still(value=0.0):
    return np.full((_N_CADENCE, N_MOTION), value)


#: Errors of many stars: shifts and linear terms, pixels; second moments, pixels^2.
_MANY_STARS = np.repeat([2e-4, 1e-3], [6, 3])
#: Those of a few: they hardly tell how far away from each other they move.
_FEW_STARS = np.array([2e-4, 0.5, 0.5, 2e-4, 0.5, 0.5, 1e-3, 1e-3, 1e-3])


@pytest.mark.parametrize("static_mean", [True, False])
@pytest.mark.parametrize("sigma", [_MANY_STARS, _FEW_STARS], ids=["many", "few"])
def test_the_constant_part_of_linear_motion_is_kept(static_mean, sigma):
    """With the offset the mean scene has found how places change over the pixels; no prior pulls that to zero."""
    kernel = with_static(_kernel(), np.array([0.1, 0.02, -0.03, 0.2, 0.01, 0.015]))
    start = kernel.parameters.copy()
    assert np.abs(start[:, LINEAR]).min() > 0.009
    improved = improved_kernel(kernel, *_all_measured(_still(), sigma), _GOOD, "affine", static_mean=static_mean)
    np.testing.assert_allclose(improved.parameters[:, LINEAR], start[:, LINEAR], atol=1e-3)
    again = improved_kernel(improved, *_all_measured(_still(), sigma, 2), _GOOD, "affine", static_mean=static_mean)
    np.testing.assert_allclose(again.parameters[:, LINEAR], start[:, LINEAR], atol=1e-3)


def test_few_stars_make_no_linear_motion():
    """Corners that seem to move by half a pixel stay where TESS can have moved them to: 1e-4 per pixel."""
    values = _still()
    values[:, 0] = 0.1 * np.sin(np.arange(_N_CADENCE))
    improved = improved_kernel(_kernel(), *_all_measured(values, _FEW_STARS), _GOOD, "affine")
    np.testing.assert_allclose(improved.parameters[:, 0], values[:, 0] - values[:, 0].mean(), atol=1e-3)
    assert np.abs(improved.parameters[:, LINEAR]).max() < 1e-4 * 32
    of_linear = np.diagonal(improved.covariance, axis1=1, axis2=2)[:, LINEAR]
    assert np.sqrt(of_linear.max()) < 2e-4 * 32


def test_many_stars_show_how_the_spacecraft_rolls():
    """By up to 5e-5 rad, at the edge 1.6 millipixel with an error of 0.2."""
    roll = 5e-5 * 32 * np.sin(np.arange(_N_CADENCE) / 5)
    roll -= roll.mean()
    values = _still()
    values[:, 2], values[:, 4] = roll, -roll
    improved = improved_kernel(_kernel(), *_all_measured(values, _MANY_STARS), _GOOD, "affine")
    assert np.std(improved.parameters[:, 2] - roll) < 2e-4
    assert np.std(improved.parameters[:, 4] + roll) < 2e-4
    assert np.abs(improved.parameters[:, [1, 5]]).max() < 3e-4


def test_a_prf_that_does_not_change_has_no_moments():
    """A tenth of the noise at most is taken for a change."""
    improved = improved_kernel(_kernel(), *_all_measured(_still(), _MANY_STARS), _GOOD, "affine")
    assert np.sqrt((improved.parameters[:, 6:] ** 2).mean(axis=0)).max() < 0.1 * 1e-3


@pytest.mark.parametrize("k", [6, 7, 8])
def test_moments_that_rise_above_their_noise_are_followed(k):
    """One kind changes by five times its noise: it is followed to that noise, the others stay as they are."""
    values = _still()
    values[:, k] = 5e-3 * np.sin(np.arange(_N_CADENCE) / 8)
    values[:, k] -= values[:, k].mean()
    improved = improved_kernel(_kernel(), *_all_measured(values, _MANY_STARS), _GOOD, "affine")
    found = improved.parameters[:, k]
    assert np.std(found - values[:, k]) < 1.2e-3
    assert (found @ values[:, k]) / (values[:, k] @ values[:, k]) == pytest.approx(1, abs=0.12)
    others = [other for other in (6, 7, 8) if other != k]
    assert np.abs(improved.parameters[:, others]).max() < 5e-4
    np.testing.assert_allclose(np.sqrt(improved.covariance[:, k, k]), 1e-3, rtol=0.1)


def test_moments_are_never_larger_than_those_of_a_prf():
    """A wrong scene that asks for a square pixel of blur is not followed."""
    values = _still()
    values[:, 6] = np.sign(np.sin(np.arange(_N_CADENCE)))
    sigma = np.repeat([2e-4, 0.2], [6, 3])
    improved = improved_kernel(_kernel(), *_all_measured(values, sigma), _GOOD, "affine")
    assert np.abs(improved.parameters[:, 6]).max() < 0.1


def test_moments_can_be_left_out():
    """Too few stars tell them from their own variation."""
    values = _still()
    values[:, 6:] = 0.01 * np.sin(np.arange(_N_CADENCE) / 8)[:, None]
    improved = improved_kernel(_kernel(), *_all_measured(values, _MANY_STARS), _GOOD, "affine", moments=False)
    np.testing.assert_allclose(improved.parameters[:, 6:], 0, atol=1e-9)
    np.testing.assert_allclose(improved.covariance[:, 6:, 6:], 0, atol=1e-12)


def test_the_prior_of_the_constant_shift_is_per_pixel():
    """Half a pixel, and 5e-4 per pixel over the scale."""
    np.testing.assert_allclose(1 / np.sqrt(static_precision(40.0)), [0.5, 0.02, 0.02, 0.5, 0.02, 0.02])
