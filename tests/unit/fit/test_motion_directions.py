"""Series that a wrong PRF answers to: movement, second moments, products of the movement."""

import numpy as np
import pytest

from photometry.fit.motion_directions import N_SHIFT, motion_directions
from photometry.scene.tile_state import TileMotion

_N_CADENCE = 300


def _motion(shift=0.03, moment=2e-3, n_cadence=_N_CADENCE):
    """Motion of random shifts, and moments of a focus that drifts, alike along rows and columns."""
    rng = np.random.default_rng(5)
    row, column = shift * rng.standard_normal((2, n_cadence))
    focus = moment * np.linspace(-1, 1, n_cadence)[:, None] * [1.0, 0.0, 1.0]
    return TileMotion(row, column, np.zeros((n_cadence, 4)), focus, np.zeros((n_cadence, 3)))


def test_directions_are_of_unit_scatter_and_tell_different_things():
    good = np.ones(_N_CADENCE, dtype=bool)
    directions = motion_directions(_motion(), good)
    assert directions.shape == (_N_CADENCE, N_SHIFT + 1 + 3)
    assert directions.mean(axis=0) == pytest.approx(0, abs=1e-12)
    assert directions.T @ directions / _N_CADENCE == pytest.approx(np.eye(6), abs=1e-10)


def test_directions_hold_movement_moments_and_squares():
    """What a PRF of wrong slopes, wrong width and wrong curvature answers to is a sum of them."""
    motion, good = _motion(), np.ones(_N_CADENCE, dtype=bool)
    directions = motion_directions(motion, good)
    for series in (motion.row_shift, motion.widths[:, 0], motion.row_shift * motion.column_shift):
        about_mean = series - series.mean()
        left = about_mean - directions @ (directions.T @ about_mean) / _N_CADENCE
        assert left.std() < 1e-9 * about_mean.std()


@pytest.mark.parametrize(("shift", "moment", "expected"), [(0.03, 1e-4, 5), (0.003, 2e-3, 3), (0.0, 0.0, 0)])
def test_what_hardly_changes_is_no_direction(shift, moment, expected):
    directions = motion_directions(_motion(shift, moment), np.ones(_N_CADENCE, dtype=bool))
    assert directions.shape[1] == expected


@pytest.mark.parametrize(("n_cadence", "expected"), [(31, 2), (50, 3), (80, 5), (96, 6)])
def test_few_cadences_have_few_directions_beyond_the_movement(n_cadence, expected):
    assert motion_directions(_motion(n_cadence=n_cadence), np.ones(n_cadence, dtype=bool)).shape[1] == expected


def test_other_cadences_go_no_further_than_the_good_ones():
    motion, good = _motion(), np.ones(_N_CADENCE, dtype=bool)
    good[7] = False
    motion.row_shift[7] = 1.5
    directions = motion_directions(motion, good)
    assert np.abs(directions[7]).max() <= np.abs(directions[good]).max() + 1e-12
    assert directions[good].std(axis=0) == pytest.approx(1)
