"""Fits of tiles as HDF5, which need not be in memory as a whole: of a CCD with 11,000 frames they take a gigabyte.

They are written part by part, as the parts of a tile are fitted, and read some stars at a time.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from photometry.core.geometry import Stamp
from photometry.fit.tile_fit import SERIES, TileFit, joined
from photometry.io.products.product_files import compression
from photometry.io.store.checked_data import write_checked
from photometry.io.store.provenance import Inputs, open_product, remove_unfinished, write_product

__all__ = ["StoredTileFit", "read_tile_fit", "write_tile_fit", "write_tile_parts"]

_KIND, _LAYOUT_VERSION = "tile_fit", 1
#: Fields of `TileFit` that are attributes of the file; all others are datasets.
_ATTRIBUTES = ("prf_source", "fit_tmag_limit")
#: Values in a chunk of a series, about, which has all cadences of some stars, and the number of those: between these
#: two, a multiple of the first, as Blosc leaves bits alone of which there are not eight in a row.
_VALUES_OF_CHUNK = 32_768
_FEWEST_STARS, _MOST_STARS = 8, 64


@dataclass(frozen=True, slots=True)
class StoredTileFit:
    """The fit of a tile on the disk: series of some stars are read when they are asked for.

    Parameters
    ----------
    path : path-like
        The HDF5 file.
    stars : TileFit
        All but the series, which have no cadences.
    """

    path: str | Path
    stars: TileFit

    @classmethod
    def open(cls, path: str | Path) -> "StoredTileFit":
        """Read all but the series; InputFileError when the file holds no fit of a tile."""
        with open_product(path, _KIND, _LAYOUT_VERSION) as file:
            edges = (int(edge) for edge in file.attrs["stamp"])
            names = [field.name for field in fields(TileFit) if field.name not in ("stamp", *_ATTRIBUTES, *SERIES)]
            datasets: dict[str, Any] = {name: file[name][...] for name in names}
            empty: dict[str, Any] = {name: np.empty((len(file[name]), 0), dtype=file[name].dtype) for name in SERIES}
            stars = TileFit(
                stamp=Stamp(*edges),
                prf_source=str(file.attrs["prf_source"]),
                fit_tmag_limit=float(file.attrs["fit_tmag_limit"]),
                **datasets,
                **empty,
            )
        return cls(path, stars)

    @property
    def starid(self) -> npt.NDArray[np.int64]:
        """TIC numbers of all stars, (n_star,)."""
        return self.stars.starid

    @property
    def prf_source(self) -> str:
        """Which PRF was used."""
        return self.stars.prf_source

    @property
    def fit_tmag_limit(self) -> float:
        """Faintest magnitude of stars whose flux was free."""
        return self.stars.fit_tmag_limit

    def of_stars(self, which: npt.NDArray[np.int64], names: Sequence[str] = SERIES) -> TileFit:
        """Return the fit of some stars; of series that are not named there are no cadences."""
        with open_product(self.path, _KIND, _LAYOUT_VERSION) as file:
            series: dict[str, Any] = {name: _rows(file[name], which) for name in names}
        return replace(self.stars.of_stars(which), **series)


def write_tile_parts(
    path: str | Path,
    parts: Iterable[tuple[TileFit, Stamp]],
    inputs: Inputs,
    settings: Mapping[str, Any] | None = None,
) -> None:
    """Write the fits of the parts of a tile as one, each as it is made: what is in memory is the part at hand.

    Parameters
    ----------
    path : path-like
        The HDF5 file.
    parts : iterable of (TileFit, Stamp)
        Fits of the parts, with the same cadences, PRF and limit, and the part of each one's pixels whose stars it has
        (`photometry.fit.tile_fit.joined`).
    inputs, settings
        `photometry.io.store.provenance.origin_of`.
    """
    remove_unfinished(path)
    with write_product(path, _KIND, _LAYOUT_VERSION, inputs, settings) as file:
        series: dict[str, h5py.Dataset] = {}
        rest: list[TileFit] = []
        cores: list[Stamp] = []
        for fit, core in parts:
            for name in SERIES:
                series[name] = _append(file, name, getattr(fit, name))
            rest.append(fit.without_series())
            cores.append(core)
            # Freed before the next one is made.
            del fit
        for dataset in series.values():
            dataset.flush()
        whole = joined(rest, cores)
        stamp = whole.stamp
        file.attrs["stamp"] = [stamp.row_min, stamp.row_max, stamp.col_min, stamp.col_max]
        for name in _ATTRIBUTES:
            file.attrs[name] = getattr(whole, name)
        for field in fields(TileFit):
            if field.name not in ("stamp", *_ATTRIBUTES, *SERIES):
                value = getattr(whole, field.name)
                write_checked(file, field.name, value, **compression(value.size > 0 and value.ndim > 1))


def write_tile_fit(path: str | Path, fit: TileFit, inputs: Inputs, settings: Mapping[str, Any] | None = None) -> None:
    """Write the fit of a tile; `inputs` and `settings`: `photometry.io.store.provenance.origin_of`."""
    write_tile_parts(path, [(fit, fit.stamp)], inputs, settings)


def read_tile_fit(path: str | Path) -> TileFit:
    """Read the whole fit of a tile; InputFileError when the file holds none."""
    stored = StoredTileFit.open(path)
    return stored.of_stars(np.arange(len(stored.starid)))


def _append(file: h5py.File, name: str, values: npt.NDArray[Any]) -> h5py.Dataset:
    """Add series of some stars (n_star, n_cadence) to those that a file has."""
    n_star, n_cadence = values.shape
    if name not in file:
        some = _VALUES_OF_CHUNK // n_cadence // _FEWEST_STARS * _FEWEST_STARS
        chunk = (min(max(some, _FEWEST_STARS), _MOST_STARS), n_cadence)
        file.create_dataset(
            name,
            shape=(0, n_cadence),
            maxshape=(None, n_cadence),
            dtype=values.dtype,
            chunks=chunk,
            fletcher32=True,
            **compression(),
        )
    dataset = file[name]
    before = len(dataset)
    dataset.resize(before + n_star, axis=0)
    dataset[before:] = values
    return dataset


def _rows(dataset: h5py.Dataset, which: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """Read some rows, each chunk of them once."""
    rows = np.empty((len(which), dataset.shape[1]), dtype=dataset.dtype)
    n_row = dataset.chunks[0] if dataset.chunks else 1
    chunk_of = which // n_row
    for chunk in np.unique(chunk_of):
        here = np.flatnonzero(chunk_of == chunk)
        first = int(chunk) * n_row
        rows[here] = dataset[first : first + n_row][which[here] - first]
    return rows
