"""Trends as files: ours, which lightkurve reads, and SPOC's."""

import warnings
from dataclasses import fields, replace

import numpy as np
import pytest
from astropy.io import fits
from basis_vectors import write_basis_vectors
from tile_fits import make_header

from photometry.core.errors import InputFileError
from photometry.io.products.trend_files import given_trends, key_of_trends, read_trends, spacecraft_time, write_trends
from photometry.trends.trend_set import ReferenceStars, TrendSet, no_trends
from photometry.trends.trend_smoothing import Smoothing

HEADER = make_header(400)
TIME = spacecraft_time(HEADER)


@pytest.fixture
def trends():
    rng = np.random.default_rng(2)
    n_star, n_trend, n_cadence = 25, 2, len(TIME)
    values = np.stack([np.sin(TIME), np.cos(TIME / 3)])
    values[:, 7] = np.nan
    return TrendSet(
        time=TIME,
        cadenceno=HEADER.cadenceno,
        values=values,
        covariance=rng.uniform(size=(n_cadence, n_trend, n_trend)).astype(np.float32),
        smoothing=Smoothing(rng.uniform(size=(2, 2)), rng.integers(-1, 8, (n_trend, n_cadence)).astype(np.int8)),
        stars=ReferenceStars(
            np.arange(n_star), *rng.uniform(size=(6, n_star)), *rng.uniform(size=(3, n_star, n_trend))
        ),
        by_orbit=True,
        scores=(0.0, -0.5, -0.7),
        n_candidate=40,
        origin="learnt",
        reason="",
    )


def test_trends_come_back_as_they_were(trends, tmp_path):
    write_trends(tmp_path / "a.fits", trends, HEADER, "key", {"prf": "a sha256:b"})
    write_trends(tmp_path / "b.fits", trends, HEADER, "key", {"prf": "a sha256:b"})
    assert (tmp_path / "a.fits").read_bytes() == (tmp_path / "b.fits").read_bytes()
    back = read_trends(tmp_path / "a.fits")
    for field in fields(TrendSet):
        if field.name not in ("stars", "smoothing"):
            np.testing.assert_array_equal(getattr(back, field.name), getattr(trends, field.name), field.name)
    for field in fields(ReferenceStars):
        np.testing.assert_array_equal(getattr(back.stars, field.name), getattr(trends.stars, field.name))
    for field in fields(Smoothing):
        np.testing.assert_array_equal(getattr(back.smoothing, field.name), getattr(trends.smoothing, field.name))
    assert key_of_trends(tmp_path / "a.fits") == "key"
    with fits.open(tmp_path / "a.fits", checksum=True) as hdus:
        hdus.verify("exception")


def test_no_trends_come_back_with_their_reason(tmp_path):
    write_trends(tmp_path / "a.fits", no_trends(TIME, HEADER.cadenceno, "too few", 3), HEADER, "k", {})
    back = read_trends(tmp_path / "a.fits")
    assert (back.n_trend, back.reason, back.n_candidate) == (0, "too few", 3)


def test_lightkurve_reads_them(trends, tmp_path):
    write_trends(tmp_path / "a.fits", trends, HEADER, "key", {})
    with warnings.catch_warnings(), fits.open(tmp_path / "a.fits") as hdus:
        warnings.simplefilter("ignore")
        from lightkurve.correctors.cbvcorrector import TessCotrendingBasisVectors

        cbvs = TessCotrendingBasisVectors.from_hdu(hdus, "SingleScale")
    assert (cbvs.sector, cbvs.camera, cbvs.ccd, cbvs.cbv_indices) == (1, 4, 2, [1, 2])
    np.testing.assert_array_equal(cbvs["VECTOR_1"][8:], trends.values[0, 8:])
    np.testing.assert_array_equal(cbvs.cadenceno.value, HEADER.cadenceno)
    assert cbvs.gap_indicators.value.nonzero()[0].tolist() == [7]


def test_spocs_vectors_are_averaged_over_longer_cadences(tmp_path):
    fine = np.arange(TIME[0] - 1, TIME[-1] + 1, 120 / 86400)
    write_basis_vectors(tmp_path / "spoc.fits", fine, np.stack([fine - TIME[0], np.sin(fine)]))
    found = given_trends([str(tmp_path / "spoc.fits")], HEADER)
    assert (found.n_trend, found.origin, len(found.stars)) == (2, "spoc.fits", 0)
    np.testing.assert_allclose(found.values[0], TIME - TIME[0], atol=1e-3)
    np.testing.assert_array_equal(found.cadenceno, HEADER.cadenceno)
    assert (found.covariance == 0).all()


def test_longer_cadences_are_interpolated(tmp_path):
    coarse = np.arange(TIME[0] - 1, TIME[-1] + 1, 3600 / 86400)
    write_basis_vectors(tmp_path / "spoc.fits", coarse, np.sin(coarse / 2)[None])
    found = given_trends([str(tmp_path / "spoc.fits")], HEADER)
    np.testing.assert_allclose(found.values[0], np.sin(TIME / 2), atol=1e-3)


def test_ours_keep_their_stars_where_the_cadences_are_the_same(trends, tmp_path):
    write_trends(tmp_path / "ccd.fits", trends, HEADER, "key", {})
    found = given_trends([str(tmp_path / "ccd.fits")], HEADER)
    assert (found.origin, len(found.stars)) == ("ccd.fits", 25)
    np.testing.assert_array_equal(found.covariance, trends.covariance)


def test_given_ones_without_stars_come_back(tmp_path):
    write_basis_vectors(tmp_path / "spoc.fits", TIME, np.stack([np.sin(TIME), np.cos(TIME)]))
    found = given_trends([str(tmp_path / "spoc.fits")], HEADER)
    write_trends(tmp_path / "a.fits", found, HEADER, "key", {})
    back = read_trends(tmp_path / "a.fits")
    assert (len(back.stars), back.stars.coefficients.shape, back.origin) == (0, (0, 2), "spoc.fits")
    np.testing.assert_array_equal(back.values, found.values)


def test_those_of_another_detector_are_not_taken(tmp_path):
    write_basis_vectors(tmp_path / "a.fits", TIME, np.sin(TIME)[None], ccd=3)
    found = given_trends([str(tmp_path / "a.fits")], HEADER)
    assert found.reason == "no trends of sector 1, camera 4, CCD 2 are given"
    write_basis_vectors(tmp_path / "b.fits", TIME + 100, np.sin(TIME)[None])
    assert given_trends([str(tmp_path / "b.fits")], HEADER).n_trend == 0


def test_other_files_are_refused(tmp_path):
    fits.PrimaryHDU().writeto(tmp_path / "a.fits")
    with pytest.raises(InputFileError, match="no trends"):
        read_trends(tmp_path / "a.fits")
    assert key_of_trends(tmp_path / "missing.fits") == ""


def test_damaged_gaps_are_missing(trends, tmp_path):
    write_trends(tmp_path / "a.fits", replace(trends, by_orbit=False), HEADER, "key", {})
    back = read_trends(tmp_path / "a.fits")
    assert np.isnan(back.values[:, 7]).all()
    assert np.isfinite(np.delete(back.values, 7, axis=1)).all()
