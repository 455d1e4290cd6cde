"""Masks by bits, bands of rows, medians: the same as by numpy and scipy."""

import numpy as np
import pytest
from scipy import ndimage

from photometry.background.masking import bands, blank, median_of_neighbours, zeroed


@pytest.fixture
def values():
    values = np.random.default_rng(1).normal(size=(300, 70)).astype(np.float32)
    values[3, 4], values[5, 6], values[7, 8] = np.nan, np.inf, -np.inf
    return values


def test_masks_act_as_where(values):
    mask = np.random.default_rng(2).random(values.shape) < 0.4
    mask[3, 4] = mask[5, 6] = True
    np.testing.assert_array_equal(zeroed(values, ~mask), np.where(mask, np.float32(0), values))
    expected = np.where(mask, np.float32(np.nan), values)
    blank(values, mask)
    np.testing.assert_array_equal(values, expected)


@pytest.mark.parametrize("n_row", [1, 128, 300])
def test_bands_are_all_rows_once(n_row):
    assert [row for rows in bands(n_row) for row in range(rows.start, rows.stop)] == list(range(n_row))


@pytest.mark.parametrize(("shape", "size"), [((40, 30), 5), ((40, 30), 3), ((9, 8), 1), ((2, 3), 5), ((1, 1), 5)])
def test_medians_are_those_of_scipy(shape, size):
    values = np.random.default_rng(3).normal(size=shape)
    expected = ndimage.median_filter(values, size=size, mode="reflect")
    np.testing.assert_array_equal(median_of_neighbours(values, size), expected.astype(np.float32))


@pytest.mark.parametrize("size", [3, 5])
def test_medians_of_any_order(size):
    """What finds the middle of all zeros and ones finds that of all numbers: the 0-1 principle."""
    values = (np.random.default_rng(4).random((200, 300)) < 0.5).astype(np.float32)
    expected = ndimage.median_filter(values, size=size, mode="reflect")
    np.testing.assert_array_equal(median_of_neighbours(values, size), expected)
