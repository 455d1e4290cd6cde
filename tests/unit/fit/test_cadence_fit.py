"""The first fit of a tile's cadences: outliers, and means that equal those of the pixels averaged once more."""

from dataclasses import replace

import numpy as np
import pytest
from small_tiles import exact_images, lopsided_prf, make_cube, make_stars, make_tile

from photometry.calibration.kernel import N_MOTION, MovementKernel
from photometry.core.geometry import Stamp
from photometry.core.settings import FitSettings
from photometry.fit.cadence_fit import TileScene, first_fit
from photometry.scene.mean_scene import solve_mean

_STAMP = Stamp(100, 124, 600, 624)
_N_CADENCE = 60
_GOOD = np.arange(_N_CADENCE) % 7 != 3
#: A cosmic ray: cadence, pixel, e-/s.
_HIT = (11, 150, 100.0)


@pytest.fixture(scope="module")
def scene() -> TileScene:
    """Thirty stars over several nodes of motion and background; one varies by a tenth, some pixels are missing."""
    rng = np.random.default_rng(11)
    stars = make_stars(rng.uniform(97, 126, 30), rng.uniform(597, 626, 30), rng.uniform(9, 16, 30))
    row_shift, column_shift = rng.uniform(-0.12, 0.12, (2, _N_CADENCE))
    images = exact_images(lopsided_prf(), stars, _STAMP, row_shift, column_shift)
    only = exact_images(lopsided_prf(), stars.select(np.arange(30) == 5), _STAMP, row_shift, column_shift)
    images += only * 0.1 * np.sin(np.arange(_N_CADENCE))[:, None, None]
    cube = make_cube(_STAMP, images, rng)
    cube.images[rng.random(cube.images.shape) < 0.01] = np.nan
    cube.images[_HIT[0]].ravel()[_HIT[1]] += _HIT[2]
    # The catalogue is off by 0.03 mag.
    known = make_stars(stars.row, stars.column, stars.tmag + rng.normal(0, 0.03, 30))
    tile = make_tile(cube, known, known.select(np.zeros(30, dtype=bool)), lopsided_prf(), row_shift, column_shift)
    nothing, exact = np.zeros((_N_CADENCE, N_MOTION)), np.zeros((_N_CADENCE, N_MOTION, N_MOTION))
    kernel = MovementKernel(_STAMP.center, 12.0, (0.0, 0.0), nothing, exact, nothing[:, 0] > 0, "unchanged")
    step = solve_mean(tile.data, tile.model, tile.state, _GOOD, clip=True)
    state = replace(tile.state, flux=step.flux, mean_residual=step.mean_residual, model_error=step.model_error)
    precision = 1 / (0.3 * known.flux) ** 2
    still = np.zeros(_STAMP.n_pixel)
    settings = FitSettings(cadences_at_once=8)
    nothing = np.zeros(len(known.flux))
    return TileScene(tile.data, tile.model, state, precision, nothing, still, nothing, np.arange(30), kernel, settings)


def test_a_cosmic_ray_is_rejected_and_little_else(scene):
    rejected = first_fit(scene, _GOOD).rejected
    assert rejected[_HIT[:2]]
    assert rejected.sum() < 10
    assert not (rejected & ~scene.data.valid).any()


def test_means_of_the_first_fit_equal_those_of_the_pixels_averaged_again(scene):
    """To a fraction of their standard errors, with gaps, an outlier, a variable star, several nodes and blocks."""
    first = first_fit(scene, _GOOD)
    assert len(first.means) > 1
    data = replace(scene.data, valid=scene.data.valid & ~first.rejected)
    found = solve_mean(data, scene.model, scene.state, _GOOD, means=first.means, n_round=2)
    deviation = first.unknowns[: len(scene.precision)]
    again = solve_mean(data, scene.model, scene.state, _GOOD, deviation=deviation, n_round=2)
    one_cadence = np.sqrt((scene.model.stars.flux + 2000.0) / data.exposure_s)
    error = one_cadence / np.sqrt(_GOOD.sum())
    inside = _STAMP.border_distance(scene.model.stars.row, scene.model.stars.column) > 1
    off = (np.abs(found.flux - again.flux) / error)[inside]
    assert np.percentile(off, 90) < 0.05
    assert off.max() < 0.5
    noise = np.sqrt(data.variance(np.full(_STAMP.n_pixel, 120.0)) / _GOOD.sum())
    assert np.percentile(np.abs(found.mean_residual - again.mean_residual) / noise, 95) < 0.1
