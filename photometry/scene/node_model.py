"""Stars, scene and noise of one node of a tile's motion."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from photometry.scene.blocks import BlockDesign, design_of
from photometry.scene.design_matrices import FINE_DEGREE, N_LINEAR_TERM, Expansion, monomials
from photometry.scene.nodes import Node
from photometry.scene.tile_data import TileData
from photometry.scene.tile_state import TileMotion
from photometry.scene.widening import N_WIDTH

__all__ = ["NodeModel", "NodeStars", "main_node", "node_variance"]


@dataclass(frozen=True, slots=True)
class NodeStars(Node):
    """A node with its free stars.

    Parameters
    ----------
    expansion : Expansion
        Design matrices of the free stars about the node.
    sky : (n_pixel,) float64
        Mean background of the node's cadences, large-scale and local, e-/s.
    """

    expansion: Expansion
    sky: npt.NDArray[np.float64]

    def coefficients(self, motion: TileMotion, cadences: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Return what multiplies the mean scene's images in some cadences: (n_cadence, n_image).

        The first N_TERM are those of the expansion of second degree.
        """
        terms = monomials(
            motion.row_shift[cadences] - self.row_shift,
            motion.column_shift[cadences] - self.column_shift,
            FINE_DEGREE,
        )
        by_width = motion.widths[cadences, :, None] * terms[:N_LINEAR_TERM].T[:, None, :]
        by_width = by_width.reshape(len(cadences), N_WIDTH * N_LINEAR_TERM)
        return np.concatenate([terms.T, motion.linear[cadences], by_width], axis=1)


@dataclass(frozen=True, slots=True)
class NodeModel(NodeStars):
    """A node of many cadences, with all that its mean scene needs.

    Parameters
    ----------
    fine : Expansion
        Expansion of fifth degree of the bright stars, `TileModel.bright`.
    fixed_images : (N_TERM, n_pixel) float64
        Expansion of the sum of the fixed stars about the node, e-/s.
    widening : Expansion
        Change of the PRF with each of its second moments (`photometry.scene.widening`), to first degree, of the stars
        `TileModel.widened`.
    blocks : BlockDesign or None
        The free stars' expansion in blocks, without common terms, where it is kept; nodes of one place share it.
    """

    fine: Expansion
    fixed_images: npt.NDArray[np.float64]
    widening: Expansion
    blocks: BlockDesign | None

    @property
    def design(self) -> BlockDesign:
        """The free stars' expansion in blocks, without common terms."""
        return design_of(self.expansion) if self.blocks is None else self.blocks


def main_node(nodes: Sequence[NodeModel], good: npt.NDArray[np.bool_]) -> NodeModel:
    """Return the node with most of the good cadences (n_cadence,)."""
    return max(nodes, key=lambda node: int(good[node.cadences].sum()))


def node_variance(data: TileData, node: NodeStars, images: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the variance of a node's pixels in a cadence by photons and readout, (n_pixel,), (e-/s)^2.

    The first of the `images` is the mean scene at the node, e-/s.
    """
    return data.variance(np.maximum(images[0], 0.0) + np.maximum(node.sky, 0.0))
