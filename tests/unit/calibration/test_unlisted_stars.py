"""Stars that the table lacks: found where they are, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest
from scenes import fit, make_scene
from small_tiles import exact_images, lopsided_prf, make_cube, make_stars

from photometry.calibration.effective_prf import learn_prf
from photometry.calibration.kernel import N_MOTION, MovementKernel
from photometry.calibration.region import kernel_at
from photometry.calibration.unlisted_stars import are_settled
from photometry.core.geometry import Stamp
from photometry.core.settings import MotionSettings, PrfSettings
from photometry.core.stars import NO_STARS, Stars
from photometry.prf.model import model_prf
from photometry.simulate import mixed_prf, perturbed_prf, true_kernel

_STAMP = Stamp(100, 124, 600, 624)
_EVERYWHERE = model_prf()
#: PRFs of two corners of a CCD, each the same everywhere.
_PRF, _OTHER_PRF = (
    replace(
        _EVERYWHERE,
        rows=_EVERYWHERE.rows[:1],
        columns=_EVERYWHERE.columns[:1],
        samples=_EVERYWHERE.samples[[k], :][:, [k]],
        errors=_EVERYWHERE.errors[[k], :][:, [k]],
    )
    for k in (0, -1)
)


def _field(seed, prf=_PRF, **changes):
    """32x32 px of medium density, 40 cadences, one star of T=12 at least."""
    values = {"n_row": 32, "n_column": 32, "density": 6000.0, "extra_tmags": (12.0,), "seed": seed}
    return make_scene(prf, **(values | changes))


def _without_a_bright_star(scene):
    """Number of a star of T=12 that is 4 px and more from the edge, and the stars of the catalogue but for it."""
    stars = scene.catalogue_stars
    inside = scene.settings.stamp.border_distance(stars.row, stars.column) > 4
    missing = int(np.flatnonzero(inside & (np.abs(stars.tmag - 12.0) < 0.3))[0])
    return missing, stars.select(np.arange(len(stars)) != missing)


def _found(cube, stars, scene):
    return kernel_at(cube, stars, _PRF, true_kernel(scene), MotionSettings())


def _true_flux(scene, starid):
    order = {int(number): k for k, number in enumerate(scene.population.starid)}
    return np.array([scene.flux[order[int(number)]].mean() for number in np.atleast_1d(starid)])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_missing_star_is_found_with_its_place_and_flux(seed):
    """To 0.03 px and 2 %, with up to three fainter stars of the table within 1.2 px; and nothing else is."""
    scene, cube = _field(seed)
    missing, stars = _without_a_bright_star(scene)
    kernel, unlisted = _found(cube, stars, scene)
    assert len(unlisted) == 1
    assert not unlisted.is_listed.any()
    true = scene.catalogue_stars
    assert np.hypot(unlisted.row[0] - true.row[missing], unlisted.column[0] - true.column[missing]) < 0.03
    assert unlisted.flux[0] == pytest.approx(_true_flux(scene, true.starid[missing])[0], rel=0.02)
    np.testing.assert_allclose(kernel.offset, scene.offset, atol=0.01)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_neighbours_of_a_missing_star_are_right_when_it_is_fitted(seed):
    """The stars of T < 15 within 4 px: errors of their mean fluxes, in e-/s, fall to a twentieth and less."""
    scene, cube = _field(seed)
    missing, stars = _without_a_bright_star(scene)
    kernel, unlisted = _found(cube, stars, scene)
    errors = []
    for fitted in (fit(cube, stars, _PRF, kernel), fit(cube, stars.with_others(unlisted), _PRF, kernel)):
        away = np.hypot(fitted.row - scene.stars.row[missing], fitted.column - scene.stars.column[missing])
        near = (away < 4) & (fitted.tmag < 15)
        assert near.sum() >= 2
        truth = _true_flux(scene, fitted.starid[near])
        errors.append(np.sqrt(np.mean((np.nanmean(fitted.flux[near], axis=1) - truth) ** 2)))
        assert (fitted.starid > 0).all()
    assert errors[1] < 0.05 * errors[0]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_nothing_is_found_where_nothing_is_missing(seed):
    scene, cube = _field(seed)
    _, unlisted = _found(cube, scene.catalogue_stars, scene)
    assert len(unlisted) == 0


@pytest.mark.parametrize("true_prf", [perturbed_prf(_PRF), mixed_prf(_PRF, _OTHER_PRF, 0.6)], ids=["blurred", "mixed"])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_wrong_prf_makes_no_stars_beside_a_bright_one(true_prf, seed):
    """Off by 1 and 4 % of the peak, as much as the peak of a star of T=12 beside one of T=8."""
    scene, cube = _field(seed, true_prf, density=2000.0, extra_tmags=(8.0, 8.5))
    stars = scene.catalogue_stars
    assert stars.tmag.min() < 8.6
    _, unlisted = _found(cube, stars, scene)
    assert len(unlisted) == 0


@pytest.mark.parametrize("separation", [1.1, 1.3])
@pytest.mark.parametrize("angle", [0.4, 2.4, 4.4])
def test_a_star_missing_beside_a_brighter_one_is_found(separation, angle):
    """T=12.3 beside 11.8, too far from it to be an error of its place."""
    row, column = 112.3 + separation * np.sin(angle), 611.8 + separation * np.cos(angle)
    rows, columns = [112.3, 105.2, 118.1, 106.0, 119.4, row], [611.8, 605.1, 606.0, 618.3, 618.8, column]
    stars, prf, still = make_stars(rows, columns, [11.8, 10.5, 11.0, 11.5, 12.0, 12.3]), lopsided_prf(), np.zeros(40)
    images = exact_images(prf, stars, _STAMP, still, still)
    cube = make_cube(_STAMP, images, np.random.default_rng(1))
    nothing = np.zeros((40, N_MOTION))
    known = np.zeros((40, N_MOTION, N_MOTION)), np.zeros(40, dtype=bool)
    kernel = MovementKernel(_STAMP.center, 12.0, (0.0, 0.0), nothing, *known, "known")
    _, unlisted = kernel_at(cube, stars.select(np.arange(5)), prf, kernel, MotionSettings())
    assert len(unlisted) == 1
    assert np.hypot(unlisted.row[0] - row, unlisted.column[0] - column) < 0.05
    assert unlisted.flux[0] == pytest.approx(stars.flux[5], rel=0.05)


@pytest.mark.parametrize("too_faint", [1.0, 2.5])
def test_a_star_whose_magnitude_is_wrong_is_not_found_again(too_faint):
    """Its own flux is free."""
    scene, cube = _field(2)
    stars = scene.catalogue_stars
    wrong, _ = _without_a_bright_star(scene)
    tmag = stars.tmag + np.where(np.arange(len(stars)) == wrong, too_faint, 0.0)
    _, unlisted = _found(cube, replace(stars, tmag=tmag), scene)
    assert len(unlisted) == 0


def test_the_prf_is_learnt_with_the_star_that_is_missing():
    """The same star as with the motion known, by the steps of a region; the given PRF, which is right, stays."""
    scene, cube = _field(2)
    missing, stars = _without_a_bright_star(scene)
    learnt = learn_prf([cube], stars, _PRF, true_kernel(scene), PrfSettings(), MotionSettings())
    assert len(learnt.unlisted) == 1
    true = scene.catalogue_stars
    away = np.hypot(learnt.unlisted.row - true.row[missing], learnt.unlisted.column - true.column[missing])
    assert away[0] < 0.03
    assert learnt.unlisted.flux[0] == pytest.approx(_true_flux(scene, true.starid[missing])[0], rel=0.02)


def test_sources_are_settled_when_the_same_ones_stand_still():
    one = Stars(np.array([-1, -2]), np.array([3.0, 9.0]), np.array([4.0, 5.0]), np.array([12.0, 13.0]))
    assert are_settled(NO_STARS, NO_STARS)
    assert are_settled(one, one.moved(0.01, -0.01))
    assert not are_settled(one, one.moved(0.03, 0.0))
    assert not are_settled(one, one.select(np.array([0])))
    assert not are_settled(NO_STARS, one)
