"""Errors of the stars' series."""

import numpy as np

from photometry.fit.star_series import of_sums


def test_a_sum_of_light_has_no_error_by_how_it_is_shared():
    variance, flux = np.array([[30.0, 40.0], [30.0, 40.0]]), np.full((2, 2), 1000.0)
    # The first star does not saturate.
    found = of_sums(variance, np.array([0.0, 25.0]), flux, 100.0)
    np.testing.assert_array_equal(found, [[30.0, 40.0], [10.0, 15.0]])


def test_photons_remain_but_never_more_than_there_was():
    variance, flux = np.array([[30.0, 4.0, 30.0]]), np.array([[1000.0, 1000.0, -5.0]])
    found = of_sums(variance, np.array([100.0]), flux, 100.0)
    np.testing.assert_array_equal(found, [[10.0, 4.0, 0.0]])
