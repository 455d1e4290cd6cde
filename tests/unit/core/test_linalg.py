"""Inverse and factor against the obvious way."""

import numpy as np
import pytest

from photometry.core.errors import FitError
from photometry.core.linalg import inverse, inverse_and_factor, solved


def _normal(n=300, seed=1):
    design = np.random.default_rng(seed).normal(size=(2 * n, n)) * np.logspace(-3, 4, n)
    return design.T @ design


def test_the_inverse_is_symmetric():
    found = inverse(_normal())
    np.testing.assert_array_equal(found, found.T)


@pytest.mark.parametrize("n_last", [0, 1, 4, 7])
def test_the_factor_is_that_of_the_schur_complement(n_last):
    matrix = _normal(20)
    factor = inverse_and_factor(matrix, 7)[1]
    first = 20 - n_last
    a, b, c = matrix[:first, :first], matrix[:first, first:], matrix[first:, first:]
    part = factor[7 - n_last :, 7 - n_last :]
    np.testing.assert_allclose(part @ part.T, c - b.T @ np.linalg.solve(a, b), rtol=1e-8)


def test_information_of_a_degenerate_pair_is_not_lost_to_rounding():
    """Two unknowns that only their sum is told of: the sum to 1e-4, the difference by a prior of 1."""
    told, prior = 1e8 * np.ones((2, 2)), np.eye(2)
    factor = inverse_and_factor(told + prior, 2)[1]
    np.testing.assert_allclose(factor @ factor.T - prior, told, rtol=1e-11)


def test_inverse_of_unknowns_of_very_different_size():
    rng = np.random.default_rng(1)
    base = rng.normal(size=(30, 6))
    scale = 10.0 ** np.array([-6, -3, 0, 2, 4, 6])
    matrix = (base.T @ base) * scale[:, None] * scale
    np.testing.assert_allclose(
        inverse(matrix) * scale[:, None] * scale, np.linalg.inv(base.T @ base), rtol=1e-8, atol=1e-10
    )


def test_inverse_leaves_unseen_unknowns_at_rest():
    matrix = np.diag([4.0, 0.0, 9.0])
    np.testing.assert_allclose(inverse(matrix), np.diag([0.25, 1.0, 1 / 9]), rtol=1e-10)


def test_inverse_of_an_indefinite_matrix_is_refused():
    with pytest.raises(FitError, match="not positive definite"):
        inverse(np.array([[1.0, 2.0], [2.0, 1.0]]))


def test_a_system_is_solved_as_its_inverse_solves_it():
    """Unknowns of very different size; one that no equation has stays at rest."""
    base, scale = np.random.default_rng(5).normal(size=(9, 4)), np.array([1e-6, 1.0, 1e5, 0.0])
    matrix = scale[:, None] * (base.T @ base) * scale
    right = matrix @ np.array([2e6, -1.0, 3e-5, 7.0])
    np.testing.assert_allclose(solved(matrix, right), inverse(matrix) @ right, rtol=1e-8)
    np.testing.assert_allclose(solved(matrix, right), [2e6, -1.0, 3e-5, 0.0], rtol=1e-6)


def test_an_indefinite_system_is_refused():
    with pytest.raises(FitError, match="not positive definite"):
        solved(np.array([[1.0, 2.0], [2.0, 1.0]]), np.ones(2))
