"""Pixels with little or no information, and what the fit says of its own quality."""

from dataclasses import replace

import numpy as np
import pytest
from cubes import with_header
from scenes import fit, make_scene

from photometry.calibration.region import measure_motion
from photometry.core.errors import FitError
from photometry.core.settings import MotionSettings
from photometry.simulate import true_kernel


def test_one_pixel_tells_no_motion(quick, one_prf):
    """Its light is as well explained by the background: nothing is measured, whatever the rounding of the machine."""
    kernel = _measured_from(quick, one_prf, rows=[12], columns=[12])
    assert kernel.bad.all()
    assert np.hypot(*kernel.offset) < 1e-6
    assert np.abs(kernel.parameters).max() < 1e-6


@pytest.mark.parametrize(
    ("rows", "columns"), [([11, 12], [12, 12]), ([10, 11, 12, 13], [12] * 4), ([5] * 20, range(20))]
)
def test_few_pixels_do_not_move_the_stars_away(quick, one_prf, rows, columns):
    kernel = _measured_from(quick, one_prf, rows, columns)
    assert np.hypot(*kernel.offset) < 1
    assert np.abs(kernel.parameters).max() < 1


def test_a_row_of_pixels_tells_the_motion_along_it(quick, one_prf):
    """Background and its slope across the row are one there, which single precision must not turn into motion."""
    kernel = _measured_from(quick, one_prf, rows=[5] * 20, columns=range(20))
    row, column = (
        np.subtract(*(one.shifts(*kernel.center)[axis] for one in (kernel, true_kernel(quick[0])))) for axis in (0, 1)
    )
    assert np.std(column) < 0.01
    assert np.abs(row - row.mean()).max() < 0.05
    assert np.abs(kernel.parameters).max() < 0.1


def _measured_from(quick, one_prf, rows, columns):
    """Kernel of the quick field when all other pixels are missing."""
    scene, cube = quick
    images = np.full_like(cube.images, np.nan)
    images[:, rows, columns] = cube.images[:, rows, columns]
    return measure_motion([replace(cube, images=images)], scene.catalogue_stars, one_prf, MotionSettings())


def test_without_pixels_in_unflagged_cadences_no_motion_is_measured(quick, one_prf):
    scene, cube = quick
    images, quality = cube.images.copy(), cube.quality.copy()
    quality[20:], images[:20] = 4, np.nan
    changed = replace(with_header(cube, quality=quality), images=images)
    with pytest.raises(FitError, match="no pixel is measured in any cadence that is not flagged"):
        measure_motion([changed], scene.catalogue_stars, one_prf, MotionSettings())


def test_without_pixels_in_unflagged_cadences_these_have_no_fluxes(quick, one_prf):
    scene, cube = quick
    images, quality = cube.images.copy(), cube.quality.copy()
    quality[20:], images[:20] = 4, np.nan
    changed = replace(with_header(cube, quality=quality), images=images)
    assert np.isnan(fit(changed, scene.catalogue_stars, one_prf, true_kernel(scene)).flux[:, :20]).all()


def test_no_free_star(one_prf):
    scene, cube = make_scene(one_prf, n_row=11, n_column=11, density=1.0, extra_tmags=(17.0,), faintest_tmag=17.5)
    kernel = measure_motion([cube], scene.catalogue_stars, one_prf, MotionSettings())
    assert np.isfinite(kernel.parameters).all()


def test_chi_squared_is_reduced(one_prf):
    """Constant stars with exact magnitudes leave noise alone, however many of them are fitted.

    The mean image that is taken off and the priors cost one or two per cent of the degrees of freedom more.
    """
    constant = {"variable_fraction": 0.0, "tmag_error": 0.0, "faintest_tmag": 16.0, "density": 8000.0}
    scene, cube = make_scene(one_prf, n_row=32, n_column=32, n_cadence=160, **constant)
    result = fit(cube, scene.catalogue_stars, one_prf, true_kernel(scene))
    assert 0.95 < np.median(result.cadence_chi2) < 1.02
    assert 0.93 < np.nanmean(result.chi2) < 1.02
