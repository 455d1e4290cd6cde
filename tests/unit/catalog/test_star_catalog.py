"""Positions of catalogue stars: proper motion, places on the CCD, stars near a stamp."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from photometry.catalog.star_catalog import ccd_positions, make_catalog, positions_at, stamp_on_sky, stars_near
from photometry.core.cube import Pointing
from photometry.core.geometry import Stamp
from photometry.core.sky import angular_distance, julian_year
from photometry.core.stars import mask_radius

POINTING = Pointing("tesscut", 1, 2, 3, 0, "", 0, 84.0, -80.0)


def wcs_header(ra, dec, row=305.0, column=710.0, scale=21 / 3600):
    """Cards of a WCS that puts (ra, dec) on a 0-based pixel, columns to the west."""
    keys = {
        "WCSAXES": 2,
        "CTYPE1": "'RA---TAN'",
        "CTYPE2": "'DEC--TAN'",
        "CRPIX1": column + 1,
        "CRPIX2": row + 1,
        "CRVAL1": ra,
        "CRVAL2": dec,
        "CDELT1": -scale,
        "CDELT2": scale,
    }
    return "".join(f"{key:8s}= {value!s:>20s}".ljust(80) for key, value in keys.items())


def stars_around(ra, dec, n_star=300, radius=0.2, seed=0):
    """Stars in a circle, also across a pole."""
    rng = np.random.default_rng(seed)
    distance, angle = radius * np.sqrt(rng.uniform(size=n_star)), rng.uniform(0, 2 * np.pi, n_star)
    mas = 3.6e6 * distance
    star_ra, star_dec = positions_at([ra] * n_star, [dec] * n_star, mas * np.sin(angle), mas * np.cos(angle), 2001.0)
    return pd.DataFrame(
        {
            "starid": 5000 - np.arange(n_star),
            "ra_J2000": star_ra,
            "decl_J2000": star_dec,
            "pm_ra": 0.0,
            "pm_decl": 0.0,
            "tmag": rng.uniform(8, 16, n_star),
            "teff": np.nan,
        }
    )


def test_proper_motion_is_that_of_astropy():
    from astropy import units
    from astropy.coordinates import SkyCoord
    from astropy.time import Time

    rng = np.random.default_rng(2)
    ra, dec = rng.uniform(0, 360, 50), rng.uniform(-89, 89, 50)
    pm_ra, pm_dec = rng.normal(0, 2000, 50), rng.normal(0, 2000, 50)
    rate = units.mas / units.yr
    start = SkyCoord(
        ra * units.deg,
        dec * units.deg,
        pm_ra_cosdec=pm_ra * rate,
        pm_dec=pm_dec * rate,
        distance=100 * units.pc,
        radial_velocity=0 * units.km / units.s,
        obstime=Time("J2000.0"),
    )
    end = start.apply_space_motion(new_obstime=Time("J2020.0"))
    our_ra, our_dec = positions_at(ra, dec, pm_ra, pm_dec, 2020.0)
    # astropy moves the stars through light-time effects too: below 0.1 mas.
    miss = end.separation(SkyCoord(our_ra * units.deg, our_dec * units.deg)).mas
    assert miss.max() < 0.5


@given(st.floats(0, 359.9), st.floats(-90, 90), st.floats(-5000, 5000), st.floats(-5000, 5000), st.floats(1990, 2050))
def test_proper_motion_covers_its_angle(ra, dec, pm_ra, pm_dec, year):
    new_ra, new_dec = positions_at(ra, dec, pm_ra, pm_dec, year)
    assert 0 <= new_ra[0] < 360
    assert -90 <= new_dec[0] <= 90
    expected = np.hypot(pm_ra, pm_dec) * abs(year - 2000) / 3.6e6
    assert angular_distance(new_ra, new_dec, ra, dec)[0] == pytest.approx(
        np.rad2deg(np.arctan(np.deg2rad(expected))), abs=1e-9
    )


def test_across_right_ascension_zero_and_over_the_pole():
    ra, dec = positions_at([359.9999, 0.0001], [0, 0], [1000, -1000], [0, 0], 2001.0)
    assert ra == pytest.approx([359.9999 + 1 / 3600 - 360, 0.0001 - 1 / 3600 + 360])
    ra, dec = positions_at(10.0, 89.9999, 0.0, 3.6e6 * 0.0003, 2001.0)
    assert (ra[0], dec[0]) == pytest.approx((190.0, 89.9998))


def test_missing_proper_motion_counts_as_zero():
    ra, dec = positions_at(10.0, 20.0, np.nan, np.nan, 2020.0)
    assert (ra[0], dec[0]) == pytest.approx((10.0, 20.0))


def test_many_stars():
    values = np.random.default_rng(0).uniform(0, 80, 200_000)
    ra, _ = positions_at(values, values, values, values, 2020.0)
    assert ra.shape == values.shape


def test_julian_year():
    assert julian_year(2451545.0 - 2457000.0) == 2000.0
    assert julian_year(2451545.0 - 2457000.0 + 7305) == pytest.approx(2020.0)


def test_angular_distance():
    assert angular_distance([0, 90, 180, 350], [0, 0, 0, 0], 0, 0) == pytest.approx([0, 90, 180, 10])
    assert angular_distance([10, 200], [89, 89], 10, 90) == pytest.approx([1, 1])


def test_ccd_positions_are_zero_based():
    row, column = ccd_positions([84.0], [-80.0], wcs_header(84.0, -80.0))
    assert (row[0], column[0]) == pytest.approx((305, 710))
    row, column = ccd_positions([84.0], [-80.0 + 21 / 3600], wcs_header(84.0, -80.0))
    assert (row[0], column[0]) == pytest.approx((306, 710), abs=1e-5)


def test_far_stars_are_nowhere():
    row, column = ccd_positions([84.0, 264.0, 84.0], [-80.0, 80.0, 10.0], wcs_header(84.0, -80.0))
    assert np.isfinite(row).tolist() == [True, False, False]
    assert np.isfinite(column).tolist() == [True, False, False]
    assert ccd_positions([], [], wcs_header(84.0, -80.0))[0].shape == (0,)


@pytest.mark.parametrize(("ra", "dec"), [(84.0, -80.0), (0.0, 5.0), (200.0, 90.0), (13.0, -89.97)])
def test_stars_near_are_those_on_the_pixels(ra, dec):
    header, stamp = wcs_header(ra, dec), Stamp(300, 311, 700, 721)
    table = stars_around(ra, dec)
    catalog = make_catalog(table, POINTING, header, stamp, 1325.0)
    near = stars_near(catalog, header, stamp, margin=3)
    row, column = ccd_positions(catalog.ra, catalog.decl, header)
    expected = Stamp(297, 314, 697, 724).contains(row, column)
    assert 5 < expected.sum() < len(catalog)
    assert list(near.starid) == list(catalog.starid[expected])
    assert np.all(np.diff(near.starid) > 0)
    np.testing.assert_allclose(near.row, row[expected])
    np.testing.assert_allclose(near.tmag, catalog.tmag[expected])


def test_no_star_near():
    header, stamp = wcs_header(84.0, -80.0), Stamp(300, 311, 700, 721)
    catalog = make_catalog(stars_around(200.0, 30.0), POINTING, header, stamp, 1325.0)
    assert len(stars_near(catalog, header, stamp, 8)) == 0
    nothing = make_catalog(stars_around(200.0, 30.0), POINTING, header, stamp, 1325.0, coord_buffer=1.0)
    assert len(nothing) == 0
    assert len(stars_near(nothing, header, stamp, 8)) == 0


def test_buffer_keeps_the_stars_around_the_pixels():
    header, stamp = wcs_header(0.0, 5.0), Stamp(300, 311, 700, 721)
    table = stars_around(0.0, 5.0, radius=0.5)
    whole = make_catalog(table, POINTING, header, stamp, 1325.0)
    part = make_catalog(table, POINTING, header, stamp, 1325.0, coord_buffer=0.1)
    ra, dec, radius, _ = stamp_on_sky(header, stamp)
    assert len(whole) == len(table)
    assert 0 < len(part) < len(whole)
    beyond = angular_distance(part.ra, part.decl, ra, dec) - radius - 0.1
    # Bright stars are kept from farther, as far as their wings reach: at T=6, 22 pixels.
    assert beyond[part.tmag < 10].max() > 0.01
    assert (beyond <= mask_radius(part.tmag) * 21 / 3600).all()
    assert list(stars_near(part, header, stamp, 8).starid) == list(stars_near(whole, header, stamp, 8).starid)


def test_catalogue_knows_what_it_was_made_for():
    header, stamp = wcs_header(84.0, -80.0), Stamp(300, 311, 700, 721)
    table = stars_around(84.0, -80.0).assign(pm_ra=1000.0)
    catalog = make_catalog(table, POINTING, header, stamp, 1325.0, ticver="8.2")
    settings = catalog.settings
    assert (settings.sector, settings.camera, settings.ccd, settings.ticver) == (1, 2, 3, "8.2")
    assert settings.epoch == pytest.approx(julian_year(1325.0))
    assert (settings.camera_centre_ra, settings.camera_centre_dec) == pytest.approx((84.0, -80.0), abs=0.05)
    corners = np.array([[float(value) for value in corner.split(",")] for corner in settings.footprint.split()])
    row, column = ccd_positions(corners[:, 0], corners[:, 1], header)
    np.testing.assert_allclose(row, [299.5, 299.5, 310.5, 310.5], atol=1e-3)
    np.testing.assert_allclose(column, [699.5, 720.5, 720.5, 699.5], atol=1e-3)
    moved = angular_distance(catalog.ra[:1], catalog.decl[:1], catalog.ra_j2000[0], catalog.decl_j2000[0])
    assert moved[0] * 3600 == pytest.approx(settings.epoch - 2000, rel=1e-6)
    assert np.all(np.diff(catalog.starid) > 0)


@pytest.mark.realdata
def test_real_target_moves_to_the_position_of_its_header(tess_data):
    """SPOC moved its flare star by proper motion too: RA_OBJ, DEC_OBJ of the table."""
    from astropy.io import fits

    with fits.open(tess_data / "tpf" / "tpf1.fits") as hdus:
        primary, table = hdus[0].header, hdus["PIXELS"].header
        btjd = float(np.mean(hdus["PIXELS"].data["TIME"]))
    start = primary["RA_OBJ"], primary["DEC_OBJ"], primary["PMRA"], primary["PMDEC"]
    ra, dec = positions_at(*start, julian_year(btjd))
    assert 3600 * angular_distance(ra, dec, table["RA_OBJ"], table["DEC_OBJ"])[0] < 0.02
