"""Flags of stars and of their cadences."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from photometry.core.quality import PIXEL_QUALITY, STAR_FLAGS, bit
from photometry.core.statistics import median
from photometry.fit.static_misfit import StaticMisfit
from photometry.fit.unlisted_neighbours import UnlistedNeighbours
from photometry.scene.node_model import NodeModel
from photometry.scene.tile_data import TileData
from photometry.solver.node_solver import NodeSolver

__all__ = ["StarQuality", "blending", "cadence_flags", "reduced_chi2", "star_flags", "star_quality"]

#: Share of a star's PRF on masked, saturated or outside pixels that matters.
_SHARE_THAT_MATTERS = 0.01
#: Share of the light outside the pixels that makes a star an edge star.
_EDGE_SHARE = 0.1
#: Least share of the light on usable pixels; below it a star is not measured.
_LEAST_SHARE = 0.03
#: Least share of a star's usable light that has to be valid in a cadence.
_LEAST_VALID_SHARE = 0.05
#: Correlation with another star, or weight of the star's own prior, above which the data do not separate it.
_INSEPARABLE = 0.95
_PRIOR_DOMINATES = 0.5
#: Reduced chi-squared above which the pixels disagree with the model: in a cadence, and in the median cadence.
_POOR_CADENCE = 5.0
_POOR_STAR = 2.0
#: Error of the mean image's model, as a share of the light under a star, and of the mean flux that are worth a word;
#: chi-squared of the mean image (three standard deviations) that shows that they are real.
_POOR_SHARE, _POOR_MEAN = 0.02, 0.1
_SIGNIFICANT = 9.0
#: Share of the good cadences that are most of them.
_MOST = 0.5
#: Distance from the median place from which a star counts as far away, pixels.
_LARGE_MOTION = 0.2


@dataclass(frozen=True, slots=True)
class StarQuality:
    """How the light of some stars lies on the pixels.

    Parameters
    ----------
    light : sparse (n_star, n_pixel) float32
        PRF of the stars at the main node.
    usable_share, saturated_share, dead_share, cut_share : (n_star,) float64
        Share of the light on usable, on saturated, on never measured pixels of the stamp, and on trails that go on
        beyond it.
    contamination : (n_star,) float64
        Share of other stars' light in the star's PRF-weighted pixels.
    """

    light: sparse.csr_matrix
    usable_share: npt.NDArray[np.float64]
    saturated_share: npt.NDArray[np.float64]
    dead_share: npt.NDArray[np.float64]
    cut_share: npt.NDArray[np.float64]
    contamination: npt.NDArray[np.float64]

    @property
    def measurable(self) -> npt.NDArray[np.bool_]:
        """Stars with enough light on usable pixels, (n_star,)."""
        return np.asarray(self.usable_share >= _LEAST_SHARE)


def star_quality(
    data: TileData,
    main: NodeModel,
    images: npt.NDArray[np.float64],
    flux: npt.NDArray[np.float64],
    which: npt.NDArray[np.int64],
) -> StarQuality:
    """Measure where the light of stars falls.

    Parameters
    ----------
    data : TileData
        The pixels.
    main : NodeModel
        Node with most good cadences.
    images : (n_image, n_pixel) float64
        Mean scene about it.
    flux : (n_star,) float64
        Mean flux of all free stars, e-/s.
    which : (n_chosen,) int64
        Stars to be returned.
    """
    light = main.expansion.transposed[0][which]
    scene = np.maximum(images[0], 0.0)
    in_all = light @ scene
    own = flux[which] * np.asarray(light.power(2).sum(axis=1)).ravel()
    contamination = np.clip(1 - np.divide(own, in_all, out=np.ones_like(own), where=in_all > 0), 0.0, 1.0)
    dead = ~data.usable & ~data.saturated
    shares = (light @ np.stack([data.usable, data.saturated, dead, data.cut_off], axis=1).astype(np.float64)).T
    return StarQuality(light, shares[0], shares[1], shares[2], shares[3], contamination)


def blending(system: NodeSolver, which: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return the largest correlation of each chosen star's flux with any other, 1 where its own prior dominates."""
    correlation = np.abs(system.correlation(which))
    correlation[np.arange(len(which)), which] = 0.0
    largest = correlation.max(axis=1, initial=0.0).astype(np.float64)
    return np.where(system.prior_share(which) > _PRIOR_DOMINATES, 1.0, largest)


def star_flags(
    quality: StarQuality,
    blend_correlation: npt.NDArray[np.float64],
    chi2: npt.NDArray[np.float32],
    misfit: StaticMisfit,
    flux: npt.NDArray[np.float64],
    motion_bad: npt.NDArray[np.bool_],
    neighbours: UnlistedNeighbours,
    table_doubt: str = "",
) -> npt.NDArray[np.int32]:
    """Return the flags of the stars, (n_star,).

    Parameters
    ----------
    quality : StarQuality
        Where their light falls.
    blend_correlation : (n_star,) float64
        From `blending`.
    chi2 : (n_star, n_cadence) float32
        Reduced chi-squared of the good cadences.
    misfit : StaticMisfit
        What is wrong in all cadences alike.
    flux : (n_star,) float64
        Mean flux, e-/s.
    motion_bad : (n_cadence,) bool
        Good cadences whose motion was not measured.
    neighbours : UnlistedNeighbours
        Stars beside them that the star table lacks.
    table_doubt : str
        Why the star table may not fit the pixels; empty where it does.
    """
    inside = quality.usable_share + quality.dead_share
    finite = np.where(np.isfinite(chi2), chi2, 0.0)
    conditions = {
        "saturated": quality.saturated_share > _SHARE_THAT_MATTERS,
        "inseparable": blend_correlation > _INSEPARABLE,
        "edge": (inside < 1 - _EDGE_SHARE) | (quality.cut_share > _EDGE_SHARE),
        "dead_pixels": quality.dead_share > _SHARE_THAT_MATTERS,
        "not_measurable": ~quality.measurable,
        "poor_model": median(finite, axis=1) > _POOR_STAR if chi2.shape[1] else np.zeros(len(chi2), dtype=bool),
        "static_misfit": (misfit.share > _POOR_SHARE) & (misfit.chi2 > _SIGNIFICANT),
        "mean_uncertain": (misfit.flux_error > _POOR_MEAN * np.abs(flux)) & (misfit.chi2 > _SIGNIFICANT),
        "motion_unknown": np.full(len(chi2), np.count_nonzero(motion_bad) > _MOST * len(motion_bad)),
        "unlisted_neighbour": np.isfinite(neighbours.tmag),
        "table_doubtful": np.full(len(chi2), table_doubt != ""),
    }
    flags = np.zeros(len(chi2), dtype=np.int32)
    for name, condition in conditions.items():
        flags |= np.where(condition, bit(STAR_FLAGS, name), 0).astype(np.int32)
    return flags


def reduced_chi2(
    quality: StarQuality,
    residual: npt.NDArray[np.float32],
    valid: npt.NDArray[np.bool_],
    variance: npt.NDArray[np.float64],
    freedom: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return reduced chi-squared under each star, weighted by its PRF, and of the whole tile.

    A pixel counts as many degrees of freedom as its squared residual is expected to be, in units of its variance.

    Parameters
    ----------
    quality : StarQuality
        Where the stars' light falls.
    residual : (n_pixel, n_cadence) float32
        Pixels less the fit, e-/s; 0 where not valid.
    valid : (n_pixel, n_cadence) bool
        Pixels that count.
    variance : (n_pixel,) float64
        Variance of a cadence, (e-/s)^2.
    freedom : (n_pixel,) float64
        Expected square of a pixel's residual over its variance.

    Returns
    -------
    of_stars : (n_star, n_cadence) float64
        NaN for stars without valid pixels.
    of_tile : (n_cadence,) float64
        Of all pixels.
    """
    square, counted = residual * residual, valid.astype(np.float32)
    precision, share = (1 / variance).astype(np.float32), freedom.astype(np.float32)
    weight = _scaled(quality.light, share) @ counted
    chi2 = _scaled(quality.light, precision) @ square
    under = np.divide(chi2, weight, out=np.full(weight.shape, np.nan), where=weight > 0)
    return under, (precision @ square) / np.maximum(share @ counted, 1.0).astype(np.float64)


def _scaled(light: sparse.csr_matrix, factor: npt.NDArray[np.float32]) -> sparse.csr_matrix:
    """Multiply the columns of a matrix (n_star, n_pixel) by factors (n_pixel,)."""
    return sparse.csr_matrix((light.data * factor[light.indices], light.indices, light.indptr), shape=light.shape)


def cadence_flags(
    quality: StarQuality,
    lost: npt.NDArray[np.bool_],
    rejected: npt.NDArray[np.bool_],
    chi2: npt.NDArray[np.float64],
    distance: npt.NDArray[np.float64],
    motion_bad: npt.NDArray[np.bool_],
    converged: npt.NDArray[np.bool_],
) -> npt.NDArray[np.int32]:
    """Return PIXEL_QUALITY of stars in some cadences, (n_star, n_cadence).

    Parameters
    ----------
    quality : StarQuality
        Where the stars' light falls.
    lost : (n_pixel, n_cadence) bool
        Usable pixels that were not measured.
    rejected : (n_pixel, n_cadence) bool
        Outliers.
    chi2 : (n_star, n_cadence) float64
        Reduced chi-squared.
    distance : (n_cadence,) float64
        Distance of the stars from their median place, pixels.
    motion_bad, converged : (n_cadence,) bool
        Motion not measured; fit converged.
    """
    masked, hit = (_light_in(quality, pixels) for pixels in (lost, rejected))
    left = quality.usable_share[:, None] - masked - hit
    fitted = quality.measurable[:, None] & (left > _LEAST_VALID_SHARE * quality.usable_share[:, None]) & converged
    conditions = {
        "not_fitted": ~fitted,
        "masked_pixels": masked + quality.dead_share[:, None] > _SHARE_THAT_MATTERS,
        "cosmic_ray": hit > _SHARE_THAT_MATTERS,
        "saturated": np.broadcast_to(quality.saturated_share[:, None] > _SHARE_THAT_MATTERS, hit.shape),
        "motion_uncertain": np.broadcast_to(motion_bad, hit.shape),
        "large_motion": np.broadcast_to(distance > _LARGE_MOTION, hit.shape),
        "poor_model": chi2 > _POOR_CADENCE,
    }
    flags = np.zeros(hit.shape, dtype=np.int32)
    for name, condition in conditions.items():
        flags |= np.where(condition, bit(PIXEL_QUALITY, name), 0).astype(np.int32)
    return flags


def _light_in(quality: StarQuality, pixels: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """Share of the stars' light in few chosen pixels (n_pixel, n_cadence): (n_star, n_cadence)."""
    if not pixels.any():
        return np.zeros((quality.light.shape[0], pixels.shape[1]), dtype=np.float32)
    return np.asarray((quality.light @ sparse.csr_matrix(pixels, dtype=np.float32)).toarray())
