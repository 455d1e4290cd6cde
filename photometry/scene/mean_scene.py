"""Mean fluxes of the stars of a tile, together with what all cadences share: astrometric offset, correction of the PRF.

The residuals of a node's cadences are averaged; because the scene is linear in the monomials of the movement, the
design matrix of the average is the average of the design matrices. All nodes are then solved together.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import linalg, sparse

from photometry.core.linalg import solved
from photometry.core.statistics import median_and_sigma
from photometry.scene.design_matrices import N_TERM
from photometry.scene.model_error import bounded_error, error_shape
from photometry.scene.node_model import NodeModel, node_variance
from photometry.scene.tile_data import TileData
from photometry.scene.tile_model import TileModel, residuals
from photometry.scene.tile_state import TileState

__all__ = [
    "CATALOG_WIDTH",
    "ExtraColumns",
    "MeanStep",
    "PixelMean",
    "SharedEquations",
    "no_extras",
    "pixel_means",
    "robust_clip",
    "shared_equations",
    "solve_mean",
]

#: Gives the change of a node's pixels with each extra parameter, (n_pixel, n_extra), from the node and the mean scene.
ExtraColumns = Callable[[NodeModel, npt.NDArray[np.float64]], npt.NDArray[np.float64]]

#: Standard deviation of the catalogue flux as a prior of the mean flux, as a fraction (0.2 mag).
CATALOG_WIDTH = 0.2
#: Residuals are clipped at this many standard deviations (photons and readout, or robust scatter in time).
_CLIP_SIGMA = 5.0
#: Combinations of background terms with a smaller eigenvalue than this, relative to the largest, are left out.
_SEEN = 1e-10


@dataclass(frozen=True, slots=True)
class PixelMean:
    """Mean of the residuals of a node's good cadences.

    Parameters
    ----------
    node : NodeModel
        The node.
    terms : (n_image,) float64
        Mean coefficients of the images of its scene.
    mean : (n_pixel,) float64
        Mean residual, e-/s.
    count : (n_pixel,) float64
        Cadences in which the pixel was valid.
    """

    node: NodeModel
    terms: npt.NDArray[np.float64]
    mean: npt.NDArray[np.float64]
    count: npt.NDArray[np.float64]

    def after(self, model: TileModel, change: npt.NDArray[np.float64]) -> "PixelMean":
        """Return the mean residual from a scene whose mean fluxes have changed (n_star,), e-/s."""
        light = (self.terms @ model.free_images(self.node, change)) * (self.count > 0)
        return replace(self, mean=self.mean - light)


@dataclass(frozen=True, slots=True)
class SharedEquations:
    """Normal equations of what all cadences share, stars and backgrounds eliminated, without priors: they add up.

    Parameters
    ----------
    information, gradient : (n_extra, n_extra), (n_extra,) float64
        Inverse covariance, and its product with the best change.
    square : float
        Weighted sum of squares that mean fluxes and backgrounds alone leave.
    """

    information: npt.NDArray[np.float64]
    gradient: npt.NDArray[np.float64]
    square: float


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
    mean_residual : (n_pixel,) float64
        Mean of the pixels less the mean scene, e-/s.
    model_error : (n_pixel,) float64
        By how much the PRF may be wrong, e-/s (`photometry.scene.model_error`).
    noise, prf_variance : (n_pixel,) float64
        Variance of the mean residual by noise and the magnitudes of fixed stars, and by the error of the PRF, (e-/s)^2.
    prf_error : float
        Error of the PRF as a share of the light.
    local : (n_local,) float64
        Change of the local background, mean of the nodes, e-/s.
    """

    flux: npt.NDArray[np.float64]
    extras: npt.NDArray[np.float64]
    information: npt.NDArray[np.float64]
    gradient: npt.NDArray[np.float64]
    mean_residual: npt.NDArray[np.float64]
    model_error: npt.NDArray[np.float64]
    noise: npt.NDArray[np.float64]
    prf_variance: npt.NDArray[np.float64]
    prf_error: float
    local: npt.NDArray[np.float64]

    @property
    def variance(self) -> npt.NDArray[np.float64]:
        """Variance of the mean residual, (n_pixel,), (e-/s)^2."""
        return self.noise + self.prf_variance


def no_extras(node: NodeModel, images: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return no extra columns."""
    del node
    return np.empty((images.shape[1], 0))


def robust_clip(residual: npt.NDArray[np.float32], variance: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Clip residuals (n_pixel, n_cadence) about their median in time at several standard deviations."""
    middle, spread = median_and_sigma(residual, axis=1)
    limit = _CLIP_SIGMA * np.maximum(np.sqrt(variance)[:, None], spread).astype(np.float32)
    return np.clip(residual, middle - limit, middle + limit)


def solve_mean(
    data: TileData,
    model: TileModel,
    state: TileState,
    good: npt.NDArray[np.bool_],
    extra_columns: ExtraColumns = no_extras,
    extra_precision: npt.NDArray[np.float64] | None = None,
    *,
    deviation: npt.NDArray[np.float32] | None = None,
    means: Sequence[PixelMean] | None = None,
    clip: bool = False,
    n_round: int = 1,
) -> MeanStep:
    """Improve the mean fluxes by linear steps.

    Parameters
    ----------
    data : TileData
        The pixels.
    model : TileModel
        Stars about the nodes.
    state : TileState
        Mean fluxes, motion and model error so far.
    good : (n_cadence,) bool
        Cadences that count.
    extra_columns : callable
        Gives the change of a node's pixels with each extra parameter, (n_pixel, n_extra), from the node and the mean
        scene of the unsaturated stars.
    extra_precision : (n_extra,) float64, optional
        Prior precision of the extra parameters about zero.
    deviation : (n_star, n_cadence) float32, optional
        Flux less mean flux of the stars, e-/s, as far as that is known. These deviations about their mean over the
        good cadences are subtracted from the pixels: otherwise the mean of a star that fades while it is on one side
        would look like a star at another position.
    means : sequence of PixelMean, optional
        Means of the residuals of the good cadences, flux deviations about their mean subtracted, if they are known.
    clip : bool
        Clip residuals, as long as cosmic rays are unknown. It also cuts eclipses, more in a star's core than in its
        wings, so that mean fluxes and residuals are then no better than one per cent.
    n_round : int
        Steps: the second one knows the errors of the model that the first one found. The pixels are averaged once; from
        then on the mean scene is subtracted from the average.
    """
    if means is None:
        means = pixel_means(data, model, state, good, deviation=deviation, clip=clip)
    averages = [_average(data, model, state, mean, extra_columns) for mean in means]
    for k in range(n_round):
        weights = _all_weights(averages, data, model, state, good)
        step = _step(data, model, state.flux, averages, weights, extra_precision)
        if k + 1 < n_round:
            averages = [replace(one, pixels=one.pixels.after(model, step.flux - state.flux)) for one in averages]
            state = replace(state, flux=step.flux, mean_residual=step.mean_residual, model_error=step.model_error)
    return step


def shared_equations(
    data: TileData,
    model: TileModel,
    state: TileState,
    good: npt.NDArray[np.bool_],
    means: Sequence[PixelMean],
    extra_columns: ExtraColumns,
    groups: npt.NDArray[np.int64],
    n_group: int,
) -> list[SharedEquations]:
    """Return the normal equations of what all cadences share by each of several groups of pixels alone.

    Parameters
    ----------
    data, model, state, good, extra_columns
        As of `solve_mean`.
    means : sequence of PixelMean
        Means of the residuals from that mean scene.
    groups : (n_pixel,) int64
        Which group a pixel belongs to.
    n_group : int
        Number of groups.
    """
    averages = [_average(data, model, state, mean, extra_columns) for mean in means]
    weights = _all_weights(averages, data, model, state, good)
    return [
        _eliminated(_equations(model, state.flux, averages, [np.where(groups == k, w, 0.0) for w in weights])).shared
        for k in range(n_group)
    ]


def pixel_means(
    data: TileData,
    model: TileModel,
    state: TileState,
    good: npt.NDArray[np.bool_],
    *,
    deviation: npt.NDArray[np.float32] | None = None,
    clip: bool = False,
) -> list[PixelMean]:
    """Return the means of the residuals of all nodes with good cadences; parameters as of `solve_mean`."""
    about_mean = None if deviation is None else deviation - deviation[:, good].mean(axis=1, keepdims=True)
    chosen = [(node, node.cadences[good[node.cadences]]) for node in model.nodes]
    return [_pixel_mean(data, model, state, node, some, about_mean, clip=clip) for node, some in chosen if len(some)]


def _step(
    data: TileData,
    model: TileModel,
    flux: npt.NDArray[np.float64],
    averages: "list[_Average]",
    all_weights: list[npt.NDArray[np.float64]],
    extra_precision: npt.NDArray[np.float64] | None,
) -> MeanStep:
    """Solve for mean fluxes and extras from the averages of all nodes, each with its weights (n_pixel,)."""
    equations = _equations(model, flux, averages, all_weights)
    eliminated = _eliminated(equations)
    shared, n_extra = eliminated.shared, len(eliminated.shared.gradient)
    prior = np.zeros(n_extra) if extra_precision is None else extra_precision
    extra = solved(shared.information + np.diag(prior), shared.gradient) if n_extra else np.zeros(0)
    change = eliminated.by_gradient - eliminated.by_extra @ extra
    mean_residual, noise, local = _left_over(averages, all_weights, equations.by_locals, model, change, extra)
    main = max(averages, key=lambda average: float(average.pixels.count.sum())).pixels.node
    light = model.mean_images(main, flux + change)[0]
    shape = error_shape(light, data.stamp.shape, data.saturated, model.saturated.mean_variance)
    by_saturated = (shape > 0) & (shape <= model.saturated.mean_variance)
    model_error, share = bounded_error(mean_residual, noise, light, shape, data.usable, by_saturated)
    return MeanStep(
        flux + change,
        extra,
        shared.information,
        shared.gradient,
        mean_residual,
        model_error,
        noise,
        share**2 * shape,
        share,
        np.pad(local, (0, model.local_basis.shape[1] - len(local))),
    )


@dataclass(frozen=True, slots=True)
class _Equations:
    """Normal equations of mean fluxes and extras, backgrounds eliminated node by node."""

    normal: npt.NDArray[np.float64]
    gradient: npt.NDArray[np.float64]
    cross: npt.NDArray[np.float64]
    inner: npt.NDArray[np.float64]
    inner_gradient: npt.NDArray[np.float64]
    square: float
    by_locals: list[npt.NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class _Eliminated:
    """Change of the mean fluxes without extras and with each of them, and the equations of the extras."""

    by_gradient: npt.NDArray[np.float64]
    by_extra: npt.NDArray[np.float64]
    shared: SharedEquations


def _equations(
    model: TileModel,
    flux: npt.NDArray[np.float64],
    averages: "list[_Average]",
    all_weights: list[npt.NDArray[np.float64]],
) -> _Equations:
    """Add up the normal equations of all nodes, each with its weights (n_pixel,)."""
    n_star, catalog = len(flux), model.stars.flux
    precision = 1 / (CATALOG_WIDTH * catalog) ** 2
    normal, gradient = np.diag(precision), precision * (catalog - flux)
    square = float(precision @ (catalog - flux) ** 2)
    n_extra = averages[0].extras.shape[1] if averages else 0
    cross, inner, inner_gradient = np.zeros((n_star, n_extra)), np.zeros((n_extra, n_extra)), np.zeros(n_extra)
    by_locals = []
    for average, of_all in zip(averages, all_weights, strict=True):
        lit = np.flatnonzero(of_all)
        weights, local = of_all[lit], model.mean_basis[lit]
        # The node's own background is free: eliminate its terms.
        by_local = np.asarray(linalg.pinvh(local.T @ (weights[:, None] * local), rtol=_SEEN), dtype=np.float64)
        stars, extras, mean = average.stars[lit], average.extras[lit], average.pixels.mean[lit]
        stars_local = stars.T @ (weights[:, None] * local)
        weighted = weights * (mean - local @ (by_local @ (local.T @ (weights * mean))))
        extras_weighted = weights[:, None] * (extras - local @ (by_local @ (local.T @ (weights[:, None] * extras))))
        of_stars = average.pixels.node.design.normal(of_all, average.pixels.terms[:N_TERM])
        of_stars -= stars_local @ by_local @ stars_local.T
        normal += of_stars
        del of_stars
        gradient += stars.T @ weighted
        cross += stars.T @ extras_weighted
        inner += extras.T @ extras_weighted
        inner_gradient += extras.T @ weighted
        square += float(mean @ weighted)
        by_locals.append(by_local)
    return _Equations(normal, gradient, cross, inner, inner_gradient, square, by_locals)


def _eliminated(equations: _Equations) -> _Eliminated:
    """Eliminate the mean fluxes; the matrix of the stars is overwritten."""
    factor = linalg.cho_factor(equations.normal, overwrite_a=True, check_finite=False)
    by_extra = linalg.cho_solve(factor, equations.cross)
    by_gradient = linalg.cho_solve(factor, equations.gradient)
    information = equations.inner - equations.cross.T @ by_extra
    gradient = equations.inner_gradient - equations.cross.T @ by_gradient
    square = equations.square - float(equations.gradient @ by_gradient)
    return _Eliminated(by_gradient, by_extra, SharedEquations(information, gradient, square))


@dataclass(frozen=True, slots=True)
class _Average:
    """Average cadence of a node: its pixels, design of the stars and the extras, variance of a cadence."""

    pixels: PixelMean
    stars: sparse.csr_matrix
    extras: npt.NDArray[np.float64]
    variance: npt.NDArray[np.float64]


def _all_weights(
    averages: list[_Average], data: TileData, model: TileModel, state: TileState, good: npt.NDArray[np.bool_]
) -> list[npt.NDArray[np.float64]]:
    """Weights of the averages of all nodes, (n_pixel,) each: errors that all cadences share count once."""
    constant = good.sum() * (model.fixed_variance + state.model_error**2)
    return [np.where(data.usable, average.pixels.count / (average.variance + constant), 0.0) for average in averages]


def _pixel_mean(
    data: TileData,
    model: TileModel,
    state: TileState,
    node: NodeModel,
    cadences: npt.NDArray[np.int64],
    about_mean: npt.NDArray[np.float32] | None,
    *,
    clip: bool,
) -> PixelMean:
    """Average the residuals of a node's good cadences."""
    images = model.mean_images(node, state.flux)
    residual = residuals(data, model, node, images, state.motion, cadences)
    valid, terms = data.valid[cadences].T, node.coefficients(state.motion, cadences)
    if about_mean is not None:
        movement = np.ascontiguousarray(terms[:, :N_TERM].T, dtype=np.float32)
        of_deviations = node.design.forward(about_mean[:, cadences], movement)
        of_deviations *= valid
        residual -= of_deviations
    if clip:
        residual = robust_clip(residual, node_variance(data, node, images)) * valid
    count = valid.sum(axis=1).astype(np.float64)
    mean = residual.sum(axis=1, dtype=np.float64) / np.maximum(count, 1.0)
    return PixelMean(node, terms.mean(axis=0), mean, count)


def _average(
    data: TileData, model: TileModel, state: TileState, pixels: PixelMean, extra_columns: ExtraColumns
) -> _Average:
    """Return the average cadence of a node."""
    node = pixels.node
    images = model.mean_images(node, state.flux)
    of_unsaturated = images
    if not model.unsaturated.all():
        of_unsaturated = images - model.free_images(node, np.where(model.unsaturated, 0.0, state.flux))
    return _Average(
        pixels=pixels,
        stars=_mean_design(node, pixels.terms[:N_TERM]),
        extras=extra_columns(node, of_unsaturated),
        variance=node_variance(data, node, images),
    )


def _left_over(
    averages: list[_Average],
    all_weights: list[npt.NDArray[np.float64]],
    by_locals: list[npt.NDArray[np.float64]],
    model: TileModel,
    change: npt.NDArray[np.float64],
    extra: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the mean residual, e-/s, its variance by noise and fixed stars, (e-/s)^2, and the local background."""
    local = model.mean_basis
    total, noise, count = (np.zeros(len(local)) for _ in range(3))
    locals_of_nodes, n_cadence = np.zeros((len(averages), local.shape[1])), np.zeros(len(averages))
    for k, (average, weights, by_local) in enumerate(zip(averages, all_weights, by_locals, strict=True)):
        residual = average.pixels.mean - average.stars @ change - average.extras @ extra
        locals_of_nodes[k] = by_local @ (local.T @ (weights * residual))
        n_cadence[k] = average.pixels.count.max()
        residual = residual - local @ locals_of_nodes[k]
        total += average.pixels.count * residual
        noise += average.pixels.count * average.variance
        count += average.pixels.count
    count = np.maximum(count, 1.0)
    mean_local = n_cadence @ locals_of_nodes / max(n_cadence.sum(), 1.0)
    return total / count, noise / count**2 + model.fixed_variance, mean_local


def _mean_design(node: NodeModel, terms: npt.NDArray[np.float64]) -> sparse.csr_matrix:
    """Design matrix of the average cadence, float64."""
    first = node.expansion.matrices[0]
    data = sum(
        term * matrix.data.astype(np.float64) for term, matrix in zip(terms, node.expansion.matrices, strict=True)
    )
    return sparse.csr_matrix((data, first.indices, first.indptr), shape=first.shape)
