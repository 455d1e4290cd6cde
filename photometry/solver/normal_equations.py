"""Normal equations of a node: their inverse, which is the covariance of the fluxes, and the variances that follow.

With weights W that are inverse variances, priors of precision Q and design A, C = (A^T W A + Q)^-1. The variance of a
flux is that of the estimator, C A^T W A C = C - C Q C. Without a star's own prior q its C becomes C / (1 - q C).

Nodes of a tile differ little: their normal matrices have about the same correlations, and differ in the information on
each star. A node may therefore take over another one's inverse in units of its own diagonal, D C D: the solution to
which the iteration converges is the same, and only the errors of close blends change, by a few per cent.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from photometry.core.linalg import inverse_and_factor
from photometry.scene.blocks import BlockDesign
from photometry.scene.node_model import NodeModel, NodeStars
from photometry.solver.cadence_designs import CadenceDesigns

__all__ = ["MOST_LEVERAGE", "NormalEquations", "are_like", "factor_node", "taken_over"]

#: The fit never follows a pixel by more than this.
MOST_LEVERAGE = 0.99
#: Largest share of a star's own prior that is taken out.
_MOST_PRIOR = 1 - 1e-6
#: Nodes whose backgrounds differ by less than this factor, and their positions by less than this many pixels per axis,
#: share one inverse.
_LIKE_BACKGROUND = 1.5
_LIKE_PLACE = 0.15
#: Rows of a matrix that are squared at once.
_ROWS_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class NormalEquations:
    """Factored normal equations of a node.

    Parameters
    ----------
    node : NodeStars
        The node.
    design : BlockDesign or CadenceDesigns
        Its stars and common terms.
    common : (n_pixel, n_common) float32
        Terms that all stars share: local background, change of motion.
    weights : (n_pixel,) float32
        Weights, (e-/s)^-2.
    precision : (n_star,) float64
        Prior precision of the flux deviations, (e-/s)^-2.
    common_precision : (n_common,) float64
        Prior precision of the common terms about zero.
    common_factor : (n_common, n_common) float64
        Cholesky factor of the common terms, priors in it (`photometry.core.linalg.inverse_and_factor`), in units of
        `scale`.
    covariance : (n_star + n_common, n_star + n_common) float32
        C, the inverse of the normal matrix with priors, in units of `scale`.
    scale : (n_star + n_common,) float64
        1 where C is the node's own.
    information : (n_star + n_common,) float64
        Diagonal of A^T W A.
    flat_variance : (n_star,) float64
        C of a star with its own prior taken out, other stars' priors in it, (e-/s)^2.
    share_of_noise : (n_star,) float64
        Share of the pixels' noise in `flat_variance`; other stars' priors have the rest.
    variance : (n_star,) float64
        Variance of a star's flux by the pixels' noise, its own prior taken out, (e-/s)^2.
    sky_variance : (n_star,) float64
        Change of `variance` with the variance of every pixel, dimensionless.
    own_variance : (n_star,) float64
        Change of `variance` with the variance per unit of the star's own light, dimensionless.
    own_prior : (n_star,) float64
        q C: share of the star's own prior in the estimate.
    leverage : (n_pixel,) float64
        Share of a pixel's noise that the fit follows, 0 to 1.
    freedom : (n_pixel,) float64
        Expected square of a pixel's residual over its variance, 0 to 1.
    """

    node: NodeStars
    design: BlockDesign | CadenceDesigns
    common: npt.NDArray[np.float32]
    weights: npt.NDArray[np.float32]
    precision: npt.NDArray[np.float64]
    common_precision: npt.NDArray[np.float64]
    common_factor: npt.NDArray[np.float64]
    covariance: npt.NDArray[np.float32]
    scale: npt.NDArray[np.float64]
    information: npt.NDArray[np.float64]
    flat_variance: npt.NDArray[np.float64]
    share_of_noise: npt.NDArray[np.float64]
    variance: npt.NDArray[np.float64]
    sky_variance: npt.NDArray[np.float64]
    own_variance: npt.NDArray[np.float64]
    own_prior: npt.NDArray[np.float64]
    leverage: npt.NDArray[np.float64]
    freedom: npt.NDArray[np.float64]

    @property
    def all_precision(self) -> npt.NDArray[np.float64]:
        """Prior precision of flux deviations and common terms, (n_star + n_common,)."""
        return np.concatenate([self.precision, self.common_precision])

    def information_of_last(self, n_last: int, *, with_prior: bool) -> npt.NDArray[np.float64]:
        """Return the inverse covariance of the last common terms, all else being free, (n_last, n_last).

        That of the pixels alone, or with the priors of these terms.
        """
        first = len(self.common_precision) - n_last
        factor, scale = self.common_factor[first:, first:], self.scale[len(self.scale) - n_last :]
        prior = np.diag(self.common_precision[first:])
        of_pixels = (factor @ factor.T - prior) / (scale * scale[:, None])
        return np.asarray(of_pixels + prior if with_prior else of_pixels)

    def correlation(self, which: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Return the correlation of the fluxes of chosen stars with those of all stars, (n_chosen, n_star)."""
        n_star = len(self.precision)
        spread = np.sqrt(np.diag(self.covariance)[:n_star])
        correlation: npt.NDArray[np.float32] = self.covariance[which][:, :n_star] / (spread[which, None] * spread)
        return correlation


def are_like(one: NodeStars, other: NodeStars) -> bool:
    """Whether two nodes may share an inverse."""
    ratio = abs(np.log(max(one.sky.mean(), 1.0) / max(other.sky.mean(), 1.0)))
    rows, columns = one.row_shift - other.row_shift, one.column_shift - other.column_shift
    return bool(ratio < np.log(_LIKE_BACKGROUND)) and max(abs(rows), abs(columns)) < _LIKE_PLACE


def factor_node(
    node: NodeModel,
    common: npt.NDArray[np.float64],
    weights: npt.NDArray[np.float64],
    precision: npt.NDArray[np.float64],
    *,
    common_precision: npt.NDArray[np.float64] | None = None,
    like: NormalEquations | None = None,
    with_errors: bool = True,
    still: npt.NDArray[np.float64] | None = None,
) -> NormalEquations:
    """Factor the normal equations of a node and derive the variances.

    Parameters
    ----------
    node : NodeModel
        The node.
    common : (n_pixel, n_common) float64
        Terms that all stars share.
    weights : (n_pixel,) float64
        Inverse variances of the pixels, 0 where they are not usable, (e-/s)^-2.
    precision : (n_star,) float64
        Prior precision of the flux deviations, (e-/s)^-2.
    common_precision : (n_common,) float64, optional
        Prior precision of the common terms about zero; they have no prior by default. A node that takes over an
        inverse has the priors of the other one.
    like : NormalEquations, optional
        A node of the same stars whose inverse is taken over, in units of this node's diagonal.
    with_errors : bool
        Whether to derive what depends on the background and the pixels; it is zero otherwise.
    still : (n_star,) float64, optional
        Share of the variance of the priors by which the stars do not vary; 0 by default.

    Notes
    -----
    With H = A C A^T W, residuals of noise and of deviations whose variance is that of the priors have the expected
    squares diag(I - H) / W. Of a star that varies by the share 1 - s of that alone, with S = diag(s),
    diag(I - H - A C S Q C A^T W) / W is left: for constant stars (I - H)^2.
    """
    design = node.design.with_common(common)
    if like is None:
        system = _factored(node, design, common, weights, precision, common_precision)
    else:
        system = taken_over(like, node, design, weights, precision)
    return _with_errors(system, node, design, weights, still) if with_errors else system


def _factored(
    node: NodeModel,
    design: BlockDesign,
    common: npt.NDArray[np.float64],
    weights: npt.NDArray[np.float64],
    precision: npt.NDArray[np.float64],
    common_precision: npt.NDArray[np.float64] | None,
) -> NormalEquations:
    """Invert the normal matrix of a node; parameters as of `factor_node`."""
    n_star, n_common = len(precision), common.shape[1]
    matrix = design.normal(weights)
    information = matrix.diagonal().copy()
    common_precision = np.zeros(n_common) if common_precision is None else common_precision
    matrix[np.diag_indices_from(matrix)] += np.concatenate([precision, common_precision])
    exact, common_factor = inverse_and_factor(matrix, n_common)
    covariance = exact.astype(np.float32)
    del exact
    spread = covariance.diagonal()[:n_star].astype(np.float64)
    flat = spread / (1 - np.minimum(precision * spread, _MOST_PRIOR))
    share = _share_of_noise(covariance[:n_star, :n_star], precision, flat)
    return NormalEquations(
        node=node,
        design=design,
        common=common.astype(np.float32),
        weights=weights.astype(np.float32),
        precision=precision,
        common_precision=common_precision,
        common_factor=common_factor,
        covariance=covariance,
        scale=np.ones(len(matrix)),
        information=information,
        flat_variance=flat,
        share_of_noise=share,
        variance=flat * share,
        sky_variance=np.zeros(n_star),
        own_variance=np.zeros(n_star),
        own_prior=precision * flat / (1 + precision * flat),
        leverage=np.zeros(len(weights)),
        freedom=np.ones(len(weights)),
    )


def _with_errors(
    system: NormalEquations,
    node: NodeModel,
    design: BlockDesign,
    weights: npt.NDArray[np.float64],
    still: npt.NDArray[np.float64] | None,
) -> NormalEquations:
    """Add what depends on the background and the pixels: changes of the variance, leverage, freedom."""
    held = np.zeros(len(system.scale))
    if still is not None:
        held[: len(still)] = still * system.precision
    squared, leverage, of_held = design.influence(system.covariance, system.scale, weights, held)
    return replace(
        system,
        sky_variance=squared[: len(system.precision)] / (1 - system.own_prior) ** 2,
        own_variance=system.flat_variance**2 * (node.expansion.transposed[0].power(3) @ weights**2),
        leverage=np.clip(leverage, 0.0, MOST_LEVERAGE),
        freedom=np.clip(1 - leverage - of_held, 1 - MOST_LEVERAGE, 1.0),
    )


def taken_over(
    like: NormalEquations,
    node: NodeStars,
    design: BlockDesign | CadenceDesigns,
    weights: npt.NDArray[np.float64],
    precision: npt.NDArray[np.float64],
) -> NormalEquations:
    """Take over the inverse of another node, in units of this one's diagonal, with all that is about the same.

    Parameters
    ----------
    like : NormalEquations
        A node of the same stars and common terms.
    node : NodeStars
        The node.
    design : BlockDesign or CadenceDesigns
        Its stars and common terms.
    weights, precision : (n_pixel,), (n_star,) float64
        As of `factor_node`.
    """
    information, n_star = design.diagonal(weights), len(precision)
    more, more_of_like = np.concatenate([precision, like.common_precision]), like.all_precision
    flat = like.flat_variance * _ratio(like.information, information)[:n_star]
    return replace(
        like,
        node=node,
        design=design,
        weights=weights.astype(np.float32),
        precision=precision,
        scale=like.scale * np.sqrt(_ratio(like.information + more_of_like, information + more)),
        information=information,
        flat_variance=flat,
        variance=flat * like.share_of_noise,
        own_prior=precision * flat / (1 + precision * flat),
    )


def _ratio(above: npt.NDArray[np.float64], below: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Quotient, 1 where one of both is not positive."""
    return np.divide(above, below, out=np.ones_like(below), where=(above > 0) & (below > 0))


def _share_of_noise(
    covariance: npt.NDArray[np.float32], precision: npt.NDArray[np.float64], flat: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Share of the pixels' noise in the variances C / (1 - q C) of fluxes whose own prior is taken out, (n_star,).

    The rest, the sum over the other stars of (C_ij / (1 - q_i C_ii))^2 q_j, is by their priors.
    """
    spread = covariance.diagonal().astype(np.float64)
    by_all = np.concatenate(
        [
            np.square(covariance[start : start + _ROWS_AT_ONCE], dtype=np.float64) @ precision
            for start in range(0, len(covariance), _ROWS_AT_ONCE)
        ]
        or [np.empty(0)]
    )
    by_others = (by_all - spread**2 * precision) * (flat / spread) ** 2
    return np.clip(1 - by_others / flat, 0.0, 1.0)
