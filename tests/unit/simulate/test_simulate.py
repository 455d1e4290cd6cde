"""Simulated scenes: what is asked for is there, and the pixels are what the truth says."""

import math
from dataclasses import fields

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from photometry.core.errors import ConfigError
from photometry.core.quality import PIXEL_FLAGS, flagged
from photometry.core.stars import flux_of_tmag
from photometry.prf.model import model_prf
from photometry.simulate import (
    CcdSettings,
    Scene,
    SceneSettings,
    blurred_prf,
    cube_of_scene,
    intrapixel_prf,
    settings_from_mapping,
    simulate_scene,
    true_kernel,
)
from photometry.simulate.sky_light import epoch_year

PRF = model_prf()
#: No defects, no noise.
CLEAN = {"noise": False, "nan_fraction": 0.0, "cosmic_ray_fraction": 0.0}


def _scene(**changes) -> Scene:
    small = {"n_row": 24, "n_column": 20, "n_cadence": 60, "density": 1500.0, "seed": 5}
    return simulate_scene(SceneSettings(**{**small, **changes}), PRF)


@pytest.fixture(scope="module")
def scene() -> Scene:
    return _scene()


def test_equal_settings_give_equal_scenes_and_seeds_differ(scene):
    again, other = _scene(), _scene(seed=6)
    np.testing.assert_array_equal(again.pixels, scene.pixels)
    assert again.wcs_header == scene.wcs_header
    assert other.population.row[0] != scene.population.row[0]


def test_a_defect_more_does_not_change_stars_motion_or_noise(scene):
    other = _scene(dead_pixels=3, nan_fraction=0.01)
    np.testing.assert_array_equal(other.flux, scene.flux)
    np.testing.assert_array_equal(other.motion.roll, scene.motion.roll)
    both = np.isfinite(other.pixels) & np.isfinite(scene.pixels) & ~other.dead
    assert both.mean() > 0.95
    np.testing.assert_array_equal(other.pixels[both], scene.pixels[both])


def test_noise_is_what_the_errors_say():
    noisy = _scene(nan_fraction=0.0, cosmic_ray_fraction=0.0)
    clean = _scene(**CLEAN)
    pulls = (noisy.pixels - clean.pixels) / noisy.errors
    assert pulls.std() == pytest.approx(1.0, abs=0.02)
    assert abs(pulls.mean()) < 0.03
    read = noisy.settings.exposure.read_variance(noisy.settings.stamp.col_min)
    expected = np.sqrt(clean.pixels / noisy.settings.exposure.exposure_s + read)
    np.testing.assert_allclose(noisy.errors, expected, rtol=0.05)


def test_background_is_the_rest_of_the_pixels():
    empty = _scene(density=0.0, **CLEAN)
    np.testing.assert_allclose(empty.pixels, empty.background.images(), rtol=1e-6)
    middle = empty.pixels[:, 12, 10]
    assert middle.min() > 100
    assert 250 < middle.max() - middle.min() < 450
    assert np.ptp(empty.pixels, axis=(1, 2)).max() < 0.15 * middle.max()


def test_stars_are_as_dense_and_as_bright_as_asked_for():
    many = _scene(density=20_000.0, n_cadence=1, **CLEAN).population
    area = 40 * 36 * (21 / 3600) ** 2
    for tmag in (14.0, 16.0):
        expected = 20_000 * area * 10 ** (0.32 * (tmag - 16))
        assert (many.tmag < tmag).sum() == pytest.approx(expected, abs=4 * np.sqrt(expected))
    assert many.tmag[: -len(many.pairs)].min() >= 7.0
    assert many.tmag[: -len(many.pairs)].max() <= 18.0
    assert len(set(many.starid)) == len(many.starid)
    assert (many.kind != "const").mean() == pytest.approx(0.06, abs=0.02)
    assert set(many.kind) == {"const", "sine", "transit", "eb"}


def test_a_field_may_have_no_stars():
    assert len(_scene(density=0.0, n_cadence=2).stars) == 0


def test_extra_stars_are_there_and_the_first_is_in_the_middle():
    population = _scene(extra_tmags=(10.5, 9.5), n_cadence=1, density=10.0, **CLEAN).population
    target = int(np.flatnonzero(population.tmag == 10.5)[0])
    assert np.hypot(population.row[target] - 523.5, population.column[target] - 1253.5) < 0.8
    assert 9.5 in population.tmag


def test_eclipsing_neighbours_stand_beside_constant_stars():
    scene = _scene(n_row=64, n_column=64, n_cadence=150, **CLEAN)
    population = scene.population
    hosts, neighbours = population.pairs.T
    assert len(hosts) == 12
    assert set(population.kind[hosts]) == {"const"}
    assert set(population.kind[neighbours]) == {"eb"}
    distance = np.hypot(*(values[hosts] - values[neighbours] for values in (population.row, population.column)))
    np.testing.assert_allclose(distance, population.separation)
    assert distance.min() >= 0.7
    assert distance.max() <= 2.5
    depth = 1 - scene.flux[neighbours].min(axis=1) / scene.flux[neighbours].max(axis=1)
    assert (depth > 0.15).all()
    constant = population.kind == "const"
    np.testing.assert_array_equal(scene.flux[constant], scene.flux[constant][:, :1] * np.ones((1, 150), np.float32))
    np.testing.assert_allclose(scene.flux[constant, 0], flux_of_tmag(population.tmag[constant]), rtol=1e-6)


def test_motion_drifts_jitters_and_jumps_in_flagged_cadences():
    scene = _scene(n_cadence=1000, n_row=4, n_column=4, excursion_fraction=0.02, density=10.0, **CLEAN)
    row, column = scene.settings.stamp.center
    shifts = np.array(scene.motion.shifts_at(row, column))
    good = scene.quality == 0
    assert set(scene.quality) == {0, 4}
    assert (~good).mean() == pytest.approx(0.02, abs=0.012)
    for shift in shifts:
        assert shift[good].mean() == pytest.approx(0.0, abs=1e-9)
        assert np.ptp(shift[good]) == pytest.approx(0.1, abs=0.05)
        jitter = np.diff(shift)[good[1:] & good[:-1]].std() / np.sqrt(2)
        assert jitter == pytest.approx(0.006, rel=0.1)
    assert np.hypot(*shifts[:, ~good]).mean() == pytest.approx(0.4, abs=0.08)
    assert 1.5e-5 < np.ptp(scene.motion.roll) < 2.7e-5


def test_light_moves_to_a_blurred_prf_and_back_twice():
    changes = {"focus_share": 0.2, "drift_pix": 0.0, "jitter_pix": 0.0, "roll_rad": 0.0, "glare": 0.0, **CLEAN}
    flat = {"scattered_light": 0.0, "excursion_fraction": 0.2, "excursion_pix": 0.0, "variable_fraction": 0.0}
    scene = _scene(n_cadence=21, n_pairs=0, **changes, **flat)
    share = scene.blurred_share
    np.testing.assert_allclose(share, 0.2 * np.concatenate([np.linspace(0, 1, 11), np.linspace(0, 1, 10)]))
    assert (scene.quality != 0).any()
    np.testing.assert_array_equal(scene.pixels[11], scene.pixels[0])
    change = scene.pixels[10] - scene.pixels[0]
    np.testing.assert_allclose(scene.pixels, scene.pixels[0] + share[:, None, None] / 0.2 * change, rtol=1e-5)
    star = int(
        np.argmax(np.where(scene.settings.stamp.contains(scene.stars.row, scene.stars.column), scene.flux[:, 0], 0))
    )
    middle = np.rint([scene.stars.row[star] - 512, scene.stars.column[star] - 1244]).astype(int)
    assert change[tuple(middle)] == change.min()
    blurred = _scene(n_cadence=1, n_pairs=0, **{**changes, "focus_share": 0.0}, **flat)
    assert blurred.blurred_share.tolist() == [0.0]


def test_light_that_has_moved_altogether_is_that_of_the_blurred_prf():
    changes = {"n_row": 12, "n_column": 12, "n_cadence": 4, "n_pairs": 0, "variable_fraction": 0.0, **CLEAN}
    wide = simulate_scene(SceneSettings(**changes), blurred_prf(PRF, 0.5))
    moved = simulate_scene(SceneSettings(focus_share=1.0, focus_blur_pix=0.5, **changes), PRF)
    assert moved.blurred_share.tolist() == [0.0, 1.0, 0.0, 1.0]
    np.testing.assert_allclose(moved.pixels[1::2], wide.pixels[1::2], rtol=1e-6)


def test_pixels_may_see_less_near_their_edges():
    changes = {"n_cadence": 2, "n_pairs": 0, **CLEAN}
    expected = simulate_scene(SceneSettings(n_row=12, n_column=12, **changes), intrapixel_prf(PRF, 0.1))
    scene = simulate_scene(SceneSettings(n_row=12, n_column=12, intrapixel_loss=0.1, **changes), PRF)
    np.testing.assert_array_equal(scene.pixels, expected.pixels)
    assert scene.prf_source == "model, edges of pixels less by 0.1"


def test_the_true_kernel_is_the_true_motion(scene):
    kernel = true_kernel(scene)
    row, column = scene.population.row, scene.population.column
    row_shift, column_shift = kernel.shifts(row, column)
    for star in (0, len(row) - 1):
        expected = scene.motion.shifts_at(row[star], column[star])
        np.testing.assert_allclose((row_shift[star], column_shift[star]), expected, atol=1e-12)
    assert np.hypot(*kernel.offset) == pytest.approx(0.075)


@pytest.mark.parametrize(("ra", "dec"), [(84.0, -78.0), (0.001, 10.0), (359.999, -30.0), (120.0, 89.97), (10.0, -90.0)])
def test_catalogue_and_written_wcs_lead_to_the_stars_but_for_the_offset(ra, dec):
    scene = _scene(ra=ra, dec=dec, sip_per_pix=2e-5, n_cadence=2, proper_motion_mas=50.0, **CLEAN)
    wcs = WCS(fits.Header.fromstring(scene.wcs_header))
    # Straight motion of the direction vector through J2000, written another way than in the simulator.
    catalogue, years = scene.catalogue, epoch_year(scene.time) - 2000
    a, d = np.deg2rad(catalogue.ra), np.deg2rad(catalogue.dec)
    pm = np.deg2rad(np.stack([catalogue.pm_ra, catalogue.pm_decl]) * years / 3.6e6)
    x = np.cos(d) * np.cos(a) - pm[0] * np.sin(a) - pm[1] * np.sin(d) * np.cos(a)
    y = np.cos(d) * np.sin(a) + pm[0] * np.cos(a) - pm[1] * np.sin(d) * np.sin(a)
    z = np.sin(d) + pm[1] * np.cos(d)
    column, row = wcs.all_world2pix(np.rad2deg(np.arctan2(y, x)), np.rad2deg(np.arctan2(z, np.hypot(x, y))), 0)
    np.testing.assert_allclose(scene.population.row - row, scene.offset[0], atol=1e-5)
    np.testing.assert_allclose(scene.population.column - column, scene.offset[1], atol=1e-5)
    np.testing.assert_allclose(scene.catalogue_stars.row, row, atol=1e-5)
    assert ((catalogue.ra >= 0) & (catalogue.ra < 360)).all()
    assert (catalogue.stars.tmag - scene.population.tmag).std() == pytest.approx(0.03, rel=0.3)


def test_times_are_barycentric(scene):
    np.testing.assert_allclose(np.diff(scene.time - scene.timecorr), 1800 / 86400, atol=1e-7)


@pytest.mark.realdata
def test_barycentric_correction_is_that_of_a_real_star_but_for_the_orbit_of_tess(tess_data):
    with fits.open(next((tess_data / "reference").glob("tess2018206045859*_lc.fits"))) as hdus:
        place = {"ra": hdus[0].header["RA_OBJ"], "dec": hdus[0].header["DEC_OBJ"]}
        time, timecorr = (np.array(hdus[1].data[name], dtype=np.float64) for name in ("TIME", "TIMECORR"))
    scene = _scene(**place, n_cadence=1200, n_row=2, n_column=2, density=10.0, **CLEAN)
    inside = (time > scene.time[0]) & (time < scene.time[-1])
    simulated = np.interp(time[inside], scene.time, scene.timecorr)
    np.testing.assert_allclose(simulated * 86400, timecorr[inside] * 86400, atol=1.5)


@pytest.mark.parametrize(
    ("cadence_s", "num_readouts", "exposure_s"),
    [(1800, 720, 1425.6), (600, 240, 475.2), (120, 48, 95.04), (20, 10, 19.8)],
)
def test_readouts_are_those_of_tess(cadence_s, num_readouts, exposure_s):
    exposure = SceneSettings(cadence_s=cadence_s).exposure
    assert exposure.num_readouts == num_readouts
    assert exposure.exposure_s == pytest.approx(exposure_s)


def test_defects_are_as_many_as_asked_for_and_known():
    clean = _scene(nan_fraction=0.0, cosmic_ray_fraction=0.0)
    scene = _scene(nan_fraction=0.002, cosmic_ray_fraction=0.001, dead_pixels=4, untimed_fraction=0.1)
    untimed = np.isnan(scene.time)
    assert untimed.mean() == pytest.approx(0.1, abs=0.1)
    assert np.isnan(scene.pixels[untimed]).all()
    assert scene.dead.sum() == 4
    assert np.isnan(scene.pixels[:, scene.dead]).all(axis=0).sum() == 2
    usual = scene.pixels[~untimed][:, ~scene.dead]
    assert np.isnan(usual).mean() == pytest.approx(0.002, rel=0.3)
    hit = scene.cosmic_ray_mask & np.isfinite(scene.pixels) & ~scene.dead
    assert (scene.pixels[hit] > clean.pixels[hit]).all()
    usual_pixels = np.isfinite(scene.pixels) & ~scene.cosmic_ray_mask & ~scene.dead
    np.testing.assert_array_equal(scene.pixels[usual_pixels], clean.pixels[usual_pixels])


def test_the_cube_leaves_out_rows_without_a_time():
    scene = _scene(untimed_fraction=0.2, dead_pixels=2)
    cube, timed = cube_of_scene(scene), np.isfinite(scene.time)
    assert cube.n_cadence == timed.sum() < 60
    measured = cube.images + cube.backgrounds
    np.testing.assert_allclose(measured, scene.pixels[timed], rtol=1e-5, atol=1e-4)
    assert flagged(PIXEL_FLAGS, cube.pixel_flags, "dead").all(axis=0).sum() == 2
    np.testing.assert_array_equal(flagged(PIXEL_FLAGS, cube.pixel_flags, "not_measured"), np.isnan(scene.pixels[timed]))


def test_bright_stars_bleed_when_asked_for():
    scene = _scene(extra_tmags=(4.5,), saturation=True, n_cadence=3, n_row=40, density=10.0, **CLEAN)
    assert scene.pixels.max() == pytest.approx(1e5)
    full = scene.pixels[0] > 0.99e5
    assert full.sum(axis=0).max() > 5
    assert full.any(axis=0).sum() < 5


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"densitty": 1.0}, "unknown scene setting densitty"),
        ({"density": "high"}, "density is 'high', expected float"),
        ({"n_row": 3.5}, "n_row is 3.5, expected int"),
        ({"noise": 1}, "noise is 1, expected bool"),
        ({"extra_tmags": ["bright"]}, "extra_tmags is .*, expected a list of numbers"),
        ({"extra_tmags": 9.0}, "extra_tmags is 9.0, expected a list of numbers"),
        ({"gain_e_per_adu": [5.0]}, "gain_e_per_adu needs 4 numbers, got 1"),
        ({"nan_fraction": 2.0}, "nan_fraction is 2.0, expected 0 to 1"),
        ({"density": -1.0}, "density is -1.0, expected 0 to 1e\\+09"),
        ({"n_cadence": 0}, "n_cadence is 0, expected 1 to 1e\\+06"),
        ({"camera": 5}, "camera is 5, expected 1 to 4"),
        ({"dec": 91}, "dec is 91.0, expected -90 to 90"),
        ({"cadence_s": 7}, "cadence_s is 7"),
        ({"brightest_tmag": 19.0}, "brightest_tmag must be below"),
        ({"sky": math.inf}, "sky is inf, expected 0 to"),
        ({"rotation_deg": math.nan}, "rotation_deg is nan, expected -360 to 360"),
        ({"extra_tmags": [9.0, math.nan]}, "extra_tmags is .9.0, nan., expected -30 to 30"),
        ({"seed": 10**20}, "seed is 100000000000000000000, expected 0 to"),
        ({3: 1}, "unknown scene setting 3; known are"),
    ],
)
def test_wrong_settings_are_named(values, message):
    with pytest.raises(ConfigError, match=message):
        settings_from_mapping(values, SceneSettings)


@pytest.mark.parametrize("kind", [SceneSettings, CcdSettings])
def test_every_number_of_a_scene_has_a_range(kind):
    for field in fields(kind):
        numbers = field.default if isinstance(field.default, tuple) else (field.default,)
        if field.name == "bad_frames" or not all(type(number) in (int, float) for number in numbers):
            continue
        for wrong in (math.nan, math.inf, -math.inf, 1e20, -1e20):
            value = (wrong,) * max(len(numbers), 1) if isinstance(field.default, tuple) else wrong
            with pytest.raises(ConfigError, match=field.name):
                kind(**{field.name: value})


def test_settings_come_from_plain_values():
    settings = settings_from_mapping({"density": 2000, "extra_tmags": [9, 10.5], "noise": False}, SceneSettings)
    assert settings == SceneSettings(density=2000.0, extra_tmags=(9.0, 10.5), noise=False)


def test_shared_systematics_are_in_the_pixels_and_not_in_the_truth():
    """Relative changes of bright stars are those that were asked for, and alike; nothing else of the scene changes."""
    changes = {"n_row": 24, "n_column": 24, "n_cadence": 200, "n_pairs": 0, "variable_fraction": 0.0, **CLEAN}
    plain = simulate_scene(SceneSettings(**changes), PRF)
    shared = simulate_scene(SceneSettings(shared_systematics=0.01, **changes), PRF)
    np.testing.assert_array_equal(shared.flux, plain.flux)
    difference = (shared.pixels - plain.pixels).sum(axis=(1, 2)) / plain.pixels.sum(axis=(1, 2))
    assert 0.002 < np.std(difference) < 0.03
