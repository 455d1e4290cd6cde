"""Second moments of a cadence in stamps whose motion is known: found where two stars agree, nothing otherwise."""

from functools import lru_cache

import numpy as np
import pytest
from scenes import fit
from small_tiles import exact_images, lopsided_prf, make_cube, make_stars

from photometry.calibration.kernel import N_MOTION, MovementKernel
from photometry.core.geometry import Stamp
from photometry.fit import moment_widths as module
from photometry.fit import tile_photometry
from photometry.fit.tile_fit import TileFit

_STAMP = Stamp(500, 511, 700, 711)
_PRF = lopsided_prf()
_N_CADENCE = 100
#: Change of the second moments from cadence to cadence, pixels^2.
_WIDTH = 0.004


def _stars(n_star):
    """The first two share the light; they are 3.4 px apart."""
    rows, columns = [505.2, 502.1, 508.4, 508.9], [705.4, 706.8, 702.2, 708.8]
    return make_stars(rows[:n_star], columns[:n_star], [9.6, 10.0, 13.0, 13.6][:n_star])


@lru_cache(maxsize=1)
def _breathing():
    """Light of all stars with moments that change."""
    return _widened(_stars(4), np.random.default_rng(1).normal(0, _WIDTH, _N_CADENCE), *_motion())


def _widened(stars, moments, row_shift, column_shift):
    """Light of stars whose second moments along rows and columns change by `moments` (n_cadence,)."""
    images = exact_images(_PRF, stars, _STAMP, row_shift, column_shift)
    change = np.zeros_like(images)
    for row, column in ((0.5, 0.0), (0.0, 0.5)):
        for sign in (-1, 1):
            change += exact_images(_PRF, stars, _STAMP, row_shift + sign * row, column_shift + sign * column)
        change -= 2 * images
    return images + 2 * moments[:, None, None] * change


def _fitted(images, stars, row_shift, column_shift, monkeypatch, *, without=False) -> tuple[TileFit, np.ndarray]:
    """Fit with known motion, and the widths that were found; `without` them, all the same."""
    found = [np.zeros(3)]

    def watched(*arguments):
        found.append(module.moment_widths(*arguments))
        return np.zeros(3) if without else found[-1]

    monkeypatch.setattr(tile_photometry, "moment_widths", watched)
    cube = make_cube(_STAMP, images, np.random.default_rng(7))
    parameters = np.zeros((_N_CADENCE, N_MOTION))
    parameters[:, 0], parameters[:, 3] = row_shift, column_shift
    nothing = np.zeros((_N_CADENCE, N_MOTION, N_MOTION))
    bad = np.zeros(_N_CADENCE, bool)
    kernel = MovementKernel(_STAMP.center, 5.5, (0.0, 0.0), parameters, nothing, bad, "pos_corr")
    return fit(cube, stars, _PRF, kernel), found[-1]


def _motion():
    return np.random.default_rng(3).normal(0, 0.004, (2, _N_CADENCE))


def test_stars_that_agree_show_the_moments(monkeypatch):
    """Widths to a third, no crossed one; the brightest star scatters half as much, and errors hold."""
    stars, images = _stars(4), _breathing()
    one, width = _fitted(images, stars, *_motion(), monkeypatch)
    other, _ = _fitted(images, stars, *_motion(), monkeypatch, without=True)
    assert width[[0, 2]] == pytest.approx(_WIDTH, rel=0.35)
    assert width[1] < 0.2 * _WIDTH
    scatter, before = (
        np.std(each.flux[:2] - each.flux[:2].mean(axis=1, keepdims=True), axis=1) for each in (one, other)
    )
    assert scatter[0] < 0.6 * before[0]
    assert scatter[1] < before[1]
    assert scatter / np.median(one.flux_err[:2], axis=1) == pytest.approx(1.0, abs=0.15)


def test_a_constant_prf_has_no_moments(monkeypatch):
    images = _widened(_stars(4), np.zeros(_N_CADENCE), *_motion())
    assert not _fitted(images, _stars(4), *_motion(), monkeypatch)[1].any()


def test_one_star_alone_shows_none(monkeypatch):
    moments = np.random.default_rng(1).normal(0, _WIDTH, _N_CADENCE)
    images = _widened(_stars(1), moments, *_motion())
    assert not _fitted(images, _stars(1), *_motion(), monkeypatch)[1].any()


def test_a_variable_star_with_a_wrong_prf_is_no_change_of_the_prf(monkeypatch):
    """One that varies by 5 %: what the PRF has wrong of its light changes with it, but in no other star."""
    stars, wrong = _stars(4), np.full(_N_CADENCE, 0.03)
    varying = 0.05 * np.random.default_rng(1).normal(size=_N_CADENCE)
    images = _widened(stars, wrong, *_motion())
    images += varying[:, None, None] * _widened(stars.select(np.arange(4) == 0), wrong, *_motion())
    assert not _fitted(images, stars, *_motion(), monkeypatch)[1].any()


def test_moments_of_the_region_are_not_measured_again(monkeypatch):
    monkeypatch.setattr(MovementKernel, "has_moments", property(lambda _: True))
    assert not _fitted(_breathing(), _stars(4), *_motion(), monkeypatch)[1].any()
