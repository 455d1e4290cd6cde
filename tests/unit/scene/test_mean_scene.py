"""Mean fluxes and what all cadences share, from images made star by star."""

from dataclasses import replace

import numpy as np
import pytest
from small_tiles import exact_images, lopsided_prf, make_cube, make_stars, make_tile

from photometry.calibration.region import static_columns
from photometry.core.geometry import Stamp
from photometry.core.stars import Stars
from photometry.scene.mean_scene import SharedEquations, pixel_means, robust_clip, shared_equations, solve_mean
from photometry.scene.node_model import node_variance

_STAMP = Stamp(100, 124, 600, 624)
_N_CADENCE = 20
_GOOD = np.ones(_N_CADENCE, dtype=bool)
#: Prior of a static shift (1 px) and of its change over the tile (0.02 px).
_STATIC_PRECISION = 1 / np.array([1.0, 0.02, 0.02, 1.0, 0.02, 0.02]) ** 2


def _stars(n_star=15):
    """Stars with gaps of two pixels at least, so that each flux is well known."""
    rng = np.random.default_rng(11)
    place = rng.permutation(np.stack(np.meshgrid(np.arange(5), np.arange(5)), axis=-1).reshape(-1, 2))[:n_star]
    row, column = (102.3 + 4.8 * place + rng.uniform(-0.8, 0.8, place.shape)).T
    return make_stars(row, column + 500, rng.uniform(9, 15, n_star))


def _tile(true, catalogue, noise=True, seed=1):
    rng = np.random.default_rng(seed)
    row_shift, column_shift = rng.uniform(-0.08, 0.08, (2, _N_CADENCE))
    images = exact_images(lopsided_prf(), true, _STAMP, row_shift, column_shift)
    none = catalogue.select(catalogue.tmag > 99)
    cube = make_cube(_STAMP, images, rng if noise else None)
    return make_tile(cube, catalogue, none, lopsided_prf(), row_shift, column_shift)


def _off_by(stars, mag):
    return Stars(stars.starid, stars.row, stars.column, stars.tmag + mag)


def test_true_fluxes_from_a_catalogue_that_is_off():
    """Noiseless; 0.05 mag off. The catalogue's weak prior pulls by less than 1e-3 of the difference for T < 12."""
    true = _stars()
    catalogue = _off_by(true, np.random.default_rng(2).normal(0, 0.05, len(true)))
    tile = _tile(true, catalogue, noise=False)
    assert len(tile.model.nodes) > 1
    step = solve_mean(tile.data, tile.model, tile.state, _GOOD)
    error = step.flux / true.flux - 1
    assert np.abs(error).max() < 3e-3
    assert np.abs(error[true.tmag < 12]).max() < 2e-4


def test_flagged_cadences_do_not_count():
    true = _stars()
    tile = _tile(true, true)
    tile.data.images[3] += 500.0 * np.random.default_rng(3).random(_STAMP.n_pixel).astype(np.float32)
    good = _GOOD.copy()
    good[3] = False
    with_flag = solve_mean(tile.data, tile.model, tile.state, good)
    tile.data.images[3] = 0
    again = solve_mean(tile.data, tile.model, tile.state, good)
    np.testing.assert_array_equal(with_flag.flux, again.flux)


def test_cosmic_rays_are_clipped():
    """A hit of 1000 standard deviations moves no flux by more than a few of its mean's standard errors."""
    true = _stars()
    clean, hit = _tile(true, true), _tile(true, true)
    step = solve_mean(clean.data, clean.model, clean.state, _GOOD, clip=True)
    for cadence, pixel in ((2, 100), (9, 300), (15, 412)):
        hit.data.images[cadence, pixel] += 2000.0
    again = solve_mean(hit.data, hit.model, hit.state, _GOOD, clip=True)
    scatter = np.sqrt((step.flux + 1000) / hit.data.exposure_s / _N_CADENCE)
    assert np.abs((again.flux - step.flux) / scatter).max() < 3


@pytest.mark.parametrize(("row", "column"), [(0.02, 0.0), (0.0, -0.03), (-0.01, 0.02)])
def test_static_shift_is_found(row, column):
    """Catalogue off by a constant shift: first order finds it to 2 % of itself."""
    true = _stars()
    tile = _tile(true, true.moved(-row, -column), noise=False)
    step = solve_mean(tile.data, tile.model, tile.state, _GOOD, static_columns, _STATIC_PRECISION)
    assert step.extras[0] == pytest.approx(row, abs=5e-4)
    assert step.extras[3] == pytest.approx(column, abs=5e-4)
    # The normal equations of the extras give the same: tiles are summed that way.
    summed = np.linalg.solve(step.information + np.diag(_STATIC_PRECISION), step.gradient)
    np.testing.assert_allclose(summed, step.extras, atol=1e-8)


def test_what_is_left_of_a_perfect_scene_is_noise():
    true = _stars()
    tile = _tile(true, true)
    step = solve_mean(tile.data, tile.model, tile.state, _GOOD)
    (sigma,) = {round(float(np.sqrt(np.median(tile.data.variance(np.full(_STAMP.n_pixel, 120.0))))), 6)}
    assert np.median(np.abs(step.mean_residual)) < 3 * sigma / np.sqrt(_N_CADENCE)
    # The median of the bright pixels gives any share of light between nothing and a fraction of the noise.
    assert step.prf_error < 1e-4
    assert (step.model_error**2 > step.noise).mean() < 0.02


def test_a_star_that_the_catalogue_lacks_is_an_error_of_the_model():
    true = _stars()
    known = true.select(np.arange(len(true)) != 4)
    tile = _tile(replace(true, tmag=np.where(np.arange(len(true)) == 4, 12.0, true.tmag)), known)
    step = solve_mean(tile.data, tile.model, tile.state, _GOOD)
    row, column = np.divmod(int(np.argmax(step.model_error)), _STAMP.shape[1])
    assert abs(row + 100 - true.row[4]) <= 1.5
    assert abs(column + 600 - true.column[4]) <= 1
    assert step.model_error.max() > 50


def test_bright_neighbours_recover_from_a_star_that_the_catalogue_lacks():
    """One of T=9.2: at first a star of T=9.1 that is 4 px away is off by 7 %, one of T=10.9 at 6 px by 27 %."""
    true = _stars()
    known = true.select(np.arange(len(true)) != 4)
    tile = _tile(true, known)
    bright = known.tmag < 12
    first, second, last = (
        np.abs(solve_mean(tile.data, tile.model, tile.state, _GOOD, n_round=k).flux / known.flux - 1)[bright]
        for k in (1, 2, 5)
    )
    assert first.max() > 0.2
    assert second.max() < 0.03
    assert last.max() < 0.04


def test_clipping_about_the_median():
    rng = np.random.default_rng(4)
    values = rng.normal(3.0, 1.0, (6, 101)).astype(np.float32)
    values[2, 5], values[2, 6] = 400.0, -400.0
    clipped = robust_clip(values, np.ones(6))
    changed = np.zeros(values.shape, dtype=bool)
    changed[2, [5, 6]] = True
    np.testing.assert_array_equal(clipped != values, changed)
    np.testing.assert_allclose(np.abs(clipped[2, [5, 6]] - np.median(values[2])), 5, rtol=0.4)


def test_clipping_leaves_what_is_usual_for_a_pixel():
    values = np.random.default_rng(4).normal(0.0, 30.0, (6, 101)).astype(np.float32)
    np.testing.assert_array_equal(robust_clip(values, np.ones(6)), values)


def test_two_steps_about_one_average_are_two_steps():
    """Catalogue 0.05 mag off and without one of the stars; some pixels are not valid in some cadences."""
    true = _stars()
    known = _off_by(true.select(np.arange(len(true)) != 4), 0.05)
    tile = _tile(true, known)
    tile.data.valid[3, 40:60] = False
    tile.data.images[3, 40:60] = 0
    deviation = np.random.default_rng(5).normal(0, 20, (len(known), _N_CADENCE)).astype(np.float32)
    both = solve_mean(tile.data, tile.model, tile.state, _GOOD, deviation=deviation, n_round=2)
    one = solve_mean(tile.data, tile.model, tile.state, _GOOD, deviation=deviation)
    state = replace(tile.state, flux=one.flux, mean_residual=one.mean_residual, model_error=one.model_error)
    two = solve_mean(tile.data, tile.model, state, _GOOD, deviation=deviation)
    error, first = np.sqrt((both.flux + 1000) / tile.data.exposure_s / _N_CADENCE), np.abs(one.flux - known.flux)
    # Variances are those of the first step, and what is not valid counts as if it were in the middle of the motion.
    np.testing.assert_array_less(np.abs(both.flux - two.flux), 0.01 * first + error)
    assert np.abs(both.mean_residual - two.mean_residual).max() < 0.02 * np.abs(two.mean_residual).max()


def _some_columns(node, images):
    """Four columns without a meaning, other ones for every node."""
    del images
    return np.random.default_rng(len(node.cadences)).normal(size=(_STAMP.n_pixel, 4))


def _least_squares(tile, deviation, members):
    """Equations of the columns by some of the pixels, stars and backgrounds eliminated in one dense system."""
    data, model, state = tile.data, tile.model, tile.state
    n_star, n_node = len(state.flux), len(model.nodes)
    about_mean = deviation - deviation.mean(axis=1, keepdims=True)
    rows, values = [], []
    for k, node in enumerate(model.nodes):
        images = model.mean_images(node, state.flux)
        coefficients = node.coefficients(state.motion, node.cadences)
        valid = data.valid[node.cadences].T
        count = valid.sum(axis=1)
        design = [matrix.toarray().astype(np.float64) for matrix in node.expansion.matrices]
        left = np.zeros(valid.shape)
        for t, cadence in enumerate(node.cadences):
            of_stars = sum(term * matrix for term, matrix in zip(coefficients[t], design, strict=False))
            left[:, t] = data.images[cadence] - images.T @ coefficients[t] - of_stars @ about_mean[:, cadence]
        mean = (left * valid).sum(axis=1) / np.maximum(count, 1)
        stars = sum(term * matrix for term, matrix in zip(coefficients.mean(axis=0), design, strict=False))
        local = np.zeros((_STAMP.n_pixel, 3 * n_node))
        local[:, 3 * k : 3 * k + 3] = model.local_basis
        variance = node_variance(data, node, images) + _N_CADENCE * (model.fixed_variance + state.model_error**2)
        weights = np.sqrt(np.where(data.usable & members, count / variance, 0.0))
        rows.append(weights[:, None] * np.hstack([stars, local, _some_columns(node, None)]))
        values.append(weights * mean)
    prior = np.hstack([np.diag(1 / (0.2 * model.stars.flux)), np.zeros((n_star, 3 * n_node + 4))])
    rows.append(prior)
    values.append(prior[:, :n_star] @ (model.stars.flux - state.flux))
    design, value = np.concatenate(rows), np.concatenate(values)
    others, columns = design[:, :-4], design[:, -4:]
    # What no choice of the others explains, of the columns and of the pixels.
    free = [target - others @ np.linalg.lstsq(others, target, rcond=1e-12)[0] for target in (columns, value)]
    return SharedEquations(free[0].T @ free[0], free[0].T @ free[1], float(free[1] @ free[1]))


def _uneven_tile():
    """A tile with gaps, off its catalogue, with a model error, and deviations of its stars."""
    true = _stars()
    tile = _tile(true, _off_by(true, 0.02))
    tile.data.valid[3, 40:60] = False
    tile.data.images[3, 40:60] = 0
    rng = np.random.default_rng(6)
    state = replace(tile.state, flux=true.flux, model_error=rng.uniform(0, 2, _STAMP.n_pixel))
    return replace(tile, state=state), rng.normal(0, 20, (len(true), _N_CADENCE)).astype(np.float32)


def _equations(tile, deviation, groups, n_group):
    """Equations of groups of a tile's pixels, flux deviations subtracted from these."""
    scene = tile.data, tile.model, tile.state, _GOOD
    return shared_equations(*scene, pixel_means(*scene, deviation=deviation), _some_columns, groups, n_group)


def test_equations_of_groups_of_pixels_are_those_of_least_squares():
    """Information, gradient and squared residuals of each group, against one dense system."""
    tile, deviation = _uneven_tile()
    groups = np.random.default_rng(7).integers(0, 3, _STAMP.n_pixel)
    found = _equations(tile, deviation, groups, 3)
    assert len(found) == 3
    for k, group in enumerate(found):
        expected = _least_squares(tile, deviation, groups == k)
        np.testing.assert_allclose(group.information, expected.information, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(group.gradient, expected.gradient, rtol=1e-3, atol=1e-2)
        assert group.square == pytest.approx(expected.square, rel=1e-3)


def test_means_follow_a_change_of_the_mean_scene():
    """Averaged before or after the fluxes have changed: the same."""
    tile, deviation = _uneven_tile()
    flux = tile.state.flux * np.random.default_rng(9).uniform(0.9, 1.1, len(tile.state.flux))
    before, after = (
        pixel_means(tile.data, tile.model, state, _GOOD, deviation=deviation)
        for state in (tile.state, replace(tile.state, flux=flux))
    )
    assert len(before) == len(tile.model.nodes)
    for one, other in zip(before, after, strict=True):
        moved = one.after(tile.model, flux - tile.state.flux)
        scale = np.abs(one.mean - other.mean).max()
        np.testing.assert_allclose(moved.mean, other.mean, atol=1e-4 * scale)


def test_squared_residuals_of_any_parameters_follow_from_the_equations():
    """Of one group of all pixels: the pixels themselves, less what the columns add, leave as much."""
    tile, deviation = _uneven_tile()
    whole = np.zeros(_STAMP.n_pixel, dtype=np.int64)
    z = np.array([0.3, -0.2, 0.1, 0.5])

    (before,) = _equations(tile, deviation, whole, 1)
    for node in tile.model.nodes:
        tile.data.images[node.cadences] -= (_some_columns(node, None) @ z).astype(np.float32)
    tile.data.images[~tile.data.valid] = 0
    (after,) = _equations(tile, deviation, whole, 1)
    expected = before.square - 2 * z @ before.gradient + z @ before.information @ z
    assert after.square == pytest.approx(expected, rel=1e-4)
    np.testing.assert_allclose(after.gradient, before.gradient - before.information @ z, rtol=1e-3, atol=0.1)


def test_groups_add_up_to_the_whole_where_nothing_is_eliminated():
    """Without local backgrounds, and with stars that their catalogue holds."""
    tile, deviation = _uneven_tile()
    bound = replace(tile.model.stars, tmag=tile.model.stars.tmag + 40)
    model = replace(tile.model, stars=bound, local_basis=np.zeros_like(tile.model.local_basis))
    tile = replace(tile, model=model, state=replace(tile.state, flux=bound.flux))
    groups = np.random.default_rng(8).integers(0, 4, _STAMP.n_pixel)
    parts = _equations(tile, deviation, groups, 4)
    (whole,) = _equations(tile, deviation, np.zeros_like(groups), 1)
    for name in ("information", "gradient", "square"):
        np.testing.assert_allclose(sum(getattr(part, name) for part in parts), getattr(whole, name), rtol=1e-6)
