"""Stars and magnitudes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_tiles import make_stars

from photometry.core.constants import ZERO_POINT_TMAG
from photometry.core.stars import GAIA_NUMBERS, flux_of_tmag, star_name


def test_names():
    assert star_name(307210830) == "TIC 307210830"
    assert star_name(GAIA_NUMBERS + 4722111590409480064) == "Gaia DR3 4722111590409480064"
    assert GAIA_NUMBERS + 12 * 2**59 < 2**63


def test_zero_point():
    assert flux_of_tmag(20.44) == pytest.approx(1.0)
    assert flux_of_tmag(10.0) == pytest.approx(15_000, rel=1e-3)


@given(st.floats(-5, 25))
def test_flux_is_what_the_definition_of_magnitudes_says(tmag):
    assert ZERO_POINT_TMAG - 2.5 * np.log10(flux_of_tmag(tmag)) == pytest.approx(tmag, abs=1e-9)


def test_select_and_move():
    stars = make_stars([1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [10.0, 11.0, 12.0])
    assert len(stars) == 3
    np.testing.assert_allclose(stars.flux, flux_of_tmag([10.0, 11.0, 12.0]))
    few = stars.select(np.array([2, 0]))
    np.testing.assert_array_equal(few.starid, [3, 1])
    np.testing.assert_array_equal(stars.select(stars.tmag > 10.5).starid, [2, 3])
    moved = stars.moved(0.5, -2.0)
    np.testing.assert_allclose(moved.row, [1.5, 2.5, 3.5])
    np.testing.assert_allclose(moved.column, [2.0, 3.0, 4.0])
    np.testing.assert_array_equal(moved.tmag, stars.tmag)
