"""Motion that the pixels do not show: cadences and regions without a measurement."""

import numpy as np
import pytest

from photometry.calibration.kernel import N_MOTION, MovementKernel
from photometry.calibration.kernel_update import improved_kernel, unmeasured

_N_CADENCE = 60
_GOOD = np.ones(_N_CADENCE, dtype=bool)
_SHIFTS = 0.05 * np.sin(np.arange(_N_CADENCE))


def _kernel():
    nothing = np.zeros((_N_CADENCE, N_MOTION))
    covariance = np.zeros((_N_CADENCE, N_MOTION, N_MOTION))
    return MovementKernel(
        (100.0, 100.0), 32.0, (0.0, 0.0), nothing, covariance, np.zeros(_N_CADENCE, dtype=bool), "pixels"
    )


def _measured(shifts, sigma):
    """Information and gradient of row and column shifts (n_cadence,) measured with errors (n_cadence,), pixels."""
    weight = 1 / np.broadcast_to(sigma, _N_CADENCE) ** 2
    information = weight[:, None, None] * np.eye(N_MOTION)
    gradient = np.zeros((_N_CADENCE, N_MOTION))
    gradient[:, 0] = gradient[:, 3] = shifts * weight
    return information, gradient


@pytest.mark.parametrize("is_good", [True, False])
def test_a_cadence_with_little_information_moves_as_the_others_do(is_good):
    """Flagged cadences had errors of a pixel, in fluxes of hundreds of standard errors."""
    sigma, good = np.full(_N_CADENCE, 1e-3), _GOOD.copy()
    sigma[20], good[20] = 0.5, is_good
    kernel = improved_kernel(_kernel(), *_measured(_SHIFTS, sigma), good, "affine", static_mean=False)
    np.testing.assert_array_equal(np.flatnonzero(kernel.bad), [20])
    assert kernel.parameters[20, 0] == pytest.approx(kernel.parameters[[19, 21], 0].mean(), abs=1e-6)
    # The scatter by the median is wider than the standard deviation, for a sine.
    scatter = np.sqrt(np.diag(kernel.covariance[20])[[0, 3]])
    np.testing.assert_allclose(scatter, _SHIFTS.std(), rtol=0.6)


def test_one_axis_that_is_not_measured_is_enough():
    information, gradient = _measured(_SHIFTS, 1e-3)
    information[20, 3, 3] = 50.0
    gradient[20, 3] = 0.0
    kernel = improved_kernel(_kernel(), information, gradient, _GOOD, "affine")
    np.testing.assert_array_equal(np.flatnonzero(kernel.bad), [20])


@pytest.mark.parametrize(
    ("shifts", "sigma"),
    [
        (0.0, np.inf),
        # Every cadence farther away than is credible, and all in the same place.
        (2.5, 1e-3),
        # Moving more than a spacecraft does.
        (20 * _SHIFTS, 1e-3),
    ],
    ids=["nothing", "far", "wild"],
)
def test_a_region_without_motion_stands_still_and_says_how_little_that_means(shifts, sigma):
    kernel = improved_kernel(_kernel(), *_measured(shifts, sigma), _GOOD, "affine")
    assert kernel.bad.all()
    np.testing.assert_array_equal(np.ptp(kernel.parameters, axis=0), 0)
    np.testing.assert_array_equal(kernel.covariance, unmeasured(_kernel(), _kernel().parameters).covariance)
    assert 0.003 < np.sqrt(kernel.covariance[7, 0, 0]) < 0.05
    assert kernel.covariance[7, 1, 1] == 0


def test_a_flagged_cadence_is_no_measurement_of_the_region():
    sigma = np.full(_N_CADENCE, np.inf)
    sigma[20] = 1e-3
    kernel = improved_kernel(_kernel(), *_measured(np.zeros(_N_CADENCE), sigma), np.arange(_N_CADENCE) != 20, "affine")
    assert kernel.bad.all()
