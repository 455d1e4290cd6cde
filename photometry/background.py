"""Background of cutouts: a robust plane per cadence through the darkest pixels.

It takes off the large-scale part; the fit of the stars has a local background of its own.
"""

import numpy as np
import numpy.typing as npt

__all__ = ["background_pixels", "estimate_background"]

#: Share of the pixels, by their mean, that counts as dark.
_DARK_SHARE = 0.3
#: Fewest dark pixels; as many as there are in smaller cutouts.
_MIN_PIXELS = 6
#: Fewest dark pixels that carry slopes; with fewer the background is a constant.
_MIN_PLANE_PIXELS = 30
#: Residuals beyond this many standard deviations are left out.
_CLIP = 3.5
_ROUNDS = 3
#: Standard deviation of a normal distribution in units of its median absolute deviation.
_SIGMA_PER_MAD = 1.4826


def background_pixels(images: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Choose the pixels that see the least starlight: the darkest in the mean image.

    Parameters
    ----------
    images : (n_cadence, n_row, n_column) float32
        Flux with its background, e-/s; NaN where not measured.

    Returns
    -------
    (n_row, n_column) bool
        True for dark pixels; none where no pixel was ever measured.
    """
    measured = np.isfinite(images)
    count = measured.sum(axis=0)
    total = np.where(measured, images, 0).sum(axis=0, dtype=np.float64)
    mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    # A pixel that misses many cadences has a mean of other cadences than the rest: not comparable.
    usable = count > 0.5 * count.max(initial=0)
    values = np.sort(mean[usable])
    if not len(values):
        return np.zeros(images.shape[1:], dtype=np.bool_)
    n_dark = min(max(round(_DARK_SHARE * len(values)), _MIN_PIXELS), len(values))
    dark: npt.NDArray[np.bool_] = usable & (mean <= values[n_dark - 1])
    return dark


def estimate_background(images: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Estimate the large-scale background of every cadence.

    Parameters
    ----------
    images : (n_cadence, n_row, n_column) float32
        Flux with its background, e-/s; NaN where not measured.

    Returns
    -------
    (n_cadence, n_row, n_column) float32
        A plane per cadence, a constant where there are few pixels, e-/s; 0 in cadences without a measured dark pixel.
    """
    _, n_row, n_column = images.shape
    dark = background_pixels(images)
    values = images[:, dark].astype(np.float64)
    v, u = np.meshgrid(np.linspace(-1, 1, n_row), np.linspace(-1, 1, n_column), indexing="ij")
    n_term = 3 if dark.sum() >= _MIN_PLANE_PIXELS else 1
    basis = np.stack([np.ones_like(v), v, u])[:n_term]
    at_dark = basis[:, dark]
    weights = np.isfinite(values)
    values = np.where(weights, values, 0.0)
    coefficients = np.zeros((len(images), n_term))
    for _ in range(_ROUNDS):
        coefficients = _solve(values, weights, at_dark)
        residuals = np.where(weights, values - coefficients @ at_dark, np.nan)
        weights = weights & _within(residuals)
    backgrounds: npt.NDArray[np.float32] = np.einsum("ct,trk->crk", coefficients, basis).astype(np.float32)
    return backgrounds


def _solve(
    values: npt.NDArray[np.float64], weights: npt.NDArray[np.bool_], basis: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Least squares per cadence; slopes that few pixels carry are held near zero: (n_cadence, n_term)."""
    n_term = len(basis)
    normal = np.einsum("cp,ap,bp->cab", weights.astype(np.float64), basis, basis, optimize=True)
    normal += np.diag([1e-9] + [1.0] * (n_term - 1))
    right = (weights * values) @ basis.T
    solution: npt.NDArray[np.float64] = np.linalg.solve(normal, right[..., None])[..., 0]
    return solution


def _within(residuals: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Tell which residuals (n_cadence, n_pixel) are not outliers; NaN are."""
    some = np.isfinite(residuals)
    filled = np.where(some.any(axis=1, keepdims=True), residuals, 0.0)
    middle = np.nanmedian(filled, axis=1, keepdims=True)
    sigma = _SIGMA_PER_MAD * np.nanmedian(np.abs(filled - middle), axis=1, keepdims=True)
    kept: npt.NDArray[np.bool_] = some & (np.abs(filled - middle) <= _CLIP * sigma + 1e-12)
    return kept
