"""Light curves and pixels of a tile, packed: they come back, pixels lie where they lay, blends are found."""

import base64
import zlib
from dataclasses import replace

import numpy as np
import pytest
from tile_fits import STAMP, make_fit, make_header

from photometry.core.quality import PIXEL_QUALITY, bit
from photometry.lightcurve.expected_apertures import aperture_shares, expected_apertures
from photometry.lightcurve.light_curve import WINDOW, light_curve
from photometry.pages.packed_tiles import compare_apertures, pack_tile, star_alone, window_images
from photometry.pages.packing import json_text, unpacked
from photometry.prf.model import model_prf
from photometry.trends.corrected_fluxes import uncorrected

PRF = model_prf(2)


def curve_of(tile, starid):
    """What the page makes of a star (photometry/pages/static/data.js, curveOf)."""
    entry, n_cadence = tile["curves"][str(starid)], tile["n_cadence"]
    raw, place, found = zlib.decompress(base64.b64decode(entry["packed"])), 0, {}
    for name, length, kind in (
        ("flux", n_cadence, "<i2"),
        ("sap", n_cadence, "<i2"),
        ("plain", n_cadence, "<i2"),
        *([("corr", n_cadence, "<i2")] if "corr" in entry["scales"] else []),
        ("quality", n_cadence, "<u2"),
        *((name, WINDOW**2, "<i2") for name in ("image", "model", "sigma")),
    ):
        octets = np.frombuffer(raw[place : place + 2 * length], np.uint8).reshape(2, length)
        words = np.ascontiguousarray(octets.T).view(kind)[:, 0]
        place += 2 * length
        if name != "quality":
            zero, step = entry["scales"][name]
            words = np.where(words == -32768, np.nan, zero + step * words)
        found[name] = words
    found["aperture"] = np.frombuffer(raw[place:], np.uint8).reshape(WINDOW, WINDOW)
    return entry, found


@pytest.fixture(scope="module")
def header():
    return make_header()


@pytest.fixture(scope="module")
def fit():
    made = make_fit()
    flux = made.flux.copy()
    flux[1, 11] = np.nan
    return replace(made, flux=flux)


@pytest.fixture(scope="module")
def tile(fit, header):
    return pack_tile(fit, header, fit.starid[:2], PRF)


def test_light_curves_come_back_within_a_fraction_of_their_errors(tile, fit, header):
    assert list(tile["curves"]) == [str(starid) for starid in fit.starid[:2]]
    for star in range(2):
        written = light_curve(fit, star, header)
        entry, found = curve_of(tile, fit.starid[star])
        known = np.isfinite(written.flux) & header.usable
        assert np.all(np.abs(found["flux"] - written.flux)[known] <= 0.03 * written.flux_err[known])
        assert np.all(np.abs(found["sap"] - written.aperture_flux)[known] <= 0.03 * written.flux_err[known])
        np.testing.assert_array_equal(found["quality"], written.pixel_quality)
        np.testing.assert_array_equal(np.isnan(found["flux"]), np.isnan(written.flux))
        assert entry["scales"]["flux"][1] <= 0.051 * np.nanmedian(written.flux_err)
        seen = expected_apertures(fit, aperture_shares(fit, PRF), np.array([star]))[0]
        counts = known & np.isfinite(seen)
        seen = seen * np.median(written.flux[counts]) / np.median(seen[counts])
        assert np.all(np.abs(found["plain"] - seen)[counts] <= 0.03 * written.flux_err[counts])
    assert found["quality"][11] & bit(PIXEL_QUALITY, "not_fitted")


def test_corrected_fluxes_are_there_where_they_are_others(fit, header):
    def correction(curves):
        flux = curves.flux * np.where(curves.starid == fit.starid[0], 1.01, 1.0).astype(np.float32)[:, None]
        return uncorrected(flux, curves.flux_err, "")

    tile = pack_tile(fit, header, fit.starid[:2], PRF, correction)
    (_, one), (_, other) = (curve_of(tile, fit.starid[star]) for star in range(2))
    known = np.isfinite(fit.flux[0]) & header.usable
    assert np.all(np.abs(one["corr"] - 1.01 * fit.flux[0])[known] <= 0.03 * fit.flux_err[0][known])
    assert "corr" not in other
    plain, second = pack_tile(fit, header, fit.starid[:2], PRF), str(fit.starid[1])
    assert tile["curves"][second] == plain["curves"][second]


def test_pixels_are_those_around_the_star(tile, fit):
    for star in range(2):
        (row, column), found = curve_of(tile, fit.starid[star])[0]["corner"], curve_of(tile, fit.starid[star])[1]
        assert (row + WINDOW // 2, column + WINDOW // 2) == (round(fit.row[star]), round(fit.column[star]))
        first = row - STAMP.row_min, column - STAMP.col_min
        inside = np.s_[max(first[0], 0) : first[0] + WINDOW, max(first[1], 0) : first[1] + WINDOW]
        image = found["image"].reshape(WINDOW, WINDOW)[max(-first[0], 0) :, max(-first[1], 0) :]
        expected = fit.sum_image[inside]
        np.testing.assert_allclose(
            image[: expected.shape[0], : expected.shape[1]], expected, atol=1e-3 * np.ptp(expected) + 1e-6
        )


def test_pixels_beside_the_tile_are_missing():
    image = np.arange(40.0 * 40).reshape(40, 40)
    (cut,) = window_images(image, STAMP, np.array([STAMP.row_min]), np.array([STAMP.col_max - 1.0]))
    half = WINDOW // 2
    assert cut[half, half] == image[0, -1]
    assert np.isnan(cut[:half]).all()
    assert np.isnan(cut[:, half + 1 :]).all()
    (away,) = window_images(image, STAMP, np.array([STAMP.row_min - 100.0]), np.array([1.0]))
    assert np.isnan(away).all()


def test_apertures_lie_where_the_files_have_them(tile, fit, header):
    entry, found = curve_of(tile, fit.starid[0])
    written = light_curve(fit, 0, header)
    rows, columns = np.nonzero(written.aperture & 2)
    place = {
        (row + written.stamp.row_min, column + written.stamp.col_min) for row, column in zip(rows, columns, strict=True)
    }
    rows, columns = np.nonzero(found["aperture"])
    assert {
        (row + entry["corner"][0], column + entry["corner"][1]) for row, column in zip(rows, columns, strict=True)
    } == place


def test_the_residual_is_in_standard_errors_of_the_mean_image(fit, header):
    quiet = replace(fit, model_image=fit.sum_image - 3.0, sum_image=np.full_like(fit.sum_image, 500.0))
    quiet = replace(quiet, model_image=np.full_like(fit.sum_image, 497.0))
    _, found = curve_of(pack_tile(quiet, header, fit.starid[:1], PRF), fit.starid[0])
    exposure = header.exposure
    read = exposure.num_readouts * np.mean(np.square(exposure.read_noise_e)) / exposure.exposure_s**2
    error = np.sqrt(((497.0 + 100.0) / exposure.exposure_s + read) / header.usable.sum())
    assert np.nanmedian(found["sigma"]) == pytest.approx(3.0 / error, rel=0.02)


def test_the_same_fit_gives_the_same_text_whatever_the_order_of_the_targets(fit, header):
    one, two = (json_text(pack_tile(fit, header, targets, PRF)) for targets in (fit.starid, fit.starid[::-1]))
    assert one == two


def test_a_tile_without_targets(fit, header):
    empty = pack_tile(fit, header, np.empty(0, dtype=np.int64), PRF)
    assert empty["curves"] == {}
    assert len(unpacked(empty["scatter"])) == 0
    assert len(unpacked(empty["background"])) == header.n_cadence


def test_a_star_alone_has_its_neighbours(tile, fit):
    alone = star_alone(tile, int(fit.starid[0]))
    assert list(alone["curves"]) == [str(fit.starid[0])]
    near = unpacked(alone["stars"]["starid"])
    assert fit.starid[0] in near
    assert fit.starid[2] not in near


def test_an_eclipse_that_the_aperture_alone_shows_is_seen_and_a_cosmic_ray_is_not(header):
    flux = np.full((3, header.n_cadence), 1000.0, dtype=np.float32)
    aperture = flux.copy()
    aperture[0, 60:75] *= 0.9
    aperture[1, 30] *= 1.9
    found = compare_apertures(flux, flux, aperture, header.usable)
    eclipse, ray, same = found.scatter
    assert eclipse == pytest.approx(1e5 * np.sqrt(15 / 117), rel=0.05)
    assert ray == same == 0
    assert found.level.tolist() == [0, 0, 0]


def test_stars_without_flux_have_no_comparison(header):
    nothing = np.full((1, header.n_cadence), np.nan, dtype=np.float32)
    found = compare_apertures(nothing, nothing, nothing, header.usable)
    assert np.isnan([*found.level, *found.scatter]).all()
