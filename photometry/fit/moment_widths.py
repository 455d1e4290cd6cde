"""How much the second moments of the PRF change where no region has measured them: stars have to agree on it.

A target pixel file brings its motion along, and a stamp with few bright stars measures no second moments
(`photometry.calibration.region_tiles`). The PRF changes there as it does elsewhere. The moments of a cadence are then
unknowns of its fit, as wide as two groups of stars agree that they are: what the brightest star and its neighbours show
and what all others show have the changes of the PRF in common, but neither noise, nor the variation of a star whose PRF
is wrong.
"""

import numpy as np
import numpy.typing as npt

from photometry.calibration.kernel import N_AFFINE
from photometry.calibration.region_tiles import evenly_chosen
from photometry.core.statistics import median_and_sigma
from photometry.fit.cadence_fit import TileScene, common_terms, moment_images, residual_of, valid_of
from photometry.scene.design_matrices import N_LINEAR_TERM, N_TERM
from photometry.scene.node_model import main_node, node_variance
from photometry.scene.widening import N_WIDTH
from photometry.solver.chosen_solver import SOLVER
from photometry.solver.node_solver import NodeSolver

__all__ = ["moment_widths"]

#: Cadences that show the moments, at least and at most.
_LEAST_CADENCES, _MOST_CADENCES = 32, 1000
#: Standard deviation of the prior of a group's moments while they are measured, and of those of the fit at most,
#: pixels^2.
_FREE_WIDTH, _LARGEST_WIDTH = 0.1, 0.05
#: Least share of the pixels in a group's moment.
_LEAST_SHARE = 0.1
#: Stars this near to the brightest one are blended with it and belong to its group, pixels.
_NEAR = 2.5
#: Moments beyond this many standard deviations are cut to it.
_CLIP = 5.0
#: Standard errors by which the groups have to agree.
_SIGNIFICANT = 3.0
#: Lags that count for the error of a covariance, as a share of the number of cadences.
_LAG_SHARE = 0.25


def moment_widths(scene: TileScene, good: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Return by how much the second moments change from cadence to cadence, (N_WIDTH,), pixels^2.

    Parameters
    ----------
    scene : TileScene
        The tile as the final fit sees it, but for the moments.
    good : (n_cadence,) bool
        Cadences that count.

    Returns
    -------
    (N_WIDTH,) float64
        Standard deviations; zero for moments that the groups do not agree on, that the region has measured, or that
        are unknowns of the fit already.

    Notes
    -----
    With moments x and y of the two groups, of the covariance K by noise, the variance of what they have in common is

        tau^2 = < x y > - K_xy ,    var(tau^2) = sum_j C_x(j) C_y(j) / N ,

    with the autocovariances C at the lags j (Bartlett 1935): slow series agree by chance.
    """
    nothing = np.zeros(N_WIDTH)
    groups = _groups(scene)
    in_nodes = np.isin(np.arange(len(good)), np.concatenate([node.cadences for node in scene.model.nodes]))
    cadences = evenly_chosen(np.flatnonzero(good & in_nodes), _MOST_CADENCES)
    known = scene.kernel.has_moments or scene.motion_width[N_AFFINE:].any()
    if known or groups is None or len(cadences) < _LEAST_CADENCES:
        return nothing
    found = _measured(scene, good, groups, cadences)
    if found is None:
        return nothing
    series, noise = found
    middle, sigma = median_and_sigma(series, axis=1)
    series = np.clip(series - middle, -_CLIP * sigma, _CLIP * sigma)
    series -= series.mean(axis=1, keepdims=True)
    one, other = series[:N_WIDTH], series[N_WIDTH:]
    common = np.mean(one * other, axis=1) - np.diag(noise[:N_WIDTH, N_WIDTH:])
    error = np.array([_error_of_covariance(x, y) for x, y in zip(one, other, strict=True)])
    width = np.minimum(np.sqrt(np.maximum(common, 0.0)), _LARGEST_WIDTH)
    return np.where(common > _SIGNIFICANT * error, width, 0.0)


def _groups(scene: TileScene) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None:
    """Fluxes of the brightest star and its neighbours, and of all others, (n_star,), e-/s; None without others.

    Stars that the table lacks were found in what the PRF has left: they tell nothing of their own.
    """
    model, stars = scene.model, scene.model.stars
    counts = model.unsaturated & model.widened & stars.is_listed
    counts &= scene.data.stamp.contains(stars.row, stars.column)
    flux = np.where(counts, np.maximum(scene.state.flux, 0.0), 0.0)
    brightest = np.argmax(flux, keepdims=True)[:1] if len(flux) else np.empty(0, dtype=np.int64)
    if not flux[brightest].any():
        return None
    distance = np.hypot(stars.row - stars.row[brightest], stars.column - stars.column[brightest])
    others = np.where(distance > _NEAR, flux, 0.0)
    return (flux - others, others) if others.any() else None


def _measured(
    scene: TileScene,
    good: npt.NDArray[np.bool_],
    groups: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]],
    cadences: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None:
    """Moments of both groups in some cadences, (2 N_WIDTH, n), and their covariance by noise; None if hardly seen."""
    data, model, state = scene.data, scene.model, scene.state
    n_moment, main = 2 * N_WIDTH, main_node(model.nodes, good)
    prior = np.full(n_moment, 1 / _FREE_WIDTH**2)
    factored: list[NodeSolver] = []
    series = np.zeros((n_moment, len(cadences)))
    for node in sorted(model.nodes, key=lambda node: node is not main):
        chosen = np.flatnonzero(np.isin(cadences, node.cadences))
        if len(chosen) == 0:
            continue
        images = model.mean_images(node, state.flux)
        variance = node_variance(data, node, images) + scene.prf_variance
        shared, precision = common_terms(scene, node)
        common = np.concatenate([shared, *(moment_images(model, node, flux).T for flux in groups)], axis=1)
        like = next((system for system in factored if system.is_like(node)), None)
        system = SOLVER.factored(
            node,
            common,
            np.where(data.usable, 1 / variance, 0.0),
            scene.precision,
            common_precision=np.concatenate([precision, prior]),
            like=like,
            with_errors=False,
        )
        if like is None:
            factored.append(system)
        some = cadences[chosen]
        terms = node.coefficients(state.motion, some)[:, :N_TERM]
        residual = residual_of(scene, node, images, some)
        solution = system.solve(terms, residual, valid_of(data, some), n_term=N_LINEAR_TERM)
        series[:, chosen] = solution.common[-n_moment:]
    information = factored[0].information_of_last(n_moment)
    with_prior = information + np.diag(prior)
    if np.diag(np.linalg.inv(with_prior)).max() * prior[0] > 1 - _LEAST_SHARE:
        return None
    noise: npt.NDArray[np.float64] = np.asarray(np.linalg.inv(information), dtype=np.float64)
    return noise @ with_prior @ series, noise


def _error_of_covariance(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> float:
    """Return the standard error of the mean product of independent series (n,), each as correlated as it is."""
    n = len(one)
    lags = np.arange(1, int(_LAG_SHARE * n))
    products = [float(np.mean(one**2) * np.mean(other**2))]
    products += [2 * float(one[lag:] @ one[:-lag]) * float(other[lag:] @ other[:-lag]) / n**2 for lag in lags]
    return float(np.sqrt(max(sum(products), products[0]) / n))
