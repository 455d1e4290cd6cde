"""Mean of the pixels, of the model and of what it leaves, against plain sums."""

from types import SimpleNamespace

import numpy as np
import pytest
from small_tiles import lopsided_prf, make_cube, make_stars, make_tile

from photometry.core.geometry import Stamp
from photometry.fit.mean_images import left_in, mean_images, measured_image

_STAMP = Stamp(100, 106, 600, 607)
_N_CADENCE = 300
_GOOD = np.arange(_N_CADENCE) % 5 != 2


@pytest.fixture(scope="module")
def case():
    """A tile with gaps, a model of its pixels by block, and a pixel that is never measured."""
    rng = np.random.default_rng(3)
    images = rng.normal(100, 10, (_N_CADENCE, *_STAMP.shape))
    images[rng.random(images.shape) < 0.05] = np.nan
    images[:, 2, 3] = np.nan
    cube = make_cube(_STAMP, images)
    stars = make_stars([103.0], [603.0], [12.0])
    zero = np.zeros(_N_CADENCE)
    data = make_tile(cube, stars, stars.select(stars.tmag > 99), lopsided_prf(), zero, zero).data
    model = rng.normal(100, 5, (_N_CADENCE, _STAMP.n_pixel))
    return cube, data, model


def test_means_are_over_the_good_cadences_in_which_a_pixel_counts(case):
    _, data, model = case
    static = np.linspace(-1, 1, _STAMP.n_pixel)
    blocks = []
    for cadences in (np.arange(0, 100), np.arange(100, _N_CADENCE)):
        valid = data.valid[cadences].T
        residual = ((data.images[cadences] - model[cadences] - static).T * valid).astype(np.float32)
        blocks.append(left_in(SimpleNamespace(cadences=cadences, residual=residual, valid=valid), _GOOD))
    mean = mean_images(data, _GOOD, static, sum(blocks))
    used = data.valid & _GOOD[:, None]
    np.testing.assert_array_equal(mean.count, used.sum(axis=0))
    never = np.flatnonzero(~used.any(axis=0))
    assert list(never) == [2 * 7 + 3]
    expected = (np.where(used, model, 0).sum(axis=0) / np.maximum(used.sum(axis=0), 1))[used.any(axis=0)]
    np.testing.assert_allclose(np.delete(mean.model, never), expected, rtol=1e-5)
    np.testing.assert_allclose(mean.image - mean.residual, mean.model)
    assert np.isnan(mean.model[never]).all()


def test_the_measured_image_is_the_mean_of_what_was_measured(case):
    cube, _, _ = case
    found = measured_image(cube, _GOOD)
    pixels = cube.images[_GOOD]
    seen = np.isfinite(pixels).any(axis=0)
    np.testing.assert_allclose(found[seen], np.nanmean(pixels[:, seen], axis=0), rtol=1e-5)
    np.testing.assert_array_equal(np.isnan(found), ~seen)
