"""Smoothing of backgrounds in time: noise goes, changes stay."""

import numpy as np
import pytest

from photometry.background.cell_grid import background_grid
from photometry.background.mesh import FrameBackground, background_cells
from photometry.background.smoothing import smooth_backgrounds, stack_backgrounds
from photometry.core.geometry import Stamp, camera_centre
from photometry.core.quality import TESS_QUALITY, bit

STAMP = Stamp(0, 512, 44, 556)
CADENCE_S = 200.0
#: Uncertainty of a coefficient: noise of a pixel over the root of the pixels that each coefficient has.
NOISE = 1.25


@pytest.fixture(scope="module")
def grid():
    return background_grid(STAMP, camera_centre(2))


def series(grid, levels, seed=0, straps=()):
    """Backgrounds with flat levels (n_frame,) or (n_frame, n_mesh_row, n_mesh_column), and their noise."""
    rng = np.random.default_rng(seed)
    levels = np.asarray(levels, dtype=float)
    n_frame, shape = len(levels), grid.mesh_shape
    mesh = np.broadcast_to(levels.reshape(n_frame, *levels.shape[1:], *(1,) * (3 - levels.ndim)), (n_frame, *shape))
    factors = np.zeros((n_frame, STAMP.shape[1]))
    factors[:, list(straps)] = 0.02
    return FrameBackground(
        mesh=(mesh + rng.normal(0, 0.03, mesh.shape)).astype(np.float32),
        glow=np.zeros((n_frame, 0), np.float32),
        straps=(factors + rng.normal(0, 2e-4, factors.shape)).astype(np.float32),
        noise=np.full(n_frame, NOISE, np.float32),
        used=np.full((n_frame, *grid.block_shape), 230, np.uint8),
    )


def smoothed(grid, backgrounds, time=None, quality=None):
    n_frame = backgrounds.n_frame
    time = np.arange(n_frame) * CADENCE_S / 86400 if time is None else time
    quality = np.zeros(n_frame, int) if quality is None else quality
    return smooth_backgrounds(backgrounds, grid, time, quality, CADENCE_S)


def replaced(backgrounds, number, value=np.nan):
    """The same with a frame that could not be described."""
    mesh, noise, used = backgrounds.mesh.copy(), backgrounds.noise.copy(), backgrounds.used.copy()
    mesh[number], noise[number], used[number] = value, np.nan, 0
    return FrameBackground(mesh, backgrounds.glow, backgrounds.straps, noise, used)


def test_noise_is_averaged_in_quiet_times(grid):
    given = series(grid, np.linspace(100, 101, 60))
    found = smoothed(grid, given)
    truth = np.linspace(100, 101, 60)[:, None, None]
    before, after = (given.mesh - truth)[5:-5].std(), (found.mesh - truth)[5:-5].std()
    assert after < 0.75 * before
    assert np.abs((found.mesh - truth)[5:-5].mean()) < 0.005


@pytest.mark.parametrize("height", [1.0, 30.0, 1000.0])
def test_jump_is_kept(grid, height):
    levels = np.where(np.arange(60) < 30, 100.0, 100.0 + height)
    found = smoothed(grid, series(grid, levels))
    assert np.abs(found.mesh.mean(axis=(1, 2)) - levels).max() < 0.05


def test_light_that_lasts_a_single_frame_is_kept(grid):
    levels = np.full(40, 100.0)
    levels[20] += 5
    levels[30] -= 0.5
    found = smoothed(grid, series(grid, levels))
    assert np.abs(found.mesh.mean(axis=(1, 2)) - levels).max() < 0.05


def test_steep_rise_within_minutes_is_kept(grid):
    # 200-s frames: e-fold in 10 minutes.
    levels = 100 + 500 * np.exp(-np.abs(np.arange(60) - 30) / 3.0)
    found = smoothed(grid, series(grid, levels))
    assert np.abs(found.mesh.mean(axis=(1, 2)) - levels).max() < 0.05


def test_change_in_one_place_is_kept(grid):
    levels = np.full((40, *grid.mesh_shape), 100.0)
    levels[20, 5, 6] += 2
    found = smoothed(grid, series(grid, levels))
    assert abs(found.mesh[20, 5, 6] - 102) < 0.15


def test_missing_frame_gets_what_its_neighbours_predict(grid):
    levels = 100 + 0.5 * np.arange(40.0)
    found = smoothed(grid, replaced(replaced(series(grid, levels), 12), 13))
    np.testing.assert_allclose(found.mesh[12].mean(), levels[12], atol=0.05)
    np.testing.assert_allclose(found.mesh[13].mean(), levels[13], atol=0.05)
    assert np.isnan(found.noise[12])
    assert found.used[12].sum() == 0


def test_missing_frames_beside_a_gap_stay_missing(grid):
    time = np.arange(40) * CADENCE_S / 86400
    time[20:] += 1.0
    given = replaced(replaced(series(grid, np.full(40, 100.0)), 20), 39)
    found = smoothed(grid, given, time)
    assert np.isnan(found.mesh[20]).all()
    assert np.isnan(found.mesh[39]).all()
    assert np.isfinite(np.delete(found.mesh, [20, 39], axis=0)).all()


def test_gap_is_not_crossed(grid):
    time = np.arange(40) * CADENCE_S / 86400
    time[20:] += 1.0
    levels = np.where(np.arange(40) < 20, 100.0, 100.05)
    given = series(grid, levels)
    found = smoothed(grid, given, time)
    np.testing.assert_array_equal(found.mesh[[0, 19, 20, 39]], given.mesh[[0, 19, 20, 39]])


def test_flagged_frames_predict_no_others(grid):
    levels = np.full(40, 100.0)
    levels[20] = 100.04
    quality = np.zeros(40, int)
    quality[20] = bit(TESS_QUALITY, "argabrightening")
    given = series(grid, levels)
    changed = FrameBackground(given.mesh.copy(), given.glow, given.straps, given.noise, given.used)
    changed.mesh[20] += 0.01
    before, after = smoothed(grid, given, quality=quality), smoothed(grid, changed, quality=quality)
    np.testing.assert_array_equal(np.delete(before.mesh, 20, axis=0), np.delete(after.mesh, 20, axis=0))


def test_only_straps_keep_their_factors(grid):
    found = smoothed(grid, series(grid, np.full(30, 100.0), straps=(7, 8, 400)))
    assert np.flatnonzero(found.straps.any(axis=0)).tolist() == [7, 8, 400]
    np.testing.assert_allclose(found.straps[:, 7], 0.02, atol=1e-3)


@pytest.mark.parametrize("n_frame", [1, 2, 3])
def test_few_frames(grid, n_frame):
    given = series(grid, np.full(n_frame, 100.0))
    found = smoothed(grid, given)
    assert np.abs(found.mesh - 100).max() < 0.2


def test_no_frame_at_all_was_measured(grid):
    given = series(grid, np.full(3, 100.0))
    for number in range(3):
        given = replaced(given, number)
    assert np.isnan(smoothed(grid, given).mesh).all()


def test_many_frames_with_gaps_and_missing_ones(grid):
    rng = np.random.default_rng(4)
    n_frame = 3000
    number = np.cumsum(np.where(rng.random(n_frame) < 0.02, rng.integers(2, 60, n_frame), 1))
    levels = 100 + 30 * np.sin(number / 50)
    given = replaced(series(grid, levels), rng.random(n_frame) < 0.05)
    found = smoothed(grid, given, number * CADENCE_S / 86400)
    error = found.mesh.mean(axis=(1, 2)) - levels
    assert np.isfinite(error).mean() > 0.99
    assert np.nanmax(np.abs(error)) < 0.2


def test_what_is_wrong_is_named(grid):
    given = series(grid, np.full(4, 100.0))
    with pytest.raises(ValueError, match="4 backgrounds, but 3 times and 4 quality flags"):
        smooth_backgrounds(given, grid, np.arange(3.0), np.zeros(4, int), CADENCE_S)
    with pytest.raises(ValueError, match="do not increase"):
        smooth_backgrounds(given, grid, np.array([0.0, 2, 1, 3]), np.zeros(4, int), CADENCE_S)
    with pytest.raises(ValueError, match="no backgrounds"):
        stack_backgrounds([])


def test_cells_of_many_frames(grid):
    given = series(grid, np.full(4, 100.0))
    cells = background_cells(given, grid)
    assert cells.shape == (4, *grid.cell_shape)
    np.testing.assert_allclose(cells[2], background_cells(given.frame(2), grid), rtol=1e-6)
