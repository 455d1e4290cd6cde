"""What is learnt of the PRF: it helps where many stars carry it, and never harms."""

from dataclasses import replace

import numpy as np
import pytest
from measured_fields import measured_field
from scenes import compare, fit, make_scene

from photometry.calibration.effective_prf import KERNEL_STEPS, convolved, learn_prf
from photometry.calibration.region import measure_motion
from photometry.core.constants import PRF_SAMPLES_PER_PIXEL
from photometry.core.settings import MotionSettings, PrfSettings
from photometry.simulate import perturbed_prf, true_kernel

_N_OFFSET = len(KERNEL_STEPS)
_MIDDLE = _N_OFFSET // 2


def _phases(samples):
    """Sums of the samples that are one pixel apart, (..., 9, 9)."""
    step = PRF_SAMPLES_PER_PIXEL
    n_pixel = samples.shape[-1] // step
    return samples.reshape(*samples.shape[:-2], n_pixel, step, n_pixel, step).sum(axis=(-4, -2))


def test_convolution_keeps_the_sum_at_every_phase(prf):
    """Light that leaves the 13 pixels is given back."""
    coefficients = np.random.default_rng(1).normal(0, 0.02, (_N_OFFSET, _N_OFFSET))
    before, after = _phases(prf.samples), _phases(convolved(prf, coefficients).samples)
    np.testing.assert_allclose(before, 1, atol=1e-9)
    np.testing.assert_allclose(after, 1, atol=1e-9)


def test_nothing_convolved_is_the_same(prf):
    same = convolved(prf, np.zeros((_N_OFFSET, _N_OFFSET)))
    np.testing.assert_allclose(same.samples, prf.samples, atol=1e-15)
    np.testing.assert_array_equal(same.rows, prf.rows)
    np.testing.assert_array_equal(same.errors, prf.errors)


@pytest.mark.parametrize(("row", "column"), [(1, 0), (0, -2), (-3, 3)])
def test_a_coefficient_moves_light_along_its_own_axis(one_prf, row, column):
    """The centroid moves by the coefficient times its offset, in the order row, column."""
    coefficients = np.zeros((_N_OFFSET, _N_OFFSET))
    coefficients[_MIDDLE + row, _MIDDLE + column] = 0.1
    size = one_prf.samples.shape[-1]
    offset = (np.arange(size) - size // 2) / PRF_SAMPLES_PER_PIXEL

    def centroid(grid):
        samples = grid.samples[0, 0]
        return np.array([(samples.sum(axis=1) * offset).sum(), (samples.sum(axis=0) * offset).sum()]) / samples.sum()

    moved = centroid(convolved(one_prf, coefficients)) - centroid(one_prf)
    expected = 0.1 * np.array([KERNEL_STEPS[_MIDDLE + row], KERNEL_STEPS[_MIDDLE + column]]) / PRF_SAMPLES_PER_PIXEL
    np.testing.assert_allclose(moved, expected, atol=5e-4)


def test_learning_can_be_left_out(quick, one_prf):
    scene, cube = quick
    kernel = true_kernel(scene)
    learnt, same = learn_prf([cube], scene.catalogue_stars, one_prf, kernel, PrfSettings(learn=False), MotionSettings())
    assert learnt is one_prf
    assert same is kernel


def test_too_few_stars_teach_nothing(prf):
    """The PRF that was given, and its source says why."""
    scene, cube = make_scene(prf, n_cadence=10, density=100.0, brightest_tmag=13.0, seed=5)
    kernel = true_kernel(scene)
    learnt, same = learn_prf([cube], scene.catalogue_stars, prf, kernel, PrfSettings(), MotionSettings())
    assert learnt.source == "model, nothing learnt: 0 stars"
    np.testing.assert_array_equal(learnt.samples, prf.samples)
    assert same is kernel


@pytest.fixture(scope="module")
def fits(medium_unknown_prf):
    """Fits with the given and with the learnt PRF, their motion measured with it."""
    field = medium_unknown_prf
    stars = field.scene.catalogue_stars
    learnt, kernel = learn_prf([field.cube], stars, field.prf, field.kernel, PrfSettings(), MotionSettings())
    given = compare(fit(field.cube, stars, field.prf, field.kernel), field.scene)
    better = compare(fit(field.cube, stars, learnt, kernel), field.scene)
    return field, learnt, kernel, *_of_same_stars(given, better)


def _of_same_stars(one, other):
    """Count the stars that neither fit flags."""
    both = one.clean & other.clean
    return replace(one, clean=both), replace(other, clean=both)


def _share_of_error(learnt, given):
    """Largest error of a sample at the field after learning, over that before."""
    true = perturbed_prf(given)
    after, before = (np.abs(one.samples - true.samples)[1, 2].max() for one in (learnt, given))
    return after / before


@pytest.mark.slow
class TestUnknownPrf:
    """True PRF blurred by 0.03 px and skewed by 2 %, medium density, 40x40 px."""

    def test_bias_goes_down(self, fits):
        """84th percentile of the relative error of mean fluxes."""
        _, _, _, given, learnt = fits
        for low, high in ((8, 12), (12, 13.5)):
            before, after = (np.percentile(np.abs(one.bias(low, high)), 84) for one in (given, learnt))
            assert after < 0.25 * before, f"T {low} to {high}: {before:.2e} before, {after:.2e} after"

    def test_scatter_goes_down(self, fits):
        """Bright stars scatter less; fainter ones, where photons rule, no more than before."""
        _, _, _, given, learnt = fits
        for low, high, limit in ((8, 12, 0.95), (12, 15, 1.01)):
            ratio = np.median(learnt.scatter(low, high) / given.scatter(low, high))
            assert ratio < limit, f"T {low} to {high}: {ratio:.3f}"

    def test_motion_gets_better(self, fits):
        field, _, kernel, _, _ = fits
        good = field.scene.quality == 0
        places = field.scene.settings.stamp.center
        truth = true_kernel(field.scene).shifts(*places)
        before, after = (
            np.std([(one - other)[0, good] for one, other in zip(which.shifts(*places), truth, strict=True)], axis=1)
            for which in (field.kernel, kernel)
        )
        assert (after < 0.7 * before).all()
        assert after.max() < 1e-4

    def test_scale_of_the_flux_is_kept(self, fits):
        """Median bias within 0.2 % (T 9 to 13), sums of the PRF 1 to 2e-4."""
        _, prf, _, _, learnt = fits
        assert abs(np.median(learnt.bias(9, 13))) < 2e-3
        np.testing.assert_allclose(_phases(prf.samples), 1, atol=2e-4)

    def test_source_says_what_was_learnt(self, fits):
        field, prf, _, _, learnt = fits
        assert prf.source.startswith(f"{field.prf.source}, kernel learnt from ")
        assert learnt.fit.prf_source == prf.source

    def test_learnt_prf_is_nearer_to_the_true_one(self, fits):
        """At the field: width in the core about the centroid."""
        field, prf, _, _, _ = fits
        true = perturbed_prf(field.prf)

        def centered_second_moments(grid):
            size = grid.samples.shape[-1]
            offset = (np.arange(size) - size // 2) / PRF_SAMPLES_PER_PIXEL
            inner = np.abs(offset) < 3
            samples = grid.samples[1, 2][np.ix_(inner, inner)]
            axis = offset[inner]
            moments = []
            for line in (samples.sum(axis=1), samples.sum(axis=0)):
                middle = (line * axis).sum() / line.sum()
                moments.append((line * (axis - middle) ** 2).sum() / line.sum())
            return np.array(moments)

        before = np.abs(centered_second_moments(field.prf) - centered_second_moments(true)).max()
        after = np.abs(centered_second_moments(prf) - centered_second_moments(true)).max()
        assert after < 0.1 * before

    def test_learnt_samples_are_nearer_to_the_true_ones(self, fits):
        """The place of the PRF is learnt as well. One field says little: four say 0.28 to 0.61, and 0.17 to 0.86."""
        field, prf, _, _, _ = fits
        errors = [_share_of_error(prf, field.prf)]
        for seed in (4, 5, 6):
            other = measured_field(perturbed_prf(field.prf), field.prf, seed)
            stars = other.scene.catalogue_stars
            learnt, _ = learn_prf([other.cube], stars, other.prf, other.kernel, PrfSettings(), MotionSettings())
            errors.append(_share_of_error(learnt, other.prf))
        assert np.mean(errors) < 0.5


@pytest.mark.slow
@pytest.mark.parametrize("perturb", [False, True], ids=["true-prf", "unknown-prf"])
@pytest.mark.parametrize("seed", [1, 2])
def test_few_stars_make_nothing_worse(prf, perturb, seed):
    """A sparse field whose few bright stars just suffice: mean flux and scatter are no worse than without."""
    true_prf = perturbed_prf(prf) if perturb else prf
    scene, cube = make_scene(
        true_prf, n_row=32, n_column=32, n_cadence=60, density=600.0, extra_tmags=(9.0, 10.5, 11.5), seed=seed
    )
    stars = scene.catalogue_stars
    kernel = measure_motion([cube], stars, prf, MotionSettings())
    learnt, better = learn_prf([cube], stars, prf, kernel, PrfSettings(), MotionSettings())
    before, after = _of_same_stars(
        *(compare(fit(cube, stars, *which), scene) for which in ((prf, kernel), (learnt, better)))
    )
    bright = before.clean & (before.tmag < 13)
    assert bright.sum() >= 3
    # By three standard errors of the mean and 2e-4 at most, and by 5 % of the scatter.
    of_mean = np.median(before.flux_err / before.truth, axis=1)[bright] / np.sqrt(before.flux.shape[1])
    worse = np.abs(after.bias(0, 13)) - np.abs(before.bias(0, 13))
    assert (worse < 3 * of_mean + 2e-4).all()
    assert np.median(after.scatter(0, 13) / before.scatter(0, 13)) < 1.05
