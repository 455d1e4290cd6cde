"""Corrections between fit and export: one door for workflow and Python class."""

from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits
from scenes import make_scene
from tile_fits import make_catalog, make_fit, make_header

from photometry.core.settings import FitSettings
from photometry.interface.target_fit import fit_target
from photometry.io.results.lightcurve_files import export_tile
from photometry.lightcurve.corrections import StarCorrection, Uncorrected, WithoutTrends, corrected
from photometry.prf.model import model_prf
from photometry.simulate import true_kernel
from photometry.trends.corrected_fluxes import Goodness, uncorrected
from photometry.trends.trend_set import ReferenceStars, no_stars, no_trends
from photometry.trends.trend_smoothing import no_smoothing


def halved(curves):
    return uncorrected(curves.flux / 2, curves.flux_err / 2, "halved")


def one_trend(header):
    """A slow trend, which no stars are known to have."""
    time = header.time - header.timecorr
    wave = np.sin(3 * time)
    wave -= np.median(wave)
    nothing = no_trends(time, header.cadenceno, "")
    covariance = np.zeros((len(time), 1, 1), np.float32)
    return replace(
        nothing,
        values=wave[None] / wave.std(),
        covariance=covariance,
        smoothing=no_smoothing(1, len(time)),
        stars=no_stars(1),
        origin="test",
    )


def quiet_stars(fit):
    """Stars of a fit, of which it is known what they have of a trend."""
    n_star, rng = len(fit.starid), np.random.default_rng(7)
    ones = np.ones(n_star)
    shares = rng.normal(0.01, 0.002, (n_star, 1))
    flux = fit.flux.mean(axis=1, dtype=np.float64)
    known = 1e-4 * ones, 0 * ones, shares, shares, np.full((n_star, 1), 1e-6)
    return ReferenceStars(fit.starid, fit.tmag, fit.row, fit.column, flux, *known)


def test_without_a_correction_fluxes_stay():
    fit, header = make_fit(3), make_header()
    after = corrected(fit, header, Uncorrected("because"))
    np.testing.assert_array_equal(after.flux, fit.flux)
    np.testing.assert_array_equal(after.flux_err, fit.flux_err)
    its = StarCorrection.of(after, 1)
    assert (its.coefficients, its.reason) == ((), "because")


def test_a_correction_is_given_the_stars_and_the_times_of_the_cube():
    seen = []
    fit, header = make_fit(3), make_header()
    corrected(fit, header, lambda curves: seen.append(curves) or halved(curves))
    (curves,) = seen
    assert curves.starid is fit.starid
    assert curves.flux is fit.flux
    assert (curves.time is header.time, curves.quality is header.quality) == (True, True)
    np.testing.assert_array_equal(curves.usable, header.usable)


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"the correction's flux has shape \(3, 119\), expected \(3, 120\)"):
        corrected(make_fit(3), make_header(), lambda curves: uncorrected(curves.flux[:, 1:], curves.flux_err, ""))


def test_a_given_trend_is_taken_off_and_the_error_grows():
    header = make_header()
    trends, fit = one_trend(header), make_fit(3)
    fit = replace(fit, flux=(fit.flux * (1 + 0.01 * trends.values)).astype(np.float32))
    after = corrected(fit, header, WithoutTrends(trends))
    errors = after.coefficients_err[:, 0]
    assert (np.abs(after.coefficients[:, 0] - 0.01) < 4 * errors).all()
    assert (after.flux_err > fit.flux_err).all()
    np.testing.assert_allclose(
        after.flux,
        fit.flux - np.median(fit.flux[:, header.usable], axis=1)[:, None] * after.coefficients @ trends.values,
        rtol=1e-5,
    )
    its = StarCorrection.of(after, 0)
    assert its.reason == ""
    assert its.correlation_left < 0.3


def test_the_export_writes_it_beside_the_flux(tmp_path):
    fit, header = make_fit(3), make_header()
    trends = one_trend(header)
    index = export_tile(
        fit, header, fit.starid[:1], make_catalog(fit), tmp_path, 1, "a", "t", {}, correction=WithoutTrends(trends)
    )
    expected = corrected(fit, header, WithoutTrends(trends))
    with fits.open(tmp_path / index["file"][0]) as hdus:
        table, header_of_file = hdus["LIGHTCURVE"].data, hdus[0].header
        np.testing.assert_array_equal(table["FLUX"], fit.flux[0])
        np.testing.assert_array_equal(table["CORR_FLUX"], expected.flux[0])
        np.testing.assert_array_equal(table["CORR_FLUX_ERR"], expected.flux_err[0])
        assert header_of_file["NTREND"] == 1
        assert header_of_file["TREND1"] == pytest.approx(expected.coefficients[0, 0], rel=1e-10)
        assert "TRREASON" not in header_of_file
    assert index["n_trend"][0] == 1
    assert index["correlation_left"][0] == expected.goodness.correlation_left[0]


@pytest.mark.parametrize("learnt", [False, True], ids=["given", "learnt"])
def test_what_is_said_of_a_star_has_the_same_bits_whatever_stars_are_beside_it(learnt):
    """Light curves are exported some at a time: another target must not change the files of the others."""
    trends, fit, header = one_trend(make_header()), make_fit(24), make_header()
    if learnt:
        trends = replace(trends, stars=quiet_stars(fit))
    rng = np.random.default_rng(8)
    shared = (1 + rng.normal(0.01, 0.002, (24, 1)) * trends.values) * rng.normal(1, 1e-3, fit.flux.shape)
    fit = replace(fit, flux=(fit.flux * shared).astype(np.float32))
    together = corrected(fit, header, WithoutTrends(trends))
    for some in (np.arange(1), np.arange(3, 5), np.arange(5, 16)):
        alone = corrected(fit.of_stars(some), header, WithoutTrends(trends))
        for name in ("flux", "flux_err", "coefficients", "coefficients_err"):
            np.testing.assert_array_equal(getattr(alone, name), getattr(together, name)[some], err_msg=name)
        for name in Goodness.__slots__:
            found, expected = getattr(alone.goodness, name), getattr(together.goodness, name)[some]
            np.testing.assert_array_equal(found, expected, err_msg=name)


def test_a_file_without_says_why(tmp_path):
    fit, header = make_fit(3), make_header()
    index = export_tile(
        fit, header, fit.starid[:1], make_catalog(fit), tmp_path, 1, "a", "t", {}, correction=Uncorrected("too few")
    )
    with fits.open(tmp_path / index["file"][0]) as hdus:
        assert (hdus[0].header["NTREND"], hdus[0].header["TRREASON"]) == (0, "too few")
        np.testing.assert_array_equal(hdus["LIGHTCURVE"].data["CORR_FLUX"], hdus["LIGHTCURVE"].data["FLUX"])
    assert np.isnan(index["noise_added"][0])


def test_the_python_class_applies_the_same():
    prf = model_prf()
    scene, cube = make_scene(prf, n_row=13, n_column=13, n_cadence=6)
    inside = cube.stamp.contains(scene.catalogue_stars.row, scene.catalogue_stars.column)
    starid = int(scene.catalogue_stars.starid[inside][0])
    given = cube, scene.catalogue_stars, starid, prf, true_kernel(scene), FitSettings()
    plain, after = fit_target(*given), fit_target(*given, halved)
    np.testing.assert_array_equal(plain.curve(cube.header).corr_flux, plain.curve(cube.header).flux)
    np.testing.assert_array_equal(after.curve(cube.header).corr_flux, plain.curve(cube.header).flux / np.float32(2))
    assert after.results["n_trend"] == 0
