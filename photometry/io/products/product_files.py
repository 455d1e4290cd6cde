"""Products of the numerics as HDF5: movement kernel, PRF, fit of a tile."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin

from photometry.calibration.kernel import MovementKernel
from photometry.core.geometry import Stamp
from photometry.fit.tile_fit import TileFit
from photometry.io.store.checked_data import write_checked
from photometry.io.store.provenance import Inputs, open_product, write_product
from photometry.prf.prf_grid import PrfGrid

__all__ = ["read_kernel", "read_prf", "read_tile_fit", "write_kernel", "write_prf", "write_tile_fit"]

_LAYOUT_VERSION = 1
#: Movement kernels have second moments since 2, what is doubtful of the star table since 3.
_KERNEL_LAYOUT = 3
_KERNEL, _PRF, _TILE_FIT = "movement_kernel", "prf", "tile_fit"
#: Fields of `TileFit` that are attributes of the file; all others are datasets.
_TILE_ATTRIBUTES = ("prf_source", "fit_tmag_limit")


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
            write_checked(file, name, getattr(prf, name), **_compression(getattr(prf, name).ndim > 1))


def read_prf(path: str | Path) -> PrfGrid:
    """Read PRF samples; InputFileError when the file holds none."""
    with open_product(path, _PRF, _LAYOUT_VERSION) as file:
        arrays = {name: file[name][...] for name in ("rows", "columns", "samples", "errors")}
        return PrfGrid(**arrays, source=str(file.attrs["source"]))


def write_tile_fit(path: str | Path, fit: TileFit, inputs: Inputs, settings: Mapping[str, Any] | None = None) -> None:
    """Write the fit of a tile; `inputs` and `settings`: `photometry.io.store.provenance.origin_of`."""
    with write_product(path, _TILE_FIT, _LAYOUT_VERSION, inputs, settings) as file:
        file.attrs["stamp"] = [fit.stamp.row_min, fit.stamp.row_max, fit.stamp.col_min, fit.stamp.col_max]
        for field in fields(TileFit):
            value = getattr(fit, field.name)
            if field.name in _TILE_ATTRIBUTES:
                file.attrs[field.name] = value
            elif field.name != "stamp":
                write_checked(file, field.name, value, **_compression(value.size > 0 and value.ndim > 1))


def read_tile_fit(path: str | Path) -> TileFit:
    """Read the fit of a tile; InputFileError when the file holds none."""
    with open_product(path, _TILE_FIT, _LAYOUT_VERSION) as file:
        names = [field.name for field in fields(TileFit) if field.name not in (*_TILE_ATTRIBUTES, "stamp")]
        return TileFit(
            stamp=Stamp(*(int(edge) for edge in file.attrs["stamp"])),
            prf_source=str(file.attrs["prf_source"]),
            fit_tmag_limit=float(file.attrs["fit_tmag_limit"]),
            **{name: _array(file, name) for name in names},
        )


def _array(file: h5py.File, name: str) -> Any:
    return file[name][...]


def _compression(worth_it: bool) -> dict[str, Any]:
    """Return the filter of large datasets."""
    return dict(hdf5plugin.Blosc(cname="lz4", clevel=5, shuffle=hdf5plugin.Blosc.BITSHUFFLE)) if worth_it else {}
