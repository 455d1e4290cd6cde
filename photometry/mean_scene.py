"""Mean fluxes of the stars of a tile, together with what all cadences share: astrometric offset, correction of the PRF.

The residuals of a node's cadences are averaged; because the scene is linear in the monomials of the movement, the
design matrix of the average is the average of the design matrices. All nodes are then solved together.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import linalg, sparse

from photometry.blocks import design_of
from photometry.normal import inverse
from photometry.scene import N_TERM
from photometry.tile_data import TileData
from photometry.tile_model import NodeModel, TileModel, TileState, node_variance, residuals

__all__ = ["ExtraColumns", "MeanStep", "no_extras", "robust_clip", "solve_mean"]

#: Gives the change of a node's pixels with each extra parameter, (n_pixel, n_extra), from the node and the mean scene.
ExtraColumns = Callable[[NodeModel, npt.NDArray[np.float64]], npt.NDArray[np.float64]]

#: Standard deviation of the catalogue flux as a prior of the mean flux, as a fraction (0.2 mag).
_CATALOG_WIDTH = 0.2
#: Residuals are clipped at so many standard deviations (photons and readout, or robust scatter in time).
_CLIP_SIGMA = 5.0
#: What is left of the mean of the pixels counts as misfit beyond so many standard errors.
_MISFIT_SIGMA = 3.0
_MAD_TO_SIGMA = 1.4826


@dataclass(frozen=True, slots=True)
class MeanStep:
    """Improvement of the mean scene.

    Parameters
    ----------
    flux : (n_star,) float64
        Improved mean fluxes, e-/s.
    extras : (n_extra,) float64
        Parameters of the extra columns.
    information, gradient : (n_extra, n_extra), (n_extra,) float64
        Normal equations of the extras, stars and backgrounds eliminated, without their prior: they add up over tiles.
    static : (n_pixel,) float64
        What is left of the mean of the pixels, e-/s.
    misfit : (n_pixel,) float64
        The part of it that neither noise nor the magnitudes of the held stars explain, e-/s.
    """

    flux: npt.NDArray[np.float64]
    extras: npt.NDArray[np.float64]
    information: npt.NDArray[np.float64]
    gradient: npt.NDArray[np.float64]
    static: npt.NDArray[np.float64]
    misfit: npt.NDArray[np.float64]


def no_extras(part: NodeModel, images: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return no extra columns."""
    del part
    return np.empty((images.shape[1], 0))


def robust_clip(residual: npt.NDArray[np.float64], variance: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Clip residuals (n_cadence, n_pixel) about their median in time at several standard deviations."""
    median = np.median(residual, axis=0)
    spread = _MAD_TO_SIGMA * np.median(np.abs(residual - median), axis=0)
    limit = _CLIP_SIGMA * np.maximum(np.sqrt(variance), spread)
    return np.clip(residual, median - limit, median + limit)


def solve_mean(
    data: TileData,
    model: TileModel,
    state: TileState,
    good: npt.NDArray[np.bool_],
    extra_columns: ExtraColumns = no_extras,
    extra_precision: npt.NDArray[np.float64] | None = None,
    *,
    departure: npt.NDArray[np.float32] | None = None,
    clip: bool = False,
) -> MeanStep:
    """Improve the mean fluxes by one linear step.

    Parameters
    ----------
    data : TileData
        The pixels.
    model : TileModel
        Stars about the nodes.
    state : TileState
        Mean fluxes, motion and misfit so far.
    good : (n_cadence,) bool
        Cadences that count.
    extra_columns : callable
        Gives the change of a node's pixels with each extra parameter, (n_pixel, n_extra), from the node and the mean
        scene of the unsaturated stars.
    extra_precision : (n_extra,) float64, optional
        Prior precision of the extra parameters about zero.
    departure : (n_star, n_cadence) float32, optional
        How the stars depart from their means, e-/s, as far as that is known. Their departures about their mean over the
        good cadences are taken off the pixels: the mean of a star that fades while it is on one side would else look
        like a star at another place.
    clip : bool
        Clip residuals: while cosmic rays are not known. It also cuts eclipses, more in a star's core than in its
        wings, so that mean fluxes and what they leave are not to be trusted to more than a per cent then.
    """
    flux = state.flux
    n_star, n_good = len(flux), int(good.sum())
    catalog = model.stars.flux
    precision = 1 / (_CATALOG_WIDTH * catalog) ** 2
    normal, gradient, n_extra = np.diag(precision), precision * (catalog - flux), 0
    cross, inner, inner_gradient = np.empty((n_star, 0)), np.empty((0, 0)), np.empty(0)
    averages = []
    about_mean = None if departure is None else departure - departure[:, good].mean(axis=1, keepdims=True)
    for part in model.nodes:
        cadences = part.node.cadences[good[part.node.cadences]]
        if len(cadences) == 0:
            continue
        average, of_stars = _average(data, model, state, part, cadences, extra_columns, n_good, about_mean, clip=clip)
        averages.append(average)
        # The node's own background is free: take its terms out of everything.
        stars, extras, weights, by_local = average.stars, average.extras, average.weights, average.by_local
        local = model.local_basis
        stars_local = stars.T @ (weights[:, None] * local)
        rest = weights * (average.mean - local @ (by_local @ (local.T @ (weights * average.mean))))
        extras_weighted = weights[:, None] * (extras - local @ (by_local @ (local.T @ (weights[:, None] * extras))))
        of_stars -= stars_local @ by_local @ stars_local.T
        normal += of_stars
        del of_stars
        gradient += stars.T @ rest
        if n_extra == 0:
            n_extra = extras.shape[1]
            cross, inner, inner_gradient = (np.zeros((*size, n_extra)) for size in ((n_star,), (n_extra,), ()))
        cross += stars.T @ extras_weighted
        inner += extras.T @ extras_weighted
        inner_gradient += extras.T @ rest
    factor = linalg.cho_factor(normal, overwrite_a=True, check_finite=False)
    by_extra, by_gradient = linalg.cho_solve(factor, cross), linalg.cho_solve(factor, gradient)
    information, extra_rest = inner - cross.T @ by_extra, inner_gradient - cross.T @ by_gradient
    prior = np.zeros(n_extra) if extra_precision is None else extra_precision
    extra = inverse(information + np.diag(prior)) @ extra_rest if n_extra else np.zeros(0)
    change = by_gradient - by_extra @ extra
    static, misfit = _left_over(averages, model, change, extra)
    return MeanStep(flux + change, extra, information, extra_rest, static, misfit)


@dataclass(frozen=True, slots=True)
class _Average:
    """Average cadence of a node.

    Design, weights, mean residual, valid cadences per pixel, variance of a cadence.
    """

    stars: sparse.csr_matrix
    extras: npt.NDArray[np.float64]
    weights: npt.NDArray[np.float64]
    by_local: npt.NDArray[np.float64]
    mean: npt.NDArray[np.float64]
    count: npt.NDArray[np.float64]
    variance: npt.NDArray[np.float64]


def _average(
    data: TileData,
    model: TileModel,
    state: TileState,
    part: NodeModel,
    cadences: npt.NDArray[np.int64],
    extra_columns: ExtraColumns,
    n_good: int,
    about_mean: npt.NDArray[np.float32] | None,
    *,
    clip: bool,
) -> tuple[_Average, npt.NDArray[np.float64]]:
    """Average the residuals of a node's good cadences, and their design; also the normal matrix of the stars."""
    images = model.mean_images(part, state.flux)
    variance = node_variance(data, part, images)
    residual = residuals(data, model, part, images, state.motion, cadences)
    valid, terms = data.valid[cadences], part.coefficients(state.motion, cadences)[:, :N_TERM]
    design = design_of(part.expansion, np.empty((len(variance), 0)))
    if about_mean is not None:
        departed = design.forward(about_mean[:, cadences], np.ascontiguousarray(terms.T, dtype=np.float32))
        residual -= departed.T * valid
    if clip:
        residual = robust_clip(residual, variance) * valid
    count = valid.sum(axis=0).astype(np.float64)
    weights: npt.NDArray[np.float64] = np.where(data.usable, count / (variance + n_good * state.misfit**2), 0.0)
    by_local = linalg.pinvh(model.local_basis.T @ (weights[:, None] * model.local_basis))
    average = _Average(
        stars=_mean_design(part, terms.mean(axis=0)),
        extras=extra_columns(part, model.mean_images(part, np.where(model.unsaturated, state.flux, 0.0))),
        weights=weights,
        by_local=np.asarray(by_local, dtype=np.float64),
        mean=residual.sum(axis=0, dtype=np.float64) / np.maximum(count, 1.0),
        count=count,
        variance=variance,
    )
    return average, design.normal(weights, terms.mean(axis=0))


def _left_over(
    averages: list[_Average], model: TileModel, change: npt.NDArray[np.float64], extra: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return what the improved mean scene leaves of the mean of the pixels, and the part that is not understood."""
    total, noise, count = (np.zeros(len(model.local_basis)) for _ in range(3))
    for average in averages:
        rest = average.mean - average.stars @ change - average.extras @ extra
        local = model.local_basis
        rest = rest - local @ (average.by_local @ (local.T @ (average.weights * rest)))
        total += average.count * rest
        noise += average.count * average.variance
        count += average.count
    count = np.maximum(count, 1.0)
    static = total / count
    explained = _MISFIT_SIGMA**2 * (noise / count**2 + model.held_variance)
    return static, np.sqrt(np.maximum(static**2 - explained, 0.0))


def _mean_design(part: NodeModel, terms: npt.NDArray[np.float64]) -> sparse.csr_matrix:
    """Design matrix of the average cadence, float64."""
    first = part.expansion.matrices[0]
    data = sum(
        term * matrix.data.astype(np.float64) for term, matrix in zip(terms, part.expansion.matrices, strict=True)
    )
    return sparse.csr_matrix((data, first.indices, first.indptr), shape=first.shape)
