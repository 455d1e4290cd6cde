"""What is wrong in all cadences alike, star by star: a wrong PRF, stars that the table lacks or has at wrong places."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from photometry.fit.mean_images import MeanImages
from photometry.solver.node_solver import NodeSolver

__all__ = ["StaticMisfit", "static_misfit"]

#: Patterns of errors that the effect on the fluxes is averaged over: it is then known to 9 per cent.
_N_PATTERN = 64
_SEED = 20181
#: Least share of a pixel's errors that shows in its residual: the rest, its leverage, went into the fluxes.
_LEAST_SHOWN = 0.05


@dataclass(frozen=True, slots=True)
class StaticMisfit:
    """How far the mean of the model is from the mean of the pixels under each star.

    Every array is (n_star,) float64; NaN for stars without pixels that count.

    Parameters
    ----------
    chi2 : float64
        Reduced chi-squared of the mean, weighted by the star's PRF: the mean residual over the noise of the mean.
    share : float64
        Error of the model as a share of the light under the star, the star's and its neighbours'.
    flux_error : float64
        By how much the mean flux may be wrong, e-/s.
    """

    chi2: npt.NDArray[np.float64]
    share: npt.NDArray[np.float64]
    flux_error: npt.NDArray[np.float64]


def static_misfit(
    system: NodeSolver,
    which: npt.NDArray[np.int64],
    star_light: sparse.csr_matrix,
    mean: MeanImages,
    variance: npt.NDArray[np.float64],
    leverage: npt.NDArray[np.float64],
) -> StaticMisfit:
    """Measure the mean residual under stars, and what such residuals do to their fluxes.

    Parameters
    ----------
    system : NodeSolver
        Linear system of the main node, whose priors do not hold the fluxes back.
    which : (n_star,) int64
        The stars' places in it.
    star_light : sparse (n_star, n_pixel) float32
        Their PRFs.
    mean : MeanImages
        Mean of the good cadences.
    variance : (n_pixel,) float64
        Variance of a cadence by photons and readout, (e-/s)^2.
    leverage : (n_pixel,) float64
        Share of a pixel's noise that the fit follows.

    Notes
    -----
    With the mean residual mu_p, the noise of the mean n_p^2 = variance / count, the leverage l_p and the mean light of
    the model m_p,

        chi2 = sum_p R_p mu_p^2 / n_p^2 / sum_p R_p (1 - l_p) .

    The residual shows the share 1 - l_p of the square of what is wrong in a pixel, e_p^2 = mu_p^2 / (1 - l_p) - n_p^2:

        share^2 = sum_p R_p e_p^2 / sum_p R_p m_p^2 .

    The size of these errors is known, their signs are not: the flux error is the standard deviation of sum_p h_p e_p
    over independent signs, with the influence h_p of the pixels on the flux in the joint fit, neighbours and background
    included.
    """
    counted = mean.count > 0
    noise = np.where(counted, variance / np.maximum(mean.count, 1.0), 0.0)
    square, light = (np.where(counted, values, 0.0) ** 2 for values in (mean.residual, np.maximum(mean.model, 0.0)))
    shown = np.where(counted, np.maximum(1 - leverage, _LEAST_SHOWN), 0.0)
    error = np.divide(square, shown, out=np.zeros_like(square), where=counted)
    scaled = np.divide(square, noise, out=np.zeros_like(square), where=noise > 0)
    sums = star_light @ np.stack([shown, scaled, error - noise, light], axis=1)
    is_seen = sums[:, 0] > 0
    nothing = np.full(len(which), np.nan)
    chi2 = np.divide(sums[:, 1], sums[:, 0], out=nothing.copy(), where=is_seen)
    share = np.sqrt(np.divide(np.maximum(sums[:, 2], 0.0), sums[:, 3], out=nothing.copy(), where=sums[:, 3] > 0))
    return StaticMisfit(chi2, share, np.where(is_seen, _flux_error(system, which, error, noise), np.nan))


def _flux_error(
    system: NodeSolver,
    which: npt.NDArray[np.int64],
    error: npt.NDArray[np.float64],
    noise: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Return the standard deviation of fluxes by errors of variance `error` (n_pixel,), less that by their `noise`."""
    signs = np.random.default_rng(_SEED).choice([-1.0, 1.0], (_N_PATTERN, len(error)))
    of_all, of_noise = (np.mean(system.response(signs * np.sqrt(part))[which] ** 2, axis=1) for part in (error, noise))
    return np.asarray(np.sqrt(np.maximum(of_all - of_noise, 0.0)), dtype=np.float64)
