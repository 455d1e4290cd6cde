"""Simulated full-frame images: stars as exact rendering has them, light and noise as the truth says."""

import numpy as np
import pytest

from photometry.core.constants import FRAME_SHAPE
from photometry.core.geometry import SCIENCE_AREA, Stamp
from photometry.prf.model import model_prf
from photometry.simulate.ccd import frames_of, simulate_ccd
from photometry.simulate.ccd_exposure import SMEAR_ROWS
from photometry.simulate.ccd_motion import AffineMotion, draw_motion, like_motion, shift_ranges
from photometry.simulate.ccd_settings import BAD_FRAMES, CcdSettings
from photometry.simulate.render import render_stars
from photometry.simulate.rendered_stars import REACH, StarStamps, expand

PRF = model_prf()
#: A few stars, four frames.
FEW = {"n_cadence": 4, "density": 2.0, "n_pairs": 2, "seed": 3, "variable_fraction": 0.3}
#: Nothing but the stars.
DARK = {
    "sky": 0.0,
    "scattered_light": 0.0,
    "glare": 0.0,
    "corner_glow": 0.0,
    "noise": False,
    "cosmic_ray_fraction": 0.0,
}
SCIENCE_PIXELS = np.s_[:2048, 44:2092]


def _drifting(reach: float, rng: np.random.Generator) -> AffineMotion:
    """Motion over a square of `reach` on either side, with some roll."""
    parameters = np.zeros((12, 2, 3))
    parameters[:, :, 0] = rng.uniform(-reach, reach, (12, 2))
    parameters[:, 0, 2], parameters[:, 1, 1] = 1.5e-5, -1.5e-5
    return AffineMotion(parameters)


@pytest.mark.parametrize("reach", [0.02, 0.08])
def test_expanded_images_are_within_1e_4_of_the_peak(reach):
    rng = np.random.default_rng(1)
    motion, stamp = _drifting(reach, rng), Stamp(1500, 1540, 1600, 1640)
    row, column = rng.uniform(1500, 1539, 12), rng.uniform(1600, 1639, 12)
    cadences = np.arange(12)
    assert len(like_motion(motion, stamp, REACH)) == 1
    for star in range(len(row)):
        place = row[star : star + 1], column[star : star + 1]
        made = expand(StarStamps(PRF, *place), np.ones(1, dtype=np.float32), stamp, 8, motion, cadences)
        exact = render_stars(PRF, stamp, *place, np.ones((1, 12)), motion, [cadences])
        for cadence in cadences:
            assert np.abs(made.image(motion, cadence) - exact[cadence]).max() < 3e-5 * exact[cadence].max()


@pytest.mark.realdata
def test_expanded_images_with_a_real_prf_are_within_1e_4_of_the_peak(tess_data):
    from photometry.io.reference.prf_files import read_spoc_prf

    prf = read_spoc_prf(tess_data / "prf" / "start_s0001_cam1_ccd4", 1, 1, 4)
    rng = np.random.default_rng(2)
    motion, stamp, cadences = _drifting(0.08, rng), Stamp(1500, 1540, 1600, 1640), np.arange(12)
    for place in rng.uniform([1510, 1610], [1530, 1630], (10, 2)):
        row, column = place[:1], place[1:]
        made = expand(StarStamps(prf, row, column), np.ones(1, dtype=np.float32), stamp, 8, motion, cadences)
        exact = render_stars(prf, stamp, row, column, np.ones((1, 12)), motion, [cadences])
        for cadence in cadences:
            assert np.abs(made.image(motion, cadence) - exact[cadence]).max() < 1e-4 * exact[cadence].max()


def test_groups_of_cadences_are_within_reach_and_hold_every_cadence_once():
    motion, quality, _ = draw_motion(CcdSettings(n_cadence=300, seed=2), np.random.default_rng(5))
    low, high = shift_ranges(motion, SCIENCE_AREA)
    groups = like_motion(motion, SCIENCE_AREA, REACH)
    assert sorted(np.concatenate(groups)) == list(range(300))
    for group in groups:
        assert (high[group].max(axis=0) - low[group].min(axis=0)).max() <= 2 * REACH
    assert set(quality) == {0, 4, 32}
    assert len(groups) < 12


@pytest.fixture(scope="module")
def dark():
    ccd = simulate_ccd(CcdSettings(**FEW, **DARK), PRF)
    return ccd, {frame.cadence: frame for frame in frames_of(ccd, PRF)}


def test_frames_are_those_of_exact_rendering(dark):
    """All of it: variable stars, their fluxes, motion, PRF of the place, edges of the CCD."""
    ccd, frames = dark
    true = ccd.population
    flux = ccd.flux_of(np.arange(len(true.tmag)))
    exact = render_stars(PRF, SCIENCE_AREA, true.row, true.column, flux, ccd.motion, [np.arange(4)])
    assert sorted(frames) == [0, 1, 2, 3]
    assert (np.ptp(flux, axis=1) > 0).sum() > 50
    brightest = np.maximum.reduce([exact[k] for k in range(4)])
    for cadence, frame in frames.items():
        error = np.abs(frame.image[SCIENCE_PIXELS] - np.maximum(exact[cadence], 0))
        for star in np.argsort(true.tmag)[:40]:
            row, column = round(true.row[star]), round(true.column[star])
            window = np.s_[max(row - 6, 0) : row + 7, max(column - 50, 0) : column - 37]
            if brightest[window].size:
                assert error[window].max() < 1e-4 * brightest[window].max()


def test_the_pixels_that_see_no_sky_are_dark_but_for_smear(dark):
    frames = dark[1]
    image = frames[0].image.copy()
    assert image.shape == FRAME_SHAPE == (2078, 2136)
    smear = image[SMEAR_ROWS, 44:2092]
    np.testing.assert_allclose(smear[0], image[SCIENCE_PIXELS].mean(axis=0) / 99, rtol=1e-3, atol=1e-5)
    image[SCIENCE_PIXELS], image[SMEAR_ROWS, 44:2092] = 0, 0
    assert not image.any()


def test_noise_and_background_are_what_the_truth_says():
    ccd = simulate_ccd(CcdSettings(n_cadence=2, density=0.0, n_pairs=0, seed=4), PRF)
    for frame in frames_of(ccd, PRF):
        light, errors = ccd.light.image(frame.cadence), frame.errors[SCIENCE_PIXELS]
        pulls = (frame.image[SCIENCE_PIXELS] - light) / errors
        row, column, charge = ccd.cosmic_rays(frame.cadence)
        assert 300 < len(row) < 550
        assert (pulls[row, column] > 0.5 * charge / 1425.6 / errors[row, column] - 5).all()
        pulls[row, column] = np.nan
        assert np.nanstd(pulls) == pytest.approx(1, abs=0.003)
        assert abs(np.nanmean(pulls)) < 0.003
        variance = light / 1425.6 + ccd.settings.exposure.read_variance(np.arange(44, 2092))
        np.testing.assert_allclose(np.median(errors**2 / variance), 1, atol=1e-3)
        for columns in (np.s_[:44], np.s_[2092:]):
            assert 0.1 < frame.image[:, columns].std() < 0.25


def test_light_has_a_corner_glow_straps_and_fast_changes():
    settings = CcdSettings(n_cadence=60, density=0.0, n_pairs=0, seed=4, flicker=0.3)
    light = simulate_ccd(settings, PRF).light
    frame = light.image(0)
    assert frame.shape == (2048, 2048)
    near_axis, far = light.image(0, slice(2030, 2040), slice(44, 54)), light.image(0, slice(0, 10), slice(2080, 2090))
    assert far.mean() - near_axis.mean() > 80
    np.testing.assert_array_equal(light.image(7, slice(500, 520), slice(300, 340)), light.image(7)[500:520, 256:296])
    assert np.count_nonzero(light.straps) == 116
    strap = int(np.argmax(light.straps))
    outside = next(column for column in range(strap, 2048) if light.straps[column] == 0)
    ratio = frame[:, strap] / frame[:, outside]
    assert np.median(ratio) == pytest.approx(1 + light.straps[strap], abs=3e-3)
    middles = np.array([light.image(k, slice(1000, 1001), slice(1000, 1001))[0, 0] for k in range(60)])
    assert np.abs(np.diff(middles)).max() > 30
    assert middles.min() > 50


def test_equal_settings_give_equal_frames_and_one_frame_does_not_need_the_others(dark):
    frames = dark[1]
    (frame,) = frames_of(simulate_ccd(CcdSettings(**FEW, **DARK), PRF), PRF, np.array([2]))
    np.testing.assert_array_equal(frame.image, frames[2].image)
    np.testing.assert_array_equal(frame.errors, frames[2].errors)


def test_saturated_stars_bleed_along_columns():
    settings = CcdSettings(
        n_cadence=1, density=0.0, n_pairs=0, extra_tmags=(4.0,), saturation=True, variable_fraction=0.0, **DARK
    )
    ccd = simulate_ccd(settings, PRF)
    (frame,) = frames_of(ccd, PRF)
    full = np.argwhere(frame.image >= 0.999 * settings.full_well_e_s)
    assert np.ptp(full[:, 0]) > 5 * np.ptp(full[:, 1]) > 0
    total = frame.image[SCIENCE_PIXELS].sum(dtype=np.float64)
    assert total == pytest.approx(float(ccd.flux_of(np.array([0]))[0, 0]), rel=1e-4)


def test_bad_frames_are_drawn_but_not_the_first_or_the_middle_one():
    for seed in range(20):
        bad = simulate_ccd(CcdSettings(n_cadence=16, seed=seed, density=0.0, bad_frames=tuple(BAD_FRAMES)), PRF).bad
        assert sorted(bad[bad != ""]) == sorted(BAD_FRAMES)
        assert bad[0] == bad[8] == ""
