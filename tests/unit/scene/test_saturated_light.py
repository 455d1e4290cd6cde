"""Wings of stars that saturate, told from their pixels, and the errors of their light."""

import numpy as np
import pytest
from scipy import sparse
from small_tiles import lopsided_prf, make_cube, make_stars

from photometry.core.geometry import Stamp
from photometry.core.stars import WING
from photometry.prf.prf_grid import FOOTPRINT, PrfEvaluator
from photometry.scene.model_error import bounded_error, error_shape
from photometry.scene.saturated_light import saturated_light
from photometry.scene.tile_data import tile_data

_STAMP = Stamp(99, 118, 598, 617)
_STARS = make_stars([108.3], [607.9], [5.0])
_FLUX = float(_STARS.flux[0])
_SKY = 30.0


def _prf(row_shift=0.0, column_shift=0.0):
    """PRF of the star on the pixels, (n_pixel,)."""
    image = np.zeros(_STAMP.shape)
    row, column = _STARS.row + row_shift, _STARS.column + column_shift
    first_row, first_column, values = PrfEvaluator(lopsided_prf()).evaluate(row, column)
    row, column = first_row[0] - _STAMP.row_min, first_column[0] - _STAMP.col_min
    image[row : row + FOOTPRINT, column : column + FOOTPRINT] = values[0, 0, 0]
    return image.ravel()


def _distance(row_shift=0.0, column_shift=0.0):
    rows, columns = np.indices(_STAMP.shape)
    row, column = _STARS.row[0] + row_shift, _STARS.column[0] + column_shift
    return np.hypot(rows + _STAMP.row_min - row, columns + _STAMP.col_min - column).ravel()


def _measured(share):
    """What is found where the star's light has this share (n_pixel,), on a sky that the cube does not know of."""
    bled = (_FLUX * share).reshape(_STAMP.shape)
    # The charge of the core bleeds along two columns.
    core = bled[7:12, 9:11].sum()
    bled[7:12, 9:11] = core / 10
    data = tile_data(make_cube(_STAMP, np.tile(bled + _SKY, (5, 1, 1))))
    assert data.saturated.any()
    light = sparse.csr_matrix(_prf()[:, None])
    nothing, basis = np.zeros(_STAMP.n_pixel), np.ones((_STAMP.n_pixel, 1))
    moved = ((_prf(*away) - _prf(*np.negative(away))) / 0.1 for away in ((0.05, 0.0), (0.0, 0.05)))
    by_row, by_column = (sparse.csr_matrix(change[:, None]) for change in moved)
    return data, saturated_light(data, _STARS, light, nothing, data.merge @ basis, np.arange(5), (by_row, by_column))


def test_wings_that_are_those_of_the_prf_stay():
    """Simulated stars: nothing beyond the PRF."""
    _, found = _measured(_prf())
    assert np.abs(found.wings).sum() < 1e-3 * _FLUX


def test_wings_by_the_law_are_found():
    far = _distance() > 4
    prf, law = _prf(), WING / _distance() ** 3
    data, found = _measured(np.where(far, law, prf))
    # The trail may have pixels farther out than the wings begin.
    single = ~data.saturated
    np.testing.assert_allclose(found.wings[single], _FLUX * np.where(far, law - prf, 0.0)[single], atol=2e-6 * _FLUX)


def test_wings_move_with_their_star():
    """Along rows and columns, those of the PRF taken off, which move by themselves."""
    data, found = _measured(np.where(_distance() > 4, WING / _distance() ** 3, _prf()))
    single = ~data.saturated & (_distance() > 4)
    for axis, away in enumerate(((0.05, 0.0), (0.0, 0.05))):
        law = (WING / _distance(*away) ** 3 - WING / _distance(*np.negative(away)) ** 3) / 0.1
        prf = (_prf(*away) - _prf(*np.negative(away))) / 0.1
        np.testing.assert_allclose(found.wing_motion[axis][single], _FLUX * (law - prf)[single], atol=3e-6 * _FLUX)


def test_a_trail_has_the_errors_of_its_pixels_together_but_for_what_cancels():
    data, found = _measured(_prf())
    trail = int(np.flatnonzero(data.saturated & data.usable)[0])
    share = float((data.merge @ _prf())[trail])
    assert found.variance[trail] == pytest.approx(_FLUX**2 * _prf().max() * share, rel=1e-3)
    assert found.mean_variance[trail] == pytest.approx(found.variance[trail] * (1 - share), rel=1e-2)
    assert found.sum_variance[0] == pytest.approx(found.variance.sum())


def test_far_wings_are_as_uncertain_as_the_core_lets_them_be():
    """Where the PRF has nothing, the law has."""
    data, found = _measured(_prf())
    shape = error_shape(_FLUX * (data.merge @ _prf()), _STAMP.shape, data.saturated, found.variance)
    corner = shape[0]
    assert _prf()[0] == 0
    assert 1 < np.sqrt(corner) / (_FLUX * WING / _distance()[0] ** 3) < 20
    np.testing.assert_array_equal(shape[data.saturated], found.variance[data.saturated])


def test_pixels_of_a_star_that_saturates_lose_no_weight_for_being_very_wrong():
    shape, light, noise = np.full(4, 1e6), np.full(4, 1e3), np.full(4, 1.0)
    residual, by_saturated = np.array([1.0, -1.0, 5e3, 5e3]), np.array([False, False, False, True])
    error, _ = bounded_error(residual, noise, light, shape, np.ones(4, dtype=bool), by_saturated)
    assert error[2] > 0.9 * residual[2]
    assert error[3] < 0.1 * residual[3]
