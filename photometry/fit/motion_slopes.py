"""What a wrong PRF adds to the pixels in step with the motion, told apart from what the stars themselves vary.

A PRF that is wrong by a few tenths of a per cent of its peak makes every pixel, and a motion measured with it, wrong in
proportion to the movement, to its square and to changes of the second moments: "the motion" here. The fluxes of blended
stars follow that, many cadences in step. Slopes of the pixels on the motion show it with the noise of all cadences
together; two things tell it from stars whose own variation happens to be in step with the motion: errors of a PRF keep
the sum of a star's light, and stars that do not vary otherwise do not vary with the motion either.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from photometry.fit.cadence_fit import FirstFit, TileScene, telling_noise
from photometry.fit.flux_priors import variation_widths
from photometry.fit.pixel_slopes import PixelSlopes
from photometry.fit.prf_changes import prf_change_share
from photometry.scene.model_error import NORMAL_MEDIAN
from photometry.scene.node_model import main_node
from photometry.scene.tile_state import MotionResidual
from photometry.solver.node_solver import NodeSolver

__all__ = ["left_of_image", "motion_slopes"]

#: Fewest good cadences: what the slopes follow of the noise is then below a per cent.
_LEAST_CADENCES = 64
#: Variation in step with the motion that every star may have, as a share of its flux, that errors allow for, and that
#: it may have if it is significant, standard errors.
_LEAST_VARIATION, _LEAST_DOUBT, _LARGEST_VARIATION = 1e-4, 1e-3, 0.3
_SIGNIFICANT = 8.0
#: Share of its variation that a star has in step with one of a few slow series by chance.
_IN_STEP = 0.3
#: Most stars that are told apart from the PRF, the brightest: the time goes with the cube of their number. Fainter ones
#: keep what their own slopes are, but for what the PRF of a bright star may be wrong by where they are.
_MOST_STARS = 600
#: Variance of the background's slopes: free, (e-/s)^2.
_FREE = 1e8


def motion_slopes(
    scene: TileScene, first: FirstFit, slopes: PixelSlopes, good: npt.NDArray[np.bool_]
) -> tuple[MotionResidual, npt.NDArray[np.float64]] | None:
    """Divide the slopes of the pixels on the motion between the PRF and the stars.

    Parameters
    ----------
    scene : TileScene
        The tile, own profiles included.
    first : FirstFit
        Flux deviations, and the linear system.
    slopes : PixelSlopes
        Of the pixels.
    good : (n_cadence,) bool
        Cadences that count.

    Returns
    -------
    residual : MotionResidual
        What is wrong with the model.
    variation : (n_star,) float64
        By how much the stars vary beyond their noise, what goes with the motion left out, e-/s.

    None is returned where too few cadences are good or nothing moves.

    Notes
    -----
    Slopes of the pixels, of the variance V / N by noise, are those of the PRF and of stars and background,

        y = G + R phi + L c ,    cov(G) = s^2 sum_i F_i^2 max(R_i) [diag(R_i) - R_i R_i^T] ,    var(phi_i) = v_i^2 ,

    where s is the error of the PRF as a share of the light (`photometry.scene.model_error`) and v_i what the star has
    in step with the motion by chance, from how much it varies beyond its noise otherwise. The covariance is that of
    errors that keep the sum of the star's light.
    """
    n_good, n_direction = int(good.sum()), slopes.motion.shape[1]
    if n_good < _LEAST_CADENCES or n_direction == 0:
        return None
    model = scene.model
    node = main_node(model.nodes, good)
    flux = np.where(model.unsaturated, np.maximum(scene.state.flux, 0.0), 0.0)
    first_flux = _slopes_of(first.unknowns, slopes.motion, good)
    # The slopes of the pixels are beside the light of these stars.
    first_flux[slopes.stars] = 0.0
    free_slopes = _slopes_of(first.free, slopes.motion, good)
    noise_of_flux = telling_noise(first.main)
    otherwise = (first.free - free_slopes @ slopes.motion.T).astype(np.float32)
    variation = variation_widths(otherwise, np.broadcast_to(noise_of_flux[:, None], otherwise.shape), good)
    light = node.expansion.matrices[0]
    split = _split(light, model.local_basis, flux, _IN_STEP * _excess(otherwise[:, good], noise_of_flux))
    image, errors = np.zeros_like(slopes.on_motion), np.zeros_like(free_slopes)
    of_stars = first_flux[: len(flux)].copy()
    for k in range(n_direction):
        slope, noise = slopes.on_motion[:, k], slopes.variance * slopes.by_motion[k]
        left = np.where(scene.data.usable, left_of_image(first.main, slope, scene.data.usable), np.nan)
        share = prf_change_share(left**2, noise, first.main.leverage, light @ flux, split.shape, median=NORMAL_MEDIAN)
        weights = np.where(scene.data.usable, 1 / (noise + scene.edge_variance + share**2 * split.shape), 0.0)
        image[:, k], of_stars[split.bright, k], errors[split.bright, k] = split.solve(slope, weights, share)
    told = np.isin(np.arange(len(flux)), split.bright)
    change = of_stars - first_flux[: len(flux)]
    residual = MotionResidual(image, slopes.motion, change, errors)
    return residual, np.where(told, variation, first.variation)


def _excess(series: npt.NDArray[np.float32], noise: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the scatter of series (n, n_good) beyond their noise (n,), 0 where that is infinite, (n,), e-/s."""
    excess = series.var(axis=1, dtype=np.float64) - noise**2
    return np.asarray(np.sqrt(np.maximum(excess, 0.0)), dtype=np.float64)


def left_of_image(
    system: NodeSolver, image: npt.NDArray[np.float64], usable: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """Return what the fit leaves of an image, (n_pixel,), e-/s."""
    fitted = system.solve_at_node(image[:, None].astype(np.float32), usable[:, None]).fitted[:, 0]
    return np.where(usable, image - fitted, 0.0)


def _slopes_of(
    series: npt.NDArray[np.float32], motion: npt.NDArray[np.float64], good: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """Slopes of series (n, n_cadence) on the motion, (n, n_direction)."""
    chosen = series[:, good].astype(np.float64)
    return np.asarray((chosen - chosen.mean(axis=1, keepdims=True)) @ motion[good] / good.sum(), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class _Split:
    """Linear system that divides slopes between PRF, stars and background.

    Parameters
    ----------
    columns : (n_pixel, n_column) sparse, float64
        Light of the bright stars of flux 1, then the terms of the background.
    variance, doubt, widest : (n_column,) float64
        Prior variance of their slopes, the least one that errors are worked out with, and the widest one, (e-/s)^2.
    kept : (n_column,) float64
        F^2 max(R) of the stars, (e-/s)^2.
    bright : (n_bright,) int64
        The stars.
    shape : (n_pixel,) float64
        Variance of the PRF's part for a share of 1, (e-/s)^2.
    """

    columns: sparse.csr_matrix
    variance: npt.NDArray[np.float64]
    doubt: npt.NDArray[np.float64]
    widest: npt.NDArray[np.float64]
    kept: npt.NDArray[np.float64]
    bright: npt.NDArray[np.int64]
    shape: npt.NDArray[np.float64]

    def solve(
        self, slope: npt.NDArray[np.float64], weights: npt.NDArray[np.float64], share: float
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return the PRF's part (n_pixel,), and the slopes of the stars (n_bright,) with their standard errors.

        With W the inverse of the pixels' variances, A the columns, M = A^T W A, their prior variances S and what keeps
        the sums K = s^2 F^2 max(R), the covariance of the slopes y is W^-1 + A (S - K) A^T, and

            u = [1 + M (S - K)]^-1 A^T W y ,    phi = S u ,    cov(phi) = S [1 + M (S - K)]^-1 (1 - M K) .

        A slope that is significant with the widest prior widens its own.
        """
        columns, kept = self.columns, share**2 * self.kept
        normal = (columns.T @ (sparse.diags(weights) @ columns)).toarray()
        projected = columns.T @ (weights * slope)
        found, error = _posterior(normal, projected, kept, self.widest)
        seen = np.abs(found) > _SIGNIFICANT * error
        variance = np.where(seen, np.maximum(self.variance, found**2), self.variance)
        pull = np.linalg.solve(np.eye(len(kept)) + normal * (variance - kept), projected)
        left = weights * (slope - columns @ ((variance - kept) * pull))
        image = share**2 * self.shape * left - columns @ (kept * pull)
        error = _posterior(normal, projected, kept, np.maximum(variance, self.doubt))[1]
        n_bright = len(self.bright)
        return image, (variance * pull)[:n_bright], error[:n_bright]


def _posterior(
    normal: npt.NDArray[np.float64],
    projected: npt.NDArray[np.float64],
    kept: npt.NDArray[np.float64],
    variance: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the slopes of all columns under a prior variance (n_column,), and their standard errors."""
    one = np.eye(len(kept))
    sides = np.concatenate([projected[:, None], one - normal * kept], axis=1)
    solved = np.linalg.solve(one + normal * (variance - kept), sides)
    return variance * solved[:, 0], np.sqrt(np.maximum(variance * np.diag(solved[:, 1:]), 0.0))


def _split(
    light: sparse.csr_matrix,
    basis: npt.NDArray[np.float64],
    flux: npt.NDArray[np.float64],
    variation: npt.NDArray[np.float64],
) -> _Split:
    """Set up the system for stars of some mean fluxes (n_star,) and light (n_pixel, n_star) per flux."""
    order = np.argsort(-flux, kind="stable")
    bright = np.sort(order[:_MOST_STARS])
    kept = flux**2 * light.max(axis=0).toarray().ravel()
    columns = sparse.hstack([light[:, bright].astype(np.float64), sparse.csr_matrix(basis)], format="csr")
    free = np.full(basis.shape[1], _FREE)
    variance, doubt, widest = (
        np.concatenate([np.maximum(variation, least * flux)[bright] ** 2, free])
        for least in (_LEAST_VARIATION, _LEAST_DOUBT, _LARGEST_VARIATION)
    )
    return _Split(
        columns=columns,
        variance=variance,
        doubt=doubt,
        widest=widest,
        kept=np.concatenate([kept[bright], np.zeros(basis.shape[1])]),
        bright=bright,
        shape=np.asarray(abs(light) @ kept, dtype=np.float64),
    )
