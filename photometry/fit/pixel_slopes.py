"""Slopes of the pixels on the motion and on the fluxes of bright variable stars, in one regression.

What goes with the flux of a variable star is its own profile (`photometry.fit.own_profiles`); what goes with the motion
is where a PRF that is wrong leaves the model behind (`photometry.fit.motion_slopes`).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from photometry.fit.cadence_fit import FirstFit, TileScene, residual_of
from photometry.scene.node_model import NodeModel, node_variance
from photometry.scene.tile_state import TileMotion

__all__ = ["PixelSlopes", "pixel_slopes"]

#: Most stars whose fluxes enter, and least power of their variation: sum of the squared flux deviations over the
#: variance of their brightest pixel. A pixel's share of the light is then known to 0.001.
_MOST_STARS = 8
_LEAST_POWER = 1e6
#: Least variation in units of the noise of a cadence: noise in the flux flattens slopes.
_LEAST_VARIATION = 3.0
#: Directions in which the stars move less than this (standard deviation) tell nothing, pixels.
_LEAST_MOTION = 1e-4


@dataclass(frozen=True, slots=True)
class PixelSlopes:
    """Slopes of the pixels, less the mean scene, over the good cadences.

    Parameters
    ----------
    motion : (n_cadence, n_direction) float64
        Movement along its principal axes, mean 0 and standard deviation 1 over the good cadences, no larger in others
        than in these; no direction where nothing moves.
    on_motion : (n_pixel, n_direction) float64
        Slopes on that, e-/s.
    stars : (n_chosen,) int64
        The variable stars.
    on_flux, of_model : (n_pixel, n_chosen) float64
        Slopes on their fluxes, of the pixels and of the light that the model has for the same fluxes: share of a star's
        light in a pixel.
    variance : (n_pixel,) float64
        Variance of a pixel in a cadence, (e-/s)^2.
    by_motion, by_flux : (n_direction,), (n_chosen,) float64
        Variance of the slopes over that of a pixel.
    """

    motion: npt.NDArray[np.float64]
    on_motion: npt.NDArray[np.float64]
    stars: npt.NDArray[np.int64]
    on_flux: npt.NDArray[np.float64]
    of_model: npt.NDArray[np.float64]
    variance: npt.NDArray[np.float64]
    by_motion: npt.NDArray[np.float64]
    by_flux: npt.NDArray[np.float64]


def pixel_slopes(scene: TileScene, first: FirstFit, good: npt.NDArray[np.bool_]) -> PixelSlopes:
    """Measure the slopes of a tile's pixels.

    Parameters
    ----------
    scene : TileScene
        The tile, as the first fit saw it.
    first : FirstFit
        Its flux deviations.
    good : (n_cadence,) bool
        Cadences that count.
    """
    variance = node_variance(scene.data, first.main_node, scene.model.mean_images(first.main_node, scene.state.flux))
    directions = _principal_motion(scene.state.motion, good)
    stars = _chosen(scene, first, good, variance, directions[good])
    flux = first.free[stars][:, good].astype(np.float64)
    regressors = np.concatenate([np.ones((1, good.sum())), directions[good].T, flux]).T
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
        if len(stars):
            sums[1] += (_light_of(scene, node, stars, flux[:, place[cadences]], cadences) * counts) @ of_node
    of_pixels, of_model = sums @ inverse / scale
    square, first_star = np.diag(inverse) / scale**2, 1 + directions.shape[1]
    return PixelSlopes(
        motion=directions,
        on_motion=of_pixels[:, 1:first_star],
        stars=stars,
        on_flux=of_pixels[:, first_star:],
        of_model=of_model[:, first_star:],
        variance=variance,
        by_motion=square[1:first_star],
        by_flux=square[first_star:],
    )


def _principal_motion(motion: TileMotion, good: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Movement along its principal axes in units of its scatter, (n_cadence, n_direction)."""
    shift = np.stack([motion.row_shift, motion.column_shift], axis=1)
    shift = shift - shift[good].mean(axis=0)
    square, axes = np.linalg.eigh(shift[good].T @ shift[good] / good.sum())
    seen = square > _LEAST_MOTION**2
    along = shift @ axes[:, seen] / np.sqrt(square[seen])
    most = np.abs(along[good]).max(axis=0, initial=0.0)
    return np.asarray(np.clip(along, -most, most), dtype=np.float64)


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
    scene: TileScene,
    first: FirstFit,
    good: npt.NDArray[np.bool_],
    variance: npt.NDArray[np.float64],
    motion: npt.NDArray[np.float64],
) -> npt.NDArray[np.int64]:
    """Choose stars whose variation shows their profiles, whatever of it goes with the `motion` of the good cadences."""
    brightest = np.asarray(first.main_node.expansion.transposed[0].argmax(axis=1)).ravel()
    candidates = first.variation**2 * good.sum() > _LEAST_POWER * variance[brightest]
    candidates &= (first.variation > _LEAST_VARIATION * first.main.noise) & scene.model.unsaturated
    left = np.flatnonzero(candidates)
    series = first.free[left][:, good].astype(np.float64)
    series -= series.mean(axis=1, keepdims=True)
    series -= (series @ motion / len(motion)) @ motion.T
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
    return np.array(chosen, dtype=np.int64)
