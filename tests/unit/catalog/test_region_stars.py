import numpy as np
import pandas as pd
import pytest

from photometry.catalog.region_stars import StarsByDecl
from photometry.core.sky import angular_distance


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Stars all over the sky, many of them at its poles and at RA 0."""
    rng = np.random.default_rng(5)
    decl = np.concatenate([np.rad2deg(np.arcsin(rng.uniform(-1, 1, 20_000))), rng.uniform(-90, -80, 2000), [90, -90]])
    ra = rng.uniform(0, 360, len(decl))
    ra[:5000] = rng.normal(0, 5, 5000) % 360
    nothing = np.zeros(len(decl))
    columns = {"ra_J2000": ra, "decl_J2000": decl, "pm_ra": nothing, "pm_decl": nothing, "tmag": nothing}
    return pd.DataFrame({"starid": 1 + np.arange(len(decl)), **columns, "teff": nothing})


@pytest.mark.parametrize("radius", [0.3, 2.0, 12.0])
@pytest.mark.parametrize("decl", [-89.9, -88.0, -78.0, 0.0, 60.0, 90.0])
@pytest.mark.parametrize("ra", [0.0, 359.5, 120.0])
def test_stars_in_a_circle_are_those_that_are_near_enough(table, ra, decl, radius):
    found = StarsByDecl.of(table).around(ra, decl, radius)
    away = angular_distance(table.ra_J2000, table.decl_J2000, ra, decl)
    assert found.tolist() == np.flatnonzero(away <= radius).tolist()


def test_stars_where_a_meridian_touches_the_circle():
    """A circle of 5 deg around Dec 60 reaches farthest in RA at sin(Dec) = sin(60) / cos(5)."""
    decl = np.rad2deg(np.arcsin(np.sin(np.pi / 3) / np.cos(np.deg2rad(5))))
    width = np.rad2deg(np.arcsin(np.sin(np.deg2rad(5)) / 0.5))
    ra = np.array([-width + 1e-6, -width - 1e-6, width - 1e-6, width + 1e-6]) % 360
    nothing = np.zeros(4)
    columns = {"ra_J2000": ra, "decl_J2000": nothing + decl, "pm_ra": nothing, "pm_decl": nothing, "tmag": nothing}
    stars = StarsByDecl.of(pd.DataFrame({"starid": [1, 2, 3, 4], **columns, "teff": nothing}))
    assert stars.around(0.0, 60.0, 5.0).tolist() == [0, 2]


def test_sorting_a_table_leaves_it_as_it_is(table):
    before = table.copy()
    StarsByDecl.of(table).around(0.0, 0.0, 20.0)
    pd.testing.assert_frame_equal(table, before)
