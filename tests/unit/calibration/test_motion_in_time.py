"""What the other cadences expect of a cadence's shift."""

import numpy as np
import pytest

from photometry.calibration.kernel import N_MOTION, MovementKernel
from photometry.calibration.kernel_update import improved_kernel
from photometry.calibration.motion_in_time import expected_from_others

_N_CADENCE = 1000
_WHICH = np.arange(_N_CADENCE)
#: Drift over a sector, pixels.
_DRIFT = 0.1 * np.sin(_WHICH / 150)


def _measured(true, noise, seed=1):
    """Shifts measured with `noise` (pixels) and their variance, (n_cadence, 1) each."""
    random = np.random.default_rng(seed)
    return (true + noise * random.normal(size=len(true)))[:, None], np.full((len(true), 1), noise**2)


def _combined(measured, variance, which=_WHICH):
    """Shift by own measurement and expectation, and its error, (n_cadence,) each."""
    expected, prior = expected_from_others(measured, variance, which)
    total = 1 / variance + 1 / prior
    return ((measured / variance + expected / prior) / total)[:, 0], np.sqrt(1 / total)[:, 0]


@pytest.mark.parametrize("trembling", [0.0, 0.5e-3])
def test_a_drift_far_below_the_noise_is_followed_by_many_cadences(trembling):
    true = _DRIFT + trembling * np.random.default_rng(2).normal(size=_N_CADENCE)
    shift, error = _combined(*_measured(true, 5e-3))
    assert np.std(shift - true) < 0.35 * 5e-3
    assert np.std((shift - true) / error) == pytest.approx(1.0, abs=0.35)


def test_trembling_above_the_noise_is_left_as_measured():
    true = _DRIFT + 5e-3 * np.random.default_rng(2).normal(size=_N_CADENCE)
    measured, variance = _measured(true, 3e-4)
    shift, error = _combined(measured, variance)
    assert np.abs(shift - measured[:, 0]).max() < 3e-4
    assert np.std((shift - true) / error) == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("noise", [3e-4, 2e-3, 1e-2])
def test_a_jump_stays_a_jump(noise):
    true = _DRIFT + 0.08 * (_WHICH >= 500)
    shift, _ = _combined(*_measured(true, noise))
    assert np.abs(shift - true)[490:510].max() < 4 * noise
    assert np.std(shift - true) < 1.02 * noise


@pytest.mark.parametrize("length", [1, 3])
def test_an_excursion_stands_for_itself(length):
    true = _DRIFT.copy()
    true[600 : 600 + length] += 0.3
    measured, variance = _measured(true, 2e-3)
    shift, _ = _combined(measured, variance)
    assert np.abs(shift - true)[590:610].max() < 4 * 2e-3


def test_cadences_without_noise_move_as_measured():
    measured, variance = _measured(_DRIFT, 0.0)
    shift, _ = _combined(measured, variance + 1e-8)
    np.testing.assert_allclose(shift, _DRIFT, atol=1e-4)


def test_drift_goes_on_through_gaps():
    which = np.concatenate([_WHICH[:300], _WHICH[700:]])
    true = 2e-3 * np.random.default_rng(3).normal(size=_N_CADENCE).cumsum()[which]
    shift, error = _combined(*_measured(true, 5e-3), which)
    assert np.std(shift - true) < 0.75 * 5e-3
    assert np.std((shift - true) / error) == pytest.approx(1.0, abs=0.15)


def test_kinds_do_not_meet():
    one, other = _measured(_DRIFT, 5e-3), _measured(np.zeros(_N_CADENCE), 1e-3, seed=4)
    both = expected_from_others(np.hstack([one[0], other[0]]), np.hstack([one[1], other[1]]), _WHICH)
    for k, alone in enumerate([one, other]):
        expected = expected_from_others(*alone, _WHICH)
        np.testing.assert_allclose(np.stack(both)[..., k], np.stack(expected)[..., 0])


@pytest.mark.parametrize("which", [np.arange(20), 3 * np.arange(100)])
def test_few_neighbours_tell_nothing(which):
    assert expected_from_others(*_measured(np.zeros(len(which)), 1e-3), which) is None


def test_a_faint_star_moves_as_many_cadences_say():
    noise = 5e-3
    random = np.random.default_rng(5)
    information = np.broadcast_to(np.eye(N_MOTION) / noise**2, (_N_CADENCE, N_MOTION, N_MOTION)).copy()
    gradient = np.zeros((_N_CADENCE, N_MOTION))
    gradient[:, [0, 3]] = (_DRIFT[:, None] + noise * random.normal(size=(_N_CADENCE, 2))) / noise**2
    nothing, exact = np.zeros((_N_CADENCE, N_MOTION)), np.zeros((_N_CADENCE, N_MOTION, N_MOTION))
    still = MovementKernel((5.0, 5.0), 5.0, (0.0, 0.0), nothing, exact, np.zeros(_N_CADENCE, dtype=bool), "pixels")
    good = np.ones(_N_CADENCE, dtype=bool)
    kernel = improved_kernel(still, information, gradient, good, "affine", static_mean=False, in_time=True)
    error = kernel.parameters[:, [0, 3]] - _DRIFT[:, None]
    quoted = np.sqrt(np.diagonal(kernel.covariance, axis1=1, axis2=2)[:, [0, 3]])
    assert error.std() < 0.35 * noise
    assert np.std(error / quoted) == pytest.approx(1.0, abs=0.35)
