"""Profiles of bright variable stars, as their own variability shows them.

Where a star varies, the slope of a pixel on its flux is the share of the light that falls there: the star's effective
PRF at its place, with all its neighbours, constant or varying by themselves, dropped out. What is learnt so keeps its
light out of its neighbours. The PRF holds as far as the slopes are noisy: its error, as the mean scene shows it, is the
prior of the change.
"""

import numpy as np
import numpy.typing as npt

from photometry.fit.cadence_fit import FirstFit, TileScene
from photometry.fit.pixel_slopes import PixelSlopes
from photometry.scene.model_error import error_shape

__all__ = ["own_profiles"]


def own_profiles(
    scene: TileScene, first: FirstFit, slopes: PixelSlopes, prf_error: float
) -> dict[int, npt.NDArray[np.float64]]:
    """Return by how much the PRF of variable stars differs from the model's, (n_pixel,) each, by index of the star.

    Parameters
    ----------
    scene : TileScene
        The tile, as the first fit saw it.
    first : FirstFit
        Where the stars are.
    slopes : PixelSlopes
        Slopes of the pixels, and of the model, on the fluxes of the variable stars.
    prf_error : float
        Error of the PRF as a share of the light (`photometry.scene.model_error`).

    Notes
    -----
    Slopes are those of a regression on the fluxes of all these stars and on the motion together, of the pixels and of
    the light that the model has for the same fluxes, each where the star is in every cadence. The sum of the change is
    zero, so that the flux scale stays what it is.
    """
    light = first.main_node.expansion.transposed[0]
    return {
        int(star): _change(
            np.where(light[[star]].toarray()[0] > 0, slopes.of_model[:, k], 0.0),
            slopes.on_flux[:, k],
            slopes.flux_variance[:, k],
            scene,
            prf_error,
        )
        for k, star in enumerate(slopes.stars)
    }


def _change(
    light: npt.NDArray[np.float64],
    slope: npt.NDArray[np.float64],
    noise: npt.NDArray[np.float64],
    scene: TileScene,
    prf_error: float,
) -> npt.NDArray[np.float64]:
    """Change of a star's PRF (n_pixel,) by the slopes of the pixels and their variance."""
    expected = prf_error**2 * error_shape(light, scene.data.stamp.shape, scene.data.saturated)
    lit = (light > 0) & scene.data.usable
    # Weights are those of a sum of light, but for pixels that tell little.
    weighted = np.divide(light, prf_error**2 * light * light.max() + noise, out=np.zeros_like(light), where=lit)
    size = float(weighted @ slope)
    if size <= 0:
        return np.zeros_like(light)
    measured = slope * (float(weighted @ light) / size) - light
    change = np.where(lit, measured * expected / (expected + noise), 0.0)
    return np.asarray(change - light * (change.sum() / light.sum()), dtype=np.float64)
