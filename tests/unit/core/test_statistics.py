"""Robust statistics of normal values, with and without outliers; one place for the factor."""

import re
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from photometry.core.statistics import MAD_TO_SIGMA, mad_sigma, median, median_and_sigma

_PHOTOMETRY = Path(__file__).resolve().parents[3] / "photometry"


def test_factor_is_that_of_a_normal_distribution():
    assert pytest.approx(1 / stats.norm.ppf(0.75), rel=2e-6) == MAD_TO_SIGMA


def test_a_tenth_of_outliers_hardly_widens_sigma():
    values = np.random.default_rng(1).normal(5.0, 2.0, (3, 20_000))
    np.testing.assert_allclose(mad_sigma(values, axis=1), 2.0, rtol=0.02)
    values[:, ::10] = 1e6
    np.testing.assert_allclose(mad_sigma(values, axis=1), 2.0, rtol=0.15)


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (5, 8), (7, 4, 6)])
@pytest.mark.parametrize("keepdims", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_median_is_that_of_numpy(shape, keepdims, dtype):
    values = np.random.default_rng(3).normal(size=shape).astype(dtype)
    for axis in (None, -1, *range(len(shape))):
        found = median(values, axis, keepdims=keepdims)
        np.testing.assert_array_equal(found, np.median(values, axis=axis, keepdims=keepdims))
        assert found.dtype == dtype


@pytest.mark.parametrize("axis", [0, 1, None])
def test_median_and_sigma_keep_axis_and_dtype(axis):
    values = np.random.default_rng(2).normal(size=(5, 7)).astype(np.float32)
    middle, sigma = median_and_sigma(values, axis)
    np.testing.assert_array_equal(middle, np.median(values, axis=axis, keepdims=True))
    assert middle.shape == sigma.shape
    assert middle.dtype == sigma.dtype == np.float32
    away = np.abs(values - middle)
    np.testing.assert_array_equal(mad_sigma(values, axis), MAD_TO_SIGMA * np.median(away, axis=axis))


def test_the_factor_is_written_in_one_place():
    """The measures of light curves have more digits of it."""
    places = [path.name for path in sorted(_PHOTOMETRY.rglob("*.py")) if re.search(r"\b1\.4826\b", path.read_text())]
    assert places == ["statistics.py"]
