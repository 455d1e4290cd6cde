"""What a solver of a node's cadences offers to the rest of the package, whatever it keeps inside.

A second solver is one more class in this package that has these methods, named in `photometry.solver.chosen_solver`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt

from photometry.scene.node_model import NodeModel, NodeStars
from photometry.scene.tile_data import TileData

__all__ = ["ACCURACY", "TOLERANCE", "NodeSolver", "Solution"]

#: Squared norm of the preconditioned residual of the normal equations, relative to the start, at which a cadence has
#: converged: what single precision reaches.
TOLERANCE = 1e-10
#: The same in absolute terms: no flux is off by more than this fraction of its standard error.
ACCURACY = 0.03


@dataclass(frozen=True, slots=True)
class Solution:
    """Flux deviations from the mean scene in some cadences.

    Parameters
    ----------
    deviation : (n_star, n_cadence) float32
        Flux less mean flux, the stars' own priors still in it, e-/s.
    common : (n_common, n_cadence) float32
        Coefficients of the common terms.
    fitted : (n_pixel, n_cadence) float32
        What flux deviations and common terms add to the pixels, e-/s.
    converged : (n_cadence,) bool
        Whether the tolerance was reached.
    """

    deviation: npt.NDArray[np.float32]
    common: npt.NDArray[np.float32]
    fitted: npt.NDArray[np.float32]
    converged: npt.NDArray[np.bool_]

    @property
    def unknowns(self) -> npt.NDArray[np.float32]:
        """Flux deviations and common terms, (n_star + n_common, n_cadence)."""
        return np.concatenate([self.deviation, self.common])

    def of_cadences(self, which: Sequence[int]) -> "Solution":
        """Return the solution of some of the cadences."""
        return Solution(self.deviation[:, which], self.common[:, which], self.fitted[:, which], self.converged[which])


class NodeSolver(Protocol):
    """Linear system of a node: its stars, terms that they all share, weights of the pixels and priors.

    The unknowns of a cadence are the deviations of the stars' fluxes from their means and the coefficients of the
    common terms (local background, change of the motion).
    """

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
        """Set up the system of a node with many cadences.

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
            Prior precision of the common terms about zero; without it they have no prior. A system that is made like
            another one has the priors of that one.
        like : NodeSolver, optional
            System of the same stars at a like node (`is_like`), whose factorisation may serve for this one.
        with_errors : bool
            Whether `leverage`, `freedom` and the change of `variance` with the background are needed; leverage and
            change are zero otherwise.
        still : (n_star,) float64, optional
            Share of the variance of the priors by which the stars do not vary; 0 by default.
        """
        ...

    @property
    def node(self) -> NodeStars:
        """The node and its stars."""
        ...

    @property
    def leverage(self) -> npt.NDArray[np.float64]:
        """Share of a pixel's noise that the fit follows, 0 to 1, (n_pixel,)."""
        ...

    @property
    def freedom(self) -> npt.NDArray[np.float64]:
        """Expected square of a pixel's residual over its variance, 0 to 1, (n_pixel,)."""
        ...

    @property
    def noise(self) -> npt.NDArray[np.float64]:
        """Standard error of the fluxes by the pixels' noise, own priors taken out, (n_star,), e-/s."""
        ...

    def is_like(self, node: NodeStars) -> bool:
        """Whether the system of another node may be made like this one."""
        ...

    def of_single_cadence(
        self, node: NodeStars, weights: npt.NDArray[np.float64], precision: npt.NDArray[np.float64]
    ) -> Self:
        """Return the system of a node that is a single cadence, like this one; parameters as of `factored`."""
        ...

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
        """Solve some cadences of the node.

        Parameters
        ----------
        terms : (n_cadence, n_term) float64
            Monomials of the movement from the node.
        residual : (n_pixel, n_cadence) float32
            Pixels less the mean scene, e-/s.
        valid : (n_pixel, n_cadence) bool
            Pixels that count.
        tolerance : float
            Relative accuracy at which a cadence has converged (`TOLERANCE`).
        accuracy : float
            Error of a flux, in units of its standard error, at which it has, too.
        start : (n_star + n_common, n_cadence) float32, optional
            Flux deviations and common terms to start from; zero by default.
        n_term : int, optional
            Terms of the movement that the change from the start takes into account; all by default. What `start`
            leaves of the pixels always has all of them.
        """
        ...

    def after(self, other: Self, unknowns: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return a start from the solution of another system, which differs by its priors.

        Parameters
        ----------
        other : NodeSolver
            System of the same stars, whose common terms are the first ones of this system.
        unknowns : (n_star + n_common of the other, n_cadence) float32
            Its solution.

        Returns
        -------
        (n_star + n_common, n_cadence) float32
            The solution with the priors of this system, as far as the pixels weigh the same in both.
        """
        ...

    def solve_at_node(
        self, residual: npt.NDArray[np.float32], usable: npt.NDArray[np.bool_], *, accuracy: float = ACCURACY
    ) -> Solution:
        """Solve for a single image, (n_pixel, 1), with the stars where they are at the node; as of `solve`."""
        ...

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
        """Solve cadences together of which each has a system from `of_single_cadence`; parameters as of `solve`."""
        ...

    def response(self, motion_images: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return how much the fluxes change with the parameters of the motion: (n_star, n_parameter), e-/s per pixel.

        Parameters
        ----------
        motion_images : (n_parameter, n_pixel) float64
            Change of the pixels with the parameters, e-/s per pixel.
        """
        ...

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
        """Return the variance of the fluxes in some cadences, own priors taken out, (n_chosen, n_cadence), (e-/s)^2.

        Parameters
        ----------
        which : (n_chosen,) int64
            Stars.
        deviation : (n_chosen, n_cadence) float64
            Flux less mean flux, e-/s.
        extra_sky : (n_cadence,) float64
            Background less that of the node, e-/s.
        valid : (n_pixel, n_cadence) bool
            Pixels that count.
        data : TileData
            Pixels that count in the node, and the exposure time.
        response : (n_chosen, n_parameter) float64
            From `response`.
        motion_covariance : (n_cadence, n_parameter, n_parameter) float64
            Covariance of the motion, pixels^2.
        """
        ...

    def correlation(self, which: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Return the correlation of the fluxes of chosen stars with those of all stars, (n_chosen, n_star)."""
        ...

    def prior_share(self, which: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Return the share of chosen stars' own priors in the estimates of their fluxes, 0 to 1, (n_chosen,)."""
        ...

    def without_own_prior(
        self, deviation: npt.NDArray[np.float32], which: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.float64]:
        """Take the own priors out of flux deviations (n_chosen, n_cadence) of chosen stars, e-/s."""
        ...

    def information_of_last(self, n_last: int, *, with_prior: bool = False) -> npt.NDArray[np.float64]:
        """Return the inverse covariance of the last common terms, all else being free, (n_last, n_last).

        That of the pixels alone, or with the priors of these terms.
        """
        ...
