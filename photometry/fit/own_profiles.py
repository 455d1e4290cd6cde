"""Profiles of bright variable stars, as their own variability shows them.

Where a star varies, the slope of a pixel on its flux is the share of the light that falls there: the star's effective
PRF at its place, with all its neighbours, constant or varying by themselves, dropped out. What is learnt so keeps its
light out of its neighbours. The PRF holds as far as the slopes are noisy: its error, as the mean scene shows it, is the
prior of the change.
"""

import numpy as np
import numpy.typing as npt

from photometry.fit.cadence_fit import FirstFit, TileScene, residual_of
from photometry.scene.model_error import error_shape
from photometry.scene.node_model import NodeModel, node_variance

__all__ = ["own_profiles"]

#: Most stars whose profiles are measured, and least power of their variation: sum of the squared flux deviations over
#: the variance of their brightest pixel. A pixel's share of the light is then known to 0.001.
_MOST_STARS = 8
_LEAST_POWER = 1e6
#: Least variation in units of the noise of a cadence: noise in the flux flattens slopes.
_LEAST_VARIATION = 3.0


def own_profiles(
    scene: TileScene, first: FirstFit, good: npt.NDArray[np.bool_], prf_error: float
) -> dict[int, npt.NDArray[np.float64]]:
    """Return by how much the PRF of variable stars differs from the model's, (n_pixel,) each, by index of the star.

    Parameters
    ----------
    scene : TileScene
        The tile, as the first fit saw it.
    first : FirstFit
        Its flux deviations.
    good : (n_cadence,) bool
        Cadences that count.
    prf_error : float
        Error of the PRF as a share of the light (`photometry.scene.model_error`).

    Notes
    -----
    Slopes are those of a regression on the fluxes of all these stars and on the motion together, of the pixels and of
    the light that the model has for the same fluxes, each where the star is in every cadence. The sum of the change is
    zero, so that the flux scale stays what it is.
    """
    chosen, variance = _chosen(scene, first, good)
    if len(chosen) == 0:
        return {}
    slopes, of_model, square = _slopes(scene, first, good, chosen)
    light = first.main_node.expansion.transposed[0]
    return {
        int(star): _change(
            np.where(light[[star]].toarray()[0] > 0, of_model[:, k], 0.0),
            slopes[:, k],
            variance * square[k],
            scene,
            prf_error,
        )
        for k, star in enumerate(chosen)
    }


def _slopes(
    scene: TileScene, first: FirstFit, good: npt.NDArray[np.bool_], chosen: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Slopes of the pixels and of the model on the fluxes of chosen stars, and what makes variances of noise.

    Returns
    -------
    of_pixels, of_model : (n_pixel, n_chosen) float64
        Share of a star's light in a pixel.
    square : (n_chosen,) float64
        Variance of the slopes over that of a pixel, (e-/s)^-2.
    """
    motion = scene.state.motion
    flux = first.free[chosen][:, good].astype(np.float64)
    regressors = np.stack([np.ones(good.sum()), motion.row_shift[good], motion.column_shift[good], *flux], axis=1)
    scale = np.maximum(np.abs(regressors).max(axis=0), 1e-12)
    regressors /= scale
    inverse = np.linalg.pinv(regressors.T @ regressors)
    sums = np.zeros((2, scene.data.stamp.n_pixel, len(scale)))
    place = np.cumsum(good) - 1
    for node in scene.model.nodes:
        cadences = node.cadences[good[node.cadences]]
        if len(cadences) == 0:
            continue
        residual = residual_of(scene, node, scene.model.mean_images(node, scene.state.flux), cadences)
        counts = scene.data.valid[cadences].T & ~first.rejected[cadences].T
        of_node = regressors[place[cadences]]
        sums[0] += (residual * counts) @ of_node
        sums[1] += (_light_of(scene, node, chosen, flux[:, place[cadences]], cadences) * counts) @ of_node
    of_pixels, of_model = (sums @ inverse / scale)[:, :, 3:]
    return of_pixels, of_model, (np.diag(inverse) / scale**2)[3:]


def _light_of(
    scene: TileScene,
    node: NodeModel,
    stars: npt.NDArray[np.int64],
    flux: npt.NDArray[np.float64],
    cadences: npt.NDArray[np.int64],
) -> npt.NDArray[np.float32]:
    """Light of some stars by their flux deviations (n_chosen, n_cadence) and the model, (n_pixel, n_cadence), e-/s."""
    terms = node.coefficients(scene.state.motion, cadences)[:, : node.expansion.n_term].T
    by_term = np.stack([matrix[stars].toarray() for matrix in node.expansion.transposed], axis=1)
    weights = (flux[:, None] * terms).reshape(-1, len(cadences))
    return by_term.reshape(len(weights), -1).T.astype(np.float32) @ weights.astype(np.float32)


def _chosen(
    scene: TileScene, first: FirstFit, good: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Choose stars whose variation shows their profiles; with the variance of a pixel, (n_pixel,)."""
    data, model, node = scene.data, scene.model, first.main_node
    variance = node_variance(data, node, model.mean_images(node, scene.state.flux))
    brightest = np.asarray(node.expansion.transposed[0].argmax(axis=1)).ravel()
    candidates = first.variation**2 * good.sum() > _LEAST_POWER * variance[brightest]
    candidates &= (first.variation > _LEAST_VARIATION * first.main.noise) & model.unsaturated
    left = np.flatnonzero(candidates)
    series = first.free[left][:, good].astype(np.float64)
    series -= series.mean(axis=1, keepdims=True)
    noise, of_pixel = first.main.noise[left] ** 2 * good.sum(), variance[brightest[left]]
    chosen: list[int] = []
    while len(chosen) < min(_MOST_STARS, len(left)):
        # What a star varies in step with those chosen before is their light in its flux.
        own = (series**2).sum(axis=1) - noise
        best = int(np.argmax(own / of_pixel))
        if own[best] < max(_LEAST_POWER * of_pixel[best], _LEAST_VARIATION**2 * noise[best]):
            break
        chosen.append(int(left[best]))
        direction = series[best] / np.sqrt(series[best] @ series[best])
        series = series - np.outer(series @ direction, direction)
    return np.array(chosen, dtype=np.int64), variance


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
    total = float(slope[lit].sum())
    if total <= 0:
        return np.zeros_like(light)
    measured = slope * (light[lit].sum() / total) - light
    change = np.where(lit, measured * expected / (expected + noise), 0.0)
    return np.asarray(change - light * (change.sum() / light.sum()), dtype=np.float64)
