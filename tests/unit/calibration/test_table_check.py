"""Star tables that fit the pixels, and those that do not: too small, not deep enough, shifted, of another field."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from ffi_frames import frame, star_field

from photometry.background.starlight import catalogue_light
from photometry.calibration.table_check import StampCheck, TableShift, checked_stamp
from photometry.calibration.table_verdict import table_verdict
from photometry.core.geometry import Stamp
from photometry.core.stars import NO_STARS, Stars
from photometry.prf.model import model_prf

#: Background of the images, e-/s.
SKY = 120.0
FIELD = Stamp(300, 340, 900, 940)
#: Stars brighter than T=16 in a square degree: at the galactic poles, at medium latitudes, near the plane.
DENSITIES = (300.0, 3000.0, 30000.0)


def stars_on(stamp: Stamp, density: float = 3000.0, seed: int = 5) -> Stars:
    row, column, tmag = star_field(stamp, density, tmag_limit=18.0, seed=seed)
    return Stars(np.arange(1, len(row) + 1), row, column, np.maximum(tmag, 8.0))


def image_of(stars: Stars, stamp: Stamp = FIELD) -> np.ndarray:
    light = catalogue_light(model_prf(), stamp, stars.row, stars.column, stars.tmag)
    return frame(light + SKY).astype(np.float64) - SKY


def check(image: np.ndarray, table: Stars, stamp: Stamp = FIELD) -> StampCheck:
    return checked_stamp(image, np.full(image.shape, 1.0), stamp, table, model_prf())


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("density", DENSITIES)
def test_the_table_of_the_field_fits(density, seed):
    stars = stars_on(FIELD, density, seed)
    verdict = table_verdict([check(image_of(stars), stars)])
    assert (verdict.problem, verdict.doubt) == ("", "")


@pytest.mark.parametrize("size", [3, 5, 7, 11])
@pytest.mark.parametrize("seed", range(6))
def test_tables_of_tiny_stamps_fit(size, seed):
    """Stars at the edges, cut off, alone, or none at all."""
    stamp = Stamp(300, 300 + size, 900, 900 + size)
    stars = stars_on(stamp, 10000.0, seed)
    on_pixels = stamp.contains(stars.row, stars.column).any()
    assert not on_pixels or table_verdict([check(image_of(stars, stamp), stars, stamp)]).problem == ""


def test_magnitudes_places_and_stars_may_be_wrong_as_those_of_the_tic_are():
    """Half a magnitude, 0.1 px, 2 % of the stars missing, 1 % that are not there."""
    stars, rng = stars_on(FIELD), np.random.default_rng(8)
    kept = stars.select(rng.random(len(stars)) > 0.02)
    wrong = Stars(
        kept.starid,
        kept.row + rng.normal(0, 0.1, len(kept)),
        kept.column + rng.normal(0, 0.1, len(kept)),
        kept.tmag + rng.normal(0, 0.5, len(kept)),
    )
    false = Stars(np.array([9001, 9002]), np.array([310.0, 330.0]), np.array([910.0, 925.0]), np.array([15.0, 13.0]))
    assert table_verdict([check(image_of(stars), wrong.with_others(false))]).problem == ""


def test_a_star_that_has_become_faint_or_bright_is_no_reason_to_refuse_its_table():
    stars = stars_on(FIELD)
    order = np.argsort(stars.tmag)[:2]
    for change in (4.0, -4.0):
        tmag = stars.tmag.copy()
        tmag[order] += change
        now = Stars(stars.starid, stars.row, stars.column, tmag)
        assert table_verdict([check(image_of(now), stars)]).problem == ""


def test_a_nova_is_told_and_not_refused():
    stars = stars_on(FIELD, 300.0)
    nova = Stars(np.array([1]), np.array([322.3]), np.array([917.6]), np.array([8.0]))
    verdict = table_verdict([check(image_of(stars.with_others(nova)), stars)])
    assert verdict.problem == ""
    assert "stars that the pixels show, at row 322, column 918 (T about" in verdict.doubt


@pytest.mark.parametrize("limit", [10.0, 12.0, 13.0])
@pytest.mark.parametrize("density", DENSITIES[1:])
def test_a_table_that_is_not_deep_enough_is_refused(density, limit):
    stars = stars_on(FIELD, density)
    verdict = table_verdict([check(image_of(stars), stars.select(stars.tmag < limit))])
    assert "stars that the pixels show, the brightest at row" in verdict.problem
    assert "give all stars to T=16 of the pixels and 8 px around (key 'catalog')" in verdict.problem


CUTS: dict[str, Callable[[Stars], np.ndarray]] = {
    "half": lambda stars: stars.row < 320,
    "other half": lambda stars: stars.column > 920,
    "few pixels": lambda stars: np.hypot(stars.row - 320, stars.column - 920) < 6,
}


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
@pytest.mark.parametrize("density", DENSITIES[1:])
def test_a_table_that_is_too_small_is_refused(density, cut):
    stars = stars_on(FIELD, density)
    verdict = table_verdict([check(image_of(stars), stars.select(cut(stars)))])
    assert "it lacks" in verdict.problem


def test_a_table_that_lacks_a_corner_is_told():
    stars = stars_on(FIELD)
    without = stars.select((stars.row < 320) | (stars.column < 920))
    assert (
        "it lacks 5 of 26 stars that the pixels show, at row 330"
        in table_verdict([check(image_of(stars), without)]).doubt
    )


def test_a_table_that_ends_at_the_pixels_is_told():
    stars = stars_on(FIELD, 30000.0)
    verdict = table_verdict([check(image_of(stars), stars.select(FIELD.contains(stars.row, stars.column)))])
    assert verdict.problem == ""
    assert "it has no star within 8 px beside the pixels on 4 sides" in verdict.doubt


@pytest.mark.parametrize("shift", [(3.0, 0.0), (0.0, -3.0), (-2.0, 2.0), (1.5, 0.5), (5.0, -4.0)])
@pytest.mark.parametrize("density", DENSITIES)
def test_a_shifted_table_is_refused_and_the_shift_is_told(density, shift):
    stars = stars_on(FIELD, density)
    found = check(image_of(stars), stars.moved(-shift[0], -shift[1]))
    assert (found.shift.rows, found.shift.columns) == pytest.approx(shift, abs=0.5)
    assert "columns from where it and the WCS of the pixels place them" in table_verdict([found]).problem


@pytest.mark.parametrize("size", [5, 11])
def test_a_shifted_star_that_is_alone_is_seen(size):
    stamp = Stamp(300, 300 + size, 900, 900 + size)
    star = Stars(np.array([7]), np.array([stamp.center[0]]), np.array([stamp.center[1]]), np.array([14.0]))
    image = image_of(star, stamp)
    assert table_verdict([check(image, star.moved(0.5, -0.5), stamp)]).problem == ""
    assert (
        "the stars are -3 rows and 0 columns from where"
        in table_verdict([check(image, star.moved(3, 0), stamp)]).problem
    )


def test_a_small_shift_is_told():
    stars = stars_on(FIELD)
    assert "the stars are 1 rows and 0 columns" in table_verdict([check(image_of(stars), stars.moved(-1, 0))]).doubt


@pytest.mark.parametrize(("n_source", "is_told"), [(0, False), (3, True)])
def test_a_small_shift_is_not_told_by_the_wings_of_a_star_that_saturates(n_source, is_told):
    """Pi Men's bleed trail and wings look like a star 1.4 px from its place."""
    stars = stars_on(FIELD)
    found = check(image_of(stars), stars)
    wings = replace(found, n_source=n_source, n_unexplained=0, empty_sides=0, shift=TableShift(1.0, -0.6, 1.8))
    assert (table_verdict([wings]).doubt != "") is is_told


@pytest.mark.parametrize("density", DENSITIES)
def test_the_stars_of_another_field_are_refused(density):
    verdict = table_verdict([check(image_of(stars_on(FIELD, density)), stars_on(FIELD, density, seed=77))])
    assert verdict.problem != ""


def test_a_mirrored_table_is_refused():
    stars = stars_on(FIELD)
    mirrored = Stars(stars.starid, 2 * FIELD.center[0] - stars.row, stars.column, stars.tmag)
    assert table_verdict([check(image_of(stars), mirrored)]).problem != ""


def test_a_table_without_a_star_on_the_pixels_is_refused():
    stars = stars_on(FIELD)
    assert (
        "none of its stars lies on the pixels, which show" in table_verdict([check(image_of(stars), NO_STARS)]).problem
    )


def test_a_table_with_stars_beside_pixels_that_show_none_is_right():
    beside = Stars(np.array([1]), np.array([FIELD.row_min - 5.0]), np.array([FIELD.col_min + 10.0]), np.array([12.5]))
    verdict = table_verdict([check(image_of(beside), beside)])
    assert verdict.problem == ""
    assert "none of its stars lies on the pixels;" in table_verdict([check(image_of(beside) * 0, NO_STARS)]).problem


def test_dark_pixels_tell_nothing():
    faint = Stars(np.array([1]), np.array([320.0]), np.array([920.0]), np.array([17.5]))
    verdict = table_verdict([check(np.random.default_rng(1).normal(0, 1, FIELD.shape), faint)])
    assert (verdict.problem, verdict.doubt) == ("", "")


@pytest.mark.parametrize("value", [0.0, 50.0, -100.0])
def test_pixels_without_structure_tell_no_shift(value):
    stars = stars_on(FIELD)
    assert check(np.full(FIELD.shape, value), stars).shift.length == 0


def test_what_is_not_measured_tells_nothing():
    stars = stars_on(FIELD)
    image = image_of(stars)
    image[5:30, :] = np.nan
    assert table_verdict([check(image, stars)]).problem == ""
    assert table_verdict([check(np.full(FIELD.shape, np.nan), stars)]).problem == ""


def parts_of(stars: Stars, table: Stars, n_part: int = 4) -> list[StampCheck]:
    stamps = [Stamp(300 + 40 * k, 340 + 40 * k, 900, 940) for k in range(n_part)]
    return [check(image_of(stars, stamp), table, stamp) for stamp in stamps]


def test_every_part_counts():
    """A shift in two of four parts, and a part that the table does not cover."""
    stars = stars_on(Stamp(300, 460, 900, 940))
    assert table_verdict(parts_of(stars, stars)).problem == ""
    bent = Stars(stars.starid, stars.row, stars.column + 2.5 * (stars.row > 380), stars.tmag)
    assert "in 2 of 4 parts" in table_verdict(parts_of(stars, bent)).problem
    small = stars.select(stars.row < 420)
    assert "most of all in rows 420 to 459, columns 900 to 939" in table_verdict(parts_of(stars, small)).problem
