"""Robust statistics: standard deviations that outliers do not widen; errors of means."""

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["MAD_TO_SIGMA", "mad_sigma", "mean_error", "median_and_sigma"]

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


def mean_error(errors: npt.NDArray[np.float32], usable: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Return the standard error of the mean of the unflagged images, (n_row, n_column), e-/s; NaN without one.

    Parameters
    ----------
    errors : (n_cadence, n_row, n_column) float32
        Errors of the images, e-/s.
    usable : (n_cadence,) bool
        Cadences without a flag that makes them unusable.
    """
    good = errors[usable].astype(np.float64)
    number = np.isfinite(good).sum(axis=0)
    total = np.sqrt(np.nansum(good**2, axis=0))
    error: npt.NDArray[np.float64] = np.divide(total, number, out=np.full(number.shape, np.nan), where=number > 0)
    return error
