"""Background of cutouts: a robust plane per cadence through the darkest pixels.

It takes off the large-scale part; the fit of the stars has a local background of its own.
"""

import numpy as np
import numpy.typing as npt

from photometry.core.statistics import MAD_TO_SIGMA

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
#: Weight, in pixels, that keeps a cadence without pixels solvable; share of the pixels' that holds slopes near zero.
_TINY, _SLOPE_HOLD = 1e-9, 1e-3


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
    # A pixel that misses many cadences has a mean of other cadences than the rest: not comparable.
    usable: npt.NDArray[np.bool_] = np.asarray(count > 0.5 * count.max(initial=0))
    if not usable.any():
        return usable
    mean = np.where(usable, total / np.maximum(count, 1), np.inf)
    n_usable = int(usable.sum())
    n_dark = min(max(round(_DARK_SHARE * n_usable), _MIN_PIXELS), n_usable)
    dark: npt.NDArray[np.bool_] = mean <= np.partition(mean.ravel(), n_dark - 1)[n_dark - 1]
    # The darkest of a tilted background lie at its lower end: choose again with the tilt taken off.
    basis = _basis(images.shape[1:], n_dark)
    for _ in range(_ROUNDS):
        coefficients = _solve(mean[dark][None], np.ones((1, int(dark.sum())), dtype=np.bool_), basis[:, dark])
        level = mean - np.tensordot(coefficients[0], basis, axes=1)
        dark = level <= np.partition(level.ravel(), n_dark - 1)[n_dark - 1]
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
    dark = background_pixels(images)
    if not dark.any():
        return np.zeros(images.shape, dtype=np.float32)
    values = images[:, dark].astype(np.float64)
    basis = _basis(images.shape[1:], int(dark.sum()))
    at_dark = basis[:, dark]
    weights = np.isfinite(values)
    values = np.where(weights, values, 0.0)
    coefficients = np.zeros((len(images), len(basis)))
    for _ in range(_ROUNDS):
        coefficients = _solve(values, weights, at_dark)
        residuals = np.where(weights, values - coefficients @ at_dark, np.nan)
        weights = weights & _within(residuals)
    backgrounds: npt.NDArray[np.float32] = np.einsum("ct,trk->crk", coefficients, basis).astype(np.float32)
    return backgrounds


def _basis(shape: tuple[int, ...], n_dark: int) -> npt.NDArray[np.float64]:
    """Return 1, row and column, from -1 to 1; 1 alone where few pixels carry it: (n_term, n_row, n_column)."""
    v, u = np.meshgrid(np.linspace(-1, 1, shape[0]), np.linspace(-1, 1, shape[1]), indexing="ij")
    return np.stack([np.ones_like(v), v, u])[: 3 if n_dark >= _MIN_PLANE_PIXELS else 1]


def _solve(
    values: npt.NDArray[np.float64], weights: npt.NDArray[np.bool_], basis: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Least squares per cadence; slopes that few pixels carry are held near zero: (n_cadence, n_term)."""
    n_term = len(basis)
    normal = np.einsum("cp,ap,bp->cab", weights.astype(np.float64), basis, basis, optimize=True)
    normal += np.diag([_TINY] + [_SLOPE_HOLD * values.shape[1]] * (n_term - 1))
    right = (weights * values) @ basis.T
    solution: npt.NDArray[np.float64] = np.linalg.solve(normal, right[..., None])[..., 0]
    return solution


def _within(residuals: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Tell which residuals (n_cadence, n_pixel) are not outliers; NaN are."""
    some = np.isfinite(residuals)
    filled = np.where(some.any(axis=1, keepdims=True), residuals, 0.0)
    middle = np.nanmedian(filled, axis=1, keepdims=True)
    sigma = MAD_TO_SIGMA * np.nanmedian(np.abs(filled - middle), axis=1, keepdims=True)
    kept: npt.NDArray[np.bool_] = some & (np.abs(filled - middle) <= _CLIP * sigma + 1e-12)
    return kept
