"""The width of the PRF in cadences far from all others, against pixels that were widened one by one."""

from dataclasses import replace

import numpy as np
import pytest
from scenes import fit
from small_tiles import exact_images, lopsided_prf, make_cube, make_stars

from photometry.calibration.kernel import N_MOTION, MovementKernel
from photometry.core.geometry import Stamp

_STAMP = Stamp(500, 524, 700, 724)
_PRF = lopsided_prf()
_N_CADENCE, _FAR = 80, 37
#: Change of the second moments along rows and columns in the cadence that is far away, pixels^2.
_M_RR, _M_CC = 0.06, -0.02


def _stars():
    rng = np.random.default_rng(3)
    rows, columns = np.meshgrid([504.0, 512.0, 520.0], [704.0, 712.0, 720.0], indexing="ij")
    place = [(axis + rng.uniform(-0.5, 0.5, (3, 3))).ravel() for axis in (rows, columns)]
    return make_stars(*place, np.linspace(8.5, 13.0, 9))


def _moved(seed=5):
    rng = np.random.default_rng(seed)
    row_shift, column_shift = rng.normal(0, 0.01, (2, _N_CADENCE))
    row_shift[_FAR], column_shift[_FAR] = 0.45, -0.38
    return row_shift, column_shift


def _cube(stars, row_shift, column_shift):
    """A cube without noise; half a pixel away along each axis there are copies of the light of the far cadence."""
    images = exact_images(_PRF, stars, _STAMP, row_shift, column_shift)
    place = row_shift[[_FAR]], column_shift[[_FAR]]
    here = images[_FAR].copy()
    for moment, step in ((_M_RR, (0.5, 0.0)), (_M_CC, (0.0, 0.5))):
        copies = [exact_images(_PRF, stars, _STAMP, place[0] + s * step[0], place[1] + s * step[1])[0] for s in (-1, 1)]
        images[_FAR] += 2 * moment * (copies[0] + copies[1] - 2 * here)
    return make_cube(_STAMP, images)


def _kernel(row_shift, column_shift):
    parameters = np.zeros((_N_CADENCE, N_MOTION))
    parameters[:, 0], parameters[:, 3] = row_shift, column_shift
    parameters[_FAR, [6, 8]] = _M_RR, _M_CC
    nothing = np.zeros((_N_CADENCE, N_MOTION, N_MOTION))
    return MovementKernel(_STAMP.center, 12.0, (0.0, 0.0), parameters, nothing, np.zeros(_N_CADENCE, bool), "pixels")


@pytest.fixture(scope="module")
def widened():
    stars, motion = _stars(), _moved()
    return stars, _cube(stars, *motion), _kernel(*motion)


def _error_of_flux(fitted, stars):
    """Relative error of the flux in the far cadence, (n_star,)."""
    return fitted.flux[:, _FAR] / stars.flux - 1


def test_flux_of_a_cadence_with_another_width(widened):
    """To 2e-4 of each star's flux; the mean width would make errors of a per cent, and the brightest unmeasurable."""
    stars, cube, kernel = widened
    fitted = fit(cube, stars, _PRF, kernel)
    np.testing.assert_array_equal(fitted.starid, stars.starid)
    np.testing.assert_allclose(_error_of_flux(fitted, stars), 0, atol=2e-4)
    parameters = kernel.parameters.copy()
    parameters[:, 6:] = 0
    without = fit(cube, stars, _PRF, replace(kernel, parameters=parameters))
    error = _error_of_flux(without, stars)
    assert np.nanmedian(np.abs(error)) > 5e-3
    assert np.nanmax(np.abs(error)) > 1e-2


def test_other_cadences_do_not_notice(widened):
    stars, cube, kernel = widened
    fitted = fit(cube, stars, _PRF, kernel)
    others = np.delete(fitted.flux, _FAR, axis=1)
    np.testing.assert_allclose(others / stars.flux[:, None] - 1, 0, atol=2e-4)
