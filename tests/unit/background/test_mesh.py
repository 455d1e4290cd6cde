"""Background of single frames: mesh, glow, straps, and what must not disturb them."""

from dataclasses import replace

import numpy as np
import pytest
from ffi_frames import CORNER, STRAP_EXCESS, STRAPS, frame, grid_of, star_field, starlight, true_background

from photometry.background.cell_grid import background_grid
from photometry.background.mesh import background_image, describe_background, usable_pixels, used_pixels
from photometry.core.geometry import Stamp, camera_centre

NO_STARS = np.zeros(CORNER.shape, dtype=bool)


def rms(values):
    return float(np.sqrt(np.mean(values**2)))


@pytest.fixture(scope="module")
def grid():
    return grid_of()


@pytest.mark.parametrize(("sky", "glow"), [(50, 0), (150, 400), (1000, 1500)])
def test_smooth_background_and_glow_are_found(grid, sky, glow):
    truth = true_background(sky=sky, glow=glow, scattered=200)
    found = background_image(describe_background(frame(truth), NO_STARS, grid), grid)
    assert found.dtype == np.float32
    assert rms(found - truth) < 0.2
    # The corner: the innermost of the glow's last degree.
    assert rms((found - truth)[:170, -170:]) < 0.5


def test_noiseless_frame_is_reproduced(grid):
    truth = true_background()
    found = background_image(describe_background(truth.astype(np.float32), NO_STARS, grid), grid)
    assert rms(found - truth) < 0.05


def test_stars_do_not_raise_it(grid):
    truth, (light, mask) = true_background(), starlight(star_field())
    image = frame(truth + light)
    error = background_image(describe_background(image, mask, grid), grid) - truth
    assert rms(error[~mask]) < 0.5
    error = background_image(describe_background(image, mask, grid, light), grid) - truth
    assert rms(error[~mask]) < 0.12


def test_straps_get_factors(grid):
    truth = true_background(straps=True, scattered=300)
    found = describe_background(frame(truth), NO_STARS, grid)
    np.testing.assert_allclose(found.straps[STRAPS], STRAP_EXCESS, atol=2e-3)
    others = np.delete(found.straps, STRAPS)
    assert np.abs(others).max() < 2e-3
    # Straps have not pulled up the columns beside them.
    error = background_image(found, grid) - truth
    assert np.abs(error.mean(axis=0)).max() < 0.3


@pytest.mark.parametrize("column", [0, 1022])
def test_strap_at_the_edge(grid, column):
    truth = true_background()
    truth[:, column : column + 2] *= 1 + STRAP_EXCESS
    found = describe_background(frame(truth), NO_STARS, grid)
    np.testing.assert_allclose(found.straps[column : column + 2], STRAP_EXCESS, atol=2e-3)
    assert np.abs(np.delete(found.straps, [column, column + 1])).max() < 2e-3


def test_parts_are_cut_from_the_whole(grid):
    background = describe_background(frame(true_background()), NO_STARS, grid)
    whole = background_image(background, grid)
    for rows in (slice(0, 100), slice(700, 701), slice(1000, 1024), slice(5, 5)):
        np.testing.assert_allclose(background_image(background, grid, rows), whole[rows], rtol=1e-5)


def test_bad_pixels_do_no_harm(grid):
    truth = true_background()
    image = frame(truth)
    image[:400] = np.where(np.arange(1024) % 3 == 0, np.nan, image[:400])
    image[300:380, 200:260] = np.nan
    image[500:900, 100] = 1.2e5
    image[600:640] = 0
    image[700, ::5] = np.inf
    image[100:110, 100:110] += 3000
    found = background_image(describe_background(image, NO_STARS, grid), grid)
    assert rms(found - truth) < 0.2
    assert np.abs(found - truth).max() < 5


def test_masked_areas_are_bridged(grid):
    truth = true_background()
    mask = np.zeros(CORNER.shape, dtype=bool)
    mask[384:576, 300:500] = True
    found = describe_background(frame(truth), mask, grid)
    assert np.abs(background_image(found, grid) - truth)[mask].max() < 2
    assert found.used[7, 6] == 0
    assert found.used[0, 0] > 200


def test_half_a_frame(grid):
    truth = true_background()
    image = frame(truth)
    image[:, 512:] = np.nan
    found = background_image(describe_background(image, NO_STARS, grid), grid)
    assert rms((found - truth)[:, :512]) < 0.2
    assert np.isfinite(found).all()


@pytest.mark.parametrize("value", [np.nan, 0.0, 2e5])
def test_frame_without_a_usable_pixel(grid, value):
    found = describe_background(np.full(CORNER.shape, value, np.float32), NO_STARS, grid)
    assert np.isnan(found.mesh).all()
    assert np.isnan(found.noise)
    assert not found.used.any()
    assert np.isnan(background_image(found, grid)).all()


def test_a_handful_of_pixels_is_enough(grid):
    image = np.full(CORNER.shape, np.nan, np.float32)
    image[200:204, 300:304] = 77
    found = background_image(describe_background(image, NO_STARS, grid), grid)
    assert np.isfinite(found).all()
    assert abs(found[202, 302] - 77) < 1


def test_bright_ghost_pulls_little_beyond_itself(grid):
    truth = true_background()
    image = frame(truth)
    image[500:540, 600:640] += 200
    found = background_image(describe_background(image, NO_STARS, grid), grid)
    assert np.abs(found - truth)[200:, 760:].max() < 0.5
    assert rms((found - truth)[:400]) < 0.2


def test_noise_is_that_of_a_pixel(grid):
    sky = np.full(CORNER.shape, 100.0)
    found = describe_background(frame(sky), NO_STARS, grid)
    assert abs(found.noise - (frame(sky) - sky).std()) < 0.05


@pytest.mark.parametrize("stamp", [Stamp(0, 100, 44, 170), Stamp(900, 937, 500, 541)])
def test_small_regions_have_a_mesh_alone(stamp):
    grid = background_grid(stamp, camera_centre(2))
    assert grid.n_glow == 0
    truth = true_background(stamp)
    found = background_image(describe_background(frame(truth), np.zeros(stamp.shape, bool), grid), grid)
    assert rms(found - truth) < 0.3


def test_shape_is_checked(grid):
    with pytest.raises(ValueError, match=r"image has shape \(10, 10\), expected \(1024, 1024\)"):
        describe_background(np.zeros((10, 10), np.float32), NO_STARS, grid)
    with pytest.raises(ValueError, match="light has shape"):
        describe_background(np.zeros(CORNER.shape, np.float32), NO_STARS, grid, np.zeros((3, 3), np.float32))


def test_centre_of_the_camera_is_at_the_inner_corner():
    for ccd, column in ((1, 2149), (2, -14), (3, 2149), (4, -14)):
        assert camera_centre(ccd) == (2100, column)
    with pytest.raises(ValueError, match="ccd is 5"):
        camera_centre(5)


def test_pixels_that_can_be_used():
    image = np.full((40, 8), 100, np.float32)
    image[3, 2], image[5, 5], image[20, 4] = np.nan, 0, 1.1e5
    usable = usable_pixels(image)
    assert not usable[3, 2]
    assert not usable[5, 5]
    assert not usable[16:25, 4].any()
    assert usable[15, 4]
    assert usable[20, 3]


def test_pixels_that_were_used(grid):
    image = frame(true_background(straps=True))
    background = describe_background(image, NO_STARS, grid)
    mask = NO_STARS.copy()
    mask[7] = True
    kept = np.zeros(1024, np.float32)
    kept[STRAPS] = background.straps[STRAPS]
    used = used_pixels(usable_pixels(image), mask, replace(background, straps=kept))
    assert not used[7].any()
    assert not used[:, STRAPS].any()
    assert used.sum() == 1023 * (1024 - len(STRAPS))
