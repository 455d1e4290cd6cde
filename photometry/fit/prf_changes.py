"""Error of pixels by what the PRF changes from cadence to cadence and the model does not follow.

A PRF that is wrong by a share of the light is wrong in another way wherever the stars move to, and its mean residual
follows them. What that adds to the noise is seen in the residuals of a first fit: as one share of the light,
distributed over the pixels as the model error of the mean scene is (`photometry.scene.model_error`).
"""

import numpy as np
import numpy.typing as npt

from photometry.scene.model_error import TELLING_LIGHT, share_of_light

__all__ = ["edge_share", "prf_change_share"]

#: Pixels whose noise the fit follows by more than this tell little.
_MOST_LEVERAGE = 0.8
#: Fewest telling pixels; at the edges of PRFs, a row of them.
_LEAST_PIXELS, _LEAST_AT_EDGE = 4, 13
#: Bounds of what a single pixel at an edge says.
_LEAST_SHOWN, _MOST_SHOWN = -1.0, 4.0


def prf_change_share(
    scatter: npt.NDArray[np.float64],
    variance: npt.NDArray[np.float64],
    leverage: npt.NDArray[np.float64],
    light: npt.NDArray[np.float64],
    shape: npt.NDArray[np.float64],
    *,
    median: float = 1.0,
) -> float:
    """Return what the PRF's changes add in a cadence, or per unit of the motion, as a share of the light.

    Parameters
    ----------
    scatter : (n_pixel,) float64
        Mean square of the residuals of the good cadences, or squares of slopes, (e-/s)^2; NaN for pixels without any.
    variance : (n_pixel,) float64
        Variance of a cadence by photons and readout, or of the slopes, (e-/s)^2.
    leverage : (n_pixel,) float64
        Share of the noise that the fit follows.
    light : (n_pixel,) float64
        Mean light of the stars, e-/s.
    shape : (n_pixel,) float64
        Variance for a share of 1, as of `photometry.scene.model_error.error_shape`, (e-/s)^2.
    median : float
        As of `photometry.scene.model_error.share_of_light`: by default for means of many squares.
    """
    telling = (light > TELLING_LIGHT) & (leverage < _MOST_LEVERAGE) & np.isfinite(scatter)
    if np.count_nonzero(telling) < _LEAST_PIXELS:
        return 0.0
    square = scatter[telling] / (1 - leverage[telling])
    return share_of_light(square, variance[telling], shape[telling], median=median)


def edge_share(
    scatter: npt.NDArray[np.float64],
    variance: npt.NDArray[np.float64],
    leverage: npt.NDArray[np.float64],
    light: npt.NDArray[np.float64],
    edge: npt.NDArray[np.float64] | float,
) -> float:
    """Return how much of the variance expected at the edges of the PRFs there is, 0 to 1; 1 where too few pixels tell.

    Parameters
    ----------
    scatter, variance, leverage, light
        As of `prf_change_share`.
    edge : (n_pixel,) float64
        Variance of a pixel by stars whose PRFs end there (`photometry.scene.prf_edge`), (e-/s)^2.
    """
    edge = np.broadcast_to(edge, scatter.shape)
    telling = (edge > variance) & (light < TELLING_LIGHT) & (leverage < _MOST_LEVERAGE) & np.isfinite(scatter)
    if np.count_nonzero(telling) < _LEAST_AT_EDGE:
        return 1.0
    shown = (scatter[telling] / (1 - leverage[telling]) - variance[telling]) / edge[telling]
    return float(np.clip(np.mean(np.clip(shown, _LEAST_SHOWN, _MOST_SHOWN)), 0.0, 1.0))
