"""Fluxes and errors against the truth of simulated fields with all their defects."""

from dataclasses import replace

import numpy as np
import pytest
from scenes import compare, fit, make_scene, robust_width

from photometry.core.quality import PIXEL_QUALITY, STAR_FLAGS, flagged
from photometry.core.statistics import MAD_TO_SIGMA
from photometry.simulate import true_kernel

pytestmark = [pytest.mark.slow]


@pytest.fixture(scope="module")
def oracle(medium):
    """The fit with the true motion."""
    return compare(fit(medium.cube, medium.scene.catalogue_stars, medium.prf, true_kernel(medium.scene)), medium.scene)


@pytest.fixture(scope="module")
def measured(medium):
    """The fit with the measured motion."""
    return compare(fit(medium.cube, medium.scene.catalogue_stars, medium.prf, medium.kernel), medium.scene)


@pytest.mark.parametrize("which", ["oracle", "measured"])
def test_errors_are_calibrated(which, request):
    """Width of the pulls in time, per bin and overall: 0.95 to 1.08; a bin of 20 stars is known to 2 %."""
    compared = request.getfixturevalue(which)
    in_time = compared.pulls - np.nanmedian(compared.pulls, axis=1)[:, None]
    assert compared.clean.sum() > 150
    assert 0.95 < robust_width(in_time[compared.clean]) < 1.08
    for low, high in ((8, 13), (13, 14), (14, 15), (15, 16)):
        stars = compared.clean & (compared.tmag >= low) & (compared.tmag < high)
        assert stars.sum() >= 15
        assert 0.95 < robust_width(in_time[stars]) < 1.08, f"T {low} to {high}"


@pytest.mark.parametrize("which", ["oracle", "measured"])
def test_fluxes_are_not_biased(which, request):
    """84th percentile of the relative error of the mean flux, at the limits of the medium field."""
    compared = request.getfixturevalue(which)
    for low, high, limit in ((8, 12.5, 2e-3), (12.5, 14, 1e-2), (14, 15, 2e-2)):
        bias = compared.bias(low, high)
        assert len(bias) > 5
        assert np.percentile(np.abs(bias), 84) < limit, f"T {low} to {high}"
        assert abs(np.median(bias)) < limit / 2, f"T {low} to {high}"


def test_every_unflagged_cadence_has_a_flux(measured):
    tile_fit = measured.fit
    measurable = ~flagged(STAR_FLAGS, tile_fit.star_flags, "not_measurable")
    assert np.isfinite(measured.flux[measurable]).mean() >= 0.999
    not_fitted = flagged(PIXEL_QUALITY, tile_fit.pixel_quality, "not_fitted")
    np.testing.assert_array_equal(np.isnan(tile_fit.flux), not_fitted)
    np.testing.assert_array_equal(np.isnan(tile_fit.flux_err), not_fitted)
    assert (tile_fit.flux_err[~not_fitted] > 0).all()


def test_cadences_far_away_are_flagged_and_still_fitted(medium, measured):
    far = medium.scene.quality != 0
    assert far.sum() >= 2
    tile_fit = measured.fit
    bright = measured.clean & (measured.tmag < 13)
    assert flagged(PIXEL_QUALITY, tile_fit.pixel_quality, "large_motion")[:, far].all()
    index = {int(starid): k for k, starid in enumerate(medium.scene.population.starid)}
    truth = medium.scene.flux[[index[int(starid)] for starid in tile_fit.starid[bright]]][:, far]
    pulls = (tile_fit.flux[bright][:, far] - truth) / tile_fit.flux_err[bright][:, far]
    assert np.median(np.abs(pulls)) < 2


def test_eclipses_do_not_leak(medium, measured):
    """Share of a neighbour's variation in a constant star, at least 1.2 px away and at most 2 mag fainter."""
    true, scene = medium.scene.population, medium.scene
    index = {int(starid): k for k, starid in enumerate(measured.fit.starid)}
    leaks, errors = [], []
    for (host, eclipsing), separation in zip(true.pairs, true.separation, strict=True):
        star = index.get(int(true.starid[host]))
        if star is None or separation < 1.2 or true.tmag[host] - true.tmag[eclipsing] > 2:
            continue
        driver = scene.flux[eclipsing][scene.quality == 0].astype(float)
        driver -= driver.mean()
        left = measured.flux[star] - measured.truth[star]
        leaks.append((driver * (left - left.mean())).sum() / (driver**2).sum())
        errors.append(np.sqrt((measured.flux_err[star] ** 2 * driver**2).sum()) / (driver**2).sum())
    leaks, errors = np.array(leaks), np.array(errors)
    assert len(leaks) >= 3
    # What noise alone makes of a leak comes on top of the limits.
    assert np.median(np.abs(leaks)) < 0.003 + np.median(errors)
    assert (np.abs(leaks) < 0.02 + 3 * errors).all()


def test_aperture_flux_agrees(measured):
    """A cross-check by other means: isolated stars within 1 %, and no more scatter than its errors say."""
    lone = measured.clean & (measured.fit.contamination < 0.2) & (measured.tmag < 13.5)
    assert lone.sum() >= 5
    ratio = measured.fit.aperture_flux[lone] / measured.fit.flux[lone]
    np.testing.assert_allclose(np.nanmedian(ratio, axis=1), 1, atol=0.01)
    error = measured.fit.aperture_flux_err[lone] / measured.fit.flux[lone]
    scatter = MAD_TO_SIGMA * np.nanmedian(np.abs(ratio - np.nanmedian(ratio, axis=1)[:, None]), axis=1)
    assert (scatter < 1.3 * np.nanmedian(error, axis=1)).all()


def test_chi_squared_is_one(prf):
    """A sparse field, where stars take few of the degrees of freedom."""
    scene, cube = make_scene(prf, density=300.0, n_cadence=60, seed=2)
    result = fit(cube, scene.catalogue_stars, prf, true_kernel(scene))
    assert 0.95 < np.median(result.cadence_chi2) < 1.05
    clean = result.star_flags == 0
    assert clean.any()
    # A star's own flux takes one of the few pixels that constrain it.
    assert 0.7 < np.mean(result.chi2[clean]) < 1.0


@pytest.fixture(scope="module")
def saturated_field(prf):
    """A star of T=5.6 that bleeds, in a field of medium density."""
    return make_scene(
        prf, n_row=40, n_column=40, n_cadence=200, extra_tmags=(5.6,), saturation=True, seed=12, n_pairs=0
    )


@pytest.fixture(scope="module")
def saturated(saturated_field, prf):
    scene, cube = saturated_field
    return compare(fit(cube, scene.catalogue_stars, prf, true_kernel(scene)), scene)


def test_a_saturated_star_is_flagged_and_measured(saturated):
    star = int(np.argmin(saturated.tmag))
    assert flagged(STAR_FLAGS, saturated.fit.star_flags[star], "saturated")
    assert flagged(PIXEL_QUALITY, saturated.fit.pixel_quality[star], "saturated").all()
    # With the true PRF and motion the flux is as good as the photons that are used: some 1e-5 in a cadence.
    assert abs(np.median(saturated.flux[star] / saturated.truth[star]) - 1) < 1e-3
    # The width of 200 pulls is known to 5 %.
    assert 0.85 < np.std(saturated.pulls[star]) < 1.15


def test_a_saturated_star_may_flare(saturated_field, saturated, prf):
    """Charge that bleeds is not rejected as an outlier: the cadence has a flux, and all of the flare."""
    scene, cube = saturated_field
    star = int(np.argmin(saturated.tmag))
    usual = saturated.fit.flux[star]
    row = round(float(saturated.fit.row[star])) - cube.stamp.row_min
    column = round(float(saturated.fit.column[star])) - cube.stamp.col_min
    images = cube.images.copy()
    images[7, row - 3 : row + 4, column] += 0.2 * usual[7] / 7
    flaring = fit(replace(cube, images=images), scene.catalogue_stars, prf, true_kernel(scene))
    flux = flaring.flux[flaring.starid == saturated.fit.starid[star]][0]
    assert np.isfinite(flux).all()
    np.testing.assert_allclose(flux[7] / usual[7], 1.2, atol=0.03)


def test_neighbours_of_a_saturated_star_are_fine(saturated):
    star = int(np.argmin(saturated.tmag))
    tile_fit = saturated.fit
    distance = np.hypot(tile_fit.row - tile_fit.row[star], tile_fit.column - tile_fit.column[star])
    near = saturated.clean & (distance < 12) & (saturated.tmag < 15)
    assert near.sum() >= 3
    in_time = saturated.pulls[near] - np.nanmedian(saturated.pulls[near], axis=1)[:, None]
    assert 0.9 < robust_width(in_time) < 1.15
    assert np.median(np.abs(np.nanmean(saturated.pulls[near], axis=1))) < 2


def test_flux_is_continuous_across_full_well(prf):
    """Stars just below and above full well: all by less than 1e-3 off."""
    for tmag, full in ((6.6, False), (6.4, False), (6.0, True), (5.0, True)):
        scene, cube = make_scene(
            prf, n_cadence=10, density=500.0, extra_tmags=(tmag,), saturation=True, seed=3, tmag_error=0.0
        )
        kernel = replace(true_kernel(scene), offset=(0.0, 0.0))
        compared = compare(fit(cube, scene.stars, prf, kernel), scene)
        star = int(np.argmin(compared.tmag))
        assert flagged(STAR_FLAGS, compared.fit.star_flags[star], "saturated") == full
        assert abs(np.median(compared.flux[star] / compared.truth[star]) - 1) < 1e-3, f"T={tmag}"
