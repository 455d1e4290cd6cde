"""Pieces of the sky: what they hold, and which of them a region needs."""

import math

import numpy as np
import pytest
from tile_fits import WCS_HEADER

from photometry.archive.sky_boxes import SkyBox, SkyRegion, boxes_of, region_around
from photometry.catalog.star_catalog import wcs_of
from photometry.core.geometry import Stamp
from photometry.core.sky import angular_distance, unit_vectors

CIRCLES = {
    "a CCD": (80.0, -66.5, 9.0),
    "a CCD across RA 0": (359.9, -45.0, 9.0),
    "a CCD on the south pole": (10.0, -89.9, 8.0),
    "a CCD near the north pole": (150.0, 80.0, 9.0),
    "a CCD on the equator": (0.0, 0.0, 9.0),
    "a cutout": (33.0, 0.0, 0.4),
    "a cutout across RA 0": (0.1, 10.0, 0.3),
    "a cutout across RA 360": (359.95, -80.0, 0.3),
    "a cutout on the north pole": (120.0, 89.8, 0.4),
    "a cutout near the north pole": (200.0, 88.2, 0.9),
}


def circle(ra, dec, radius):
    return SkyRegion(ra, dec, radius, np.zeros((0, 3)), 0.0)


def places_around(ra, dec, radius, count=20_000):
    """Positions in a square a little larger than a circle."""
    rng = np.random.default_rng(1)
    directions = unit_vectors(ra, dec) + 1.2 * math.sin(math.radians(radius)) * rng.uniform(-1, 1, (count, 3))
    x, y, z = directions.T
    return np.rad2deg(np.arctan2(y, x)) % 360, np.rad2deg(np.arctan2(z, np.hypot(x, y)))


@pytest.mark.parametrize("place", CIRCLES.values(), ids=CIRCLES)
def test_every_place_of_a_region_is_in_one_box(place):
    ra, dec = places_around(*place)
    region, boxes = circle(*place), boxes_of(circle(*place))
    inside = region.contains(ra, dec)
    assert 100 < inside.sum() < len(ra)
    count = np.sum([box.contains(ra, dec) for box in boxes], axis=0)
    assert count[inside].min() == count.max() == 1
    assert all(0 <= box.ra_min < box.ra_max <= 360 and -90 <= box.dec_min < box.dec_max <= 90 for box in boxes)


@pytest.mark.parametrize("place", CIRCLES.values(), ids=CIRCLES)
def test_halves_divide_a_box_and_circles_hold_it(place):
    ra, dec = places_around(*place)
    for box in boxes_of(circle(*place)):
        halves = box.halves()
        within = box.contains(ra, dec)
        assert (sum(half.contains(ra, dec).astype(int) for half in halves) == within).all()
        assert math.isclose(sum(half.area for half in halves), box.area, rel_tol=1e-5)
        for part in (box, *halves):
            inside = part.contains(ra, dec)
            centre_ra, centre_dec, radius = part.circle()
            assert (angular_distance(ra[inside], dec[inside], centre_ra, centre_dec) <= radius).all()


def test_pole_and_borders_belong_to_one_box():
    north, below = SkyBox(0, 360, 88, 90), SkyBox(0, 360, 86, 88)
    assert north.contains([0.0, 10.0], [90.0, 88.0]).tolist() == [True, True]
    assert below.contains([0.0, 10.0], [86.0, 88.0]).tolist() == [True, False]
    assert "dec <= 90.000000" in north.condition()
    assert "dec < 88.000000" in below.condition()


def test_ccds_side_by_side_have_boxes_in_common():
    first, second = (set(boxes_of(circle(80.0, dec, 8.5))) for dec in (-66.0, -54.0))
    assert len(first & second) > 5


def test_the_sky_around_a_ccd_holds_its_pixels_and_less_than_its_circle():
    stamp = Stamp(0, 2048, 44, 2092)
    region = region_around(WCS_HEADER, stamp, 0.5)
    rng = np.random.default_rng(2)
    row, column = rng.uniform(-60, 2108, 5000), rng.uniform(-16, 2152, 5000)
    assert region.contains(*wcs_of(WCS_HEADER).all_pix2world(column, row, 0)).all()
    far = np.abs([row, column]) + 400
    assert not region.contains(*wcs_of(WCS_HEADER).all_pix2world(-far[1], row, 0)).any()
    ra, dec = places_around(region.ra, region.dec, region.radius)
    in_circle = circle(region.ra, region.dec, region.radius).contains(ra, dec)
    assert 0.6 < region.contains(ra, dec).sum() / in_circle.sum() < 0.8
