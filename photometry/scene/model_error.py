"""Error of the mean scene: by how much the PRF is wrong, as one share of the light of all stars together.

A pixel's model error is

    e_p^2 = s^2 L_p max(L near p) ,

with the light L of the stars and one share s. It grows with the square root of the pixel's own light: the weights of a
bright star's pixels then go as 1/L, so that its mean flux is the sum of its light, whatever the shape of its PRF. No
pixel loses its weight for being the one that is most wrong: what exceeds the common error counts up to a limit, unless
it is more than any PRF can be wrong by, like a star that the table lacks.

A star that saturates is bright enough for its far wings to be measured as well as its core: there the core is that of
the star itself, at any distance, and a bleed trail has the sum of the variances of its pixels.
"""

import numpy as np
import numpy.typing as npt
from scipy import ndimage

__all__ = ["NORMAL_MEDIAN", "TELLING_LIGHT", "bounded_error", "error_shape", "share_of_light"]

#: Pixels along each axis among which the largest light is sought: a star's core is one of them.
_NEAR_PIX = 5
#: Pixels with more starlight than this show how wrong the PRF is, e-/s (the centre of a star of T=13).
TELLING_LIGHT = 300.0
#: Bounds of the share; steps of the bisection between them.
_LEAST_SHARE, _LARGEST_SHARE, _N_BISECTION = 1e-6, 0.2, 30
#: Median of the square of a normal deviate.
NORMAL_MEDIAN = 0.4549
#: Residuals beyond this many standard deviations enlarge the variance, by no more than this factor.
_DOUBTFUL_SIGMA = 3.0
_MOST_EXCESS = 4.0
#: No PRF is wrong by more than this share of the light: what is left beyond it is not a star of the model, and such
#: pixels have as little weight as it takes.
_PLAUSIBLE_SHARE = 0.1


def error_shape(
    light: npt.NDArray[np.float64],
    shape: tuple[int, int],
    saturated: npt.NDArray[np.bool_],
    of_saturated: npt.NDArray[np.float64] | float = 0.0,
) -> npt.NDArray[np.float64]:
    """Return the variance of the model error for a share of 1, (n_pixel,), (e-/s)^2.

    Parameters
    ----------
    light : (n_pixel,) float64
        Mean light of the stars, e-/s.
    shape : (n_row, n_column)
        Of the stamp.
    saturated : (n_pixel,) bool
        Bleed trails, whose sums do not count as the light of a core.
    of_saturated : (n_pixel,) float64 or 0
        Variance by the stars that saturate (`photometry.scene.saturated_light`), at least, and alone in trails.
    """
    light = np.maximum(light, 0.0)
    core = ndimage.maximum_filter(np.where(saturated, 0.0, light).reshape(shape), _NEAR_PIX, mode="nearest").ravel()
    return np.asarray(np.where(saturated, of_saturated, np.maximum(light * np.maximum(core, light), of_saturated)))


def share_of_light(
    square: npt.NDArray[np.float64],
    noise: npt.NDArray[np.float64],
    light: npt.NDArray[np.float64],
    *,
    median: float = NORMAL_MEDIAN,
) -> float:
    """Return the share of the light with which squared residuals over their variance have the right median.

    Parameters
    ----------
    square : (n,) float64
        Squared residuals of telling pixels, (e-/s)^2.
    noise : (n,) float64
        Their variance by noise and fixed stars, (e-/s)^2.
    light : (n,) float64
        Variance of the model error for a share of 1 (`error_shape`), (e-/s)^2.
    median : float
        That of the square of a normal deviate, or 1 for means of many squares.
    """
    least, largest = _LEAST_SHARE, _LARGEST_SHARE
    for _ in range(_N_BISECTION if len(square) else 0):
        middle = float(np.sqrt(least * largest))
        if np.median(square / (noise + middle**2 * light)) > median:
            least = middle
        else:
            largest = middle
    return least


def bounded_error(
    mean_residual: npt.NDArray[np.float64],
    noise: npt.NDArray[np.float64],
    light: npt.NDArray[np.float64],
    shape: npt.NDArray[np.float64],
    usable: npt.NDArray[np.bool_],
    by_saturated: npt.NDArray[np.bool_] | bool = False,
) -> tuple[npt.NDArray[np.float64], float]:
    """Return the model error of every pixel, (n_pixel,), e-/s, and the share of the light that it is.

    Parameters
    ----------
    mean_residual : (n_pixel,) float64
        Mean of the pixels less the mean scene, e-/s.
    noise : (n_pixel,) float64
        Variance of that by noise and by the magnitudes of fixed stars, (e-/s)^2.
    light : (n_pixel,) float64
        Mean light of the stars, e-/s.
    shape : (n_pixel,) float64
        From `error_shape`.
    usable : (n_pixel,) bool
        Pixels that count.
    by_saturated : (n_pixel,) bool, optional
        Pixels whose error is that of stars that saturate: their PRFs may be wrong by more than any others, and bleed
        trails keep their weight.
    """
    square = mean_residual**2
    telling = usable & (light > TELLING_LIGHT)
    share = share_of_light(square[telling], noise[telling], shape[telling])
    expected = noise + share**2 * shape
    excess = np.divide(square, expected * _DOUBTFUL_SIGMA**2, out=np.ones_like(square), where=expected > 0)
    bounded = expected * np.clip(excess, 1.0, _MOST_EXCESS) - noise
    unknown = np.maximum(square - _DOUBTFUL_SIGMA**2 * (noise + _PLAUSIBLE_SHARE**2 * shape), 0.0)
    unknown = np.where(by_saturated, 0.0, unknown)
    # Noise alone may leave less than nothing, by rounding.
    return np.sqrt(np.maximum(bounded + unknown, 0.0)), share
