"""PRFs that differ from the given one: blurred, and mixed with another."""

from dataclasses import replace

import numpy as np
import pytest

from photometry.prf.model import model_prf
from photometry.prf.prf_grid import PrfGrid, phased
from photometry.simulate import blurred_prf, mixed_prf

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
