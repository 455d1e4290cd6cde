"""Datasets of HDF5 products with checksums: what was damaged on the disk is no data, but an error."""

from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

__all__ = ["write_checked"]


def write_checked(group: h5py.Group, name: str, data: npt.ArrayLike, **compression: Any) -> None:
    """Write a dataset whose chunks have checksums (Fletcher's, of 32 bits), which HDF5 compares when it reads them.

    Parameters
    ----------
    group : Group
        File or group.
    name : str
        Name of the dataset.
    data : array_like
        What it holds; a scalar becomes an array of one element, as only chunks can have checksums.
    compression : dict
        Filter, for `create_dataset`.
    """
    values = np.atleast_1d(np.asarray(data))
    # Nothing can be neither chunked nor damaged.
    if values.size == 0:
        group.create_dataset(name, data=values)
        return
    group.create_dataset(name, data=values, fletcher32=True, **compression)
