"""Nodes: cadences of like motion and like background, which share one expansion and one factorisation."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Node", "far_cadences", "nodes_of"]

#: Backgrounds of one node differ by less than this factor.
_BACKGROUND_FACTOR = 1.5
#: Boxes of fewer cadences are outlying, if the fullest box holds this many times more.
_FEW = 6
_MANY_TIMES = 10


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
    """Group cadences by movement, and those of a group by background; all groups of a place share its centre.

    Parameters
    ----------
    row_shift, column_shift : (n_cadence,) float64
        Movement, pixels.
    sky : (n_cadence,) float64
        Mean background of the cadence, e-/s.
    reach : float
        Half the side of a box, pixels.

    Returns
    -------
    tuple of Node
        Every cadence is in exactly one.
    """
    level = np.log(np.maximum(sky, 1.0)) / np.log(_BACKGROUND_FACTOR)
    nodes = []
    for box in _boxes(np.stack([row_shift, column_shift], axis=1) / reach):
        rows, columns = row_shift[box], column_shift[box]
        center = (rows.min() + rows.max()) / 2, (columns.min() + columns.max()) / 2
        nodes += [Node(box[members], *center) for members in _boxes(level[box, None] * 2)]
    return tuple(nodes)


def far_cadences(
    row_shift: npt.NDArray[np.float64], column_shift: npt.NDArray[np.float64], reach: float
) -> npt.NDArray[np.bool_]:
    """Find the outlying cadences: so far from the others, and so few, that a node is not worth it, (n_cadence,).

    Parameters
    ----------
    row_shift, column_shift : (n_cadence,) float64
        Movement, pixels.
    reach : float
        Half the side of a box, pixels.
    """
    boxes = _boxes(np.stack([row_shift, column_shift], axis=1) / reach)
    fullest = max((len(box) for box in boxes), default=0)
    far = np.zeros(len(row_shift), dtype=bool)
    for box in boxes:
        far[box] = len(box) < _FEW and fullest >= _MANY_TIMES * _FEW
    return far


def _boxes(scaled: npt.NDArray[np.float64]) -> list[npt.NDArray[np.int64]]:
    """Group points (n_point, n_axis) greedily into boxes of side 2, the fullest first: the points of each."""
    # Cells of a third of a box bound the work whatever the number of points.
    cells, member = np.unique(np.rint(scaled * 1.5).astype(np.int64), axis=0, return_inverse=True)
    count = np.bincount(member, minlength=len(cells))
    near = (np.abs(cells[:, None, :] - cells[None, :, :]) <= 1).all(axis=2)
    left = np.ones(len(cells), dtype=bool)
    boxes = []
    while left.any():
        n_point = near[:, left] @ count[left]
        chosen = near[int(np.argmax(n_point))] & left
        left &= ~chosen
        boxes.append(np.flatnonzero(chosen[member]))
    return boxes
