"""Flat pixels of a tile: what counts, what saturates, what is noise."""

import tracemalloc

import numpy as np
import pytest
from small_tiles import EXPOSURE, SKY, make_cube

from photometry.core.constants import SATURATION_E_S
from photometry.core.geometry import Stamp
from photometry.scene.tile_data import saturated_pixels, tile_data

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


def _trail():
    """Images with a saturated pixel, and the bleed trail that it makes: along the column only."""
    images = np.ones((5, 6, 8))
    images[:, 2, 4] = SATURATION_E_S
    expected = np.zeros((6, 8), dtype=bool)
    expected[0:5, 4] = True
    return images, expected.ravel()


def _hit():
    """Cube with a bleed trail, pixels that were not measured, and a lone value."""
    images, _ = _trail()
    cube = _cube(np.tile(images, (20, 1, 1)) + np.random.default_rng(1).normal(size=(100, 6, 8)))
    cube.images[1, 2, 3] = cube.images[:, 4, 6] = cube.backgrounds[2, 0, 0] = np.nan
    cube.images[50, 3, 1] = 1e6
    return cube


@pytest.mark.parametrize("make", [_hit, lambda: _cube(_trail()[0]), _cube], ids=["hit", "trail", "whole"])
def test_overwritten_pixels_are_the_same_and_others_stay(make):
    cube, kept = make(), make()
    data, in_place = tile_data(cube), tile_data(make(), overwrite=True)
    for name in ("images", "valid", "sky", "usable", "saturated", "read_variance"):
        np.testing.assert_array_equal(getattr(data, name), getattr(in_place, name), name)
    np.testing.assert_array_equal(cube.images, kept.images)
    np.testing.assert_array_equal(cube.backgrounds, kept.backgrounds)


def test_overwritten_pixels_are_not_copied():
    stamp = Stamp(10, 42, 552, 584)
    cube = make_cube(stamp, np.random.default_rng(1).normal(size=(500, 32, 32)))
    cube.images[3] = np.nan
    peaks = {}
    for overwrite in (False, True):
        tracemalloc.start()
        tile_data(cube, overwrite=overwrite)
        peaks[overwrite] = tracemalloc.get_traced_memory()[1] / cube.images.nbytes
        tracemalloc.stop()
    assert peaks[True] < peaks[False] - 1.9


def test_a_bleed_trail_is_merged_into_its_first_pixel():
    images, expected = _trail()
    data = tile_data(_cube(images))
    np.testing.assert_array_equal(data.saturated, expected)
    first = int(np.flatnonzero(expected)[0])
    unused = expected & (np.arange(48) != first)
    np.testing.assert_array_equal(data.valid, np.broadcast_to(~unused, data.valid.shape))
    np.testing.assert_array_equal(data.usable, ~unused)
    np.testing.assert_allclose(data.images[:, first], SATURATION_E_S + 4, rtol=1e-6)
    assert not data.images[:, unused].any()
    np.testing.assert_array_equal(data.images[:, ~expected], 1)


def test_a_trail_that_is_full_in_the_last_row_goes_on_beyond_it():
    """Not one that reaches the border with the pixels that take up the rest of its charge."""
    images, expected = _trail()
    images[:, 4:, 1] = SATURATION_E_S
    data = tile_data(_cube(images))
    cut_off = np.zeros((6, 8), dtype=bool)
    cut_off[2:, 1] = True
    np.testing.assert_array_equal(data.cut_off, cut_off.ravel())
    np.testing.assert_array_equal(data.saturated, expected | cut_off.ravel())


def test_no_charge_is_lost_by_merging():
    """Two trails that do not touch; the sum of all pixels stays, and so does the noise of the readout."""
    images, _ = _trail()
    images[:, 3, 1] = 1.1 * SATURATION_E_S
    data, single = tile_data(_cube(images)), tile_data(_cube(np.ones((5, 6, 8))))
    assert (data.images > 1000).sum() == 2 * 5
    np.testing.assert_allclose(data.images.sum(axis=1), images.sum(axis=(1, 2)), rtol=1e-6)
    used = data.usable
    np.testing.assert_allclose(data.read_variance[used].sum(), single.read_variance.sum(), rtol=1e-6)


def test_trails_are_merged_in_blocks_of_cadences(monkeypatch):
    images, _ = _trail()
    whole = tile_data(_cube(images))
    monkeypatch.setattr("photometry.scene.tile_data._CADENCES_AT_ONCE", 2)
    blocks = tile_data(_cube(images))
    np.testing.assert_array_equal(whole.images, blocks.images)
    np.testing.assert_array_equal(whole.valid, blocks.valid)


def test_a_trail_that_is_not_whole_does_not_count():
    images, expected = _trail()
    cube = _cube(images)
    cube.images[3, 4, 4] = np.nan
    valid = tile_data(cube).valid[:, np.flatnonzero(expected)[0]]
    np.testing.assert_array_equal(valid, np.arange(5) != 3)


def test_without_saturation_nothing_is_merged():
    assert tile_data(_cube()).merge is None


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


def test_cadences_without_pixels_are_told():
    cube = _cube()
    cube.images[1:] = np.nan
    assert np.flatnonzero(tile_data(cube).measured).tolist() == [0]
    cube.images[:] = np.nan
    data = tile_data(cube)
    assert not data.measured.any()
    assert not data.usable.any()
    assert not data.images.any()
