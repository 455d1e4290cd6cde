"""PRFs that differ from the given one: blurred, and mixed with another."""

from dataclasses import replace

import numpy as np
import pytest

from photometry.prf.model import model_prf
from photometry.prf.prf_grid import PrfGrid, phased
from photometry.simulate import blurred_prf, intrapixel_prf, mixed_prf
from photometry.simulate.perturb import normalised_phases

PRF, OTHER = model_prf(), model_prf(ccd=1)
#: Offsets of the samples, pixels.
_OFFSETS = (np.arange(117) - 58) / 9


def _sums(grid: PrfGrid) -> np.ndarray:
    """Sum of the samples one pixel apart, at every phase."""
    return phased(grid.samples).sum(axis=(-4, -2))


def test_a_blurred_prf_is_wider_by_the_blur_and_keeps_its_sum():
    offset = np.exp(-0.5 * (_OFFSETS / 0.8) ** 2)
    samples = np.outer(offset, offset)[None, None] / offset.sum() ** 2 * 81
    blurred = blurred_prf(PrfGrid(np.zeros(1), np.zeros(1), samples, np.zeros_like(samples), "test"), 0.35)
    variance = (blurred.samples[0, 0] * _OFFSETS[:, None] ** 2).sum() / blurred.samples[0, 0].sum()
    assert variance == pytest.approx(0.8**2 + 0.35**2, rel=1e-5)
    np.testing.assert_allclose(_sums(blurred_prf(PRF, 0.35)), 1.0, atol=1e-12)
    assert blurred.source == "test, blurred by 0.35 px"


def _in_pixels(width: float, shift: float, loss: float) -> np.ndarray:
    """Light of a Gaussian in pixels around every sample along an axis, by a fine sum; edges see less by `loss`."""
    fine = (np.arange(-450, 450) + 0.5) / 900
    place = _OFFSETS[:, None] + fine - shift
    light = np.exp(-0.5 * (place / width) ** 2) / (width * np.sqrt(2 * np.pi))
    return (light * (1 - loss * (2 * fine) ** 2)).mean(axis=1)


@pytest.mark.parametrize("loss", [0.0, 0.1, 1.0])
def test_pixels_that_see_less_near_their_edges(loss):
    uniform = np.outer(_in_pixels(0.55, 0.0, 0.0), _in_pixels(0.8, 0.4, 0.0))[None, None]
    grid = PrfGrid(np.zeros(1), np.zeros(1), normalised_phases(uniform), np.zeros_like(uniform), "test")
    expected = np.outer(_in_pixels(0.55, 0.0, loss), _in_pixels(0.8, 0.4, loss))[None, None]
    dimmed = intrapixel_prf(grid, loss)
    # The response is taken to be constant over a ninth of a pixel.
    np.testing.assert_allclose(dimmed.samples, normalised_phases(expected), atol=0.01 * loss * expected.max() + 1e-12)
    np.testing.assert_allclose(_sums(dimmed), 1.0, atol=1e-12)


def test_a_star_in_the_middle_of_a_pixel_has_more_of_its_light_there():
    change = phased(intrapixel_prf(PRF, 0.1).samples - PRF.samples) / PRF.samples.max()
    assert 0.002 < change[2, 2, 6, 4, 6, 4] < 0.05
    np.testing.assert_allclose(change.sum(axis=(-4, -2)), 0.0, atol=1e-10)


def test_a_mixed_prf_is_a_weighted_mean_and_keeps_its_sum():
    mixed = mixed_prf(PRF, OTHER, 0.3)
    np.testing.assert_allclose(mixed.samples, 0.7 * PRF.samples + 0.3 * OTHER.samples, atol=1e-12)
    np.testing.assert_allclose(_sums(mixed), 1.0, atol=1e-12)
    np.testing.assert_allclose(mixed_prf(PRF, OTHER, 0.0).samples, PRF.samples, atol=1e-12)
    assert mixed.source == "model, mixed with 0.3 of model"


def test_only_prfs_of_the_same_places_are_mixed():
    moved = replace(OTHER, rows=OTHER.rows + 1)
    fewer = replace(OTHER, samples=OTHER.samples[..., 9:-9, 9:-9], errors=OTHER.errors[..., 9:-9, 9:-9])
    for other in (moved, fewer):
        with pytest.raises(ValueError, match="places and samples must be the same"):
            mixed_prf(PRF, other, 0.3)
