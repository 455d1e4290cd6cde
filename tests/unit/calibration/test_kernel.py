"""Movement kernel as a formula."""

import numpy as np
import pytest

from photometry.calibration.kernel import N_MOTION, MovementKernel, interpolated, parameters_of_shifts


def _kernel(parameters):
    n_cadence = len(parameters)
    return MovementKernel(
        center=(100.0, 200.0),
        scale=50.0,
        offset=(0.03, -0.07),
        parameters=np.asarray(parameters, dtype=np.float64),
        covariance=np.zeros((n_cadence, N_MOTION, N_MOTION)),
        bad=np.zeros(n_cadence, dtype=bool),
        source="pixels",
    )


def test_each_parameter_does_what_its_name_says():
    row, column = np.array([100.0, 150.0, 100.0]), np.array([200.0, 200.0, 225.0])
    row_shift, column_shift = _kernel(np.eye(N_MOTION)).shifts(row, column)
    assert row_shift.shape == column_shift.shape == (3, N_MOTION)
    # Stars: at the center, 50 rows (one scale) away, 25 columns (half a scale) away. Second moments move nothing.
    of_parameter = [[1, 0, 0], [1, 1, 0], [1, 0, 0.5]]
    np.testing.assert_allclose(row_shift, np.hstack([of_parameter, np.zeros((3, 6))]))
    np.testing.assert_allclose(column_shift, np.hstack([np.zeros((3, 3)), of_parameter, np.zeros((3, 3))]))


def test_offset_is_not_part_of_the_shift():
    row_shift, column_shift = _kernel(np.zeros((4, N_MOTION))).shifts(120.0, 190.0)
    assert row_shift.shape == (1, 4)
    assert not row_shift.any()
    assert not column_shift.any()


@pytest.mark.parametrize(
    ("parameters", "covariance"),
    [((3, 9), (2, 9, 9)), ((2, 6), (2, 9, 9)), ((2, 9), (2, 9)), ((2, 9), (3, 9, 9)), ((2, 9), (2, 6, 6))],
)
def test_shapes_are_checked(parameters, covariance):
    with pytest.raises(ValueError, match=r"2 cadences need parameters \(2, 9\) and covariance \(2, 9, 9\)"):
        MovementKernel(
            (0.0, 0.0), 1.0, (0.0, 0.0), np.zeros(parameters), np.zeros(covariance), np.zeros(2, dtype=bool), "pixels"
        )


def test_affine_motion_has_a_constant_prf():
    affine = np.random.default_rng(1).normal(size=(4, 6))
    parameters = parameters_of_shifts(affine)
    assert parameters.shape == (4, N_MOTION)
    np.testing.assert_array_equal(parameters[:, :6], affine)
    assert not parameters[:, 6:].any()


def test_bad_cadences_lie_between_their_neighbours():
    parameters = np.random.default_rng(2).normal(size=(5, N_MOTION))
    bad = np.array([True, False, True, True, False])
    filled = interpolated(parameters, bad)
    np.testing.assert_array_equal(filled[~bad], parameters[~bad])
    np.testing.assert_array_equal(filled[0], parameters[1])
    np.testing.assert_allclose(filled[2], (2 * parameters[1] + parameters[4]) / 3)
    np.testing.assert_allclose(filled[3], (parameters[1] + 2 * parameters[4]) / 3)
