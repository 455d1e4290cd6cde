"""A plain least-squares fit of real pixels, to compare with: given PRF, a shift per cadence, fluxes, one background."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.bound import design_matrix
from photometry.core.cube import Cube
from photometry.core.stars import Stars
from photometry.prf.prf_grid import PrfEvaluator, PrfGrid

__all__ = ["PlainFit", "plain_fit"]

#: Error of the model as a fraction of a pixel's light.
_MODEL_ERROR = 0.004
#: Linear steps to the shift of a cadence; step of the derivatives, pixels; largest step, pixels.
_N_STEP, _DIFFERENCE, _LARGEST_STEP = 4, 0.02, 0.3
#: Pixels with more light than this saturate and do not count, e-/s.
_SATURATED = 8e4

_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PlainFit:
    """What the plain fit found.

    Parameters
    ----------
    starid : (n_star,) int64
        Stars.
    flux : (n_star,) float64
        Fluxes in the mean image, e-/s.
    series : (n_star, n_good) float64
        Fluxes of the good cadences, each fitted by itself, e-/s.
    shift : (2, n_good) float64
        Shift of all stars in row and column, pixels.
    residual : (n_row, n_column) float64
        Mean image less model, e-/s.
    peak : float
        Highest pixel of the mean image, e-/s.
    """

    starid: npt.NDArray[np.int64]
    flux: _Floats
    series: _Floats
    shift: _Floats
    residual: _Floats
    peak: float


def plain_fit(cube: Cube, stars: Stars, prf: PrfGrid, tmag_limit: float = 16.0) -> PlainFit:
    """Fit every good cadence for its shift, then the mean image with the mean of the shifted PRFs.

    Parameters
    ----------
    cube : Cube
        The pixels; the large-scale background stays subtracted, a constant is fitted.
    stars : Stars
        Catalogue stars.
    prf : PrfGrid
        The given PRF.
    tmag_limit : float
        Only brighter stars are fitted.
    """
    chosen = stars.select((stars.tmag < tmag_limit) & cube.stamp.contains(stars.row, stars.column))
    evaluator, good = PrfEvaluator(prf), np.flatnonzero(cube.usable)
    images = cube.images[good].reshape(len(good), -1).astype(np.float64)
    mean_image = np.nanmean(images, axis=0)
    # The noise of one cadence for the mean image, too: with that of the mean, faint wings would decide on the fluxes.
    noise = _noise(cube, mean_image)
    start, _ = _fit_image(chosen, evaluator, cube, mean_image, noise, np.zeros(2))
    shift, series = np.zeros((2, len(good))), np.zeros((len(chosen), len(good)))
    mean_design = np.zeros((cube.stamp.n_pixel, len(chosen) + 1))
    for k, image in enumerate(images):
        shift[:, k], values = _fit_image(chosen, evaluator, cube, image, noise, start)
        series[:, k] = values[:-1]
        mean_design += _design(chosen, evaluator, cube, shift[:, k]) / len(good)
    values = _solved(mean_design, mean_image, _weights(mean_image, noise))
    residual = (mean_image - mean_design @ values).reshape(cube.stamp.shape)
    return PlainFit(chosen.starid, values[:-1], series, shift, residual, float(np.nanmax(mean_image)))


def _fit_image(
    stars: Stars, prf: PrfEvaluator, cube: Cube, image: _Floats, variance: _Floats, shift: npt.NDArray[np.float64]
) -> tuple[_Floats, _Floats]:
    """Shift (2,) and fluxes with the background (n_star + 1,) that fit an image (n_pixel,) best."""
    weights = _weights(image, variance)
    for _ in range(_N_STEP):
        design = _design(stars, prf, cube, shift)
        values = _solved(design, image, weights)
        slopes = [
            (_design(stars, prf, cube, shift + step) - _design(stars, prf, cube, shift - step)) @ values
            for step in _DIFFERENCE * np.eye(2)
        ]
        both = np.column_stack([design, np.stack(slopes, axis=1) / (2 * _DIFFERENCE)])
        solution = _solved(both, image, weights)
        shift = shift + np.clip(solution[-2:], -_LARGEST_STEP, _LARGEST_STEP)
    return shift, solution[:-2]


def _design(stars: Stars, prf: PrfEvaluator, cube: Cube, shift: _Floats) -> _Floats:
    """Stars at their shifted places and a constant, (n_pixel, n_star + 1)."""
    light = design_matrix(stars.moved(*shift), prf, cube.stamp).toarray()
    return np.column_stack([light, np.ones(len(light))])


def _weights(image: _Floats, variance: _Floats) -> _Floats:
    """Weights of the pixels: noise, and a fraction of their light."""
    usable = np.isfinite(image) & (image < _SATURATED)
    return np.where(usable, 1 / (variance + (_MODEL_ERROR * np.where(usable, image, 0.0)) ** 2), 0.0)


def _solved(design: _Floats, image: _Floats, weights: _Floats) -> _Floats:
    """Weighted least squares."""
    root = np.sqrt(weights)
    return np.linalg.lstsq(root[:, None] * design, root * np.nan_to_num(image), rcond=None)[0]


def _noise(cube: Cube, mean_image: _Floats) -> _Floats:
    """Variance of a cadence's pixels by photons and readout, (n_pixel,), (e-/s)^2."""
    sky = np.nanmean(cube.backgrounds[cube.usable], axis=0).ravel()
    columns = np.arange(cube.stamp.col_min, cube.stamp.col_max)
    read = np.tile(cube.exposure.read_variance(columns), cube.stamp.shape[0])
    return np.maximum(np.nan_to_num(mean_image) + sky, 0.0) / cube.exposure.exposure_s + read
