"""Members of groups that follow one another."""

import numpy as np
import numpy.typing as npt

__all__ = ["grouped"]


def grouped(group: npt.NDArray[np.int64], n_group: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Order members by their groups.

    Parameters
    ----------
    group : (n_member,) int64
        Group of each member, from 0 on.
    n_group : int
        Number of groups.

    Returns
    -------
    order : (n_member,) int64
        Members, group by group.
    edges : (n_group + 1,) int64
        Where each group begins among them, and the last one ends.
    """
    order = np.argsort(group, kind="stable")
    return order, np.searchsorted(group[order], np.arange(n_group + 1))
