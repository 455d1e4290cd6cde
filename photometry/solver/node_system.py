"""The solver of the fit: factored normal equations of a node, and conjugate gradients that they precondition."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from photometry.scene.node_model import NodeModel, NodeStars
from photometry.scene.tile_data import TileData
from photometry.solver.cadence_designs import CadenceDesigns
from photometry.solver.conjugate_gradient import equations_of, solve_cadences, solve_equations
from photometry.solver.flux_errors import flux_variance, motion_response
from photometry.solver.node_solver import ACCURACY, TOLERANCE, Solution
from photometry.solver.normal_equations import NormalEquations, are_like, factor_node, taken_over

__all__ = ["NodeSystem"]


@dataclass(frozen=True, slots=True)
class NodeSystem:
    """Linear system of a node by its factored normal equations; methods as of `photometry.solver.node_solver`."""

    _normal: NormalEquations

    @classmethod
    def factored(
        cls,
        node: NodeModel,
        common: npt.NDArray[np.float64],
        weights: npt.NDArray[np.float64],
        precision: npt.NDArray[np.float64],
        *,
        common_precision: npt.NDArray[np.float64] | None = None,
        like: Self | None = None,
        with_errors: bool = True,
        still: npt.NDArray[np.float64] | None = None,
    ) -> Self:
        """Set up the system of a node, with its own inverse or in units of that of another node."""
        return cls(
            factor_node(
                node,
                common,
                weights,
                precision,
                common_precision=common_precision,
                like=None if like is None else like._normal,
                with_errors=with_errors,
                still=still,
            )
        )

    @property
    def node(self) -> NodeStars:
        """The node and its stars."""
        return self._normal.node

    @property
    def leverage(self) -> npt.NDArray[np.float64]:
        """Share of a pixel's noise that the fit follows, 0 to 1, (n_pixel,)."""
        return self._normal.leverage

    @property
    def freedom(self) -> npt.NDArray[np.float64]:
        """Expected square of a pixel's residual over its variance, 0 to 1, (n_pixel,)."""
        return self._normal.freedom

    @property
    def noise(self) -> npt.NDArray[np.float64]:
        """Standard error of the fluxes by the pixels' noise, own priors taken out, (n_star,), e-/s."""
        return np.sqrt(self._normal.variance)

    def is_like(self, node: NodeStars) -> bool:
        """Whether another node may take the inverse over."""
        return are_like(self.node, node)

    def of_single_cadence(
        self, node: NodeStars, weights: npt.NDArray[np.float64], precision: npt.NDArray[np.float64]
    ) -> Self:
        """Return the system of a single cadence, with this inverse in units of the cadence's own diagonal."""
        design = CadenceDesigns((node.expansion,), self._normal.common)
        return type(self)(taken_over(self._normal, node, design, weights, precision))

    def solve(
        self,
        terms: npt.NDArray[np.float64],
        residual: npt.NDArray[np.float32],
        valid: npt.NDArray[np.bool_],
        *,
        tolerance: float = TOLERANCE,
        accuracy: float = ACCURACY,
        start: npt.NDArray[np.float32] | None = None,
        n_term: int | None = None,
    ) -> Solution:
        """Solve some cadences of the node by conjugate gradients, all together."""
        return solve_cadences(self._normal, terms, residual, valid, tolerance, accuracy, start, n_term)

    def after(self, other: Self, unknowns: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return what a solution by another system of the same pixels is, about, with the priors of this one."""
        mine, others = self._normal.all_precision, other._normal.all_precision
        n_more = len(mine) - len(others)
        unknowns = np.pad(unknowns, ((0, n_more), (0, 0)))
        pull = (np.pad(others, (0, n_more)) - mine).astype(np.float32)[:, None] * unknowns
        scale = self._normal.scale.astype(np.float32)[:, None]
        return np.asarray(unknowns + scale * (self._normal.covariance @ (scale * pull)))

    def solve_at_node(
        self, residual: npt.NDArray[np.float32], usable: npt.NDArray[np.bool_], *, accuracy: float = ACCURACY
    ) -> Solution:
        """Solve for a single image, (n_pixel, 1), with the stars where they are at the node."""
        equations = equations_of([self._normal], usable, CadenceDesigns((self.node.expansion,), self._normal.common))
        return solve_equations(equations, np.ones((1, 1)), residual, accuracy=accuracy)

    @classmethod
    def solve_single_cadences(
        cls,
        systems: Sequence[Self],
        residual: npt.NDArray[np.float32],
        valid: npt.NDArray[np.bool_],
        *,
        accuracy: float = ACCURACY,
        start: npt.NDArray[np.float32] | None = None,
    ) -> Solution:
        """Solve cadences together that have a system each and share one inverse."""
        normals = [system._normal for system in systems]
        design = CadenceDesigns(tuple(normal.node.expansion for normal in normals), normals[0].common)
        equations, terms = equations_of(normals, valid, design), np.ones((len(normals), 1))
        return solve_equations(equations, terms, residual, accuracy=accuracy, start=start)

    def response(self, motion_images: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the change of the fluxes with the parameters of the motion, (n_star, n_parameter), e-/s per pixel."""
        return motion_response(self._normal, motion_images)

    def variance(
        self,
        which: npt.NDArray[np.int64],
        deviation: npt.NDArray[np.float64],
        extra_sky: npt.NDArray[np.float64],
        valid: npt.NDArray[np.bool_],
        data: TileData,
        response: npt.NDArray[np.float64],
        motion_covariance: npt.NDArray[np.float64],
    ) -> npt.NDArray[np.float64]:
        """Return the variance of the fluxes of chosen stars in some cadences, (n_chosen, n_cadence), (e-/s)^2."""
        return flux_variance(self._normal, which, deviation, extra_sky, valid, data, response, motion_covariance)

    def correlation(self, which: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Return the correlation of the fluxes of chosen stars with those of all stars, (n_chosen, n_star)."""
        return self._normal.correlation(which)

    def prior_share(self, which: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Return the share of chosen stars' own priors in the estimates of their fluxes, 0 to 1, (n_chosen,)."""
        return self._normal.own_prior[which]

    def without_own_prior(
        self, deviation: npt.NDArray[np.float32], which: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.float64]:
        """Take the own priors out of flux deviations (n_chosen, n_cadence) of chosen stars, e-/s."""
        return deviation / (1 - self._normal.own_prior[which, None])

    def information_of_last(self, n_last: int, *, with_prior: bool = False) -> npt.NDArray[np.float64]:
        """Return the inverse covariance of the last common terms, all else being free, (n_last, n_last)."""
        return self._normal.information_of_last(n_last, with_prior=with_prior)
