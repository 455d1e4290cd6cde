"""Motion of every cadence of a tile from its pixels.

A cadence's residuals from the mean scene are fitted with the change of the scene by motion, the local background and
departures of all free stars from their mean fluxes, which a prior keeps small: constant stars then help, and variable
stars do no harm.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from photometry.normal import factor_node, inverse
from photometry.scene import N_FINE, N_TERM
from photometry.solve import solve_cadences
from photometry.tile_data import TileData
from photometry.tile_model import N_LOCAL, TileModel, TileState, node_variance, residuals

__all__ = ["MOTION_IMAGES", "N_MOTION", "MotionStep", "motion_step", "outliers"]

#: Parameters of the motion: a0, a1, a2, b0, b1, b2 of `photometry.motion`.
N_MOTION = 6
#: Prior of a star's departure from its mean while the motion is measured, as a fraction of its flux.
_FREE_WIDTH = 0.1
#: Order of the images of `TileModel.mean_images` that change with a0, a1, a2, b0, b1, b2.
MOTION_IMAGES = [1, N_FINE, N_FINE + 1, 2, N_FINE + 2, N_FINE + 3]
#: Accuracy of a step towards the motion: the next round mends the rest.
_TOLERANCE = 1e-6
#: Cadences that are needed to tell what is usual for a pixel.
_LEAST_FOR_USUAL = 5
_MAD_TO_SIGMA = 1.4826
#: Ridge that covers the rounding of a float32 covariance: kinds of motion that one star cannot tell apart.
_FLOAT32_RIDGE = 1e-6


@dataclass(frozen=True, slots=True)
class MotionStep:
    """Change of motion and local background of a tile that its pixels ask for.

    Parameters
    ----------
    change : (n_cadence, 6) float64
        Of a0, a1, a2, b0, b1, b2 about the tile's center, in terms of the tile's scale, pixels.
    information : (n_cadence, 6, 6) float64
        Inverse covariance of the change, pixels^-2; zero for cadences without pixels.
    local : (n_cadence, N_LOCAL) float64
        Change of the local background, e-/s.
    departure : (n_star, n_cadence) float32
        Flux less mean flux, with the prior in it, e-/s.
    outliers : (n_cadence, n_pixel) bool
        Pixels that disagree with the fit, those that took no part in it among them.
    """

    change: npt.NDArray[np.float64]
    information: npt.NDArray[np.float64]
    local: npt.NDArray[np.float64]
    departure: npt.NDArray[np.float32]
    outliers: npt.NDArray[np.bool_]


def outliers(misfit: npt.NDArray[np.float32], variance: npt.NDArray[np.float64], sigma: float) -> npt.NDArray[np.bool_]:
    """Tell which pixels are off by more than `sigma` standard deviations from what is usual for them.

    Parameters
    ----------
    misfit : (n_cadence, n_pixel) float32
        Pixels less the fit, e-/s; 0 where not valid.
    variance : (n_pixel,) float64
        Variance by photons and readout, (e-/s)^2.
    sigma : float
        Limit.
    """
    scaled = misfit / np.sqrt(variance).astype(np.float32)
    if len(scaled) >= _LEAST_FOR_USUAL:
        scaled = scaled - np.median(scaled, axis=0)
        spread = np.maximum(1.0, _MAD_TO_SIGMA * np.median(np.abs(scaled), axis=0))
        return np.abs(scaled) > sigma * spread
    return np.abs(scaled) > 2 * sigma


def motion_step(
    data: TileData, model: TileModel, state: TileState, rejected: npt.NDArray[np.bool_], sigma: float
) -> MotionStep:
    """Measure how much the motion of every cadence has to change.

    Parameters
    ----------
    data : TileData
        The pixels.
    model : TileModel
        Stars about the nodes of the motion so far.
    state : TileState
        Mean fluxes, motion and misfit so far.
    rejected : (n_cadence, n_pixel) bool
        Pixels that take no part.
    sigma : float
        Limit of outliers in standard deviations.
    """
    flux, n_cadence = state.flux, data.n_cadence
    change = np.zeros((n_cadence, N_MOTION))
    information = np.zeros((n_cadence, N_MOTION, N_MOTION))
    local = np.zeros((n_cadence, N_LOCAL))
    departure = np.zeros((len(flux), n_cadence), dtype=np.float32)
    off = np.zeros(data.valid.shape, dtype=bool)
    least = 0.1 * float(np.median(flux)) if len(flux) else 1.0
    for part in model.nodes:
        cadences = part.node.cadences
        images = model.mean_images(part, flux)
        variance = node_variance(data, part, images)
        moving = model.mean_images(part, np.where(model.unsaturated, flux, 0.0))[MOTION_IMAGES]
        common = np.concatenate([model.local_basis, moving.T], axis=1)
        system = factor_node(
            part,
            common,
            np.where(data.usable, 1 / variance, 0.0),
            1 / (_FREE_WIDTH * np.maximum(flux, least)) ** 2,
            with_errors=False,
        )
        residual = residuals(data, model, part, images, state.motion, cadences) - state.static * data.valid[cadences]
        terms = part.coefficients(state.motion, cadences)[:, :N_TERM]
        valid = data.valid[cadences] & ~rejected[cadences]
        solution = solve_cadences(system, terms, residual, valid, tolerance=_TOLERANCE)
        departure[:, cadences] = solution.departure
        local[cadences] = solution.common[:N_LOCAL].T
        change[cadences] = solution.common[N_LOCAL:].T
        of_motion = slice(len(flux) + N_LOCAL, None)
        measured = cadences[valid.any(axis=1)]
        information[measured] = inverse(system.covariance[of_motion, of_motion].astype(np.float64), _FLOAT32_RIDGE)
        left = residual.astype(np.float32) - solution.fitted.T * data.valid[cadences]
        off[cadences] = outliers(left, variance, sigma)
    return MotionStep(change, information, local, departure, off)
