"""Pixels where the samples of a PRF end: their variance, and what the fluxes of bright stars gain by it."""

import numpy as np
import pytest
from scenes import fit
from small_tiles import exact_images, lopsided_prf, make_cube, make_stars

from photometry.calibration.kernel import N_MOTION, MovementKernel
from photometry.core.geometry import Stamp
from photometry.fit import tile_photometry
from photometry.prf.prf_grid import PrfGrid
from photometry.scene.prf_edge import edge_variance, static_edge_variance
from photometry.scene.tile_data import tile_data
from photometry.scene.tile_state import TileMotion
from photometry.scene.widening import N_WIDTH

_STAMP = Stamp(100, 120, 600, 620)
_N_CADENCE = 40
#: Light of a pixel at the edge of the PRF, as a share of the star's.
_PEDESTAL = 2e-4
#: Two pixels along rows are 6.5 px away from the star, none along columns.
_ROW, _COLUMN = 110.5, 610.0


def _prf(n_sample, pedestal=_PEDESTAL):
    """PRF with a pedestal up to its edge: the samples that two of them share are the same."""
    core, size = lopsided_prf().samples[0, 0], lopsided_prf().samples.shape[-1]
    samples = np.full((n_sample, n_sample), pedestal)
    first = (n_sample - size) // 2
    samples[first : first + size, first : first + size] += core
    samples = samples[None, None]
    return PrfGrid(np.zeros(1), np.zeros(1), samples, np.zeros_like(samples), "with a pedestal")


def _shift():
    return np.random.default_rng(4).normal(0, 0.03, (2, _N_CADENCE))


def _variance(row_shift, column_shift, prf=None):
    """That of a star of 1e5 e-/s, (n_row, n_column)."""
    star = make_stars([_ROW], [_COLUMN], 8.0)
    data = tile_data(make_cube(_STAMP, np.zeros((_N_CADENCE, *_STAMP.shape))))
    nothing = (np.zeros((_N_CADENCE, n)) for n in (4, N_WIDTH, 3))
    motion = TileMotion(row_shift, column_shift, *nothing)
    good = np.ones(_N_CADENCE, dtype=bool)
    variance = edge_variance(data, star, np.array([1e5]), _prf(117) if prf is None else prf, motion, good)
    return variance.reshape(_STAMP.shape)


def test_only_pixels_at_the_edge_have_it():
    """Two rows of 13 px, as much as a line of the light over a sample changes."""
    shift = _shift()
    expected = (1e5 * _PEDESTAL * 9 * shift[0].std()) ** 2
    variance = _variance(*shift)
    rows, columns = np.nonzero(variance)
    assert set(rows) == {4, 17}
    assert set(columns) == set(range(4, 17))
    assert variance[4, 4:17] == pytest.approx(expected, rel=0.01)


def test_it_never_exceeds_the_light_and_vanishes_without_movement_or_edge():
    far = 10 * _shift()[0]
    assert np.sqrt(_variance(far, far).max()) < 1e5 * _PEDESTAL * np.sqrt(2) * 1.01
    still = np.zeros(_N_CADENCE)
    assert not _variance(still, still).any()
    assert not _variance(*_shift(), prf=_prf(117, pedestal=0.0)).any()


def test_fluxes_do_not_follow_the_motion_through_the_edge(monkeypatch):
    """On a sky whose light goes on: a star of T=8 scatters by a third less than without, and its error holds."""
    star, (row_shift, column_shift) = make_stars([_ROW], [_COLUMN], 8.0), _shift()
    images = exact_images(_prf(135), star, _STAMP, row_shift, column_shift)
    cube = make_cube(_STAMP, images, np.random.default_rng(2))
    parameters, nothing = np.zeros((_N_CADENCE, N_MOTION)), np.zeros((_N_CADENCE, N_MOTION, N_MOTION))
    parameters[:, 0], parameters[:, 3] = row_shift, column_shift
    bad = np.zeros(_N_CADENCE, dtype=bool)
    kernel = MovementKernel(_STAMP.center, 10.0, (0.0, 0.0), parameters, nothing, bad, "pixels")
    found = fit(cube, star, _prf(117), kernel)
    monkeypatch.setattr(tile_photometry, "edge_variance", lambda *_: 0.0)
    before = fit(cube, star, _prf(117), kernel)
    scatter = found.flux[0].std()
    assert scatter < 0.7 * before.flux[0].std()
    assert scatter / np.median(found.flux_err[0]) == pytest.approx(1.0, abs=0.3)


def test_what_is_wrong_without_movement_is_a_quarter_of_the_light():
    star = make_stars([_ROW], [_COLUMN], 8.0)
    data = tile_data(make_cube(_STAMP, np.zeros((_N_CADENCE, *_STAMP.shape))))
    variance = static_edge_variance(data, star, np.array([1e5]), _prf(117)).reshape(_STAMP.shape)
    assert set(np.nonzero(variance)[0]) == {4, 17}
    assert np.sqrt(variance[4, 4:17]) == pytest.approx(1e5 * _PEDESTAL / 4, rel=0.01)


def test_the_mean_of_a_faint_star_on_the_edge_of_a_bright_one_is_right():
    """Where the light goes on, a star of T=13.2 at 6.4 px from one of T=7.5 would be 5 % too bright."""
    stars = make_stars([_ROW, _ROW + 6.4], [_COLUMN, _COLUMN + 1.2], [7.5, 13.2])
    still = np.zeros(_N_CADENCE)
    images = exact_images(_prf(135), stars, _STAMP, still, still)
    nothing = np.zeros((_N_CADENCE, N_MOTION, N_MOTION))
    motion, bad = np.zeros((_N_CADENCE, N_MOTION)), np.zeros(_N_CADENCE, dtype=bool)
    kernel = MovementKernel(_STAMP.center, 10.0, (0.0, 0.0), motion, nothing, bad, "pixels")
    found = fit(make_cube(_STAMP, images, np.random.default_rng(2)), stars, _prf(117), kernel)
    assert found.flux[1].mean() == pytest.approx(stars.flux[1], rel=0.005)
