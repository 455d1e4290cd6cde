"""Stars that saturate, and their neighbours, where no motion is measured: jitter is none of their light."""

from dataclasses import replace

import numpy as np
import pytest
from scenes import fit
from small_tiles import EXPOSURE, SKY, exact_images, make_cube, make_stars

from photometry.background.plane import estimate_background
from photometry.calibration.kernel import N_AFFINE, N_MOTION, MovementKernel
from photometry.calibration.kernel_update import unmeasured
from photometry.core.constants import SATURATION_E_S
from photometry.core.cube import Cube
from photometry.core.geometry import Stamp
from photometry.core.quality import PIXEL_QUALITY, bit
from photometry.core.stars import Stars
from photometry.fit import tile_photometry
from photometry.simulate.pixel_defects import bleed

_N_CADENCE = 150
_EVERY = np.arange(_N_CADENCE)
#: Jitter from cadence to cadence along rows and columns, and drift, pixels: those of TESS in 30 min and a few days.
_JITTER, _DRIFT = (0.002, 0.004), 0.01


def _stars(size, tmag, *others):
    """A star near the middle of a stamp, and others by place and magnitude."""
    places = [(size / 2 - 0.7, size / 2 + 0.4, tmag), *others]
    return make_stars(*np.transpose(places) + np.array([[500.0], [700.0], [0.0]]))


def _motion(seed):
    """Movement along rows and columns, zero mean, (2, n_cadence)."""
    rng = np.random.default_rng(seed)
    moved = rng.normal(0, 1, (2, _N_CADENCE)) * np.array(_JITTER)[:, None]
    moved += _DRIFT * np.stack([_EVERY / _N_CADENCE, -np.exp(-_EVERY / 20)])
    return moved - moved.mean(axis=1, keepdims=True)


def _cube(prf, stars: Stars, size, seed, *, light=1.0, blur=0.0, slope=0.0, moved=0.0) -> Cube:
    """Images of moving stars that bleed, the first one brighter by `light`, on a background that was split off.

    Second moments along rows scatter by `blur`, pixels^2; the background is tilted by `slope`, e-/s; stars are `moved`
    (2, n_cadence) by so many pixels beside.
    """
    stamp, rng = Stamp(500, 500 + size, 700, 700 + size), np.random.default_rng(seed + 100)
    row, column = _motion(seed) + moved
    first = stars.select(np.arange(len(stars)) == 0)
    others = stars.select(np.arange(len(stars)) > 0)
    images = np.broadcast_to(light, _N_CADENCE)[:, None, None] * exact_images(prf, first, stamp, row, column)
    images += exact_images(prf, others, stamp, row, column)
    if blur:
        sides = [exact_images(prf, stars, stamp, row + side, column) for side in (-0.25, 0.0, 0.25)]
        change = rng.normal(0, blur, _N_CADENCE) / 0.25**2 / 2
        images += change[:, None, None] * (sides[0] - 2 * sides[1] + sides[2])
    v, u = np.meshgrid(np.linspace(-1, 1, size), np.linspace(-1, 1, size), indexing="ij")
    total = images + SKY + slope * np.sin(_EVERY / 25)[:, None, None] * (v + 0.5 * u)
    bleed(total, SATURATION_E_S)
    cube = make_cube(stamp, total - SKY, rng)
    if not slope:
        return cube
    pixels = cube.images + cube.backgrounds
    split = estimate_background(pixels)
    return replace(cube, images=pixels - split, backgrounds=split)


def _kernel(cube: Cube) -> MovementKernel:
    """Stars at rest, whose motion nobody has measured."""
    nothing, n = np.zeros((_N_CADENCE, N_MOTION)), _N_CADENCE
    covariance, bad = np.zeros((n, N_MOTION, N_MOTION)), np.zeros(n, dtype=bool)
    half = cube.stamp.shape[0] / 2
    return unmeasured(MovementKernel(cube.stamp.center, half, (0.0, 0.0), nothing, covariance, bad, "pixels"), nothing)


def _fluxes(cube: Cube, stars: Stars, prf):
    """Fluxes and errors of all stars, (n_star, n_cadence) each."""
    found = fit(cube, stars, prf, _kernel(cube))
    return found.flux.astype(np.float64), found.flux_err.astype(np.float64)


def _photons(flux):
    """Noise of a star's own light, e-/s."""
    return np.sqrt(flux / EXPOSURE.exposure_s)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(("tmag", "size"), [(4.0, 21), (5.0, 9), (5.0, 13), (5.0, 16), (6.0, 11), (6.5, 13)])
def test_a_saturated_star_alone_scatters_as_its_photons(one_prf, tmag, size, seed):
    """Unbiased, and with errors that hold."""
    stars = _stars(size, tmag)
    (flux,), (error,) = _fluxes(_cube(one_prf, stars, size, seed), stars, one_prf)
    assert flux.mean() == pytest.approx(stars.flux[0], rel=1e-4)
    assert np.std(flux) < 1.2 * _photons(stars.flux[0])
    assert np.std(flux) / np.median(error) == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize("tmag", [5.0, 6.0])
def test_a_wrong_prf_costs_little(prf, one_prf, tmag):
    """Of another corner of the CCD: the mean is wrong by up to a per cent, scatter and errors stay."""
    other = replace(one_prf, samples=prf.samples[1:2, 1:2], errors=prf.errors[1:2, 1:2])
    stars = _stars(13, tmag)
    (flux,), (error,) = _fluxes(_cube(other, stars, 13, 1), stars, one_prf)
    assert flux.mean() == pytest.approx(stars.flux[0], rel=0.015)
    assert np.std(flux) < 1.25 * _photons(stars.flux[0])
    assert np.std(flux) / np.median(error) == pytest.approx(1.0, abs=0.2)


def test_neighbours_do_not_follow_the_wings(one_prf):
    """A star of T=14 at 5 px from one of T=5."""
    stars = _stars(13, 5.0, (10.3, 9.1, 14.0))
    flux, error = _fluxes(_cube(one_prf, stars, 13, 1), stars, one_prf)
    np.testing.assert_allclose(flux.mean(axis=1), stars.flux, rtol=2e-3)
    assert np.std(flux, axis=1) / np.median(error, axis=1) == pytest.approx([1.0, 1.0], abs=0.15)
    assert np.median(error[1]) < 0.01 * stars.flux[1]


def test_jitter_within_exposures_is_none_of_the_light(one_prf):
    stars = _stars(13, 5.0)
    cube = _cube(one_prf, stars, 13, 1, blur=2e-3)
    (flux,), (error,) = _fluxes(cube, stars, one_prf)
    assert np.std(flux) < 1.2 * _photons(stars.flux[0])
    assert np.std(flux) / np.median(error) == pytest.approx(1.0, abs=0.15)
    chi2 = fit(cube, stars, one_prf, _kernel(cube)).chi2
    assert np.median(chi2) < 1.5


@pytest.mark.parametrize("tmag", [5.0, 6.2])
def test_flares_and_transits_keep_their_depths(one_prf, tmag):
    """Neither motion nor moments take any of it."""
    light = np.ones(_N_CADENCE)
    light[60:72], light[100:124] = 1.2, 0.9995
    stars = _stars(13, tmag)
    (flux,), (error,) = _fluxes(_cube(one_prf, stars, 13, 1, light=light), stars, one_prf)
    relative = flux / flux[80:100].mean()
    noise = np.median(error) / stars.flux[0]
    assert relative[60:72].mean() == pytest.approx(1.2, abs=1e-4)
    depth = 1 - relative[100:124].mean()
    assert depth == pytest.approx(5e-4, abs=3 * noise * np.hypot(1 / np.sqrt(20), 1 / np.sqrt(24)))


def test_a_background_that_tilts_is_that_of_the_dark_pixels(one_prf):
    """What was split off has its slopes; the fit has none of its own beside a star that fills the stamp."""
    stars = _stars(13, 5.0)
    (flux,), (error,) = _fluxes(_cube(one_prf, stars, 13, 1, slope=5.0), stars, one_prf)
    assert flux.mean() == pytest.approx(stars.flux[0], rel=1.5e-3)
    assert np.std(flux) / np.median(error) == pytest.approx(1.0, abs=0.2)


def test_an_excursion_that_nobody_measured_is_flagged(one_prf):
    """The pixels of the star itself show it; up to a tenth of a pixel its flux is right."""
    stars = _stars(13, 5.0)
    moved = np.zeros((2, _N_CADENCE))
    moved[0, 40:44], moved[0, 80:84] = 0.1, 0.4
    cube = _cube(one_prf, stars, 13, 1, moved=moved)
    found = fit(cube, stars, one_prf, _kernel(cube))
    is_far = (found.pixel_quality[0] & bit(PIXEL_QUALITY, "large_motion")) != 0
    assert np.flatnonzero(is_far).tolist() == [80, 81, 82, 83]
    assert found.flux[0, 40:44].mean() == pytest.approx(stars.flux[0], rel=1e-4)


@pytest.fixture
def scenes(monkeypatch):
    """Scenes of the fits to come, before and with unmeasured motion."""
    seen, found = [], tile_photometry.with_unmeasured_motion

    def watched(scene, good):
        seen.append((scene, found(scene, good)))
        return seen[-1][1]

    monkeypatch.setattr(tile_photometry, "with_unmeasured_motion", watched)
    return seen


def test_what_is_unknown_is_no_error_beside(one_prf, scenes):
    """The covariance of what the fit finds is taken out of the kernel's."""
    stars = _stars(13, 5.0)
    fit(cube := _cube(one_prf, stars, 13, 1), stars, one_prf, _kernel(cube))
    ((_, scene),) = scenes
    np.testing.assert_allclose(scene.motion_width[:N_AFFINE], [0.02, 0, 0, 0.02, 0, 0])
    assert (scene.motion_width[N_AFFINE:] > 0).all()
    assert not scene.kernel.covariance.any()
    assert scene.kernel.bad.all()


def test_second_moments_of_a_star_that_does_not_saturate_stay_known(one_prf, scenes):
    """Alone it cannot tell them from its own variation."""
    stars = _stars(13, 9.0)
    fit(cube := _cube(one_prf, stars, 13, 1), stars, one_prf, _kernel(cube))
    ((_, scene),) = scenes
    np.testing.assert_allclose(scene.motion_width, [0.02, 0, 0, 0.02, 0, 0, 0, 0, 0])
    assert scene.slope_width is None


def test_nothing_changes_where_motion_is_measured(one_prf, scenes):
    """In most cadences, that is."""
    stars = _stars(13, 5.0)
    cube = _cube(one_prf, stars, 13, 1)
    fit(cube, stars, one_prf, replace(_kernel(cube), bad=_EVERY % 2 == 0))
    ((before, after),) = scenes
    assert after is before


def test_nothing_changes_where_charge_leaves_the_pixels(one_prf, scenes):
    stars = _stars(11, 3.5)
    fit(cube := _cube(one_prf, stars, 11, 1), stars, one_prf, _kernel(cube))
    ((before, after),) = scenes
    assert before.data.cut_off.any()
    assert after is before
