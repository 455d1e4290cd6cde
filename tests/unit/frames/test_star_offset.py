"""Stars that are not where the catalogue has them."""

import numpy as np
import pytest
from ffi_frames import frame, star_field

from photometry.background.starlight import catalogue_light
from photometry.core.geometry import Stamp
from photometry.frames.star_offset import star_offset
from photometry.prf.model import model_prf

STAMP = Stamp(0, 256, 1068, 1324)


@pytest.fixture(scope="module")
def stars():
    return star_field(STAMP, density=1000.0)


def _light(row, column, tmag):
    return catalogue_light(model_prf(), STAMP, row, column, tmag)


@pytest.mark.parametrize(("rows", "columns"), [(0, 0), (1, -1), (5, 0), (-7, 30), (100, -90)])
def test_the_shift_is_found(stars, rows, columns):
    row, column, tmag = stars
    found = frame(_light(row + rows, column + columns, tmag) + 120.0) - 120
    found[50:60, 70:90] = np.nan
    offset = star_offset(found, _light(*stars))
    assert (offset.rows, offset.columns) == (rows, columns)
    assert offset.is_known
    assert offset.is_wrong == (max(abs(rows), abs(columns)) > 2)


def test_other_stars_agree_nowhere(stars):
    offset = star_offset(frame(_light(*star_field(STAMP, density=1000.0, seed=9)) + 120.0) - 120, _light(*stars))
    assert not offset.is_known
    assert not offset.is_wrong


def test_nothing_tells_nothing():
    nothing = np.zeros((40, 50), dtype=np.float32)
    assert not star_offset(nothing, nothing).is_known
