"""Stamps, tiles and outputs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from photometry.core.geometry import Stamp, output_index, tiles_of

_STAMP = Stamp(10, 20, 100, 130)


def test_size_and_middle():
    assert _STAMP.shape == (10, 30)
    assert _STAMP.n_pixel == 300
    assert _STAMP.center == (14.5, 114.5)
    assert Stamp(5, 6, 7, 8).center == (5.0, 7.0)


@pytest.mark.parametrize("edges", [(10, 10, 0, 5), (10, 12, 5, 5), (12, 10, 0, 5)])
def test_empty_stamp_is_refused(edges):
    with pytest.raises(ValueError, match="empty stamp: rows"):
        Stamp(*edges)


def test_a_pixel_owns_its_lower_edge():
    left, right = Stamp(0, 10, 0, 10), Stamp(0, 10, 10, 20)
    position = np.array([9.49, 9.5, 9.51])
    np.testing.assert_array_equal(left.contains(5.0, position), [True, False, False])
    np.testing.assert_array_equal(right.contains(5.0, position), [False, True, True])
    assert left.contains(-0.5, 0)
    assert not left.contains(-0.51, 0)
    assert not left.contains(9.5, 0)


def test_distance_to_the_border():
    np.testing.assert_allclose(
        _STAMP.border_distance([10, 9.5, 8.0, 15], [115, 115, 115, 129.25]), [0.5, 0, -1.5, 0.25]
    )


def test_grown_clipped_and_cut():
    assert _STAMP.grown(3) == Stamp(7, 23, 97, 133)
    assert _STAMP.grown(3).clipped(Stamp(0, 22, 98, 1000)) == Stamp(7, 22, 98, 133)
    rows, columns = Stamp(12, 15, 101, 103).slices_in(_STAMP)
    image = np.add.outer(100 * np.arange(10, 20), np.arange(100, 130))
    np.testing.assert_array_equal(image[rows, columns], np.add.outer(100 * np.arange(12, 15), np.arange(101, 103)))
    with pytest.raises(ValueError, match="is not inside"):
        Stamp(12, 25, 101, 103).slices_in(_STAMP)
    with pytest.raises(ValueError, match="empty stamp"):
        _STAMP.clipped(Stamp(30, 40, 100, 130))


@given(n_row=st.integers(1, 300), n_column=st.integers(1, 300), size=st.integers(8, 128), margin=st.integers(0, 20))
def test_tiles_cover_the_region_once(n_row, n_column, size, margin):
    region = Stamp(7, 7 + n_row, 44, 44 + n_column)
    seen = np.zeros(region.shape, dtype=int)
    tiles = tiles_of(region, size, margin)
    for tile in tiles:
        assert max(tile.core.shape) <= size
        assert tile.stamp == tile.core.grown(margin).clipped(region)
        assert tile.name == f"row{tile.core.row_min:04d}_col{tile.core.col_min:04d}"
        seen[tile.core.slices_in(region)] += 1
    assert (seen == 1).all()
    assert len({tile.name for tile in tiles}) == len(tiles)


def test_outputs_by_column():
    columns = [0, 44, 555, 556, 1067, 1068, 1579, 1580, 2091, 2135]
    np.testing.assert_array_equal(output_index(columns), [0, 0, 0, 1, 1, 2, 2, 3, 3, 3])
