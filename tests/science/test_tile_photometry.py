"""What the joint fit must not depend on, and what it does with bad pixels. Small fields, each fit takes 0.2 s."""

from dataclasses import fields, replace

import numpy as np
import pytest
from cubes import with_header
from scenes import compare, fit, make_scene, shifted_kernel
from scipy import ndimage

from photometry.core.geometry import Stamp, tiles_of
from photometry.core.quality import PIXEL_QUALITY, flagged
from photometry.core.settings import FitSettings
from photometry.core.stars import Stars
from photometry.core.status import STATUS
from photometry.fit.tile_fit import TileFit, joined
from photometry.fit.tile_photometry import fit_tile
from photometry.lightcurve.light_curve import statuses
from photometry.lightcurve.metrics import light_curve_metrics
from photometry.simulate import true_kernel


@pytest.fixture(scope="module")
def usual(quick, one_prf):
    """The fit that all others are compared with."""
    scene, cube = quick
    return fit(cube, scene.catalogue_stars, one_prf, true_kernel(scene))


def _changed_cube(cube):
    """A cube whose arrays may be written to."""
    names = ("images", "images_err", "backgrounds", "pixel_flags")
    pixels = {name: getattr(cube, name).copy() for name in names}
    return replace(with_header(cube, quality=cube.quality.copy()), **pixels)


def _worst(one, other, stars=slice(None), cadences=slice(None)):
    """Largest difference of two fits in standard errors; their NaN have to be the same."""
    a, b = one.flux[stars][:, cadences].astype(float), other.flux[stars][:, cadences].astype(float)
    np.testing.assert_array_equal(np.isnan(a), np.isnan(b))
    return np.nanmax(np.abs(a - b) / one.flux_err[stars][:, cadences])


def _with(stars, tmag, row, column):
    return Stars(
        np.append(stars.starid, 99),
        np.append(stars.row, row),
        np.append(stars.column, column),
        np.append(stars.tmag, tmag),
    )


@pytest.mark.parametrize("density", [6000.0, 25000.0])
@pytest.mark.parametrize("level", [-60.0, 250.0])
def test_background_that_was_split_off_wrongly(one_prf, density, level):
    """The darkest pixels of a crowded field hold starlight; the fit has a background of its own."""
    scene, cube = make_scene(one_prf, density=density, n_cadence=80)
    kernel = true_kernel(scene)
    slope = (level * np.linspace(1, 1.3, 24)).astype(np.float32)
    wrong = replace(cube, images=cube.images - slope, backgrounds=cube.backgrounds + slope)
    right, other = (fit(one, scene.stars, one_prf, replace(kernel, offset=(0.0, 0.0))) for one in (cube, wrong))
    good = cube.usable
    difference = (other.flux - right.flux)[:, good] / right.flux_err[:, good]
    assert np.nanpercentile(np.abs(difference), 99) < 0.25
    ratio = np.nanmedian(other.flux_err[:, good] / right.flux_err[:, good], axis=1)
    np.testing.assert_allclose(np.percentile(ratio, [5, 50, 95]), 1.0, atol=0.03)


@pytest.mark.parametrize(("rows", "columns"), [(1, 0), (0, -3), (-200, 150)])
def test_shift_of_everything_by_whole_pixels(quick, usual, one_prf, rows, columns):
    """Same PRF and read noise there; float32 pixels leave 1e-3 standard errors."""
    scene, cube = quick
    old = cube.stamp
    stamp = Stamp(old.row_min + rows, old.row_max + rows, old.col_min + columns, old.col_max + columns)
    stars = scene.catalogue_stars.moved(rows, columns)
    moved = fit(with_header(cube, stamp=stamp), stars, one_prf, shifted_kernel(true_kernel(scene), rows, columns))
    np.testing.assert_array_equal(moved.starid, usual.starid)
    assert _worst(usual, moved) < 1e-3
    np.testing.assert_allclose(moved.row - rows, usual.row, atol=1e-9)
    np.testing.assert_allclose(moved.centroid_column - columns, usual.centroid_column, atol=1e-3)
    np.testing.assert_array_equal(moved.star_flags, usual.star_flags)


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_scale_of_the_flux(quick, usual, one_prf, factor):
    """A shorter exposure gives more noise in e-/s: all is the same but for the unit. Limits of tmag move along."""
    scene, cube = quick
    scaled = replace(
        with_header(cube, exposure=replace(cube.exposure, exposure_s=cube.exposure.exposure_s / factor)),
        images=cube.images * np.float32(factor),
        backgrounds=cube.backgrounds * np.float32(factor),
    )
    stars, mag = scene.catalogue_stars, -2.5 * np.log10(factor)
    brighter = Stars(stars.starid, stars.row, stars.column, stars.tmag + mag)
    other = fit(scaled, brighter, one_prf, true_kernel(scene), tmag_limit=16 + mag)
    np.testing.assert_array_equal(other.starid, usual.starid)
    # Stars near T=12.5 take the finer expansion or not: a few hundredths of a standard error.
    assert np.nanmax(np.abs(other.flux / factor - usual.flux) / usual.flux_err) < 0.03
    np.testing.assert_allclose(other.flux_err / factor, usual.flux_err, rtol=2e-3)


def test_order_of_the_stars(quick, usual, one_prf):
    scene, cube = quick
    stars = scene.catalogue_stars
    order = np.random.default_rng(1).permutation(len(stars))
    other = fit(cube, stars.select(order), one_prf, true_kernel(scene))
    back = np.argsort(other.starid)[np.argsort(np.argsort(usual.starid))]
    np.testing.assert_array_equal(other.starid[back], usual.starid)
    assert np.nanmax(np.abs(other.flux[back] - usual.flux) / usual.flux_err) < 1e-3


@pytest.mark.parametrize("limit", [16.0, 30.0])
def test_a_star_without_light_changes_nothing(quick, one_prf, limit):
    """Fixed, and free under its own narrow prior, beside a bright star."""
    scene, cube = quick
    stars = scene.catalogue_stars.select(scene.catalogue_stars.tmag < 16.5)
    bright = int(np.argmin(stars.tmag + 99 * ~cube.stamp.contains(stars.row, stars.column)))
    before = fit(cube, stars, one_prf, true_kernel(scene), tmag_limit=limit)
    with_it = _with(stars, 25.0, stars.row[bright] + 0.4, stars.column[bright] - 0.3)
    after = fit(cube, with_it, one_prf, true_kernel(scene), tmag_limit=limit)
    kept = after.starid != 99
    assert kept.sum() == len(kept) - (limit == 30.0)
    assert np.nanmax(np.abs(after.flux[kept] - before.flux) / before.flux_err) < 1e-2


def test_stars_out_of_reach_do_not_count(quick, usual, one_prf):
    scene, cube = quick
    far = _with(scene.catalogue_stars, 3.0, cube.stamp.row_min - 12.0, cube.stamp.col_min + 5.0)
    other = fit(cube, far, one_prf, true_kernel(scene))
    np.testing.assert_array_equal(other.starid, usual.starid)
    assert _worst(usual, other) == 0


def test_stars_outside_are_fitted_but_not_returned(quick, usual, one_prf):
    scene, cube = quick
    inside = cube.stamp.contains(scene.catalogue_stars.row, scene.catalogue_stars.column)
    assert np.isin(usual.starid, scene.catalogue_stars.starid[inside]).all()
    without = fit(cube, scene.catalogue_stars.select(inside), one_prf, true_kernel(scene))
    border = cube.stamp.border_distance(usual.row, usual.column) < 1.5
    assert np.nanmax(np.abs(without.flux - usual.flux)[border] / usual.flux_err[border]) > 10


def test_the_core_chooses_the_stars(quick, usual, one_prf):
    scene, cube = quick
    core = cube.stamp.grown(-6)
    part = fit(cube, scene.catalogue_stars, one_prf, true_kernel(scene), core=core)
    which = np.isin(usual.starid, part.starid)
    stars = scene.catalogue_stars
    expected = stars.starid[core.contains(stars.row, stars.column) & (stars.tmag < 16)]
    assert set(part.starid) == set(expected)
    np.testing.assert_array_equal(part.flux, usual.flux[which])


def test_block_boundaries(quick, one_prf):
    """Without rejection of outliers, which looks at what is usual for a pixel in a block."""
    scene, cube = quick
    whole, blocks = (
        fit(cube, scene.catalogue_stars, one_prf, true_kernel(scene), cadences_at_once=size, outlier_sigma=1e9)
        for size in (256, 7)
    )
    assert _worst(whole, blocks) < 1e-3
    np.testing.assert_allclose(blocks.flux_err, whole.flux_err, rtol=1e-5)
    np.testing.assert_array_equal(blocks.pixel_quality, whole.pixel_quality)


def test_a_flagged_excursion_does_not_change_the_others(quick, one_prf):
    """A cadence 0.4 px away, and one full of rubbish, both flagged."""
    scene, cube = quick
    flagged_cube = _changed_cube(cube)
    flagged_cube.quality[[11, 25]] = 4
    kernel = true_kernel(scene)
    before = fit(flagged_cube, scene.catalogue_stars, one_prf, kernel)
    away = _changed_cube(flagged_cube)
    away.images[11] = ndimage.shift(cube.images[11], (0.3, -0.27), order=3, mode="nearest")
    away.images[25] = np.random.default_rng(5).normal(0, 3000, cube.images[25].shape)
    parameters = kernel.parameters.copy()
    parameters[11, [0, 3]] += 0.3, -0.27
    after = fit(away, scene.catalogue_stars, one_prf, replace(kernel, parameters=parameters))
    others = ~np.isin(np.arange(cube.n_cadence), [11, 25])
    # The node of the other cadences may be centered a millipixel elsewhere.
    assert _worst(before, after, cadences=others) < 0.02
    assert flagged(PIXEL_QUALITY, after.pixel_quality[:, 11], "large_motion").all()
    assert not flagged(PIXEL_QUALITY, after.pixel_quality[:, others], "large_motion").any()


def test_missing_pixels(quick, one_prf):
    """NaN pixels, a dead pixel, an empty cadence and an empty corner: finite flux or a flag."""
    scene, cube = quick
    broken = _changed_cube(cube)
    rng = np.random.default_rng(6)
    broken.images[rng.random(cube.images.shape) < 0.02] = np.nan
    broken.images[:, 9, 14] = np.nan
    broken.images[17] = np.nan
    broken.images[23, :10, :10] = np.nan
    broken.images[:, 20:, 20:] = np.nan
    result = fit(broken, scene.catalogue_stars, one_prf, true_kernel(scene))
    not_fitted = flagged(PIXEL_QUALITY, result.pixel_quality, "not_fitted")
    for name in ("flux", "flux_err", "background", "chi2"):
        np.testing.assert_array_equal(np.isnan(getattr(result, name)), not_fitted, err_msg=name)
    assert not_fitted[:, 17].all()
    dark = ((result.row > cube.stamp.row_min + 22) & (result.column > cube.stamp.col_min + 22)) | (
        result.row < cube.stamp.row_min - 22
    )
    assert not_fitted[dark].all()
    compared = compare(result, scene)
    elsewhere = compared.clean & (cube.stamp.border_distance(result.row, result.column) > 2)
    pulls = compared.pulls[elsewhere]
    assert np.nanmedian(np.abs(pulls)) < 0.8
    assert (np.isfinite(pulls).mean(axis=1) > 0.9).all()


def test_every_cadence_flagged_is_fitted_all_the_same(quick, one_prf, usual):
    scene, cube = quick
    all_flagged = with_header(cube, quality=np.full(cube.n_cadence, 128, dtype=np.int32))
    assert _worst(usual, fit(all_flagged, scene.catalogue_stars, one_prf, true_kernel(scene))) < 1e-3


def test_one_cadence(quick, one_prf):
    scene, cube = quick
    first = slice(0, 1)
    one = cube.of_cadences(first)
    kernel = true_kernel(scene)
    kernel = replace(
        kernel, parameters=kernel.parameters[first], covariance=kernel.covariance[first], bad=kernel.bad[first]
    )
    result = fit(one, scene.catalogue_stars, one_prf, kernel)
    assert result.flux.shape[1] == 1
    assert np.isfinite(result.flux[result.star_flags == 0]).all()


def test_no_stars(quick, one_prf):
    scene, cube = quick
    none = scene.catalogue_stars.select(np.zeros(len(scene.catalogue_stars), dtype=bool))
    result = fit(cube, none, one_prf, true_kernel(scene))
    assert result.flux.shape == (0, cube.n_cadence)
    assert result.aperture.shape[0] == 0


def _judged(result, cube):
    """Status and reason of the stars of a fit, each once."""
    metrics = light_curve_metrics(result, cube.usable, cube.cadenceno, cube.exposure.cadence_s)
    return set(zip(*statuses(result, metrics), strict=True))


def test_stars_without_pixels_have_no_flux_and_say_so(quick, one_prf, usual):
    scene, cube = quick
    dark = replace(cube, images=np.full_like(cube.images, np.nan))
    result = fit(dark, scene.catalogue_stars, one_prf, true_kernel(scene))
    for name in ("starid", "tmag", "row", "column", "row_shift", "column_shift", "window_row", "window_column"):
        np.testing.assert_array_equal(getattr(result, name), getattr(usual, name), err_msg=name)
    for field in fields(TileFit):
        one, other = (np.asarray(getattr(of, field.name)) for of in (result, usual))
        assert (one.shape, one.dtype) == (other.shape, other.dtype), field.name
    for name in ("flux", "flux_err", "aperture_flux", "background", "centroid_row", "mean_misfit", "sum_image"):
        assert np.isnan(getattr(result, name)).all(), name
    assert not result.aperture.any()
    assert flagged(PIXEL_QUALITY, result.pixel_quality, "not_fitted").all()
    assert _judged(result, cube) == {(STATUS.SKIPPED, "no pixel is measured in any cadence")}


def test_a_part_without_pixels_is_joined_with_others(quick, one_prf):
    """The stars of the other part are as they are alone."""
    scene, cube = quick
    stamp = scene.settings.stamp
    lit, dark = (part.core for part in tiles_of(stamp, stamp.shape[1] // 2, 0)[:2])
    images = cube.images.copy()
    images[(slice(None), *dark.slices_in(stamp))] = np.nan
    half = replace(cube, images=images)
    kernel, stars = true_kernel(scene), scene.catalogue_stars
    parts = [fit(half.cut(core), stars, one_prf, kernel, core) for core in (lit, dark)]
    whole = joined(parts, [lit, dark])
    n_lit = len(parts[0].starid)
    assert 0 < n_lit < len(whole.starid)
    np.testing.assert_array_equal(whole.flux[:n_lit], parts[0].flux)
    assert np.isnan(whole.flux[n_lit:]).all()
    assert np.isfinite(whole.cadence_chi2).all()


def test_a_fit_may_overwrite_its_pixels(quick, one_prf):
    """Some pixels are not measured, a whole frame, one is hit by itself, and a trail bleeds."""
    scene, cube = quick
    marred = _changed_cube(cube)
    marred.images[3] = marred.images[:, 5, 6] = marred.backgrounds[3] = marred.images[8, 2, 2] = np.nan
    marred.images[20, 18, 17] = 1e6
    marred.images[:, 12, 12] = 2e5
    given = scene.catalogue_stars, cube.stamp, one_prf, true_kernel(scene), FitSettings()
    kept = fit_tile(_changed_cube(marred), *given)
    overwritten = fit_tile(marred, *given, overwrite=True)
    for field in fields(TileFit):
        np.testing.assert_array_equal(getattr(kept, field.name), getattr(overwritten, field.name), field.name)
    assert np.isfinite(marred.images).all()


def test_stars_with_pixels_in_flagged_cadences_alone_have_no_mean(quick, one_prf):
    scene, cube = quick
    quality = np.where(np.arange(cube.n_cadence) < 3, 8, 0).astype(np.int32)
    images = cube.images.copy()
    images[quality == 0] = np.nan
    some = replace(with_header(cube, quality=quality), images=images)
    result = fit(some, scene.catalogue_stars, one_prf, true_kernel(scene))
    assert np.isfinite(result.flux[:, quality != 0]).any()
    reason = f"no finite flux in {cube.n_cadence - 3} unflagged cadences"
    assert _judged(result, some) <= {
        (STATUS.ERROR, reason),
        (STATUS.SKIPPED, "too little of its light lies on usable pixels"),
    }


def test_cosmic_rays_are_found(one_prf):
    """Hits of over ten standard deviations; clean stars beside them are still right."""
    scene, cube = make_scene(one_prf, cosmic_ray_fraction=1e-3, nan_fraction=0.0)
    result = fit(cube, scene.catalogue_stars, one_prf, true_kernel(scene))
    compared = compare(result, scene)
    assert flagged(PIXEL_QUALITY, result.pixel_quality, "cosmic_ray").any()
    assert np.abs(compared.pulls[compared.clean]).max() < 8


def test_noiseless_fluxes_are_the_true_ones(one_prf):
    """Exact magnitudes, motion and PRF, no fixed stars: what is left is expansion, faint light left out and float32."""
    scene, cube = make_scene(
        one_prf, noise=False, tmag_error=0.0, cosmic_ray_fraction=0.0, variable_fraction=0.0, faintest_tmag=15.9
    )
    result = fit(cube, scene.stars, one_prf, replace(true_kernel(scene), offset=(0.0, 0.0)), prior_width=10.0)
    compared = compare(result, scene)
    separate = compared.clean & (result.blend_correlation < 0.5)
    assert separate.sum() > 20
    # In standard errors of one cadence.
    assert np.abs(compared.pulls[separate]).max() < 0.3
    bright = separate & (compared.tmag < 12)
    assert np.abs(compared.flux[bright] / compared.truth[bright] - 1).max() < 3e-4
