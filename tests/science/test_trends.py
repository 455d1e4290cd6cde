"""Shared systematics are taken off light curves, what a star does by itself is not: against truth, on arrays alone."""

from functools import cache

import numpy as np
import pytest

from benchmarks.trend_fields import (
    amplitudes,
    corrected,
    depth_errors,
    depths,
    learnt,
    make_field,
    scatter,
)
from benchmarks.trend_pixels import compared, measured_field, without_trends

#: Half-hour cadence: the figures of the ten-minute one are benchmarks.trends'.
FIELD = {"n_star": 260, "cadence_s": 1800.0, "n_signal": 12}


@cache
def measured(kind="", seed=3, **more):
    field = make_field(seed, kind, **FIELD | more)
    trends = learnt(field)
    return field, trends, corrected(field, trends)


def test_quiet_stars_scatter_as_without_systematics():
    field, trends, after = measured()
    quiet = field.quiet
    before = scatter((field.clean + field.shared)[quiet], field.time) / scatter(field.clean[quiet], field.time)
    ratio = scatter(after.flux[quiet], field.time) / scatter(field.clean[quiet], field.time)
    assert np.median(before) > 3
    assert 1 <= trends.n_trend <= 6
    assert np.median(ratio) < 1.05
    assert np.quantile(ratio, 0.95) < 1.1


def test_many_loud_stars_do_not_hide_what_is_shared():
    """A third of the bright stars vary by more than the systematics are, by up to 5 %."""
    field, _, after = measured("sinusoids", 4, n_signal=40)
    quiet = field.quiet
    ratio = scatter(after.flux[quiet], field.time) / scatter(field.clean[quiet], field.time)
    assert np.median(ratio) < 1.05
    assert np.quantile(ratio, 0.95) < 1.1


def test_errors_hold():
    field, _, after = measured()
    quiet = field.quiet
    pulls = (after.flux[quiet] - field.truth[quiet]) / after.flux_err[quiet]
    scale = (pulls - np.median(pulls, axis=1, keepdims=True)).std(axis=1)
    assert np.quantile(scale, [0.05, 0.95]) == pytest.approx([1, 1], abs=0.1)
    assert (after.flux_err >= field.fluxes().flux_err).all()


def test_each_star_has_its_own_goodness():
    field, _, after = measured()
    quiet, measured_flux = field.quiet, field.clean + field.shared
    noise = [np.diff(flux[quiet], axis=1).std(axis=1) for flux in (after.flux, measured_flux)]
    np.testing.assert_allclose(after.goodness.noise_added[quiet], noise[0] / noise[1] - 1, atol=0.1)
    assert ((after.goodness.correlation_left[quiet] >= 0) & (after.goodness.correlation_left[quiet] < 0.9)).all()
    assert np.median(after.goodness.variability_kept[quiet]) == pytest.approx(1, abs=0.2)
    assert not np.array_equal(after.goodness.noise_added, after.goodness.variability_kept)


def test_transits_keep_their_depth():
    field, _, after = measured("transits")
    before = depths(field.clean, field)
    found = before > 7.1 * depth_errors(field)
    assert found.sum() > 3
    change = np.abs(depths(after.flux, field) / before - 1)[found]
    assert np.median(change) < 0.005
    assert change.max() < 0.02


def test_shallow_transits_change_by_less_than_their_errors():
    field, _, after = measured("transits")
    change = np.abs(depths(after.flux, field) - depths(field.clean, field)) / depth_errors(field)
    assert np.median(change) < 0.1
    assert change.max() < 0.5


def test_sinusoids_keep_their_amplitude():
    field, _, after = measured("sinusoids")
    change = np.abs(amplitudes(after.flux, field) / amplitudes(field.clean, field) - 1)
    assert np.median(change) < 0.03
    assert change.max() < 0.1


def test_a_star_that_has_no_part_in_it_is_spared():
    field, _, after = measured("spared")
    stars = list(field.signals)
    growth = scatter(after.flux[stars], field.time) / scatter(field.clean[stars], field.time) - 1
    assert np.median(growth) < 0.01


def test_where_nothing_is_shared_nothing_is_taken_off():
    field, trends, after = measured(none=True)
    assert trends.n_trend == 0
    assert "share nothing" in trends.reason
    np.testing.assert_array_equal(after.flux, field.fluxes().flux)


def test_few_stars_have_no_trends_and_a_reason():
    field = make_field(3, n_star=30, cadence_s=1800.0)
    trends = learnt(field)
    after = corrected(field, trends)
    assert trends.n_trend == 0
    assert after.reason.startswith("too few stars for trends: ")
    np.testing.assert_array_equal(after.flux, field.fluxes().flux)
    assert np.isnan(after.goodness.noise_added).all()


def test_one_variable_star_among_the_quiet_is_in_no_trend():
    """A bright one, with a sinusoid in white noise: left out, and what others have of it is nothing."""
    field, trends, _ = measured("sinusoids")
    loud = [star for star, signal in field.signals.items() if signal.size > 0.005 and field.stars.tmag[star] < 11.5]
    assert loud
    assert not np.isin(loud, trends.stars.starid).any()


def test_the_same_light_curves_have_the_same_trends():
    field, trends, _ = measured()
    again = learnt(field)
    np.testing.assert_array_equal(again.values, trends.values)
    np.testing.assert_array_equal(again.stars.coefficients, trends.stars.coefficients)


def test_fluxes_of_pixels_are_corrected_as_arrays_are():
    """A small field through motion, PRF and fit, beside the same field without systematics."""
    options = {"n_pixel": 40, "n_cadence": 120, "density": 200.0, "seed": 1}
    clean, measured = (measured_field(size, **options) for size in (0.0, 0.003))
    trends, after = without_trends(measured)
    assert trends.n_trend >= 1
    bright = [row for row in compared(measured, after, clean) if row["high"] <= 12]
    assert min(row["FLUX"] / row["without"] for row in bright) > 5
    assert np.median([row["ratio"] for row in bright]) < 1.1
