"""Change of the PRF with its second moments: against moments, differences and blurs worked out directly."""

import numpy as np
import pytest
from small_tiles import lopsided_prf, make_stars

from photometry.core.geometry import Stamp
from photometry.prf.prf_grid import FOOTPRINT, PrfEvaluator
from photometry.scene.design_matrices import expand
from photometry.scene.widening import N_WIDTH, WIDENING
from photometry.simulate import blurred_prf

_STAMP = Stamp(100, 131, 600, 631)
#: A star alone, off the middle of its pixel.
_STAR = make_stars([115.3], [614.6], [10.0])
#: Step of the differences, pixels.
_STEP = 0.5


def _images(kind, reach=0.05):
    """Expansion of a kind of widening to first degree, (3, n_row, n_column)."""
    prf = PrfEvaluator(lopsided_prf()).place(_STAR.row, _STAR.column)
    expansion = expand(
        prf, _STAR.flux, (0.0, 0.0), _STAMP, reach=reach, faintest=0.0, degree=1, stencils=[WIDENING[kind]]
    )
    return expansion.images(np.ones(1)).reshape(3, *_STAMP.shape)


def _light(prf, row, column):
    """PRF of the star moved by (row, column), in the pixels of the stamp."""
    first_row, first_column, values = PrfEvaluator(prf).evaluate(_STAR.row + row, _STAR.column + column)
    image = np.zeros(_STAMP.shape)
    i, j = first_row[0] - _STAMP.row_min, first_column[0] - _STAMP.col_min
    image[i : i + FOOTPRINT, j : j + FOOTPRINT] = values[0, 0, 0]
    return image


def _difference(kind, row=0.0, column=0.0):
    """Half the second, or the crossed, difference of the moved star's light, place by place."""
    prf, h = lopsided_prf(), _STEP
    if kind == 1:
        corners = [(i, j, i * j * _light(prf, row + i * h, column + j * h)) for i in (-1, 1) for j in (-1, 1)]
        return sum(light for *_, light in corners) / (2 * h) ** 2
    along = (h, 0.0) if kind == 0 else (0.0, h)
    sides = [_light(prf, row + sign * along[0], column + sign * along[1]) for sign in (-1, 1)]
    return (sides[0] + sides[1] - 2 * _light(prf, row, column)) / (2 * h**2)


def _moments(image):
    """Sum, and second moments along rows, crossed, along columns, about the star."""
    row, column = (np.arange(first, last) for first, last in ((100, 131), (600, 631)))
    dr, dc = np.meshgrid(row - _STAR.row, column - _STAR.column, indexing="ij")
    return np.array([image.sum(), (dr**2 * image).sum(), (dr * dc * image).sum(), (dc**2 * image).sum()])


@pytest.mark.parametrize("kind", range(N_WIDTH))
def test_a_unit_of_widening_is_a_unit_of_its_own_moment(kind):
    """No light comes or goes. Between pixels the moments of the PRF depend on where in its pixel a star is, by 2 %."""
    expected = np.zeros(4)
    expected[1 + kind] = 1.0
    moments = _moments(_images(kind)[0])
    assert abs(moments[0]) < 1e-6
    np.testing.assert_allclose(moments, expected, atol=0.02)


@pytest.mark.parametrize("kind", range(N_WIDTH))
def test_expansion_follows_the_moving_star(kind):
    """Value and slopes against differences about places 0.04 px away: to a seventh of what the movement changes."""
    value, by_row, by_column = _images(kind)
    unmoved = _difference(kind)
    np.testing.assert_allclose(value, unmoved, atol=0.01 * np.abs(unmoved).max())
    for row, column in ((0.04, 0.0), (0.0, -0.04), (-0.03, 0.03)):
        moved = _difference(kind, row, column)
        by_movement = np.abs(moved - unmoved).max()
        np.testing.assert_allclose(value + row * by_row + column * by_column, moved, atol=0.15 * by_movement)


@pytest.mark.parametrize(("blur_pix", "tolerance"), [(0.2, 0.05), (0.29, 0.03), (0.35, 0.08)])
def test_a_blurred_prf_has_the_moments_of_its_blur(blur_pix, tolerance):
    """A tenth of the light out of focus; differences over half a pixel are most like a blur by 0.29 px."""
    prf = lopsided_prf()
    change = 0.1 * (_light(blurred_prf(prf, blur_pix), 0, 0) - _light(prf, 0, 0))
    moment = 0.1 * blur_pix**2
    np.testing.assert_allclose(_moments(change), [0, moment, 0, moment], atol=0.03 * moment)
    widened = moment * (_images(0)[0] + _images(2)[0])
    np.testing.assert_allclose(widened, change, atol=tolerance * np.abs(change).max())
