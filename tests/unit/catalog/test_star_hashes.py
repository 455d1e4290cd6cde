from dataclasses import replace

import numpy as np
import pytest
from sky_regions import WIDE, star_table
from tile_fits import WCS_HEADER

from photometry.catalog.region_stars import RegionStars, StarsByDecl, take_near
from photometry.catalog.star_columns import FITTED
from photometry.catalog.star_hashes import digest_of_rows, few_changed, star_hashes
from photometry.core.stars import LIGHT_REACH
from photometry.prf.prf_grid import FOOTPRINT


@pytest.fixture(scope="module")
def stars() -> RegionStars:
    table = star_table().rename(
        columns={"ID": "starid", "ra": "ra_J2000", "dec": "decl_J2000", "pmRA": "pm_ra", "pmDEC": "pm_decl"}
    )
    table = table.rename(columns={"Tmag": "tmag", "Teff": "teff"})
    near = take_near(StarsByDecl.of(table), WCS_HEADER, WIDE, 1, 0.1, LIGHT_REACH)
    return replace(near, tmag_limit=15.0).stars()


@pytest.mark.parametrize("column", FITTED)
def test_a_hash_is_of_one_star_and_all_that_fluxes_depend_on(stars, column):
    values = getattr(stars, column).copy()
    values[3] = np.nextafter(values[3], np.inf)
    changed = star_hashes(replace(stars, **{column: values})) != star_hashes(stars)
    assert np.flatnonzero(changed).tolist() == [3]


def test_a_hash_depends_on_the_number_and_not_on_the_temperature_or_the_sign_of_zero(stars):
    hashes = star_hashes(stars)
    assert len(np.unique(hashes)) == len(stars)
    assert (star_hashes(replace(stars, starid=stars.starid + 1)) != hashes).all()
    same = replace(stars, teff=stars.teff + 1, pm_ra=-stars.pm_ra)
    np.testing.assert_array_equal(star_hashes(same), hashes)


def test_light_reaches_as_far_as_the_prf():
    assert LIGHT_REACH == FOOTPRINT // 2 + 1


def test_hashes_spread_evenly():
    """Stars that differ in the last bit of one number differ in half of the bits of their hashes."""
    n = 5000
    ones = np.ones(n)
    tmag = 10 + np.arange(n) * np.spacing(10.0)
    none = np.zeros(n, dtype=bool)
    starid = np.full(n, 7)
    made = RegionStars(starid, ones, ones, ones, ones, tmag, ones, none, none, np.empty(0, np.int64), True, 15.0)
    bits = np.unpackbits((star_hashes(made)[1:] ^ star_hashes(made)[:-1]).view(np.uint8))
    assert bits.mean() == pytest.approx(0.5, abs=0.005)


def test_digests_tell_arrays_apart():
    one, two = np.array([1, 2]), np.array([3])
    assert digest_of_rows(one, two) != digest_of_rows(np.array([1]), np.array([2, 3]))
    assert digest_of_rows(one, more=["a"]) != digest_of_rows(one, more=["b"])
    assert digest_of_rows(one) == digest_of_rows(one.copy())


def _table(n_star: int, *, first: int = 0, tmag: float = 14.0) -> RegionStars:
    """Stars a minute of arc apart, of one magnitude."""
    starid = np.arange(first, first + n_star)
    zeros, flags = np.zeros(n_star), np.ones(n_star, dtype=bool)
    decl, magnitudes = starid / 60, np.full(n_star, tmag)
    return RegionStars(starid, zeros, decl, zeros, zeros, magnitudes, zeros, flags, flags, starid[:0], True, 15.0)


def _joined(*parts: RegionStars) -> RegionStars:
    """Put tables of stars below each other."""
    names = (*FITTED, "starid", "teff", "reaches", "wanted")
    return replace(parts[0], **{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


@pytest.mark.parametrize(
    ("n_star", "gone", "new", "few"),
    [(400, 3, 8, True), (400, 3, 9, False), (400, 0, 9, False), (400, 9, 0, False), (200, 1, 1, True)],
)
def test_two_per_cent_of_the_stars_may_change_while_their_light_is_little(n_star, gone, new, few):
    reference = _table(n_star)
    kept = _table(n_star - gone, first=gone)
    current = _joined(kept, _table(new, first=10_000, tmag=17.0))
    assert few_changed(reference, current) is few


@pytest.mark.parametrize("column", ["ra_j2000", "decl_j2000"])
def test_a_bright_star_that_moved_is_not_little(column):
    """A star with a tenth of the light, by ten arcsec; by a tenth of an arcsec it moves nothing."""
    reference = _joined(_table(900), _table(1, first=5000, tmag=9.0))
    for arcsec, few in ((10.0, False), (0.1, True)):
        values = getattr(reference, column).copy()
        values[-1] += arcsec / 3600
        assert few_changed(reference, replace(reference, **{column: values})) is few


def test_a_bright_star_that_comes_or_goes_is_not_little_and_its_magnitude_is():
    few, many = _table(900), _joined(_table(900), _table(1, first=5000, tmag=9.0))
    assert not few_changed(few, many)
    assert not few_changed(many, few)
    assert few_changed(many, replace(many, tmag=np.where(many.tmag < 10, 9.3, many.tmag)))


def test_one_faint_star_of_many_is_little():
    assert few_changed(_table(900), _joined(_table(900), _table(1, first=5000)))


def test_without_any_star_of_before_nothing_is_kept():
    assert not few_changed(_table(0), _table(1))
    assert not few_changed(_table(0), _table(0))
