"""Stars of a region as a file, and the stars that cube, motion and PRF of the region were derived from."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

import numpy as np

from photometry.catalog.region_stars import RegionStars
from photometry.catalog.star_hashes import few_changed
from photometry.core.errors import InputFileError
from photometry.io.store.checked_data import write_checked
from photometry.io.store.provenance import open_product, write_product

__all__ = ["digest_of_stars", "read_stars", "reference_of", "reference_stars", "table_of_stars", "write_stars"]

_KIND, _LAYOUT_VERSION = "region_stars", 3
#: Fields of `RegionStars` that are attributes of the file.
_ATTRIBUTES = ("asks_all", "tmag_limit")
#: Those that have no element for each star: datasets, which are left out where there is nothing in them.
_OF_REGION = ("unplaced", "left_out", "skipped", "why_skipped")
#: All others are columns of one dataset: a dataset costs a quarter of a millisecond, and a plan can have thousands of
#: regions.
_OF_STARS = tuple(field.name for field in fields(RegionStars) if field.name not in (*_ATTRIBUTES, *_OF_REGION))
_STARS = "stars"


def write_stars(path: str | Path, stars: RegionStars, origin: Mapping[str, str], *, flushed: bool = True) -> None:
    """Write the stars of a region.

    Parameters
    ----------
    path : path-like
        The HDF5 file; its attribute `digest` is that of the stars.
    stars : RegionStars
        What to write.
    origin : mapping of str to str
        Names and digests of what they were taken from, by role.
    flushed : bool
        See `photometry.io.store.provenance.atomic_path`.
    """
    with write_product(path, _KIND, _LAYOUT_VERSION, {}, flushed=flushed) as file:
        for role, name in origin.items():
            file.attrs[f"input_{role}"] = name
        file.attrs["digest"] = stars.digest
        for name in _ATTRIBUTES:
            file.attrs[name] = getattr(stars, name)
        for name in _OF_REGION:
            if len(value := getattr(stars, name)):
                write_checked(file, name, value)
        columns = [getattr(stars, name) for name in _OF_STARS]
        rows = np.empty(
            len(stars.starid), [(name, column.dtype) for name, column in zip(_OF_STARS, columns, strict=True)]
        )
        for name, column in zip(_OF_STARS, columns, strict=True):
            rows[name] = column
        write_checked(file, _STARS, rows)


def read_stars(path: str | Path) -> RegionStars:
    """Read the stars of a region; InputFileError when the file holds none, or others than its digest is of."""
    with open_product(path, _KIND, _LAYOUT_VERSION) as file:
        rows = file[_STARS][...]
        stars = RegionStars(
            asks_all=bool(file.attrs["asks_all"]),
            tmag_limit=float(file.attrs["tmag_limit"]),
            **{name: np.ascontiguousarray(rows[name]) for name in _OF_STARS},
            **({"unplaced": np.empty(0, np.int64)} | {name: file[name][...] for name in _OF_REGION if name in file}),
        )
        if stars.digest != file.attrs["digest"]:
            raise InputFileError(path, "is damaged (its digest is of other stars); delete it and run again")
    return stars


def digest_of_stars(path: str | Path) -> str:
    """Return the digest of a file of stars; empty where there is no such file, or one that cannot be read."""
    try:
        with open_product(path, _KIND, _LAYOUT_VERSION) as file:
            return str(file.attrs["digest"])
    except InputFileError:
        return ""


def table_of_stars(path: str | Path) -> str:
    """Return the name of the star table that the stars of a file were taken from; InputFileError as `read_stars`."""
    with open_product(path, _KIND, _LAYOUT_VERSION) as file:
        return str(file.attrs["input_table"]).rpartition(" sha256:")[0]


def reference_of(stars: RegionStars) -> RegionStars:
    """Return the stars that a region's cube, motion and PRF depend on; who is a target does not matter to them."""
    near = stars.reaches
    chosen = {name: getattr(stars, name)[near] for name in _OF_STARS}
    # What they do not depend on must not change the file's bytes.
    chosen |= {"wanted": np.ones(int(near.sum()), dtype=bool), "teff": np.full(int(near.sum()), np.nan)}
    return RegionStars(**chosen, unplaced=np.empty(0, dtype=np.int64), asks_all=True, tmag_limit=np.nan)


def reference_stars(path_stars: str | Path, path_reference: str | Path) -> RegionStars:
    """Return the stars that cube, motion and PRF of a region are derived from.

    They stay those of the reference as long as few have changed (`photometry.catalog.star_hashes.few_changed`); else,
    or where there is no reference, they are the stars of now, which become the reference.

    Parameters
    ----------
    path_stars : path-like
        Stars of the region.
    path_reference : path-like
        The reference; no job declares it as its output, because Snakemake would delete it before the job.
    """
    current = reference_of(read_stars(path_stars))
    if digest_of_stars(path_reference):
        reference = read_stars(path_reference)
        if few_changed(reference, current):
            return reference
    # Of the stars that are used: neither targets nor stars elsewhere change the reference.
    write_stars(path_reference, current, {"stars": f"{Path(path_stars).name} sha256:{current.digest}"})
    return current
