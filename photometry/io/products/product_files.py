"""Products of the numerics as HDF5: movement kernel, PRF."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import hdf5plugin

from photometry.calibration.kernel import MovementKernel
from photometry.io.store.checked_data import write_checked
from photometry.io.store.provenance import Inputs, open_product, write_product
from photometry.prf.prf_grid import PrfGrid

__all__ = ["compression", "read_kernel", "read_prf", "write_kernel", "write_prf"]

_LAYOUT_VERSION = 1
#: Movement kernels have second moments since 2, what is doubtful of the star table since 3.
_KERNEL_LAYOUT = 3
_KERNEL, _PRF = "movement_kernel", "prf"


def write_kernel(
    path: str | Path, kernel: MovementKernel, inputs: Inputs, settings: Mapping[str, Any] | None = None
) -> None:
    """Write a movement kernel; `inputs` and `settings`: `photometry.io.store.provenance.origin_of`."""
    with write_product(path, _KERNEL, _KERNEL_LAYOUT, inputs, settings) as file:
        file.attrs["source"] = kernel.source
        file.attrs["table_doubt"] = kernel.table_doubt
        file.attrs["scale"] = kernel.scale
        file.attrs["center"] = kernel.center
        file.attrs["offset"] = kernel.offset
        for name in ("parameters", "covariance", "bad"):
            write_checked(file, name, getattr(kernel, name))


def read_kernel(path: str | Path) -> MovementKernel:
    """Read a movement kernel; InputFileError when the file holds none."""
    with open_product(path, _KERNEL, _KERNEL_LAYOUT) as file:
        center, offset = file.attrs["center"], file.attrs["offset"]
        return MovementKernel(
            center=(float(center[0]), float(center[1])),
            scale=float(file.attrs["scale"]),
            offset=(float(offset[0]), float(offset[1])),
            parameters=file["parameters"][...],
            covariance=file["covariance"][...],
            bad=file["bad"][...],
            source=str(file.attrs["source"]),
            table_doubt=str(file.attrs["table_doubt"]),
        )


def write_prf(path: str | Path, prf: PrfGrid, inputs: Inputs, settings: Mapping[str, Any] | None = None) -> None:
    """Write PRF samples; `inputs` and `settings`: `photometry.io.store.provenance.origin_of`."""
    with write_product(path, _PRF, _LAYOUT_VERSION, inputs, settings) as file:
        file.attrs["source"] = prf.source
        for name in ("rows", "columns", "samples", "errors"):
            write_checked(file, name, getattr(prf, name), **compression(getattr(prf, name).ndim > 1))


def read_prf(path: str | Path) -> PrfGrid:
    """Read PRF samples; InputFileError when the file holds none."""
    with open_product(path, _PRF, _LAYOUT_VERSION) as file:
        arrays = {name: file[name][...] for name in ("rows", "columns", "samples", "errors")}
        return PrfGrid(**arrays, source=str(file.attrs["source"]))


def compression(worth_it: bool = True) -> dict[str, Any]:
    """Return the filter of large datasets."""
    return dict(hdf5plugin.Blosc(cname="lz4", clevel=5, shuffle=hdf5plugin.Blosc.BITSHUFFLE)) if worth_it else {}
