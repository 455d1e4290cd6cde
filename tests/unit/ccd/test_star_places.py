"""Stars of a CCD that are beside their light, all over it or in parts of it only."""

from pathlib import Path

import numpy as np
import pytest
from ffi_frames import frame, star_field

from photometry.background.starlight import catalogue_light
from photometry.ccd.star_places import check_places
from photometry.core.errors import InputFileError
from photometry.core.geometry import Stamp
from photometry.core.stars import Stars
from photometry.prf.model import model_prf

AREA, CCD = Stamp(0, 768, 44, 812), 2


@pytest.fixture(scope="module")
def stars() -> Stars:
    row, column, tmag = star_field(AREA, density=1000.0)
    return Stars(np.arange(1, len(row) + 1), row, column, np.maximum(tmag, 8.0))


@pytest.fixture(scope="module")
def found(stars) -> np.ndarray:
    return frame(light_of(stars) + 120.0) - 120


def light_of(stars: Stars) -> np.ndarray:
    return catalogue_light(model_prf(CCD), AREA, stars.row, stars.column, stars.tmag)


def checked(found: np.ndarray, table: Stars) -> None:
    check_places(Path("frame.fits"), found, light_of(table), table, AREA, CCD, "stars.csv")


def bent(stars: Stars, in_the_corners: float) -> Stars:
    """Move stars away from the middle with the square of their distance, as a distortion that is left out does."""
    v, u = (stars.row - AREA.center[0]) / 384, (stars.column - AREA.center[1]) / 384
    away = in_the_corners * (v**2 + u**2) / 2 / np.sqrt(2)
    return Stars(stars.starid, stars.row + away * v, stars.column + away * u, stars.tmag)


def test_the_stars_of_the_ccd_are_where_they_should_be(found, stars):
    checked(found, stars)
    checked(found, bent(stars, 0.3))


@pytest.mark.parametrize("in_the_corners", [3.5, 7.0, -7.0])
def test_a_distortion_that_is_left_out_is_found(found, stars, in_the_corners):
    with pytest.raises(
        InputFileError, match=r"frame.fits: the stars of this frame, the CCD's reference, do not fit"
    ) as e:
        checked(found, bent(stars, in_the_corners))
    assert "columns from where it and the WCS of the pixels place them in " in str(e.value)
    assert "of 9 parts, most of all in rows " in str(e.value)


def test_a_part_that_the_table_does_not_cover_is_found(found, stars):
    with pytest.raises(
        InputFileError, match=r"do not fit stars.csv: it lacks .* most of all in rows 591 to 686, columns"
    ):
        checked(found, stars.select((stars.row < 512) | (stars.column < 556)))


def test_a_table_that_is_not_deep_enough_is_found(found, stars):
    with pytest.raises(InputFileError, match=r"its faintest star there has T = 1[23]\.\d; give all stars to T=16"):
        checked(found, stars.select(stars.tmag < 13))
