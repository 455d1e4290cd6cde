"""Variance of the fluxes of some cadences of a node, from that of the node."""

import numpy as np
import numpy.typing as npt

from photometry.solve import NodeSystem
from photometry.tile_data import TileData

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
    weighted = (system.weights * motion_images).T.astype(np.float64)
    pull = np.concatenate([system.part.expansion.transposed[0] @ weighted, system.common.T @ weighted])
    return np.asarray((system.covariance[:n_star] @ pull) / (1 - system.own_prior)[:, None], dtype=np.float64)


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
    valid : (n_cadence, n_pixel) bool
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
    masked = data.usable & ~valid
    pixels = np.flatnonzero(masked.any(axis=0))
    if len(pixels):
        design = np.concatenate(
            [system.part.expansion.matrices[0][pixels].toarray(), system.common[pixels]], axis=1
        ).astype(np.float64)
        gain = system.covariance.astype(np.float64) @ design.T
        weights = system.weights[pixels].astype(np.float64)
        leverage = np.minimum(weights * np.einsum("pi,ip->p", design, gain), 0.99)
        lost = gain[which] ** 2 * (weights / (1 - leverage))
        variance = variance + (lost / prior**2) @ masked[:, pixels].T
    moved = np.einsum("sj,tjk,sk->st", response, motion_covariance, response, optimize=True)
    return np.asarray(variance + moved, dtype=np.float64)
