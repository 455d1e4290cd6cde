"""Variance of the fluxes of some cadences of a node, from that of the node."""

import numpy as np
import numpy.typing as npt
from scipy import sparse

from photometry.scene.tile_data import TileData
from photometry.solver.normal_equations import MOST_LEVERAGE, NodeSystem

__all__ = ["flux_variance", "motion_response"]

#: Photons that a fainter star or background lacks never take away more than the rest of the variance.
_LEAST_SHARE = 0.25


def motion_response(system: NodeSystem, motion_images: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return how much the fluxes change with the parameters of the motion: (n_star, n_parameter), e-/s per pixel.

    Parameters
    ----------
    system : NodeSystem
        The node.
    motion_images : (n_parameter, n_pixel) float64
        Change of the pixels with the parameters, e-/s per pixel.
    """
    n_star = len(system.precision)
    weighted = (system.weights * motion_images).T.astype(np.float32)
    pull = np.concatenate([system.part.expansion.transposed[0] @ weighted, system.common.T @ weighted])
    scale = system.scale.astype(np.float32)[:, None]
    response = scale[:n_star] * (system.covariance[:n_star] @ (scale * pull))
    return np.asarray(response / (1 - system.own_prior)[:, None], dtype=np.float64)


def flux_variance(
    system: NodeSystem,
    which: npt.NDArray[np.int64],
    departure: npt.NDArray[np.float64],
    extra_sky: npt.NDArray[np.float64],
    valid: npt.NDArray[np.bool_],
    data: TileData,
    response: npt.NDArray[np.float64],
    motion_covariance: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Return the variance of the fluxes, (n_star, n_cadence), (e-/s)^2.

    The node's variance is changed by the photons of the star's own departure and of a brighter or darker background, by
    the pixels that are masked in a cadence, and by the uncertainty of the motion.

    Parameters
    ----------
    system : NodeSystem
        The node.
    which : (n_star,) int64
        Stars that are asked for.
    departure : (n_star, n_cadence) float64
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
    own, prior = system.variance[which, None], 1 - system.own_prior[which, None]
    variance = own + system.sky_variance[which, None] * (extra_sky / data.exposure_s)
    variance = np.maximum(variance + system.own_variance[which, None] * departure / data.exposure_s, _LEAST_SHARE * own)
    masked = data.usable[:, None] & ~valid
    pixels = np.flatnonzero(masked.any(axis=1))
    if len(pixels):
        gain, leverage = _gain_of_pixels(system, pixels)
        lost = gain[which] ** 2 * (system.weights[pixels] / (1 - leverage))
        variance = variance + (lost / prior**2) @ masked[pixels]
    moved = np.einsum("sj,tjk,sk->st", response, motion_covariance, response, optimize=True)
    return np.asarray(variance + moved, dtype=np.float64)


def _gain_of_pixels(
    system: NodeSystem, pixels: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return C a (n_star, n_chosen) and w a^T C a (n_chosen,) of chosen pixels with design a and weight w."""
    n_star, scale = len(system.precision), system.scale.astype(np.float32)
    design = sparse.hstack(
        [system.part.expansion.matrices[0][pixels], sparse.csr_matrix(system.common[pixels])], format="csr"
    )
    scaled = sparse.csr_matrix(design.multiply(scale))
    gain = (scaled @ system.covariance) * scale
    share = np.asarray(design.multiply(gain).sum(axis=1), dtype=np.float64).ravel()
    return gain[:, :n_star].T.astype(np.float64), np.minimum(system.weights[pixels] * share, MOST_LEVERAGE)
