"""Expansion of moving stars against exact evaluations of the PRF, which has a tail to larger rows only."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_tiles import lopsided_prf, make_stars

from photometry.core.geometry import Stamp
from photometry.core.stars import Stars
from photometry.prf.model import model_prf
from photometry.prf.prf_grid import FOOTPRINT, PrfEvaluator
from photometry.scene.design_matrices import FINE_DEGREE, N_FINE, N_TERM, Expansion, expand, matrix_of, monomials
from photometry.scene.star_expansion import PixelLight
from photometry.scene.tile_data import merged_trails

_STAMP = Stamp(500, 524, 700, 730)
_LOPSIDED = PrfEvaluator(lopsided_prf())
_MODEL = PrfEvaluator(model_prf())


def _expand(prf: PrfEvaluator, stars: Stars, stamp: Stamp, *, faintest: float = 0.0, degree: int = 2) -> Expansion:
    placed = prf.place(stars.row, stars.column)
    return expand(placed, stars.flux, (0.0, 0.0), stamp, reach=0.05, faintest=faintest, degree=degree)


def _exact(prf, row, column, dr, dc):
    """Image of one star of unit flux."""
    first_row, first_column, values = prf.evaluate([row], [column], [dr], [dc])
    image = np.zeros(_STAMP.shape)
    for i, j in np.ndindex(FOOTPRINT, FOOTPRINT):
        in_row, in_column = first_row[0] + i - _STAMP.row_min, first_column[0] + j - _STAMP.col_min
        if 0 <= in_row < _STAMP.shape[0] and 0 <= in_column < _STAMP.shape[1]:
            image[in_row, in_column] = values[0, 0, 0, i, j]
    return image.ravel()


@pytest.mark.parametrize("prf", [_LOPSIDED, _MODEL], ids=["lopsided", "model"])
@pytest.mark.parametrize(("degree", "tolerance"), [(2, 3e-4), (FINE_DEGREE, 1e-5)])
def test_expansion_equals_the_moved_prf(prf, degree, tolerance):
    """Tolerance: what the mean scene is said to need, as a fraction of the peak, within the reach of a node."""
    rng = np.random.default_rng(2)
    row, column = rng.uniform(502, 520, 12), rng.uniform(702, 727, 12)
    stars = make_stars(row, column, 10.0)
    expansion = _expand(prf, stars, _STAMP, degree=degree)
    for dr, dc in [(0.0, 0.0), (0.05, 0.05), (-0.05, 0.05), (0.03, -0.02), (-0.01, -0.05)]:
        terms = monomials(dr, dc, degree)
        images = sum(term * matrix.toarray() for term, matrix in zip(terms, expansion.matrices, strict=True))
        for star in range(12):
            exact = _exact(prf, row[star], column[star], dr, dc)
            assert np.abs(images[:, star] - exact).max() < tolerance * exact.max()


def test_expansion_about_a_movement():
    """Stars placed where they were without movement, expanded about where they have moved to."""
    stars = make_stars([512.4, 510.1], [715.3, 708.8], 10.0)
    placed = _MODEL.place(stars.row, stars.column)
    there = expand(placed, stars.flux, (0.4, -0.3), _STAMP, reach=0.05, faintest=0.0)
    for star in range(2):
        exact = _exact(_MODEL, stars.row[star], stars.column[star], 0.4, -0.3)
        assert np.abs(there.matrices[0].toarray()[:, star] - exact).max() < 3e-4 * exact.max()


def test_tail_points_to_larger_rows():
    stars = make_stars([512.0], [715.0], 10.0)
    image = _expand(_LOPSIDED, stars, _STAMP).images(np.ones(1))[0].reshape(_STAMP.shape)
    assert image[14, 15] > 3 * image[10, 15]
    np.testing.assert_allclose(image[12, 16:18], image[12, 14:12:-1], rtol=1e-3)


def test_gradients_have_the_sign_of_a_movement():
    stars = make_stars([512.0], [715.0], 10.0)
    terms = _expand(_MODEL, stars, _STAMP).images(np.ones(1))
    by_row, by_column = terms[1].reshape(_STAMP.shape), terms[2].reshape(_STAMP.shape)
    assert by_row[13, 15] > 0 > by_row[11, 15]
    assert by_column[12, 16] > 0 > by_column[12, 14]


def test_one_sparsity_pattern():
    stars = make_stars([500.2, 512.4, 530.0], [701.0, 715.3, 728.9], [9.0, 12.0, 15.0])
    for degree, n_term in ((2, N_TERM), (FINE_DEGREE, N_FINE)):
        expansion = _expand(_MODEL, stars, _STAMP, faintest=0.05, degree=degree)
        assert len(expansion.matrices) == len(expansion.transposed) == n_term
        for matrix, transposed in zip(expansion.matrices, expansion.transposed, strict=True):
            np.testing.assert_array_equal(matrix.indices, expansion.matrices[0].indices)
            np.testing.assert_array_equal(matrix.indptr, expansion.matrices[0].indptr)
            np.testing.assert_array_equal(matrix.T.toarray(), transposed.toarray())


def test_a_merged_trail_sums_its_light_and_keeps_the_pattern():
    """Also where a term happens to add up to zero: that of the first star along the trail."""
    terms = np.array([[0.25, 0.5, 0.25, 0.1], [-1.0, 0.0, 1.0, 0.5]], dtype=np.float32)
    light = PixelLight(np.array([0, 3, 6, 4]), np.array([3, 0, 1]), terms)
    saturated = np.zeros((3, 3), dtype=bool)
    saturated[:, 0] = True
    expansion = matrix_of(light, Stamp(10, 13, 20, 23), merged_trails(saturated))
    for term, (sum_of_first, third) in enumerate([(1.0, 0.1), (0.0, 0.5)]):
        expected = np.zeros((9, 3))
        expected[0, 0], expected[4, 2] = sum_of_first, third
        np.testing.assert_allclose(expansion.matrices[term].toarray(), expected, rtol=1e-6)
        np.testing.assert_array_equal(expansion.transposed[term].toarray(), expansion.matrices[term].T.toarray())
        np.testing.assert_array_equal(expansion.matrices[term].indices, [0, 2])
    np.testing.assert_allclose(expansion.images(np.array([2.0, 9.0, 10.0]))[:, [0, 4]], [[2.0, 1.0], [0.0, 5.0]])


@given(
    rows=st.integers(-400, 400),
    columns=st.integers(-400, 400),
    row=st.integers(-32, 32 * 24),
    column=st.integers(-32, 32 * 30),
)
@settings(deadline=None, max_examples=25, derandomize=True)
def test_shift_by_whole_pixels_changes_nothing(rows, columns, row, column):
    """Stars at multiples of 1/32 px, so that the shift is exact."""
    stars = make_stars([500 + row / 32], [700 + column / 32], 11.0)
    moved_stamp = Stamp(500 + rows, 524 + rows, 700 + columns, 730 + columns)
    here = _expand(_LOPSIDED, stars, _STAMP, faintest=0.05)
    there = _expand(_LOPSIDED, stars.moved(rows, columns), moved_stamp, faintest=0.05)
    for one, other in zip(here.matrices, there.matrices, strict=True):
        np.testing.assert_array_equal(one.toarray(), other.toarray())


@pytest.mark.parametrize("prf", [_LOPSIDED, _MODEL], ids=["lopsided", "model"])
def test_light_is_conserved(prf):
    """A star well inside sums to 1 to the 1e-4 of the spline at the PRF's edge, and its derivatives to nothing."""
    rng = np.random.default_rng(3)
    stars = make_stars(rng.uniform(508, 515, 10), rng.uniform(708, 721, 10), 10.0)
    expansion = _expand(prf, stars, _STAMP)
    sums = np.stack([np.asarray(matrix.sum(axis=0)).ravel() for matrix in expansion.matrices])
    np.testing.assert_allclose(sums[0], 1, atol=2e-4)
    np.testing.assert_allclose(sums[1:3], 0, atol=5e-3)


def test_light_outside_the_stamp_is_left_out():
    inside = make_stars([512.0], [715.0], 10.0)
    corner = make_stars([499.5], [699.5], 10.0)
    outside = make_stars([450.0], [715.0], 10.0)
    for stars, share, tolerance in ((inside, 1.0, 2e-4), (corner, 0.3, 0.1), (outside, 0.0, 0.0)):
        total = _expand(_MODEL, stars, _STAMP).matrices[0].sum()
        assert abs(total - share) <= tolerance


def test_faint_light_is_left_out_but_no_more():
    stars = make_stars([512.3], [715.6], 12.0)
    whole = _expand(_MODEL, stars, _STAMP).images(stars.flux)[0]
    part = _expand(_MODEL, stars, _STAMP, faintest=1.0).images(stars.flux)[0]
    assert np.abs(whole - part).max() <= 1.0
    assert (part == 0).sum() > (whole == 0).sum()


def test_no_stars():
    none = make_stars([], [], [])
    expansion = _expand(_MODEL, none, _STAMP)
    assert expansion.n_star == 0
    assert not expansion.images(np.empty(0)).any()
    nothing = PixelLight(np.empty(0, np.int64), np.empty(0, np.int64), np.empty((N_TERM, 0), np.float32))
    merged = matrix_of(nothing, _STAMP, merged_trails(np.ones(_STAMP.shape, dtype=bool)))
    assert not merged.images(np.empty(0)).any()


def test_monomials_by_increasing_degree():
    np.testing.assert_allclose(monomials(2.0, 3.0), [1, 2, 3, 4, 6, 9])
    assert monomials(np.zeros(7), np.zeros(7), FINE_DEGREE).shape == (N_FINE, 7)
