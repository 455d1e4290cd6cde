"""What a PRF may be changed by, against the changed PRF itself."""

from dataclasses import replace

import numpy as np
import pytest

from photometry.core.constants import PRF_SAMPLES_PER_PIXEL
from photometry.core.geometry import Stamp
from photometry.prf.correction import N_CORRECTION, N_KERNEL, change_of_image, corrected, prior_precision
from photometry.prf.model import model_prf
from photometry.prf.prf_grid import FOOTPRINT, PrfEvaluator, PrfGrid, phased

#: Samples by which the convolution moves light, in the order of its coefficients.
_STEPS = (-6, -3, -1, 0, 1, 3, 6)
_SHIFTS = [(row, column) for row in _STEPS for column in _STEPS if (row, column) != (0, 0)]


@pytest.fixture(scope="module")
def prf() -> PrfGrid:
    return model_prf()


@pytest.fixture(scope="module")
def one_prf(prf) -> PrfGrid:
    """The same in the corner, everywhere."""
    return replace(
        prf, rows=prf.rows[:1], columns=prf.columns[:1], samples=prf.samples[:1, :1], errors=prf.errors[:1, :1]
    )


def _drawn(prf, seed=1, n=None):
    """Coefficients drawn from their prior, (N_CORRECTION,) or (n, N_CORRECTION)."""
    factor = np.linalg.cholesky(prior_precision(prf))
    normal = np.random.default_rng(seed).normal(size=(N_CORRECTION, n or 1))
    drawn = np.linalg.solve(factor.T, normal).T
    return drawn if n else drawn[0]


def _phases(samples):
    """Sums of the samples that are one pixel apart, (..., 9, 9)."""
    return phased(samples).sum(axis=(-4, -2))


@pytest.mark.parametrize("seed", range(3))
def test_the_sum_at_every_phase_stays_exactly(prf, seed):
    """Whatever is learnt; light that leaves the 13 pixels is given back."""
    after = corrected(prf, _drawn(prf, seed))
    assert np.abs(after.samples - prf.samples).max() > 0.005 * prf.samples.max()
    np.testing.assert_allclose(_phases(after.samples), _phases(prf.samples), rtol=0, atol=1e-12)


def test_nothing_learnt_is_the_same(prf):
    same = corrected(prf, np.zeros(N_CORRECTION))
    np.testing.assert_allclose(same.samples, prf.samples, atol=1e-15)
    np.testing.assert_array_equal(same.rows, prf.rows)
    np.testing.assert_array_equal(same.errors, prf.errors)


@pytest.mark.parametrize("shift", [(1, 0), (0, -3), (-6, 6)])
def test_a_coefficient_of_the_convolution_moves_light_along_its_own_axis(one_prf, shift):
    """The centroid moves by the coefficient times its shift, in the order row, column."""
    coefficients = np.zeros(N_CORRECTION)
    coefficients[_SHIFTS.index(shift)] = 0.1
    size = one_prf.samples.shape[-1]
    offset = (np.arange(size) - size // 2) / PRF_SAMPLES_PER_PIXEL

    def centroid(grid):
        samples = grid.samples[0, 0]
        return np.array([(samples.sum(axis=1) * offset).sum(), (samples.sum(axis=0) * offset).sum()]) / samples.sum()

    moved = centroid(corrected(one_prf, coefficients)) - centroid(one_prf)
    np.testing.assert_allclose(moved, 0.1 * np.array(shift) / PRF_SAMPLES_PER_PIXEL, atol=5e-4)


def _image(grid, stars, stamp):
    """Light of stars (row, column, flux) in the pixels of a stamp, star by star, (n_pixel,)."""
    image, evaluator = np.zeros(stamp.shape), PrfEvaluator(grid)
    for row, column, flux in zip(*stars, strict=True):
        first_row, first_column, values = evaluator.evaluate(row, column)
        for i, j in np.ndindex(FOOTPRINT, FOOTPRINT):
            at = first_row[0] + i - stamp.row_min, first_column[0] + j - stamp.col_min
            if 0 <= at[0] < stamp.shape[0] and 0 <= at[1] < stamp.shape[1]:
                image[at] += flux * values[0, 0, 0, i, j]
    return image.ravel()


def _stars(n_star, stamp, margin=4.0, seed=4):
    """Places up to some pixels outside a stamp, and fluxes."""
    rng = np.random.default_rng(seed)
    row = rng.uniform(stamp.row_min - margin, stamp.row_max + margin, n_star)
    column = rng.uniform(stamp.col_min - margin, stamp.col_max + margin, n_star)
    return row, column, rng.uniform(100, 3000, n_star)


_STAMP = Stamp(500, 530, 700, 725)


def test_change_of_an_image_is_that_of_the_corrected_prf(prf):
    """Stars at all phases, some beside the pixels; the PRF is linear in the coefficients."""
    stars = _stars(100, _STAMP)
    change = change_of_image(PrfEvaluator(prf), *stars, _STAMP)
    assert change.shape == (_STAMP.n_pixel, N_CORRECTION)
    before = _image(prf, stars, _STAMP)
    for seed in range(3):
        coefficients = _drawn(prf, seed)
        expected = _image(corrected(prf, coefficients), stars, _STAMP) - before
        np.testing.assert_allclose(change @ coefficients, expected, atol=0.003 * np.abs(expected).max())


@pytest.mark.parametrize("k", [0, N_KERNEL - 1, N_KERNEL, N_KERNEL + 20, N_CORRECTION - 60, N_CORRECTION - 1])
def test_every_coefficient_alone(prf, k):
    stars, coefficients = _stars(3, _STAMP, margin=-8.0), np.zeros(N_CORRECTION)
    coefficients[k] = 1e-3
    change = change_of_image(PrfEvaluator(prf), *stars, _STAMP)
    expected = (_image(corrected(prf, coefficients), stars, _STAMP) - _image(prf, stars, _STAMP)) / 1e-3
    # Where the samples end, 6.4 pixels from the star, they cut the outermost splines off, and the spline of the PRF
    # rings.
    row, column = np.divmod(np.arange(_STAMP.n_pixel), _STAMP.shape[1])
    rows, columns = (row + _STAMP.row_min)[:, None] - stars[0], (column + _STAMP.col_min)[:, None] - stars[1]
    distance = np.maximum(np.abs(rows), np.abs(columns))
    inside = ~((distance > 5.5) & (distance < 7.5)).any(axis=1)
    tolerance = 0.003 * np.abs(expected).max()
    np.testing.assert_allclose(change[inside, k], expected[inside], atol=tolerance)
    assert inside.sum() > 150


def test_changes_take_no_light_from_a_star(prf):
    """Wherever it is: the sum over its pixels does not change."""
    for seed in range(3):
        stars = _stars(1, Stamp(514, 516, 711, 713), margin=0.0, seed=seed)
        change = change_of_image(PrfEvaluator(prf), *stars, _STAMP)
        assert abs((change @ _drawn(prf, 6)).sum()) < 1e-4 * stars[2][0]


def test_the_prior_is_a_covariance(prf):
    precision = prior_precision(prf)
    assert precision.shape == (N_CORRECTION, N_CORRECTION)
    np.testing.assert_allclose(precision, precision.T, rtol=1e-10)
    assert np.linalg.eigvalsh(precision).min() > 0
    np.testing.assert_allclose(precision[:N_KERNEL, :N_KERNEL], np.eye(N_KERNEL) / 0.02**2)
    assert not precision[:N_KERNEL, N_KERNEL:].any()


def test_the_prior_is_as_wide_as_the_prf_is_high(prf):
    twice = prior_precision(replace(prf, samples=2 * prf.samples))
    np.testing.assert_allclose(twice[N_KERNEL:, N_KERNEL:], prior_precision(prf)[N_KERNEL:, N_KERNEL:] / 4, rtol=1e-9)


def test_the_prior_lets_the_core_change_by_per_cents_and_the_wings_by_little(one_prf):
    """Functions beyond the convolution: 1 to 4 % of the peak at the star, a thousandth of it 4 px away."""
    draws = _drawn(one_prf, n=60)
    draws[:, :N_KERNEL] = 0
    changes = np.stack([corrected(one_prf, draw).samples[0, 0] for draw in draws]) - one_prf.samples[0, 0]
    rms, middle, peak = np.sqrt((changes**2).mean(axis=0)), one_prf.samples.shape[-1] // 2, one_prf.samples.max()
    near, far = rms[middle - 4 : middle + 5, middle - 4 : middle + 5].mean() / peak, rms[middle, middle + 36] / peak
    assert 0.005 < near < 0.04
    assert far < 0.002
