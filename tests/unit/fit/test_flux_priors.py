"""How much stars are seen to vary: constant, periodic, eclipsed once, hit by cosmic rays."""

import numpy as np
import pytest

from photometry.fit.flux_priors import variation_widths

_N_CADENCE = 1000
_GOOD = np.ones(_N_CADENCE, dtype=bool)


def _width(signal, sigma=1.0, good=_GOOD, hit=(), seed=1, n_star=1):
    """Widths of stars with a signal (n_cadence,) and white noise of a standard error `sigma`, (n_star,)."""
    rng = np.random.default_rng(seed)
    series = (signal + rng.normal(0, sigma, (n_star, len(signal)))).astype(np.float32)
    noise = np.full(series.shape, sigma, dtype=np.float32)
    noise[:, list(hit)] = np.inf
    return variation_widths(series, noise, good)


def test_constant_stars_are_seen_to_vary_little():
    """200 of them, no false eclipse: the excess of the variance is known to (2 / n_cadence)^(1/2)."""
    widths = _width(np.zeros(_N_CADENCE), n_star=200)
    assert widths.shape == (200,)
    assert widths.max() ** 2 < 4 * np.sqrt(2 / _N_CADENCE)
    assert np.median(widths) < 0.1


def test_a_constant_off_its_mean_flux_is_not_a_variation():
    assert _width(np.full(_N_CADENCE, 70.0))[0] < 0.3


def test_a_sine_within_the_noise_has_its_rms():
    """Of 200 stars in the mean; the amplitude is 0.6 of the noise of a cadence."""
    widths = _width(0.6 * np.sin(np.arange(_N_CADENCE) / 3), n_star=200)
    assert np.sqrt((widths**2).mean()) == pytest.approx(0.6 / np.sqrt(2), rel=0.05)
    assert widths.min() > 0.15


@pytest.mark.parametrize("amplitude", [3.0, 10.0, 300.0])
def test_a_sine_above_the_noise_has_more_than_its_rms(amplitude):
    """Its extremes count as eclipses do: up to its amplitude and the noise of a cadence."""
    width = _width(amplitude * np.sin(np.arange(_N_CADENCE) / 7))[0]
    assert amplitude / np.sqrt(2) < width < 1.02 * amplitude + 3.5


@pytest.mark.parametrize("flux", [20.0, 50.0, 1000.0])
def test_a_single_eclipse_makes_a_wide_prior(flux):
    """1 % of the cadences 50 % deep, of stars whose noise is a twentieth of the flux and less."""
    signal = np.zeros(_N_CADENCE)
    signal[400:410] = -0.5 * flux
    width = _width(signal)[0]
    assert width > 0.8 * 0.5 * flux
    assert width > 5 * np.sqrt(0.01) * 0.5 * flux


def test_cadences_that_are_hit_do_not_count():
    """A flux spoilt by a cosmic ray is no variation, whatever it says; the same flux that counts is one."""
    signal = np.zeros(_N_CADENCE)
    signal[[100, 300, 301, 302]] = [1e4, -500.0, -500.0, 2e3]
    assert _width(signal, hit=(100, 300, 301, 302))[0] < 0.3
    assert _width(signal)[0] > 1000


def test_an_eclipse_between_hits_still_counts():
    signal = np.zeros(_N_CADENCE)
    signal[400:410] = -30.0
    signal[405] = 1e5
    assert _width(signal, hit=(405,))[0] > 25


def test_flagged_cadences_do_not_count():
    signal = np.zeros(_N_CADENCE)
    signal[::10] = 1e4
    assert _width(signal, good=np.arange(_N_CADENCE) % 10 > 0)[0] < 0.3


def test_a_star_without_a_cadence_that_counts_varies_by_nothing():
    assert _width(np.full(_N_CADENCE, 5.0), hit=range(_N_CADENCE))[0] == 0


@pytest.mark.parametrize("n_cadence", [1, 5, 30])
def test_short_series(n_cadence):
    """Windows longer than the series see nothing."""
    assert _width(np.zeros(n_cadence), good=np.ones(n_cadence, dtype=bool))[0] < 2.5
