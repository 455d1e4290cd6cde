"""What is put into a movement kernel, and what is too large to be true."""

import numpy as np
import pytest

from photometry.calibration.kernel import MovementKernel
from photometry.calibration.kernel_update import improved_kernel, with_mean_in_offset, with_static

_N_CADENCE = 60
_GOOD = np.ones(_N_CADENCE, dtype=bool)


def _kernel():
    nothing = np.zeros((_N_CADENCE, 6))
    bad = np.zeros(_N_CADENCE, dtype=bool)
    return MovementKernel((100.0, 100.0), 32.0, (0.0, 0.0), nothing, np.zeros((_N_CADENCE, 6, 6)), bad, "pixels")


def _measured(shifts, sigma=1e-3):
    """Information and gradient of row shifts (n_cadence,) measured with an error of `sigma` pixels."""
    information = np.broadcast_to(np.eye(6) / sigma**2, (_N_CADENCE, 6, 6)).copy()
    gradient = np.zeros((_N_CADENCE, 6))
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
        np.testing.assert_array_equal(kernel.parameters[7], [0.0, 1e-4, 2e-4, 0.0, 3e-4, 4e-4])
