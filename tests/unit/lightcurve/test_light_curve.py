from dataclasses import replace

import numpy as np
import pytest
from tile_fits import STAMP, make_fit, make_header

from photometry.core.barycentre import Ephemeris, barycentric_correction
from photometry.core.cube import Pointing
from photometry.core.geometry import Stamp
from photometry.core.quality import PIXEL_QUALITY, STAR_FLAGS, bit
from photometry.core.status import STATUS
from photometry.lightcurve.light_curve import WINDOW, light_curve, statuses, with_star_time
from photometry.lightcurve.metrics import light_curve_metrics
from photometry.lightcurve.names import light_curve_name

FLAG = {flag.name: flag.value for flag in STAR_FLAGS}


def metrics_of(fit, header):
    return light_curve_metrics(fit, header.usable, header.cadenceno, header.exposure.cadence_s)


def verdict(fit, header=None):
    header = header or make_header()
    status, reason = statuses(fit, metrics_of(fit, header))
    return status[0], reason[0]


def with_flag(*names):
    return replace(make_fit(1), star_flags=np.array([sum(FLAG[name] for name in names)], dtype=np.int32))


def test_times_of_a_ccd_are_corrected_for_the_star():
    header = make_header()
    position = np.tile([0.6, -0.7, -0.3], (len(header.time), 1))
    curve = light_curve(make_fit(), 0, header)
    assert with_star_time(curve, None, 84.0, -80.0) is curve
    corrected = with_star_time(curve, Ephemeris(position, "Earth", 1.4), 84.0, -80.0)
    expected = barycentric_correction(position, 84.0, -80.0)
    np.testing.assert_allclose(corrected.timecorr, expected, rtol=1e-6)
    np.testing.assert_allclose(corrected.time - expected, curve.time - curve.timecorr, atol=1e-9)


def test_light_curve_holds_what_the_fit_says():
    fit, header = make_fit(), make_header()
    curve = light_curve(fit, 1, header)
    assert curve.starid == fit.starid[1]
    np.testing.assert_array_equal(curve.flux, fit.flux[1])
    np.testing.assert_array_equal(curve.centroid_column, fit.centroid_column[1])
    np.testing.assert_array_equal(curve.quality, header.quality)
    assert curve.stamp == Stamp(313, 328, 553, 568)
    assert curve.sum_image.shape == (WINDOW, WINDOW)
    assert curve.sum_image[7, 7] == np.float32(fit.sum_image[20, 20])


@pytest.mark.parametrize("name", ["flux", "flux_err"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_no_nan_without_a_flag(name, bad):
    fit = make_fit()
    values = getattr(fit, name).copy()
    values[1, 7] = bad
    curve = light_curve(replace(fit, **{name: values}), 1, make_header())
    not_fitted = (curve.pixel_quality & bit(PIXEL_QUALITY, "not_fitted")) != 0
    assert np.flatnonzero(not_fitted).tolist() == [7]
    np.testing.assert_array_equal(np.isnan(curve.flux), not_fitted)
    np.testing.assert_array_equal(np.isnan(curve.flux_err), not_fitted)


def test_window_is_clipped_and_the_aperture_marked():
    fit = make_fit(1, row=np.array([301.2]), column=np.array([541.0]), window_row=np.array([296]))
    fit = replace(fit, window_column=np.array([535]))
    curve = light_curve(fit, 0, make_header())
    assert curve.stamp == Stamp(300, 309, 540, 549)
    used = np.argwhere(curve.aperture & 2).tolist()
    assert used == [[r, c] for r in range(3) for c in range(2)]
    assert set(np.unique(curve.aperture)) == {65, 67}


def test_window_of_a_tile_inside_a_larger_region():
    header = make_header(stamp=Stamp(200, 400, 500, 600))
    header.aperture[110, 50] = 69
    curve = light_curve(make_fit(1), 0, header)
    assert curve.aperture[310 - curve.stamp.row_min, 550 - curve.stamp.col_min] == 69 | 2


def test_name_follows_the_documented_pattern():
    pointing = Pointing("tesscut", 1, 3, 2, 1, "", 0, 84.0, -80.0)
    assert light_curve_name(260795451, pointing, 1800, 1) == (
        "c1800/00260/tess00260795451-s001-3-2-c1800-dr01-v01_lc.fits"
    )
    assert light_curve_name(273589987, replace(pointing, sector=15, data_rel=0), 120, 12) == (
        "c0120/00273/tess00273589987-s015-3-2-c0120-dr00-v12_lc.fits"
    )


def test_a_good_star_is_ok():
    assert verdict(make_fit(1)) == (STATUS.OK, "")


@pytest.mark.parametrize(
    ("flag", "text"),
    [
        ("inseparable", "cannot be separated from a neighbour (correlation 0.100)"),
        ("saturated", "rests on the sum of its bleed trail"),
        ("edge", "outside the pixels"),
        ("dead_pixels", "dead or never measured"),
        ("poor_model", "disagree with the model"),
    ],
)
def test_reservations_are_warnings(flag, text):
    status, reason = verdict(with_flag(flag))
    assert status is STATUS.WARNING
    assert text in reason


def test_a_star_that_the_table_lacks_is_named():
    fit = replace(with_flag("unlisted_neighbour"), unlisted_tmag=np.array([12.34]), unlisted_distance=np.array([0.68]))
    assert verdict(fit) == (STATUS.WARNING, "a star of T = 12.3 that the star table lacks is 0.7 px away")


def test_every_star_flag_has_a_consequence():
    for flag in STAR_FLAGS:
        assert verdict(with_flag(flag.name))[0] is not STATUS.OK


def test_reasons_are_joined():
    assert verdict(with_flag("edge", "saturated"))[1].count(";") == 1


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (("not_measurable",), "too little of its light"),
        (("not_measurable", "saturated"), "saturated, and its trail was not measured whole"),
        (("not_measurable", "dead_pixels"), "dead region"),
        (("not_measurable", "dead_pixels", "no_pixels"), "no pixel is measured in any cadence"),
    ],
)
def test_stars_that_cannot_be_measured_are_skipped(flags, text):
    status, reason = verdict(with_flag(*flags))
    assert status is STATUS.SKIPPED
    assert text in reason


def test_missing_fluxes_are_counted():
    fit = make_fit(1)
    flux = fit.flux.copy()
    flux[0, 5] = np.nan  # flagged: does not count
    assert verdict(replace(fit, flux=flux))[0] is STATUS.OK
    flux[0, 10] = np.nan
    assert verdict(replace(fit, flux=flux)) == (STATUS.WARNING, "only 118 of 119 unflagged cadences have a flux")
    assert verdict(replace(fit, flux=flux * np.float32(np.nan)))[0] is STATUS.ERROR


def test_all_cadences_flagged_is_an_error():
    header = replace(make_header(), quality=np.ones(120, dtype=np.int32))
    assert verdict(make_fit(1), header) == (STATUS.ERROR, "every cadence is flagged")


def test_window_never_leaves_the_fit():
    fit = make_fit(8)
    for index in range(8):
        stamp = light_curve(fit, index, make_header()).stamp
        assert stamp.clipped(STAMP) == stamp
