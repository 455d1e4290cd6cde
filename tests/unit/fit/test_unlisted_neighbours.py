"""Which stars have a star beside them that the star table lacks."""

import numpy as np
from small_tiles import make_stars

from photometry.core.stars import Stars
from photometry.fit.unlisted_neighbours import unlisted_neighbours


def _with_unlisted(*places):
    """Stars of T=11 at columns 0, 10 and 20 of row 0, and stars without an entry at (row, column, T)."""
    listed = make_stars([0.0, 0.0, 0.0], [0.0, 10.0, 20.0], 11.0)
    row, column, tmag = np.array(places, dtype=np.float64).reshape(-1, 3).T
    return listed.with_others(Stars(-1 - np.arange(len(row)), row, column, tmag))


def test_the_brightest_one_that_is_near_counts():
    stars = _with_unlisted((0.3, 0.4, 12.0), (0.0, -0.6, 13.0), (0.0, 11.2, 9.0), (0.5, 20.0, 13.6))
    found = unlisted_neighbours(stars, stars.flux, np.array([0, 1, 2]))
    np.testing.assert_allclose(found.tmag, [12.0, np.nan, np.nan])
    np.testing.assert_allclose(found.distance, [0.5, np.nan, np.nan])


def test_fluxes_are_those_of_the_pixels():
    """A tenth of what the star has, not of what the catalogue says."""
    stars = _with_unlisted((0.0, 0.5, 13.0), (0.0, 10.5, 13.0))
    flux = stars.flux
    flux[0], flux[4] = 10 * flux[0], -1.0
    found = unlisted_neighbours(stars, flux, np.array([0, 1, 2]))
    assert np.isnan(found.tmag).all()
    assert np.isnan(found.distance).all()


def test_nothing_is_missing():
    stars = _with_unlisted()
    assert np.isnan(unlisted_neighbours(stars, stars.flux, np.array([1])).tmag).all()
