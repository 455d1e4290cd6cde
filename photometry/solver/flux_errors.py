"""Variance of the fluxes of some cadences of a node, from that of the node."""

import numpy as np
import numpy.typing as npt
from scipy import sparse

from photometry.scene.tile_data import TileData
from photometry.solver.normal_equations import MOST_LEVERAGE, NormalEquations

__all__ = ["flux_variance", "motion_response"]

#: A fainter star or background never reduces the variance to less than this fraction of that of the node.
_LEAST_SHARE = 0.25


def motion_response(normal: NormalEquations, motion_images: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return how much the fluxes change with the parameters of the motion: (n_star, n_parameter), e-/s per pixel.

    Parameters
    ----------
    normal : NormalEquations
        The node.
    motion_images : (n_parameter, n_pixel) float64
        Change of the pixels with the parameters, e-/s per pixel.
    """
    n_star = len(normal.precision)
    weighted = (normal.weights * motion_images).T.astype(np.float32)
    pull = np.concatenate([normal.node.expansion.transposed[0] @ weighted, normal.common.T @ weighted])
    scale = normal.scale.astype(np.float32)[:, None]
    response = scale[:n_star] * (normal.covariance[:n_star] @ (scale * pull))
    return np.asarray(response / (1 - normal.own_prior)[:, None], dtype=np.float64)


def flux_variance(
    normal: NormalEquations,
    which: npt.NDArray[np.int64],
    deviation: npt.NDArray[np.float64],
    extra_sky: npt.NDArray[np.float64],
    valid: npt.NDArray[np.bool_],
    data: TileData,
    response: npt.NDArray[np.float64],
    motion_covariance: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Return the variance of the fluxes, (n_star, n_cadence), (e-/s)^2.

    The node's variance is changed by the photons of the star's own flux deviation and of a brighter or darker
    background, by the pixels that are masked in a cadence, and by the uncertainty of the motion.

    Parameters
    ----------
    normal : NormalEquations
        The node.
    which : (n_star,) int64
        Stars.
    deviation : (n_star, n_cadence) float64
        Flux less mean flux, e-/s.
    extra_sky : (n_cadence,) float64
        Background less that of the node, e-/s.
    valid : (n_pixel, n_cadence) bool
        Pixels that count.
    data : TileData
        Which pixels count in the node, and the exposure time.
    response : (n_star, n_parameter) float64
        From `motion_response`.
    motion_covariance : (n_cadence, n_parameter, n_parameter) float64
        Covariance of the motion, pixels^2.

    Notes
    -----
    Taking pixel p with weight w and design a out of the normal matrix adds w (C a)_i^2 / (1 - w a^T C a) to the
    variance of flux i (Sherman and Morrison 1950); for several pixels the terms are added up.
    """
    own, prior = normal.variance[which, None], 1 - normal.own_prior[which, None]
    variance = own + normal.sky_variance[which, None] * (extra_sky / data.exposure_s)
    variance = np.maximum(variance + normal.own_variance[which, None] * deviation / data.exposure_s, _LEAST_SHARE * own)
    masked = data.usable[:, None] & ~valid
    pixels = np.flatnonzero(masked.any(axis=1))
    if len(pixels):
        influence, leverage = _influence_of_pixels(normal, pixels)
        lost = influence[which] ** 2 * (normal.weights[pixels] / (1 - leverage))
        variance = variance + (lost / prior**2) @ masked[pixels]
    moved = np.einsum("sj,tjk,sk->st", response, motion_covariance, response, optimize=True)
    return np.asarray(variance + moved, dtype=np.float64)


def _influence_of_pixels(
    normal: NormalEquations, pixels: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return C a (n_star, n_chosen) and w a^T C a (n_chosen,) of chosen pixels with design a and weight w."""
    n_star, scale = len(normal.precision), normal.scale.astype(np.float32)
    design = sparse.hstack(
        [normal.node.expansion.matrices[0][pixels], sparse.csr_matrix(normal.common[pixels])], format="csr"
    )
    scaled = sparse.csr_matrix(design.multiply(scale))
    influence = (scaled @ normal.covariance) * scale
    share = np.asarray(design.multiply(influence).sum(axis=1), dtype=np.float64).ravel()
    return influence[:, :n_star].T.astype(np.float64), np.minimum(normal.weights[pixels] * share, MOST_LEVERAGE)
