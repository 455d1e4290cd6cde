"""The parts of the trends: bins, factorisation, numbers of trends, priors, coefficients."""

import numpy as np
import pytest

from photometry.trends.coefficient_fit import Coefficients, fit_coefficients, modes_of, without_dips
from photometry.trends.coefficient_prior import Neighbours, prior_of
from photometry.trends.low_rank import canonical, factorise, fit_cadences
from photometry.trends.reference_stars import Candidates, alone_in_trend, are_candidates, are_quiet
from photometry.trends.relative_series import RelativeSeries, bins_of, orbits_of, relative
from photometry.trends.trend_number import trend_number

RNG = np.random.default_rng(8)
TIME = np.arange(0.0, 26.0, 1 / 24)
N_STAR = 60


def series_of(values, errors):
    return RelativeSeries(values, np.broadcast_to(errors, values.shape).copy(), np.ones(len(values)))


@pytest.fixture
def shared():
    """Two trends, of which the stars have different shares, in noise of 1e-4."""
    trends = np.stack([np.cos(TIME / 4), TIME > 10])
    trends = (trends - trends.mean(axis=1, keepdims=True)) / trends.std(axis=1, keepdims=True)
    shares = RNG.normal([2e-3, 5e-4], [2e-4, 3e-4], (N_STAR, 2))
    noise = 1e-4 * RNG.standard_normal((N_STAR, len(TIME)))
    return trends, shares, series_of(shares @ trends + noise, 1e-4)


def test_relative_fluxes_have_no_value_where_there_is_no_flux():
    flux = np.array([[10.0, 11.0, np.nan, 9.0], [-5.0, -4.0, -3.0, -2.0]])
    series = relative(flux, np.ones_like(flux), np.array([True, True, True, False]))
    np.testing.assert_allclose(series.median, [10.5, np.nan])
    np.testing.assert_allclose(series.values[0], [10 / 10.5 - 1, 11 / 10.5 - 1, 0, 9 / 10.5 - 1])
    assert np.isinf(series.errors[0]).tolist() == [False, False, True, False]
    assert np.isinf(series.errors[1]).all()


def test_bins_are_weighted_means():
    bins = bins_of(np.array([0.0, 0.01, 0.02, 1.0, 1.01]), 0.05)
    series = RelativeSeries(np.array([[1.0, 2, 3, 0, 4]]), np.array([[1.0, 1, np.inf, np.inf, 2]]), np.ones(1))
    binned = bins.means(series)
    np.testing.assert_allclose(bins.time, [0.01, 1.005])
    np.testing.assert_allclose(binned.values, [[1.5, 4.0]])
    np.testing.assert_allclose(binned.errors, [[np.sqrt(0.5), 2.0]])


def test_orbits_are_apart_by_a_pause():
    time = np.concatenate([np.arange(0, 12, 0.4), np.arange(13, 25, 0.4), np.arange(26, 27, 0.4)])
    # The day at the end is no orbit.
    assert np.unique(orbits_of(time), return_counts=True)[1].tolist() == [30, 33]
    assert orbits_of(TIME).max() == 0


def test_two_trends_are_found_in_noise(shared):
    trends, shares, series = shared
    factors = factorise(series, 2, TIME)
    left = trends - trends @ factors.trends.T @ factors.trends / len(TIME)
    assert np.sqrt((left**2).mean(axis=1)) == pytest.approx([0.0, 0.0], abs=0.06)
    np.testing.assert_allclose(factors.trends @ factors.trends.T / len(TIME), np.eye(2), atol=1e-9)
    assert np.std(factors.model() - shares @ trends) < 4e-5


def test_missing_cadences_are_missing(shared):
    """A cadence that half of the stars lack is as well known by the others; one star alone is told by its trends."""
    trends, shares, series = shared
    values, errors = series.values.copy(), series.errors.copy()
    values[::2, 100:150] = 0
    errors[::2, 100:150] = np.inf
    factors = factorise(RelativeSeries(values, errors, series.median), 2, TIME)
    assert np.std((factors.model() - shares @ trends)[:, 100:150]) < 8e-5


def test_a_dip_of_one_star_is_in_no_trend(shared):
    trends, shares, series = shared
    values = series.values.copy()
    values[3, 200:212] -= 0.01
    factors = factorise(RelativeSeries(values, series.errors, series.median), 2, TIME)
    assert np.std((factors.model() - shares @ trends)[:, 200:212]) < 8e-5


def test_each_orbit_has_trends_of_its_own_where_asked_for():
    time = np.concatenate([np.arange(0.0, 12, 1 / 24), np.arange(13.0, 26, 1 / 24)])
    values = 1e-3 * np.cos(time / 4) * (1 + 0.1 * RNG.standard_normal((N_STAR, 1)))
    factors = factorise(series_of(values + 1e-4 * RNG.standard_normal(values.shape), 1e-4), 1, time, by_orbit=True)
    assert factors.orbit.tolist() == [0, 1]
    assert (factors.trends[0, time > 12.5] == 0).all()
    assert (factors.trends[1, time < 12.5] == 0).all()


def test_canonical_trends_keep_the_model():
    trends, loadings = RNG.standard_normal((3, 50)), RNG.standard_normal((20, 3))
    turn = canonical(trends, loadings)
    after = turn @ trends
    np.testing.assert_allclose(after @ after.T / 50, np.eye(3), atol=1e-8)
    np.testing.assert_allclose(loadings @ np.linalg.inv(turn) @ after, loadings @ trends, atol=1e-10)


def test_trends_of_cadences_have_their_covariance():
    loadings = RNG.standard_normal((40, 2))
    truth = RNG.standard_normal((2, 4000))
    values = loadings @ truth + 0.1 * RNG.standard_normal((40, 4000))
    found, information = fit_cadences(values, np.full(values.shape, 100.0), loadings)
    pulls = np.einsum("ck,ckl,cl->c", (found - truth).T, information, (found - truth).T)
    assert np.mean(pulls) == pytest.approx(2, rel=0.1)


def test_the_number_of_trends_is_that_of_the_truth(shared):
    bins = bins_of(TIME)
    assert trend_number(shared[2], bins).n_trend == 2
    noise = series_of(1e-4 * RNG.standard_normal((N_STAR, len(TIME))), 1e-4)
    assert trend_number(noise, bins).n_trend == 0


def test_orbits_have_their_own_trends_where_stars_share_them_so():
    time = np.concatenate([np.arange(0.0, 13, 1 / 24), np.arange(14.0, 27, 1 / 24)])
    second = time > 13.5
    ramp = np.exp(-(time - np.where(second, 14, 0)) / 2)
    apart = np.stack([np.where(second, 0, ramp), np.where(second, ramp, 0)])
    shares = RNG.normal(2e-3, 1e-3, (N_STAR, 2))
    series = series_of(shares @ apart + 1e-4 * RNG.standard_normal((N_STAR, len(time))), 1e-4)
    found = trend_number(series, bins_of(time))
    assert (found.n_trend, found.by_orbit) in ((1, True), (2, False))


def test_one_star_makes_no_trend(shared):
    values = shared[2].values.copy()
    values[7] += 0.02 * np.sin(TIME)
    series = RelativeSeries(values, shared[2].errors, shared[2].median)
    factors = factorise(series, 3, TIME)
    assert alone_in_trend(series, factors) == 7
    assert alone_in_trend(shared[2], factorise(shared[2], 2, TIME)) is None


def test_variable_stars_are_not_quiet():
    values = 1e-4 * RNG.standard_normal((N_STAR, len(TIME)))
    values[[4, 20]] += 1e-3 * np.sin(TIME)
    series = series_of(values, 1e-4)
    assert np.flatnonzero(~are_quiet(series, values)).tolist() == [4, 20]


def test_candidates_are_bright_alone_and_without_flags():
    nothing = np.zeros(5)
    stars = Candidates(
        starid=np.arange(5),
        tmag=np.array([10.0, 5.0, 15.0, 10.0, 10.0]),
        row=nothing,
        column=nothing,
        flags=np.array([0, 0, 0, 1, 0], np.int32),
        blend_correlation=np.array([0.4, 0, 0, 0, -0.6]),
    )
    assert are_candidates(stars).tolist() == [True, False, False, False, False]


def test_coefficients_have_their_errors(shared):
    trends = shared[0]
    bins, shares = bins_of(TIME), np.array([1e-3, -5e-4])
    series = series_of(shares @ trends + 1e-4 * RNG.standard_normal((300, len(TIME))), 1e-4)
    found = fit_coefficients(series, trends, modes_of(bins))
    pulls = (found.values - shares) / np.sqrt(np.diagonal(found.covariance, axis1=1, axis2=2))
    assert np.abs(pulls.mean(axis=0)).max() < 0.2
    np.testing.assert_allclose(pulls.std(axis=0), 1, atol=0.2)


def test_a_variable_star_is_held_by_the_prior_and_a_quiet_one_is_not(shared):
    """A sinusoid as slow as the trend is a hundred times the prior's width; its share is that of its neighbours."""
    trends = shared[0]
    bins = bins_of(TIME)
    modes = modes_of(bins)
    prior = Coefficients(np.array([[1e-3, 0.0]]), np.array([np.diag([1e-4, 1e-4]) ** 2]))
    noise = 1e-4 * RNG.standard_normal((1, len(TIME)))
    variable = series_of(1e-3 * trends[:1] + 0.02 * np.sin(2 * np.pi * TIME / 9 + 1) + noise, 1e-4)
    free = fit_coefficients(variable, trends, modes)
    held = fit_coefficients(variable, trends, modes, prior)
    assert abs(free.values[0, 0] - 1e-3) > 1e-3
    assert held.values[0] == pytest.approx([1e-3, 0], abs=1e-4)
    quiet = series_of(1.3e-3 * trends[:1] + noise, 1e-4)
    assert fit_coefficients(quiet, trends, modes, prior).values[0] == pytest.approx([1.3e-3, 0], abs=2e-5)


def test_transits_are_left_out_and_stars_that_vary_are_not():
    bins = bins_of(TIME)
    noise = 1e-4 * RNG.standard_normal((2, len(TIME)))
    noise[0, 100:106] -= 3e-3
    noise[1] += 0.01 * np.sin(TIME * 2)
    kept = np.isfinite(without_dips(series_of(noise, 1e-4), np.zeros_like(noise), bins).errors)
    assert not kept[0, 100:106].any()
    assert kept[0].sum() > 0.98 * (len(TIME) - 6)
    assert kept[1].all()


def test_the_prior_is_a_plane_through_neighbours_with_light_that_is_added():
    n_star, pulls = 200, []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        row, column = rng.uniform(0, 256, (2, n_star))
        flux = 10 ** rng.uniform(3, 5, n_star)
        truth = 1e-3 * (1 + row / 512) + 2 / flux + 5e-5 * rng.standard_normal(n_star)
        values = truth + rng.standard_normal(n_star) / flux
        near = Neighbours(np.arange(n_star), row, column, flux, values[:, None], flux[:, None] ** -2.0)
        prior = prior_of(near, np.arange(n_star), row, column, flux)
        pulls.append((truth - prior.values[:, 0]) / np.sqrt(prior.covariance[:, 0, 0]))
    assert abs(np.median(pulls)) < 0.3
    assert np.median(np.abs(pulls)) / 0.6745 == pytest.approx(1, abs=0.3)


def test_a_star_is_no_neighbour_of_itself():
    near = Neighbours(
        np.arange(30), np.arange(30.0), np.zeros(30), np.full(30, 1e4), np.zeros((30, 1)), np.full((30, 1), 1e-8)
    )
    near.values[5] = 0.5
    prior = prior_of(near, np.array([5]), np.array([5.0]), np.zeros(1), np.full(1, 1e4))
    assert abs(prior.values[0, 0]) < 1e-6
