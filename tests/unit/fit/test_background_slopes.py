"""Slopes of the background of a small stamp: known from the other cadences, unless they tremble."""

from dataclasses import replace

import numpy as np
import pytest
from scenes import fit
from small_tiles import exact_images, lopsided_prf, make_cube, make_stars

from photometry.calibration.kernel import N_MOTION, MovementKernel
from photometry.core.cube import Cube
from photometry.core.geometry import Stamp
from photometry.fit import tile_photometry

_STAMP = Stamp(500, 505, 700, 705)
_PRF = lopsided_prf()
_N_CADENCE = 600
_STARS = make_stars([501.4], [702.7], [13.5])
_FLUX = float(_STARS.flux[0])
_V, _U = np.meshgrid(np.linspace(-1, 1, 5), np.linspace(-1, 1, 5), indexing="ij")
#: Slopes that drift by many times the noise of a cadence, e-/s from the middle to the edge.
_DRIFT = 3 * np.sin(np.arange(_N_CADENCE) / 80)
_STILL = MovementKernel(
    _STAMP.center,
    2.5,
    (0.0, 0.0),
    np.zeros((_N_CADENCE, N_MOTION)),
    np.zeros((_N_CADENCE, N_MOTION, N_MOTION)),
    np.zeros(_N_CADENCE, bool),
    "pos_corr",
)


def _cube(slopes=_DRIFT, flux=1.0) -> Cube:
    """Images of the star, brighter by `flux` (n_cadence,), on slopes along rows and half of them along columns."""
    star = exact_images(_PRF, _STARS, _STAMP, np.zeros(1), np.zeros(1))
    images = star * np.broadcast_to(flux, _N_CADENCE)[:, None, None]
    return make_cube(_STAMP, images + slopes[:, None, None] * (_V + 0.5 * _U), np.random.default_rng(1))


def _fluxes(cube: Cube):
    """Flux and error of the star, (n_cadence,) each."""
    found = fit(cube, _STARS, _PRF, _STILL)
    return found.flux[0].astype(np.float64), found.flux_err[0].astype(np.float64)


@pytest.fixture
def free(monkeypatch):
    """Fluxes of a cube with slopes that every cadence has for itself."""

    def fluxes(cube: Cube):
        with monkeypatch.context() as patched:
            patched.setattr(tile_photometry, "with_expected_slopes", lambda scene, first, _: (scene, first))
            return _fluxes(cube)

    return fluxes


def test_slopes_that_drift_cost_no_noise(free):
    """They are followed without the noise of slopes of every cadence, and errors say so."""
    flux, error = _fluxes(_cube())
    other, other_error = free(_cube())
    assert np.std(flux) < 0.96 * np.std(other)
    assert np.median(error) < 0.96 * np.median(other_error)
    assert np.std(flux) / np.median(error) == pytest.approx(1.0, abs=0.08)
    assert flux.mean() == pytest.approx(_FLUX, rel=2e-3)


def test_a_glint_of_a_few_cadences_is_seen():
    """Slopes that contradict the others are those of the cadence."""
    slopes = _DRIFT.copy()
    slopes[300:303] += 10
    flux, error = _fluxes(_cube(slopes))
    assert np.abs(flux - _FLUX)[295:308].max() < 3.5 * np.median(error)


def test_slopes_that_tremble_stay_free(free):
    """Light that changes from cadence to cadence is not the sky's; nothing is gained there, and nothing lost."""
    slopes = np.random.default_rng(2).normal(0, 1.5, _N_CADENCE)
    (flux, error), (other, other_error) = _fluxes(_cube(slopes)), free(_cube(slopes))
    np.testing.assert_allclose(flux, other, atol=0.05 * np.median(error))
    np.testing.assert_allclose(error, other_error, rtol=1e-3)


def test_the_depth_of_an_eclipse_stays():
    """The star does not move its light into slopes, nor are they held where it fades."""
    light = np.ones(_N_CADENCE)
    light[200:212] = 0.7
    flux, error = _fluxes(_cube(flux=light))
    assert flux[200:212].mean() == pytest.approx(0.7 * _FLUX, abs=3 * np.median(error) / np.sqrt(12))


def test_what_was_split_off_does_not_matter():
    """A background that was split off with trembling slopes of its own gives the same fluxes."""
    cube = _cube()
    split = (np.random.default_rng(3).normal(0, 2, _N_CADENCE)[:, None, None] * (_V - _U)).astype(np.float32)
    moved = replace(cube, images=cube.images - split, backgrounds=cube.backgrounds + split)
    (flux, error), (other, other_error) = _fluxes(cube), _fluxes(moved)
    assert np.percentile(np.abs(flux - other) / error, 99) < 0.15
    np.testing.assert_allclose(other_error, error, rtol=0.02)


def test_flagged_cadences_keep_their_slopes():
    """A cadence that does not count may have any slope."""
    slopes = _DRIFT.copy()
    slopes[400:420] += 5
    cube = _cube(slopes)
    cube.quality[400:420] = 32
    flux, error = _fluxes(cube)
    assert np.abs(flux - _FLUX)[400:420].max() < 3.5 * np.median(error)
