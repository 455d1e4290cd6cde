"""Nodes: cadences of like motion and like background, which share one expansion and one factorisation."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Node", "nodes_of"]

#: Backgrounds of one node differ by less than this factor.
_BACKGROUND_FACTOR = 1.5


@dataclass(frozen=True, slots=True)
class Node:
    """Cadences of like motion.

    Parameters
    ----------
    cadences : (n_member,) int64
        Indices of the cadences.
    row_shift, column_shift : float
        Movement at which stars are expanded, pixels.
    """

    cadences: npt.NDArray[np.int64]
    row_shift: float
    column_shift: float


def nodes_of(
    row_shift: npt.NDArray[np.float64],
    column_shift: npt.NDArray[np.float64],
    sky: npt.NDArray[np.float64],
    reach: float,
) -> tuple[Node, ...]:
    """Group cadences greedily: the largest group that fits into a box of movement and background comes first.

    Parameters
    ----------
    row_shift, column_shift : (n_cadence,) float64
        Movement, pixels.
    sky : (n_cadence,) float64
        Typical variance-making background of the cadence, e-/s.
    reach : float
        Half the side of a box, pixels.

    Returns
    -------
    tuple of Node
        Every cadence is in exactly one.
    """
    level = np.log(np.maximum(sky, 1.0)) / np.log(_BACKGROUND_FACTOR)
    # Cells of a third of a box bound the work whatever the number of cadences.
    scaled = np.stack([row_shift / reach, column_shift / reach, level * 2], axis=1)
    cells, member = np.unique(np.rint(scaled * 1.5).astype(np.int64), axis=0, return_inverse=True)
    count = np.bincount(member, minlength=len(cells))
    near = (np.abs(cells[:, None, :] - cells[None, :, :]) <= 1).all(axis=2)
    left = np.ones(len(cells), dtype=bool)
    nodes = []
    while left.any():
        gain = near[:, left] @ count[left]
        chosen = near[int(np.argmax(gain))] & left
        left &= ~chosen
        cadences = np.flatnonzero(chosen[member])
        rows, columns = row_shift[cadences], column_shift[cadences]
        nodes.append(Node(cadences, (rows.min() + rows.max()) / 2, (columns.min() + columns.max()) / 2))
    return tuple(nodes)
