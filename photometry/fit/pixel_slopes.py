"""Slopes of the pixels on the motion and on the fluxes of bright variable stars, in one regression.

What goes with the flux of a variable star is its own profile (`photometry.fit.own_profiles`); what goes with the motion
is where a PRF that is wrong leaves the model behind (`photometry.fit.motion_slopes`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from photometry.fit.cadence_fit import FirstFit, TileScene, residual_of
from photometry.fit.motion_directions import N_SHIFT, motion_directions
from photometry.scene.node_model import NodeModel, node_variance

__all__ = ["PixelSlopes", "pixel_slopes"]

#: Most stars whose fluxes enter, and least power of their variation: sum of the squared flux deviations over the
#: variance of their brightest pixel. A pixel's share of the light is then known to 0.001.
_MOST_STARS = 8
_LEAST_POWER = 1e6
#: Parts of the series by which the errors of slopes on fluxes are known.
_N_PART = 8
#: Most of a star's variation that leaks into another's flux where the PRF is wrong, and least share of what the other
#: one varies that has to be its own then.
_MOST_LEAK, _LEAST_OWN = 0.05, 0.5
#: Least variation in units of the noise of a cadence: noise in the flux flattens slopes.
_LEAST_VARIATION = 3.0
#: Cadences of a node that are worked on at once: with more, every array takes new memory from the system.
_CADENCES_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class PixelSlopes:
    """Slopes of the pixels, less the mean scene, over the good cadences.

    Parameters
    ----------
    motion : (n_cadence, n_direction) float64
        What a wrong PRF answers to, from `photometry.fit.motion_directions`.
    on_motion : (n_pixel, n_direction) float64
        Slopes on that, less the light that the model has for the fluxes of the variable stars, e-/s.
    stars : (n_chosen,) int64
        The variable stars.
    on_flux, of_model : (n_pixel, n_chosen) float64
        Slopes on their fluxes, of the pixels and of the light that the model has for the same fluxes: share of a star's
        light in a pixel.
    flux_on_motion : (n_chosen, n_direction) float64
        Slopes of their fluxes on the motion, e-/s.
    variance : (n_pixel,) float64
        Variance of a pixel in a cadence, (e-/s)^2.
    by_motion : (n_direction,) float64
        Variance of the slopes on the motion over that of a pixel.
    flux_variance : (n_pixel, n_chosen) float64
        Variance of what the slopes on the fluxes of pixels and model differ by.
    """

    motion: npt.NDArray[np.float64]
    on_motion: npt.NDArray[np.float64]
    stars: npt.NDArray[np.int64]
    on_flux: npt.NDArray[np.float64]
    of_model: npt.NDArray[np.float64]
    flux_on_motion: npt.NDArray[np.float64]
    variance: npt.NDArray[np.float64]
    by_motion: npt.NDArray[np.float64]
    flux_variance: npt.NDArray[np.float64]

    def with_profiles(self, profiles: Mapping[int, npt.NDArray[np.float64]]) -> "PixelSlopes":
        """Return the slopes less the light that goes with changes (n_pixel,) of the PRF of some of the stars."""
        light = np.zeros_like(self.on_motion)
        for star, slope in zip(self.stars.tolist(), self.flux_on_motion, strict=True):
            if star in profiles:
                light += np.outer(profiles[star], slope)
        return replace(self, on_motion=self.on_motion - light)


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
    directions = motion_directions(scene.state.motion, good)
    stars = _chosen(scene, first, good, variance, directions[good, :N_SHIFT])
    flux = first.free[stars][:, good].astype(np.float64)
    regressors = np.concatenate([np.ones((1, good.sum())), directions[good].T, flux]).T
    scale = np.maximum(np.abs(regressors).max(axis=0), 1e-12)
    part = np.arange(good.sum()) * _N_PART // good.sum() if len(stars) else np.zeros(good.sum(), dtype=np.int64)
    sums = _sums(scene, first, good, stars, flux, regressors / scale, part) * scale
    normals = np.stack([regressors[part == k].T @ regressors[part == k] for k in range(len(sums))])
    normal, n_direction = normals.sum(axis=0), directions.shape[1]
    every = np.arange(1 + n_direction)
    of_motion, by_motion = _solved(normal, scale, (sums[:, 0] - sums[:, 1]).sum(axis=0), every)
    # Squares of a slow motion are like the variation of a slow star: profiles are beside the movement alone.
    few = np.r_[0 : 1 + min(N_SHIFT, n_direction), 1 + n_direction : len(scale)]
    of_pixels, by_flux = _solved(normal, scale, sums[:, 0].sum(axis=0), few)
    of_model, _ = _solved(normal, scale, sums[:, 1].sum(axis=0), few)
    of_flux = slice(len(few) - len(stars), None)
    by_parts = _variance_by_parts(normals, scale, sums[:, 0] - sums[:, 1], few)
    return PixelSlopes(
        motion=directions,
        on_motion=of_motion[:, 1:],
        stars=stars,
        on_flux=of_pixels[:, of_flux],
        of_model=of_model[:, of_flux],
        flux_on_motion=(flux - flux.mean(axis=1, keepdims=True)) @ directions[good] / good.sum(),
        variance=variance,
        by_motion=by_motion[1:],
        flux_variance=np.maximum(by_parts, variance[:, None] * by_flux)[:, of_flux],
    )


def _variance_by_parts(
    normals: npt.NDArray[np.float64],
    scale: npt.NDArray[np.float64],
    sums: npt.NDArray[np.float64],
    which: npt.NDArray[np.int64],
) -> npt.NDArray[np.float64]:
    """Return the variance of slopes (n_pixel, n_some) by what they are without each of the parts of the series.

    Notes
    -----
    The jackknife (Tukey 1958): it knows all that makes the slopes of one week differ from those of another.
    """
    n_part = len(sums)
    if n_part == 1:
        return np.zeros((sums.shape[1], len(which)))
    normal, total = normals.sum(axis=0), sums.sum(axis=0)
    without = [_solved(normal - normals[k], scale, total - sums[k], which)[0] for k in range(n_part)]
    return np.asarray((n_part - 1) * np.var(without, axis=0), dtype=np.float64)


def _solved(
    normal: npt.NDArray[np.float64],
    scale: npt.NDArray[np.float64],
    sums: npt.NDArray[np.float64],
    which: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Regress sums (n_pixel, n) on some of n regressors: slopes (n_pixel, n_some), their variance over the pixel's."""
    size = scale[which]
    units = size * size[:, None]
    inverse = np.linalg.pinv(normal[np.ix_(which, which)] / units) / units
    return sums[:, which] @ inverse, np.diag(inverse)


def _sums(
    scene: TileScene,
    first: FirstFit,
    good: npt.NDArray[np.bool_],
    stars: npt.NDArray[np.int64],
    flux: npt.NDArray[np.float64],
    regressors: npt.NDArray[np.float64],
    part: npt.NDArray[np.int64],
) -> npt.NDArray[np.float64]:
    """Multiply regressors (n_good, n) with residuals, and with the light of the stars by the model.

    Returns
    -------
    (n_part, 2, n_pixel, n) float64
        For each part of the good cadences, numbered in `part` (n_good,), alone.
    """
    sums = np.zeros((part.max() + 1, 2, scene.data.stamp.n_pixel, regressors.shape[1]))
    place = np.cumsum(good) - 1
    for node in scene.model.nodes:
        of_node = node.cadences[good[node.cadences]]
        if len(of_node) == 0:
            continue
        images = scene.model.mean_images(node, scene.state.flux)
        # Cadences of a node are in the order of time: those of a part follow each other.
        for k, of_part in enumerate(np.split(of_node, np.searchsorted(part[place[of_node]], range(1, len(sums))))):
            for start in range(0, len(of_part), _CADENCES_AT_ONCE):
                cadences = of_part[start : start + _CADENCES_AT_ONCE]
                residual = residual_of(scene, node, images, cadences)
                off = np.flatnonzero(first.rejected[cadences] | ~scene.data.valid[cadences])
                which, pixel = np.divmod(off, scene.data.stamp.n_pixel)
                residual[pixel, which] = 0
                factors = regressors[place[cadences]].astype(np.float32)
                sums[k, 0] += residual @ factors
                if len(stars):
                    light = _light_of(scene, node, stars, flux[:, place[cadences]], cadences)
                    light[pixel, which] = 0
                    sums[k, 1] += light @ factors
    return sums


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
    """Choose stars whose variation shows their profiles, whatever of it goes with the `motion` of the good cadences.

    Stars beside the pixels show nothing but their wings, in which errors of all others look like large variations.
    """
    brightest = np.asarray(first.main_node.expansion.transposed[0].argmax(axis=1)).ravel()
    candidates = first.variation**2 * good.sum() > _LEAST_POWER * variance[brightest]
    candidates &= (first.variation > _LEAST_VARIATION * first.main.noise) & scene.model.unsaturated
    candidates &= scene.data.stamp.contains(scene.model.stars.row, scene.model.stars.column)
    left = np.flatnonzero(candidates)
    series = first.free[left][:, good].astype(np.float64)
    series -= series.mean(axis=1, keepdims=True)
    series -= (series @ motion / len(motion)) @ motion.T
    noise, of_pixel = first.main.noise[left] ** 2 * good.sum(), variance[brightest[left]]
    varies, leak = (series**2).sum(axis=1) - noise, np.zeros(len(left))
    chosen: list[int] = []
    while len(chosen) < min(_MOST_STARS, len(left)):
        # What a star varies in step with those chosen before is their light in its flux.
        own = (series**2).sum(axis=1) - noise
        can = own >= np.maximum(_LEAST_POWER * of_pixel, _LEAST_VARIATION**2 * noise)
        can &= (own >= _LEAST_OWN * varies) | (leak > _MOST_LEAK)
        if not can.any():
            break
        best = int(np.argmax(np.where(can, own / of_pixel, 0.0)))
        chosen.append(int(left[best]))
        in_step = series @ series[best] / (series[best] @ series[best])
        leak = np.maximum(leak, np.abs(in_step))
        series = series - np.outer(in_step, series[best])
    return np.array(chosen, dtype=np.int64)
