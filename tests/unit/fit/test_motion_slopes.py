"""What a wrong PRF adds in step with the motion leaves the fluxes; what the stars vary in step with it stays."""

from types import SimpleNamespace

import numpy as np
import pytest
from scenes import fit
from small_tiles import exact_images, lopsided_prf, make_cube, make_stars

import photometry.fit.motion_directions as directions
import photometry.fit.tile_photometry as steps
from photometry.calibration.kernel import N_AFFINE, N_MOTION, MovementKernel
from photometry.core.geometry import Stamp
from photometry.scene.tile_state import TileMotion
from photometry.simulate import blurred_prf, mixed_prf

_STAMP = Stamp(100, 124, 600, 624)
_N_CADENCE = 300
#: Movement along rows and columns: seven places within a node or two.
_PLACES = np.array([[-0.05, -0.03, 0.0, 0.04, 0.06, -0.01, 0.02], [0.05, -0.06, 0.02, -0.02, 0.01, 0.03, -0.04]])
_WHERE = np.random.default_rng(3).integers(0, 7, _N_CADENCE)
_GIVEN = lopsided_prf()
#: Off by 2 % of the peak.
_TRUE = mixed_prf(_GIVEN, blurred_prf(_GIVEN, 0.35), 0.1)
#: A close pair of T=9 and 10 at 0.9 px, and five others.
_ROW, _COLUMN = [112.3, 112.8, 105.2, 118.1, 106.0, 119.4, 104.8], [611.8, 612.6, 605.1, 606.0, 618.3, 618.8, 612.0]
_TMAG = [9.0, 10.0, 9.5, 10.5, 11.0, 12.0, 13.0]
#: Of the light that goes out of focus, pixels.
_BLUR = 0.35
_SHIFT = _PLACES[:, _WHERE]
_ALONG = (_SHIFT[0] - _SHIFT[0].mean()) / _SHIFT[0].std()


def _field(true_prf, trends, n_cadence=_N_CADENCE, scale=1.0, *, reach=1.0, faded=None, stars=None, out_of_focus=None):
    """Cube, stars and kernel, its motion too large by a factor; stars vary by shares of their flux in step with it.

    Places are `reach` times as far apart; `faded` is a star and by which share of its flux it changes; a share of the
    light is out of focus.
    """
    stars, where = make_stars(_ROW, _COLUMN, _TMAG) if stars is None else stars, _WHERE[:n_cadence]
    places = reach * _PLACES
    images = exact_images(true_prf, stars, _STAMP, *places)[where]
    if out_of_focus is not None:
        blurred = exact_images(blurred_prf(true_prf, _BLUR), stars, _STAMP, *places)[where]
        images += out_of_focus[:, None, None] * (blurred - images)
    if faded is not None:
        of_star = exact_images(true_prf, stars.select(np.array([faded[0]])), _STAMP, *places)[where]
        images += faded[1][:n_cadence, None, None] * of_star
    for star, share in trends.items():
        of_star = exact_images(true_prf, stars.select(np.array([star])), _STAMP, *places)[where]
        images += share * _ALONG[:n_cadence, None, None] * of_star
    parameters = np.zeros((n_cadence, N_MOTION))
    parameters[:, [0, 3]] = scale * places[:, where].T
    if out_of_focus is not None:
        parameters[:, [6, 8]] = out_of_focus[:, None] * _BLUR**2
    nothing, still = np.zeros((n_cadence, N_MOTION, N_MOTION)), np.zeros(n_cadence, dtype=bool)
    kernel = MovementKernel(_STAMP.center, 12.0, (0.0, 0.0), parameters, nothing, still, "pixels")
    return SimpleNamespace(cube=make_cube(_STAMP, images, np.random.default_rng(1)), stars=stars, kernel=kernel)


def _fitted(field):
    """Fit of a field; its slopes on the motion along rows in units of the scatter, as shares of the mean fluxes."""
    fitted = fit(field.cube, field.stars, _GIVEN, field.kernel)
    order = np.argsort(fitted.starid)
    flux = fitted.flux[order].astype(np.float64)
    mean = flux.mean(axis=1, keepdims=True)
    return SimpleNamespace(
        slopes=(flux / mean - 1) @ _ALONG[: flux.shape[1]] / flux.shape[1],
        deviation=flux - mean,
        error=fitted.flux_err[order],
    )


def _without(monkeypatch):
    """Leave out what this file is about."""
    monkeypatch.setattr(steps, "motion_slopes", lambda *_: None)


def test_a_wrong_prf_no_longer_moves_the_fluxes_of_a_pair(monkeypatch):
    """A motion measured with such a PRF is off by about a per cent; constant stars' slopes fall to a third."""
    field = _field(_TRUE, {}, scale=1.02)
    found = _fitted(field)
    _without(monkeypatch)
    before = _fitted(field)
    assert np.abs(before.slopes[:2]).max() > 3 * np.abs(found.slopes[:2]).max()
    assert np.abs(found.slopes[:2]).max() < 3e-4
    scatter = found.deviation[:2].std(axis=1) / np.median(found.error[:2], axis=1)
    assert ((scatter > 0.7) & (scatter < 1.1)).all()


@pytest.mark.parametrize("star", [2, 4])
@pytest.mark.parametrize("share", [0.001, 0.01])
def test_a_star_alone_keeps_what_it_varies_in_step_with_the_motion(star, share):
    """A star has no other variation: only its light, whose sum changes, says that it is not the PRF."""
    found = _fitted(_field(_TRUE, {star: share}))
    assert found.slopes[star] == pytest.approx(share, rel=0.03, abs=1.5e-4)


@pytest.mark.parametrize("true_prf", [_GIVEN, _TRUE], ids=["right", "wrong"])
@pytest.mark.parametrize("share", [0.001, 0.01, 0.03])
def test_a_pair_keeps_what_one_of_them_varies_in_step_with_the_motion(true_prf, share):
    """To two per cent, though it varies with nothing else; the other one gets no more than that of it."""
    found = _fitted(_field(true_prf, {0: share}))
    assert found.slopes[0] == pytest.approx(share, rel=0.02, abs=1.5e-4)
    assert abs(found.slopes[1]) < max(0.02 * share, 4e-4)


def test_a_right_prf_leaves_the_fluxes_as_they_were(monkeypatch):
    """To a tenth of their errors."""
    field = _field(_GIVEN, {})
    found = _fitted(field)
    _without(monkeypatch)
    before = _fitted(field)
    assert np.abs((found.deviation - before.deviation) / before.error).max() < 0.5
    assert np.median(found.error / before.error, axis=1) == pytest.approx(1, abs=0.03)


def test_few_cadences_and_stars_that_stand_still_have_no_slopes():
    """Sixty cadences would follow three per cent of the noise."""
    for field in (_field(_TRUE, {}, n_cadence=60), _field(_TRUE, {})):
        if field.cube.n_cadence > 60:
            field.kernel.parameters[:] = 0.0
        assert np.isfinite(_fitted(field).deviation).all()


def _beyond_the_movement(field, monkeypatch, least):
    """What fluxes have in step with moments and squares, over their errors, with a direction for `least` cadences."""
    with monkeypatch.context() as patch:
        patch.setattr(directions, "_CADENCES_EACH", least)
        found = _fitted(field)
    moved = field.kernel.parameters
    nothing = np.zeros((_N_CADENCE, 4))
    motion = TileMotion(moved[:, 0], moved[:, 3], nothing, moved[:, N_AFFINE:], nothing[:, :3])
    along = directions.motion_directions(motion, np.ones(_N_CADENCE, dtype=bool))[:, directions.N_SHIFT :]
    return np.sqrt(np.mean((found.deviation @ along / _N_CADENCE) ** 2, axis=1)) / np.median(found.error, axis=1)


def test_what_goes_with_the_focus_and_with_squares_of_the_motion_leaves_the_fluxes(monkeypatch):
    """A tenth of the light goes out of focus: of what follows that and the squares less than half is left in a pair."""
    field = _field(_TRUE, {}, reach=1.5, out_of_focus=0.1 * np.linspace(0, 1, _N_CADENCE))
    line, all_of_it = (_beyond_the_movement(field, monkeypatch, least)[:2] for least in (10**6, 16))
    assert all_of_it.max() < line.max() / 2


def test_an_eclipse_by_half_is_no_error_of_the_prf():
    """A star of T=9.5 that fades by half while it is on one side: its light moves with it, and stays its own."""
    eclipses = (_WHERE == 0) & (np.random.default_rng(2).random(_N_CADENCE) < 0.6)
    field = _field(_TRUE, {}, faded=(2, np.where(eclipses, -0.5, 0.0)))
    found = fit(field.cube, field.stars, _GIVEN, field.kernel)
    flux = found.flux[np.argsort(found.starid)][2].astype(np.float64)
    assert flux[eclipses].mean() / flux[~eclipses].mean() == pytest.approx(0.5, abs=1e-3)


def test_stars_beside_the_pixels_are_not_the_variable_ones(monkeypatch):
    """Only its wings are seen of the star that varies most; the one on the pixels has a profile of its own."""
    seen, profiles = [], steps.own_profiles

    def watched(scene, first, slopes, error):
        seen.append(scene.model.stars.starid[slopes.stars].tolist())
        return profiles(scene, first, slopes, error)

    monkeypatch.setattr(steps, "own_profiles", watched)
    row, column, tmag = [*_ROW, 121.0], [*_COLUMN, 627.0], [*_TMAG, 7.5]
    field = _field(_TRUE, {}, faded=(7, 0.4 * np.sin(np.arange(_N_CADENCE) / 9)), stars=make_stars(row, column, tmag))
    fit(field.cube, field.stars, _GIVEN, field.kernel)
    assert seen == [[]]
    seen.clear()
    field = _field(_TRUE, {}, faded=(2, 0.4 * np.sin(np.arange(_N_CADENCE) / 9)), stars=make_stars(row, column, tmag))
    fit(field.cube, field.stars, _GIVEN, field.kernel)
    assert seen == [[3]]
