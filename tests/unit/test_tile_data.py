"""Flat pixels of a tile: what counts, what saturates, what is noise."""

from dataclasses import replace

import numpy as np
import pytest
from small_tiles import EXPOSURE, SKY, make_cube

from photometry.constants import SATURATION_E_S
from photometry.errors import FitError
from photometry.geometry import Stamp
from photometry.tile_data import saturated_pixels, tile_data

_STAMP = Stamp(10, 16, 552, 560)


def _cube(images=None):
    images = np.arange(5 * 48, dtype=np.float64).reshape(5, 6, 8) if images is None else images
    return make_cube(_STAMP, images)


def test_pixels_are_flat_row_by_row():
    data = tile_data(_cube())
    assert data.n_cadence == 5
    np.testing.assert_array_equal(data.images[3].reshape(6, 8), _cube().images[3])
    np.testing.assert_array_equal(data.sky, SKY)
    assert data.valid.all()
    assert data.usable.all()
    assert not data.saturated.any()


def test_nan_pixels_do_not_count():
    cube = _cube()
    cube.images[1, 2, 3] = np.nan
    cube.images[:, 4, 5] = np.nan
    cube.backgrounds[2, 0, 0] = np.nan
    data = tile_data(cube)
    assert set(zip(*np.nonzero(~data.valid), strict=True)) == {(1, 19), (2, 0), *((k, 37) for k in range(5))}
    assert np.isfinite(data.images).all()
    assert np.isfinite(data.sky).all()
    np.testing.assert_array_equal(np.flatnonzero(~data.usable), [37])
    assert not data.saturated.any()


def test_saturated_columns_are_masked_along_the_column_only():
    images = np.zeros((5, 6, 8))
    images[:, 2, 4] = SATURATION_E_S
    data = tile_data(_cube(images))
    expected = np.zeros((6, 8), dtype=bool)
    expected[0:5, 4] = True
    np.testing.assert_array_equal(data.saturated.reshape(6, 8), expected)
    np.testing.assert_array_equal(data.valid, np.broadcast_to(~expected.ravel(), data.valid.shape))
    assert not data.usable[expected.ravel()].any()


def test_background_counts_for_saturation():
    total = np.full((3, 3), SATURATION_E_S - 60)
    assert saturated_pixels(total).all()
    assert not saturated_pixels(np.full((3, 3), 0.9 * SATURATION_E_S)).any()
    assert not saturated_pixels(np.full((3, 3), np.nan)).any()


def test_one_bright_cadence_does_not_saturate_the_pixel():
    images = np.zeros((5, 6, 8))
    images[2, 2, 4] = 2 * SATURATION_E_S
    assert not tile_data(_cube(images)).saturated.any()


def test_variance_is_photons_and_readout_of_the_output():
    data = tile_data(_cube())
    # Columns 552 to 555 are read by output A, 556 to 559 by B.
    read = 720 * np.array([10.24] * 4 + [7.24] * 4) ** 2 / EXPOSURE.exposure_s**2
    np.testing.assert_allclose(data.read_variance, np.tile(read, 6), rtol=1e-12)
    total = np.full(48, 250.0)
    np.testing.assert_allclose(data.variance(total), 250 / EXPOSURE.exposure_s + np.tile(read, 6), rtol=1e-12)
    np.testing.assert_allclose(data.variance(-total), data.read_variance, rtol=1e-12)


def test_nothing_usable_is_refused():
    cube = _cube()
    cube.images[:] = np.nan
    with pytest.raises(FitError, match="no pixel is measured and unsaturated in any cadence"):
        tile_data(cube)
    with pytest.raises(FitError, match="no pixel is measured and unsaturated"):
        tile_data(replace(_cube(), images=np.full((5, 6, 8), 2 * SATURATION_E_S, dtype=np.float32)))
