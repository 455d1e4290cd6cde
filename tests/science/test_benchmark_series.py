"""What the benchmarks measure of light curves, and the plain fit that they compare with."""

import numpy as np
import pytest


@pytest.fixture(scope="module")
def series(accuracy):
    """Module `benchmarks.series`."""
    del accuracy
    from benchmarks import series

    return series


def test_point_to_point_is_the_standard_deviation_of_white_noise(series):
    noise = np.random.default_rng(1).normal(0, 3, 20_000)
    assert series.point_to_point(100 + 0.5 * np.arange(20_000) + noise) == pytest.approx(3, rel=0.03)


def test_a_slope_is_found_beside_the_star_s_own_period(series):
    rng = np.random.default_rng(2)
    time = np.arange(0, 13, 1 / 48)
    source = 7e4 + 2e3 * np.sin(2 * np.pi * time / 4.1) + rng.normal(0, 50, len(time))
    flux = 5000 + 0.02 * (source - 7e4) + 60 * np.sin(2 * np.pi * time / 1.03 + 1) + rng.normal(0, 2, len(time))
    slope, period = series.slope_on(flux, source, time)
    assert slope == pytest.approx(0.02, abs=5e-4)
    assert period == pytest.approx(1.03, abs=0.02)


@pytest.mark.parametrize("cadence", [1 / 144, 1 / 48])
def test_depth_of_a_transit_does_not_depend_on_the_exposure(series, cadence):
    rng = np.random.default_rng(3)
    transit = series.Transit(period=1.2652328, epoch=0.4, duration=0.05, ingress=0.3)
    time = np.arange(0, 24, cadence)
    flux = 250 * (1 - 0.09 * transit.shape(time, cadence)) + rng.normal(0, 1.5, len(time))
    depth, error, _ = series.depth_of(time, flux, cadence, transit)
    assert error < 0.003
    assert depth == pytest.approx(0.09, abs=4 * error)
    found = series.find_transit(time, flux, cadence, transit.period, 0.05)
    assert float(transit.distance(np.array([found.epoch]))[0]) == pytest.approx(0, abs=0.006)


def test_the_plain_fit_finds_fluxes_and_shifts(accuracy, one_prf):
    from benchmarks.fields import make_field
    from benchmarks.plain_fit import plain_fit

    del accuracy
    quiet = {"sky": 50.0, "scattered_light": 0.0, "glare": 0.0, "n_pairs": 0, "variable_fraction": 0.0}
    size = {"n_row": 15, "n_column": 15, "n_cadence": 12, "faintest_tmag": 10.5}
    field = make_field(600.0, "exact", one_prf, **(size | quiet), extra_tmags=(8.5,))
    plain = plain_fit(field.true_cube, field.scene.stars, one_prf)
    truth = dict(zip(field.scene.population.starid.tolist(), field.scene.flux.mean(axis=1).tolist(), strict=True))
    assert len(plain.flux) >= 1
    np.testing.assert_allclose(plain.flux, [truth[starid] for starid in plain.starid.tolist()], rtol=0.01)
    assert 100 * np.abs(plain.residual).max() / plain.peak < 0.5


@pytest.mark.realdata
def test_real_pixels_are_measured(accuracy, tess_data, capsys):
    from benchmarks import real

    del accuracy
    real.main(["--data", str(tess_data), "--field", "gj1243"])
    text = capsys.readouterr().out
    assert "point-to-point of SAP_FLUX, ppm" in text
    assert "error over point-to-point" in text
    assert "CPU seconds: motion" in text
