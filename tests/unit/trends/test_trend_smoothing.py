"""Trends are smoothed as far as their structure allows, and what that leaves of noise is known."""

import numpy as np
import pytest

from photometry.trends.relative_series import orbits_of
from photometry.trends.trend_smoothing import LEFT_OUT, joined, no_smoothing, smoothing_of

RNG = np.random.default_rng(5)
STEP = 1 / 144
TIME = np.concatenate([np.arange(0.0, 12, STEP), np.arange(13.0, 26, STEP)])
ORBITS = orbits_of(TIME)
#: Noise of two trends that is nearly the same in both: their sum is known a tenth as well as their difference.
COVARIANCE = 0.03**2 * np.array([[1.0, 0.98], [0.98, 1.0]])


def information_of(covariance=COVARIANCE):
    return np.broadcast_to(np.linalg.inv(covariance), (len(TIME), *covariance.shape))


def noise(covariance=COVARIANCE):
    return np.linalg.cholesky(covariance) @ RNG.standard_normal((len(covariance), len(TIME)))


def found(values, counts=None, covariance=COVARIANCE):
    every = np.ones(len(TIME), np.bool_)
    return smoothing_of(values, information_of(covariance), every if counts is None else counts, ORBITS, STEP)


@pytest.fixture(scope="module")
def truth():
    """A wave that begins anew in each orbit, and a jump."""
    since = TIME - np.where(TIME > 12.5, 13.0, 0.0)
    return np.stack([np.exp(-since / 2), (TIME > 7.0).astype(float)])


def test_noise_goes_and_structure_stays(truth):
    values = truth + noise()
    after = found(values).applied(values, ORBITS)
    error, before = np.std(after - truth, axis=1), np.std(values - truth, axis=1)
    assert (error < before / 4).all()
    jump = np.searchsorted(TIME, 7.0)
    height = after[1, jump + 1 : jump + 4].mean() - after[1, jump - 3 : jump].mean()
    assert height == pytest.approx(1.0, abs=0.1)


def test_what_is_left_of_the_noise_is_known(truth):
    values = truth + noise()
    smoothing = found(values)
    draws = np.stack([smoothing.applied(noise(), ORBITS) for _ in range(60)])
    left = np.broadcast_to(np.linalg.cholesky(COVARIANCE), (len(TIME), 2, 2))
    expected = np.sqrt((smoothing.noise_left(left) ** 2).sum(axis=2)).T
    # Where neighbours are smoothed by another width, and at the ends, it is not exact.
    ratio = np.std(draws, axis=0) / expected
    assert np.median(ratio, axis=1) == pytest.approx([1, 1], abs=0.05)


def test_what_has_structure_everywhere_stays_as_it_is():
    number = np.arange(len(TIME))
    values = np.stack([np.where(number % 2, 1.0, -1.0), np.where(number % 4 < 2, 1.0, -1.0)]) + noise()
    np.testing.assert_allclose(found(values).applied(values, ORBITS), values, atol=1e-9)


def test_cadences_that_do_not_count_are_in_no_others_mean(truth):
    counts = np.ones(len(TIME), np.bool_)
    counts[500:503] = False
    clean = truth + noise()
    odd = np.where(counts, clean, 50.0)
    smoothing = found(odd, counts)
    assert (smoothing.scales[:, ~counts] == LEFT_OUT).all()
    after = smoothing.applied(odd, ORBITS)
    assert np.abs(after - truth)[:, 480:500].max() < 0.1
    np.testing.assert_allclose(after[:, ~counts], 50.0)


def test_it_is_linear_and_stays_within_an_orbit(truth):
    values = truth + noise()
    smoothing = found(values)
    one, other = noise(), noise()
    both = smoothing.applied(2 * one - other, ORBITS)
    parts = 2 * smoothing.applied(one, ORBITS) - smoothing.applied(other, ORBITS)
    np.testing.assert_allclose(both, parts, atol=1e-10)
    first = np.where(ORBITS == 0, one, 0.0)
    assert (smoothing.applied(first, ORBITS)[:, ORBITS == 1] == 0).all()


def test_trends_of_orbits_are_smoothed_by_themselves(truth):
    values = truth + noise()
    parts = [np.flatnonzero(number == ORBITS) for number in range(2)]
    of_orbits = [
        smoothing_of(values[:, part], information_of()[part], np.ones(len(part), bool), ORBITS[part] * 0, STEP)
        for part in parts
    ]
    both = joined(of_orbits, ORBITS)
    apart = np.zeros((4, len(TIME)))
    apart[:2, parts[0]], apart[2:, parts[1]] = values[:, parts[0]], values[:, parts[1]]
    after = both.applied(apart, ORBITS)
    for number, part in enumerate(parts):
        its = of_orbits[number].applied(values[:, part], ORBITS[part] * 0)
        np.testing.assert_allclose(after[2 * number : 2 * number + 2, part], its, atol=1e-10)


def test_no_smoothing_changes_nothing(truth):
    nothing = no_smoothing(2, len(TIME))
    np.testing.assert_array_equal(nothing.applied(truth, ORBITS), truth)
    left = np.broadcast_to(COVARIANCE, (len(TIME), 2, 2))
    np.testing.assert_array_equal(nothing.noise_left(left), left)
