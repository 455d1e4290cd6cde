"""Fits of the parts of a tile, put together."""

from dataclasses import fields, replace

import numpy as np
from tile_fits import make_fit

from photometry.core.geometry import Stamp
from photometry.fit.star_series import StarSeries
from photometry.fit.tile_fit import TileFit, joined


def _part(first_column, value):
    """Fit of a part of 4x4 pixels and one more around them as a margin, along the columns."""
    stamp = Stamp(0, 4, first_column - 1, first_column + 5)
    image = np.full(stamp.shape, value, dtype=np.float64)
    fit = make_fit()
    cadence_chi2 = np.full_like(fit.cadence_chi2, value)
    return replace(fit, stamp=stamp, sum_image=image, model_image=image, cadence_chi2=cadence_chi2), Stamp(
        0, 4, first_column, first_column + 4
    )


def test_one_part_is_itself():
    fit, core = _part(10, 1.0)
    assert joined([fit], [core]) is fit


def test_stars_follow_each_other_and_images_are_the_cores():
    (one, one_core), (other, other_core) = _part(10, 1.0), _part(14, 3.0)
    both = joined([one, other], [one_core, other_core])
    assert both.stamp == Stamp(0, 4, 9, 19)
    np.testing.assert_array_equal(both.sum_image[0], [1, 1, 1, 1, 1, 3, 3, 3, 3, 3])
    np.testing.assert_array_equal(both.model_image, both.sum_image)
    np.testing.assert_array_equal(both.cadence_chi2, 2.0)
    n_star = len(one.starid)
    for field in fields(both):
        value = getattr(both, field.name)
        if isinstance(value, np.ndarray) and field.name not in ("sum_image", "model_image", "cadence_chi2"):
            assert len(value) == 2 * n_star, field.name
            np.testing.assert_array_equal(value[:n_star], getattr(one, field.name))


def test_series_of_stars_have_the_names_that_they_have_in_the_fit():
    assert {field.name for field in fields(StarSeries)} < {field.name for field in fields(TileFit)}
