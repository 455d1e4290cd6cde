from dataclasses import replace

import numpy as np
import pytest
from tile_fits import make_fit, make_header

from photometry.core.stars import flux_of_tmag
from photometry.lightcurve.metrics import cadences_per_hour, light_curve_metrics
from photometry.lightcurve.noise import BOUND_PPM, expected_noise

N = 4000


def measure(fit, header):
    return light_curve_metrics(fit, header.usable, header.cadenceno, header.exposure.cadence_s)


@pytest.fixture(scope="module")
def long():
    return make_fit(3, N), make_header(N)


def test_white_noise_gives_the_errors_back(long):
    fit, header = long
    metrics = measure(fit, header)
    error = fit.flux_err[:, 0] / metrics.median_flux * 1e6
    np.testing.assert_allclose(metrics.noise, error, rtol=1e-5)
    np.testing.assert_allclose(metrics.noise_hour, error / np.sqrt(2), rtol=1e-5)
    np.testing.assert_allclose(metrics.ptp, error, rtol=0.06)
    np.testing.assert_allclose(metrics.rms_hour, error / np.sqrt(2), rtol=0.06)
    np.testing.assert_allclose(metrics.variance, fit.flux_err[:, 0] ** 2, rtol=0.1)
    np.testing.assert_allclose(metrics.mean_flux_err, fit.flux_err[:, 0] / np.sqrt(N - 1), rtol=1e-5)
    assert np.all(np.abs(metrics.mean_flux - flux_of_tmag(fit.tmag)) < 4 * metrics.mean_flux_err)
    assert np.all(metrics.variability < 0.4 * error)
    np.testing.assert_array_equal(metrics.n_unflagged, N - 1)
    np.testing.assert_array_equal(metrics.fraction_finite, 1.0)
    np.testing.assert_allclose(metrics.background, 100)


def test_a_sinusoid_is_variability_not_point_to_point_scatter(long):
    fit, header = long
    wave = 1 + 0.01 * np.sin(2 * np.pi * np.arange(N) / 300)
    metrics = measure(replace(fit, flux=(fit.flux * wave).astype(np.float32)), header)
    assert np.all(metrics.ptp < 2 * metrics.noise)
    # 1.48 times the median of |sin| is 1.048.
    np.testing.assert_allclose(metrics.variability, 1.048e4, rtol=0.02)
    np.testing.assert_allclose(metrics.rms_hour, 1e4 / np.sqrt(2), rtol=0.02)


def test_flagged_cadences_do_not_count(long):
    fit, header = long
    flux = fit.flux.copy()
    flux[:, 5] = 1e9
    metrics, reference = measure(replace(fit, flux=flux), header), measure(fit, header)
    for name in metrics.__slots__:
        np.testing.assert_array_equal(getattr(metrics, name), getattr(reference, name))
    assert measure(replace(fit, flux=flux), replace(header, quality_bitmask=0)).mean_flux[0] > 1e5


def test_pairs_across_a_gap_do_not_count():
    fit, header = make_fit(1, 120), make_header(120)
    step = np.where(np.arange(120) > 50, 1000, 0).astype(np.float32)
    assert measure(replace(fit, flux=fit.flux + step), header).ptp == pytest.approx(measure(fit, header).ptp, rel=0.05)


def test_hours_follow_the_cadence_numbers():
    fit, header = make_fit(1, 8), make_header(8)
    flux = np.array([[10, 12, 20, 22, 30, 32, 40, 99]], dtype=np.float32)
    header = replace(header, quality=np.array([0, 0, 0, 0, 0, 0, 0, 4], dtype=np.int32), cadenceno=np.arange(8))
    metrics = measure(replace(fit, flux=flux), header)
    # Means 11, 21, 31; the last hour has one cadence of two.
    assert metrics.rms_hour == pytest.approx(np.std([11, 21, 31], ddof=1) / 22 * 1e6)


@pytest.mark.parametrize(("cadence_s", "expected"), [(20, 180), (120, 30), (200, 18), (600, 6), (1800, 2), (7200, 1)])
def test_cadences_per_hour(cadence_s, expected):
    assert cadences_per_hour(cadence_s) == expected


def test_nothing_to_measure_is_nan_without_warnings():
    fit, header = make_fit(2, 120), make_header(120)
    flux = fit.flux.copy()
    flux[0] = np.nan
    flux[1] = -5
    metrics = measure(replace(fit, flux=flux), header)
    assert metrics.n_finite.tolist() == [0, 119]
    assert np.isnan(metrics.mean_flux[0])
    assert metrics.mean_flux[1] == -5
    assert np.isnan(metrics.rms_hour).all()
    flagged = replace(header, quality=np.ones(120, dtype=np.int32))
    empty = measure(fit, flagged)
    assert np.isnan(empty.mean_flux).all()
    assert np.isnan(empty.fraction_finite).all()
    assert empty.n_unflagged.tolist() == [0, 0]


def test_stars_are_measured_one_by_one(long):
    fit, header = long
    flux = fit.flux.copy()
    flux[0, 100:900] = np.nan
    metrics, reference = measure(replace(fit, flux=flux), header), measure(fit, header)
    assert metrics.n_finite.tolist() == [N - 801, N - 1, N - 1]
    np.testing.assert_array_equal(metrics.rms_hour[1:], reference.rms_hour[1:])
    kept = np.delete(np.arange(N), [5, *range(100, 900)])
    assert metrics.median_flux[0] == np.median(fit.flux[0, kept].astype(np.float64))


def test_expected_noise_is_near_the_bound():
    exposure = make_header().exposure
    tmag, bound = np.array(BOUND_PPM).T
    ratio = expected_noise(tmag, exposure, 100.0, hours=1.0) / bound
    assert np.all((ratio > 0.8) & (ratio < 1.0))
    np.testing.assert_allclose(
        expected_noise(tmag, exposure, 100.0), np.sqrt(2) * expected_noise(tmag, exposure, 100.0, hours=1.0)
    )
