"""Robust statistics: standard deviations that outliers do not widen."""

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["MAD_TO_SIGMA", "mad_sigma", "median_and_sigma"]

#: Standard deviation of a normal distribution in units of its median absolute deviation.
MAD_TO_SIGMA = 1.4826


def median_and_sigma(
    values: npt.NDArray[np.floating[Any]], axis: int | None = None
) -> tuple[npt.NDArray[np.floating[Any]], npt.NDArray[np.floating[Any]]]:
    """Return the median, and the standard deviation by the median absolute deviation from it.

    Parameters
    ----------
    values : (...) float
        Finite values.
    axis : int, optional
        Axis along which they are taken; all values together by default.

    Returns
    -------
    median, sigma : float arrays
        With length 1 along `axis`, of the dtype of `values`.
    """
    median = np.median(values, axis=axis, keepdims=True)
    sigma = MAD_TO_SIGMA * np.median(np.abs(values - median), axis=axis, keepdims=True)
    return median, sigma


def mad_sigma(values: npt.NDArray[np.floating[Any]], axis: int | None = None) -> npt.NDArray[np.floating[Any]]:
    """Return the standard deviation of finite values by their median absolute deviation, without `axis`."""
    return np.squeeze(median_and_sigma(values, axis)[1], axis=axis)
