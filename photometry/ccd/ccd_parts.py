"""Files of the parts of a CCD's cube: there are some between its rules, until the cube is whole."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from photometry.background.mesh import FrameBackground
from photometry.io.products.cube_files import CHUNK
from photometry.io.store.disk import new_hdf5
from photometry.io.store.provenance import atomic_path, remove_unfinished

__all__ = [
    "background_arrays",
    "chunk_rows",
    "new_part",
    "read_backgrounds",
    "read_part",
    "write_arrays",
    "write_chunk",
]

#: Rows of a pixel series that are written at once: as many as HDF5 has room for in what a frame took before
#: (`photometry.core.allocator`), which for all rows would be 40 MB more.
_ROWS_AT_ONCE = 4 * CHUNK[1]


@contextmanager
def new_part(path: str | Path) -> Iterator[h5py.File]:
    """Open a new part for writing; it appears under its name when it is whole. What a killed job left is removed."""
    remove_unfinished(path)
    with atomic_path(path) as temporary, new_hdf5(temporary) as file:
        yield file


def chunk_rows(n_row: int) -> Iterator[slice]:
    """Give rows that fill whole chunks, some after the others."""
    for first in range(0, n_row, _ROWS_AT_ONCE):
        yield slice(first, min(first + _ROWS_AT_ONCE, n_row))


def write_chunk(series: h5py.Dataset, cadences: slice, pixels: npt.NDArray[np.float32]) -> None:
    """Write the pixels of some cadences (n_cadence, n_row, n_column) into a pixel series."""
    for rows in chunk_rows(pixels.shape[1]):
        series.write_direct(pixels, np.s_[:, rows], np.s_[cadences, rows])


def write_arrays(file: h5py.File, **arrays: npt.NDArray[Any]) -> None:
    """Write arrays as they are."""
    for name, values in arrays.items():
        file.create_dataset(name, data=values.astype(h5py.string_dtype()) if values.dtype.kind == "U" else values)


def read_part(path: str | Path, *names: str) -> dict[str, npt.NDArray[Any]]:
    """Read arrays of a part; all of them by default."""
    with h5py.File(path, "r") as file:
        return {name: _read(file[name]) for name in names or file}


def background_arrays(background: FrameBackground) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of backgrounds by name."""
    return {item.name: getattr(background, item.name) for item in fields(background)}


def read_backgrounds(path: str | Path, cadences: slice = slice(None)) -> FrameBackground:
    """Read backgrounds of a part."""
    with h5py.File(path, "r") as file:
        return FrameBackground(**{item.name: file[item.name][cadences] for item in fields(FrameBackground)})


def _read(dataset: h5py.Dataset) -> npt.NDArray[Any]:
    is_text = h5py.check_string_dtype(dataset.dtype) is not None
    return np.asarray(dataset.asstr()[:].astype(str) if is_text else dataset[:])
