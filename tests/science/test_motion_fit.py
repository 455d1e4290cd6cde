"""The movement kernel against the true motion, and what cannot be measured."""

from dataclasses import replace

import numpy as np
import pytest
from cubes import with_header
from scenes import fit, make_scene
from small_tiles import SKY, exact_images, make_cube, make_stars

from photometry.calibration import motion_fit, region_tiles
from photometry.calibration.effective_prf import learn_prf
from photometry.calibration.motion_fit import outliers
from photometry.calibration.region import kernel_at, measure_motion
from photometry.core.constants import SATURATION_E_S
from photometry.core.errors import FitError
from photometry.core.geometry import Stamp, tiles_of
from photometry.core.settings import MotionSettings, PrfSettings
from photometry.core.stars import NO_STARS, Stars
from photometry.io.products.cube_files import read_cube_header, write_cube
from photometry.io.products.stored_patches import stored_patches
from photometry.simulate import true_kernel
from photometry.simulate.pixel_defects import bleed


def _difference(kernel, scene):
    """Measured less true shift at the corners and the middle, (2, n_place, n_cadence), offset included."""
    stamp = scene.settings.stamp
    row = [stamp.row_min, stamp.row_min, stamp.center[0], stamp.row_max - 1, stamp.row_max - 1]
    column = [stamp.col_min, stamp.col_max - 1, stamp.center[1], stamp.col_min, stamp.col_max - 1]
    parts = zip(kernel.shifts(row, column), true_kernel(scene).shifts(row, column), strict=True)
    offset = np.array(kernel.offset) - np.array(scene.offset)
    return np.stack([one - other for one, other in parts]) + offset[:, None, None]


@pytest.mark.slow
class TestMediumField:
    """40x40 px, 100 cadences with drift, jitter, roll and excursions."""

    def test_motion_of_unflagged_cadences(self, medium):
        """0.3 millipixel rms at the middle, 0.5 at the corners."""
        good = medium.scene.quality == 0
        difference = _difference(medium.kernel, medium.scene)[:, :, good]
        in_time = difference - difference.mean(axis=2, keepdims=True)
        assert np.sqrt((in_time[:, 2] ** 2).mean(axis=1)).max() < 3e-4
        assert np.sqrt((in_time**2).mean(axis=2)).max() < 5e-4

    def test_offset_between_catalogue_and_pixels(self, medium):
        assert np.hypot(*medium.scene.offset) > 0.05
        np.testing.assert_allclose(medium.kernel.offset, medium.scene.offset, atol=1e-3)

    def test_flagged_excursions(self, medium):
        """As well as their fewer photons and larger distance allow: 3 millipixel of 400."""
        far = medium.scene.quality != 0
        assert far.sum() >= 2
        true_row, _ = true_kernel(medium.scene).shifts(*medium.scene.settings.stamp.center)
        assert np.abs(true_row[0, far]).max() > 0.1
        assert np.abs(_difference(medium.kernel, medium.scene)[:, 2, far]).max() < 3e-3

    def test_covariance_tells_the_error(self, medium):
        """Width of the pulls of the shift; errors that are common to all cadences are not in the covariance."""
        good = medium.scene.quality == 0
        difference = _difference(medium.kernel, medium.scene)[:, 2, good]
        for axis, k in ((0, 0), (1, 3)):
            in_time = difference[axis] - difference[axis].mean()
            pulls = in_time / np.sqrt(medium.kernel.covariance[good, k, k])
            assert 0.7 < np.std(pulls) < 1.5

    def test_nothing_is_bad(self, medium):
        assert not medium.kernel.bad.any()
        assert medium.kernel.source == "pixels"


def _quick_motion(quick, one_prf, **changes):
    scene, cube = quick
    values = {"n_round": 2} | changes
    return measure_motion([cube], scene.catalogue_stars, one_prf, MotionSettings(**values))


def test_translation_moves_all_places_alike(quick, one_prf):
    kernel = _quick_motion(quick, one_prf, mode="translation")
    in_time = kernel.parameters - kernel.parameters.mean(axis=0)
    assert np.abs(in_time[:, [1, 2, 4, 5]]).max() < 1e-6
    difference = _difference(kernel, quick[0])[:, 2]
    assert (difference - difference.mean(axis=1)[:, None]).std() < 5e-4


def test_unchanged_measures_the_offset_only(quick, one_prf):
    kernel = _quick_motion(quick, one_prf, mode="unchanged")
    assert kernel.source == "unchanged"
    assert np.ptp(kernel.parameters, axis=0).max() < 1e-12
    # Without motion the mean place of the stars is found: 2 millipixel of a drift of 30.
    np.testing.assert_allclose(kernel.offset, quick[0].offset, atol=2e-3)


def test_motion_of_a_target_pixel_file_is_kept(quick, one_prf):
    """POS_CORR is (column, row); it is not measured again, the offset is."""
    scene, cube = quick
    row, column = true_kernel(scene).shifts(*cube.stamp.center)
    pos_corr = np.stack([column[0], row[0]], axis=1).astype(np.float32)
    pos_corr[5] = np.nan
    kernel = measure_motion(
        [with_header(cube, pos_corr=pos_corr)], scene.catalogue_stars, one_prf, MotionSettings(n_round=2)
    )
    assert kernel.source == "pos_corr"
    np.testing.assert_array_equal(np.flatnonzero(kernel.bad), [5])
    known = ~kernel.bad
    np.testing.assert_allclose(np.diff(kernel.parameters[known, 0]), np.diff(row[0][known]), atol=1e-6)
    np.testing.assert_allclose(np.diff(kernel.parameters[known, 3]), np.diff(column[0][known]), atol=1e-6)
    assert kernel.parameters[5, 0] == pytest.approx((kernel.parameters[4, 0] + kernel.parameters[6, 0]) / 2, abs=1e-6)
    np.testing.assert_allclose(kernel.offset, scene.offset, atol=1e-3)


def test_an_empty_cadence_is_bad_and_interpolated(quick, one_prf):
    scene, cube = quick
    images = cube.images.copy()
    images[12] = np.nan
    kernel = measure_motion([replace(cube, images=images)], scene.catalogue_stars, one_prf, MotionSettings(n_round=2))
    np.testing.assert_array_equal(np.flatnonzero(kernel.bad), [12])
    assert np.isfinite(kernel.parameters).all()
    for k in (0, 3):
        expected = (kernel.parameters[11, k] + kernel.parameters[13, k]) / 2
        assert kernel.parameters[12, k] == pytest.approx(expected, abs=1e-6)


def test_region_of_several_tiles(one_prf):
    """Four tiles give the same motion as one tile."""
    scene, cube = make_scene(one_prf, n_row=40, n_column=40, n_cadence=20, roll_rad=1.5e-5)
    whole, parts = (
        measure_motion([cube], scene.catalogue_stars, one_prf, MotionSettings(n_round=3, tile_size=size))
        for size in (64, 20)
    )
    one, other = _difference(whole, scene), _difference(parts, scene)
    assert np.sqrt((other[:, 2] ** 2).mean()) < 1e-3
    assert np.sqrt(((one - other)[:, 2] ** 2).mean()) < 5e-4


def test_a_few_cadences_tell_what_all_share(quick, one_prf, monkeypatch):
    """The motion of the other cadences is measured about the mean scene of a quarter of them."""
    scene, cube = quick
    monkeypatch.setattr(region_tiles, "_MOST_CADENCES", 10)
    kernel = measure_motion([cube], scene.catalogue_stars, one_prf, MotionSettings())
    difference = _difference(kernel, scene)[:, 2]
    # A quarter of the light: twice the error of the constant place.
    np.testing.assert_allclose(difference.mean(axis=1), 0, atol=4e-3)
    assert (difference - difference.mean(axis=1)[:, None]).std() < 5e-4
    assert not kernel.bad.any()
    np.testing.assert_allclose(kernel.parameters[:, [0, 3]].mean(axis=0), 0, atol=1e-12)


def test_flagged_cadences_take_no_part_in_what_all_share(quick, one_prf):
    """Their pixels may be anything."""
    scene, cube = quick
    quality, images = cube.quality.copy(), cube.images.copy()
    quality[[5, 20]] = 4
    odd = images.copy()
    odd[[5, 20]] = images[[5, 20], ::-1] + 300
    one, other = (
        measure_motion(
            [replace(with_header(cube, quality=quality), images=pixels)],
            scene.catalogue_stars,
            one_prf,
            MotionSettings(n_round=2),
        )
        for pixels in (images, odd)
    )
    rest = quality == 0
    np.testing.assert_allclose(one.parameters[rest], other.parameters[rest], atol=1e-4)


def test_pixels_that_are_read_again_give_the_same_motion(quick, one_prf, tmp_path, monkeypatch):
    """On disk, cut into tiles, no more than one of them in memory in all cadences: bit by bit the same."""
    scene, cube = quick
    quality = cube.quality.copy()
    quality[[5, 20]] = 4
    images = cube.images.copy()
    images[5] = np.roll(images[5], 1, axis=0)
    cube = replace(with_header(cube, quality=quality), images=images)
    write_cube(tmp_path / "cube.hdf5", cube, {})
    monkeypatch.setattr(region_tiles, "_MOST_CADENCES", 10)
    settings = MotionSettings(n_round=2, tile_size=12)
    patches = stored_patches(
        tmp_path / "cube.hdf5", read_cube_header(tmp_path / "cube.hdf5"), scene.catalogue_stars, settings
    )
    assert len(patches) == 4
    one, other = (measure_motion(pixels, scene.catalogue_stars, one_prf, settings) for pixels in ([cube], patches))
    np.testing.assert_array_equal(one.parameters, other.parameters)
    np.testing.assert_array_equal(one.covariance, other.covariance)
    assert one.offset == other.offset


def test_cadences_are_solved_in_blocks(quick, one_prf, monkeypatch):
    """What bounds the memory does not change the motion."""
    scene, cube = quick
    settings = MotionSettings(n_round=2)
    whole = measure_motion([cube], scene.catalogue_stars, one_prf, settings)
    monkeypatch.setattr(motion_fit, "_CADENCES_AT_ONCE", 20)
    blocks = measure_motion([cube], scene.catalogue_stars, one_prf, settings)
    np.testing.assert_allclose(whole.parameters, blocks.parameters, atol=1e-5)


def test_nothing_unflagged_is_refused(quick, one_prf):
    scene, cube = quick
    dark = with_header(cube, quality=np.full(cube.n_cadence, 8, dtype=np.int32))
    with pytest.raises(FitError, match="every cadence is flagged: there is nothing to measure"):
        measure_motion([dark], scene.catalogue_stars, one_prf, MotionSettings())


def test_no_star_on_the_pixels_is_refused(quick, one_prf):
    scene, cube = quick
    with pytest.raises(FitError, match="no star of the catalogue lies on the pixels"):
        measure_motion([cube], scene.catalogue_stars.moved(500, 0), one_prf, MotionSettings())


def test_pixels_between_the_stars_stand_still(quick, one_prf):
    """Nothing can be measured, and nothing is wrong with the star table: its stars are beside the pixels."""
    scene, cube = quick
    stars = scene.catalogue_stars.select(np.arange(1))
    beside = stars.moved(cube.stamp.row_min - 4 - stars.row[0], cube.stamp.col_min + 3 - stars.column[0])
    kernel = measure_motion([cube], beside, one_prf, MotionSettings())
    assert kernel.bad.all()
    shifts = np.asarray(kernel.shifts(*cube.stamp.center))
    assert np.ptp(shifts, axis=-1).max() == 0
    assert np.abs(shifts).max() < 0.02


def test_no_usable_pixel_is_refused(quick, one_prf):
    scene, cube = quick
    with pytest.raises(FitError, match="no pixel is measured in any cadence"):
        measure_motion(
            [replace(cube, images=np.full_like(cube.images, np.nan))], scene.catalogue_stars, one_prf, MotionSettings()
        )


@pytest.mark.parametrize("flagged", [False, True])
def test_patches_without_pixels_leave_the_motion_to_the_others(quick, one_prf, flagged):
    """Of a dead output, or masked in all cadences but flagged ones."""
    scene, cube = quick
    cube = with_header(cube, quality=np.where(np.arange(cube.n_cadence) == 5, 8, cube.quality).astype(np.int32))
    patches = [cube.cut(tile.stamp) for tile in tiles_of(cube.stamp, 12, 0)]
    seen = flagged & (cube.quality != 0)
    patches[1] = replace(patches[1], images=np.where(seen[:, None, None], patches[1].images, np.float32(np.nan)))
    settings = MotionSettings(n_round=2)
    found, alone = (
        measure_motion(some, scene.catalogue_stars, one_prf, settings) for some in (patches, [patches[0], *patches[2:]])
    )
    good = cube.quality == 0
    np.testing.assert_allclose(found.shifts(300, 600), alone.shifts(300, 600), atol=1e-4)
    np.testing.assert_allclose(found.parameters[good][:, [0, 3]].mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(found.offset, alone.offset, atol=1e-4)
    learnt = learn_prf(patches, scene.catalogue_stars, one_prf, found, PrfSettings(), settings)
    assert not learnt.kernel.bad[good].any()


def test_a_part_of_a_ccd_without_pixels_keeps_the_offset_of_the_ccd(quick, one_prf):
    scene, cube = quick
    kernel, settings = true_kernel(scene), MotionSettings()
    dark = replace(cube, images=np.full_like(cube.images, np.nan))
    assert kernel_at(dark, scene.catalogue_stars, one_prf, kernel, settings) == (kernel, NO_STARS)


def test_a_part_of_a_ccd_is_placed_by_the_cadences_that_it_was_measured_in(quick, one_prf):
    """Output D of a CCD in sector 1 is masked while Mars is in the field."""
    scene, cube = quick
    some = np.arange(cube.n_cadence) % 3 == 0
    truth, settings = true_kernel(scene), MotionSettings()
    masked = replace(cube, images=np.where(some[:, None, None], cube.images, np.float32(np.nan)))
    own, _ = kernel_at(masked, scene.catalogue_stars, one_prf, replace(truth, offset=(0.0, 0.0)), settings)
    np.testing.assert_allclose(_difference(own, scene).mean(axis=2), 0, atol=6e-3)


def test_no_patch_is_laid_on_stars_without_pixels(quick, tmp_path):
    """The brightest stars are on dark pixels: a patch there would show nothing."""
    scene, cube = quick
    dark = tiles_of(cube.stamp, 8, 0)[0].stamp
    images = cube.images.copy()
    images[(slice(None), *dark.slices_in(cube.stamp))] = np.nan
    path = tmp_path / "cube.hdf5"
    write_cube(path, replace(cube, images=images), {})
    row, column = dark.center
    here = Stars(np.array([1]), np.array([row]), np.array([column]), np.array([8.0]))
    patches = stored_patches(
        path, read_cube_header(path), here.with_others(scene.catalogue_stars), MotionSettings(tile_size=8, n_patch=2)
    )
    assert len(patches) == 4
    assert dark not in [patch.stamp for patch in patches]


def test_outliers_are_what_is_unusual_for_a_pixel():
    rng = np.random.default_rng(8)
    residual = rng.normal(size=(50, 200)).astype(np.float32)
    residual[7] *= 30
    residual[9] += 20
    residual[3, 60] = 9.0
    found = outliers(residual, np.ones(50), 6.0)
    np.testing.assert_array_equal(np.argwhere(found), [[3, 60]])


def test_few_cadences_do_not_show_what_is_usual():
    residual = np.zeros((10, 3), dtype=np.float32)
    residual[4, 1], residual[5, 2] = 13.0, 11.0
    np.testing.assert_array_equal(np.argwhere(outliers(residual, np.ones(10), 6.0)), [[4, 1]])


def test_euclidian_motion_has_neither_scale_nor_shear(quick, one_prf):
    kernel = _quick_motion(quick, one_prf, mode="euclidian")
    _, a1, a2, _, b1, b2 = (kernel.parameters - kernel.parameters.mean(axis=0))[:, :6].T
    np.testing.assert_allclose(a1, 0, atol=1e-10)
    np.testing.assert_allclose(b2, 0, atol=1e-10)
    np.testing.assert_allclose(a2, -b1, atol=1e-10)
    assert np.abs(a2).max() > 1e-9


def test_motion_that_is_known_stays(quick, one_prf):
    """Only the offset is measured."""
    scene, cube = quick
    known = replace(true_kernel(scene), source="wcs", offset=(0.0, 0.0))
    kernel = measure_motion([cube], scene.catalogue_stars, one_prf, MotionSettings(n_round=3), known)
    np.testing.assert_allclose(kernel.parameters[:, [0, 3]], known.parameters[:, [0, 3]], atol=1e-10)
    np.testing.assert_allclose(_difference(kernel, scene)[:, 2].mean(axis=1), 0, atol=5e-3)


def test_patches_of_other_cadences_are_refused(quick, one_prf):
    scene, cube = quick
    other = with_header(cube, cadenceno=cube.cadenceno + 1)
    with pytest.raises(FitError, match="other cadences"):
        measure_motion([cube, other], scene.catalogue_stars, one_prf, MotionSettings())


def test_a_part_of_a_ccd_finds_its_own_offset(quick, one_prf):
    """The offset of the CCD is off by some hundredths of a pixel there; the motion stays."""
    scene, cube = quick
    truth = true_kernel(scene)
    wrong = replace(truth, offset=(truth.offset[0] + 0.04, truth.offset[1] - 0.03), source="pixels")
    own, unlisted = kernel_at(cube, scene.catalogue_stars, one_prf, wrong, MotionSettings())
    assert len(unlisted) == 0
    before, after = (_difference(kernel, scene).mean(axis=2) for kernel in (wrong, own))
    assert np.abs(before).min() > 0.02
    np.testing.assert_allclose(after, 0, atol=5e-3)
    np.testing.assert_allclose(own.parameters[:, [0, 3]] - truth.parameters[:, [0, 3]], 0, atol=1e-9)


def test_a_part_of_a_ccd_without_stars_keeps_the_offset_of_the_ccd(quick, one_prf):
    scene, cube = quick
    kernel = true_kernel(scene)
    same, unlisted = kernel_at(cube, scene.catalogue_stars.moved(500, 0), one_prf, kernel, MotionSettings())
    assert same is kernel
    assert len(unlisted) == 0


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(("tmag", "largest"), [(11.0, 8e-4), (14.0, 6e-3)])
def test_a_saturated_star_does_not_move_its_neighbour(one_prf, tmag, largest, seed):
    """Jitter of 2 and 4 millipixel of a star of T=5 that bleeds, and of a faint one at 8 px from it."""
    stamp, rng = Stamp(500, 517, 700, 717), np.random.default_rng(seed)
    stars = make_stars([507.8, 512.6], [707.3, 713.2], [5.0, tmag])
    true = rng.normal(0, 1, (2, 100)) * np.array([[0.002], [0.004]])
    total = exact_images(one_prf, stars, stamp, *true) + SKY
    bleed(total, SATURATION_E_S)
    cube = make_cube(stamp, total - SKY, rng)
    kernel = measure_motion([cube], stars, one_prf, MotionSettings())
    assert not kernel.bad.any()
    error = kernel.parameters[:, [0, 3]].T - true
    assert np.std(error, axis=1).max() < largest
    found = fit(cube, stars, one_prf, kernel)
    flux, flux_err = found.flux.astype(np.float64), np.median(found.flux_err, axis=1)
    np.testing.assert_allclose(flux.mean(axis=1), stars.flux, rtol=3e-3)
    assert (np.std(flux, axis=1) < 1.3 * flux_err).all()
    assert flux_err[0] < 2e-5 * 1.3 * stars.flux[0]
