"""Light of stars: exact places, and sums of many."""

import numpy as np
import pytest
from small_tiles import make_stars

from photometry.core.geometry import Stamp
from photometry.prf.model import model_prf
from photometry.prf.prf_grid import PrfEvaluator
from photometry.scene.design_matrices import expand, matrix_of, monomials, recentered
from photometry.scene.star_expansion import VALUE, Stencil, expand_at, expand_each, joined, summed_light

_STAMP = Stamp(500, 524, 700, 730)
_PRF = PrfEvaluator(model_prf())
_RNG = np.random.default_rng(8)
_STARS = make_stars(_RNG.uniform(495, 529, 20), _RNG.uniform(695, 735, 20), _RNG.uniform(10, 18, 20))


def test_every_star_moved_by_its_own_shift():
    rows, columns = np.random.default_rng(1).uniform(-0.5, 0.5, (2, 20))
    parts = []
    for some in (slice(0, 7), slice(7, 20)):
        placed = _PRF.place(_STARS.row[some], _STARS.column[some])
        parts.append(expand_at(placed, _STARS.flux[some], rows[some], columns[some], _STAMP, 0.0))
    found = matrix_of(joined(parts), _STAMP, None)
    moved = make_stars(_STARS.row + rows, _STARS.column + columns, _STARS.tmag)
    np.testing.assert_array_equal(found.matrices[0].T.toarray(), found.transposed[0].toarray())
    assert found.n_term == 1
    for star in range(20):
        exact = np.zeros((60, 60))
        first_row, first_column, values = _PRF.evaluate(moved.row[star], moved.column[star])
        row, column = first_row[0] - _STAMP.row_min + 18, first_column[0] - _STAMP.col_min + 18
        exact[row : row + 15, column : column + 15] = values[0, 0, 0]
        image = found.matrices[0].toarray()[:, star].reshape(_STAMP.shape)
        # The PRF is taken at the star's catalogue place on the CCD, from which it does not change in half a pixel.
        np.testing.assert_allclose(image, exact[18:42, 18:48], atol=1e-4)


def test_sum_of_many_equals_the_expansion_of_each():
    whole = expand(_PRF.place(_STARS.row, _STARS.column), _STARS.flux, (0.0, 0.0), _STAMP, reach=0.15, faintest=0.01)
    placed = _PRF.place_in_cells(_STARS.row, _STARS.column, 16.0)
    images, squares = summed_light(placed, _STARS.flux, _STAMP, reach=0.15, faintest=0.01)
    peak = np.abs(images[0]).max()
    np.testing.assert_allclose(images, whole.images(_STARS.flux), atol=2e-3 * peak)
    one_by_one = (whole.matrices[0].toarray() * _STARS.flux) ** 2
    np.testing.assert_allclose(squares, one_by_one.sum(axis=1), atol=2e-3 * peak**2)


def test_expansion_about_another_place():
    """A polynomial of second degree is the same polynomial from anywhere."""
    images = np.random.default_rng(2).normal(size=(6, 9))
    elsewhere = recentered(images, 0.3, -0.2)
    for dr, dc in ((0.0, 0.0), (0.1, 0.4), (-0.7, 0.2)):
        here = np.tensordot(monomials(dr + 0.3, dc - 0.2), images, axes=1)
        np.testing.assert_allclose(np.tensordot(monomials(dr, dc), elsewhere, axes=1), here, atol=1e-12)


@pytest.mark.parametrize(
    "stencil", [VALUE, Stencil((-0.5, 0.0, 0.5), (2.0, -4.0, 2.0)), Stencil((0.1, 0.7), (3.0, 1.0))]
)
def test_a_stencil_combines_values_before_they_are_transformed(stencil):
    """Point by point and place by place: what a transform makes of the combinations."""
    rng = np.random.default_rng(3)
    points, transform = rng.uniform(-1, 1, 4), rng.normal(size=(3, 4))
    combined = [
        sum(
            weight * np.cos(3 * (point + offset))
            for offset, weight in zip(stencil.offsets, stencil.weights, strict=True)
        )
        for point in points
    ]
    combinations = stencil.about(points, transform)
    found = combinations.transform @ np.cos(3 * combinations.offsets)
    np.testing.assert_allclose(found, transform @ combined, atol=1e-12)


def test_the_value_is_a_stencil_that_changes_nothing():
    points, transform = np.array([0.3, -0.2]), np.array([[1.0, 2.0]])
    combinations = VALUE.about(points, transform)
    np.testing.assert_array_equal(combinations.offsets, points)
    np.testing.assert_array_equal(combinations.transform, transform)


def test_expansions_of_several_stencils_follow_one_another():
    """Where any of them is too bright to be left out, all are kept."""
    placed, difference = _PRF.place(_STARS.row, _STARS.column), Stencil((-0.5, 0.5), (-1.0, 1.0))
    stencils = [(VALUE, VALUE), (difference, VALUE), (VALUE, difference)]

    def images(some):
        about = expand(placed, _STARS.flux, (0.1, 0.0), _STAMP, reach=0.05, faintest=0.0, degree=1, stencils=some)
        return about.images(_STARS.flux)

    np.testing.assert_allclose(images(stencils), np.concatenate([images([one]) for one in stencils]), atol=1e-2)


def test_exact_places_with_differences_added_to_some_stars():
    """Each difference is the PRF at its places, weighted; stars that are not changed keep theirs."""
    rows, columns = np.random.default_rng(4).uniform(-0.3, 0.3, (2, 20))
    placed, changed = _PRF.place(_STARS.row, _STARS.column), _STARS.tmag < 14
    stencil = Stencil((-0.5, 0.0, 0.5), (2.0, -4.0, 2.0))

    def matrix(row=0.0, column=0.0, **more):
        light = expand_at(placed, _STARS.flux, rows + row, columns + column, _STAMP, 0.0, **more)
        return matrix_of(light, _STAMP, None).matrices[0].toarray()

    found = matrix(changed=changed, changes=(((stencil, VALUE), 0.03), ((VALUE, stencil), -0.01)))
    expected = matrix()
    for axis, share in (("row", 0.03), ("column", -0.01)):
        for place, weight in zip(stencil.offsets, stencil.weights, strict=True):
            expected += np.where(changed, share * weight * matrix(**{axis: place}), 0.0)
    # The windows of stars half a pixel away may be one pixel further: wings beyond are left out.
    np.testing.assert_allclose(found, expected, atol=2e-5)
    np.testing.assert_array_equal(found[:, ~changed], matrix()[:, ~changed])


@pytest.mark.parametrize("at_once", [1, 50, 10_000])
def test_stars_of_several_cadences_as_of_one_after_the_other(monkeypatch, at_once):
    monkeypatch.setattr("photometry.scene.star_expansion._PLACES_AT_ONCE", at_once)
    rng, stencils = np.random.default_rng(5), [(Stencil((-0.5, 0.0, 0.5), (2.0, -4.0, 2.0)), VALUE)]
    rows, columns = rng.uniform(-0.3, 0.3, (2, 7, 20))
    shares, changed = rng.uniform(-0.05, 0.05, (7, 1)), _STARS.tmag < 14
    placed = _PRF.place(_STARS.row, _STARS.column)
    found = expand_each(placed, _STARS.flux, rows, columns, _STAMP, 1.0, changed, stencils, shares)
    for row, column, (share,), light in zip(rows, columns, shares, found, strict=True):
        changes = [(stencils[0], share)]
        expected = expand_at(placed, _STARS.flux, row, column, _STAMP, 1.0, changed, changes)
        np.testing.assert_array_equal(light.pixel, expected.pixel)
        np.testing.assert_array_equal(light.n_kept, expected.n_kept)
        np.testing.assert_allclose(light.terms, expected.terms, atol=1e-6)
