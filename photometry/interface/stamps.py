"""Stamps around a target: default size, change of size, pixel numbers, stars as a table."""

import math
import operator
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from astropy.table import Table

from photometry.catalog.star_catalog import Catalog
from photometry.core.constants import SATURATION_E_S
from photometry.core.errors import ConfigError
from photometry.core.geometry import Stamp, collected_flags
from photometry.core.quality import APERTURE_FLAGS, PIXEL_FLAGS, bit, flagged
from photometry.core.stars import Stars, flux_of_tmag

__all__ = [
    "changed_stamp",
    "default_size",
    "ffi_aperture",
    "moved_mask",
    "moved_table",
    "pixel_grid",
    "plain_aperture",
    "stamp_around",
    "star_table",
]

#: Half the least size of a stamp, pixels: the PRF is known over 13 pixels.
_LEAST_HALF = 7
#: Stars brighter than this have larger stamps, by so many pixels on every side for each magnitude.
_BRIGHT_TMAG, _PIX_PER_MAG = 10.0, 2
#: Bleed trails are at least so many columns wide and grow to both sides, so that a row takes so many full wells.
_FULL_WELLS_PER_ROW = 4
_BACKGROUND = bit(APERTURE_FLAGS, "background")
#: Bits of SPOC's own masks.
_SPOC_MASKS = sum(bit(APERTURE_FLAGS, name) for name in ("in_aperture", "flux_centroid", "prf_centroid"))
#: Columns of `star_table` with their units.
_COLUMNS = {
    "starid": "",
    "tmag": "mag",
    "ra": "deg",
    "dec": "deg",
    "row": "pixel",
    "column": "pixel",
    "row_stamp": "pixel",
    "column_stamp": "pixel",
}


def default_size(tmag: float) -> tuple[int, int]:
    """Return numbers of rows and columns of a star's stamp: 15x15, more for bright stars, more rows where they bleed.

    Parameters
    ----------
    tmag : float
        TESS magnitude; NaN counts as faint.
    """
    tmag = tmag if math.isfinite(tmag) else _BRIGHT_TMAG
    half_columns = _LEAST_HALF + math.ceil(max(_BRIGHT_TMAG - tmag, 0.0) * _PIX_PER_MAG)
    trail = float(flux_of_tmag(tmag)) / SATURATION_E_S / _FULL_WELLS_PER_ROW
    half_rows = half_columns + (math.ceil(trail) if trail > 1 / _FULL_WELLS_PER_ROW else 0)
    return 2 * half_rows + 1, 2 * half_columns + 1


def stamp_around(row: float, column: float, size: Sequence[float], region: Stamp) -> Stamp:
    """Return the stamp of a size around a star, as far as there are pixels.

    Parameters
    ----------
    row, column : float
        0-based CCD position, pixels.
    size : (n_row, n_column)
        Whole numbers.
    region : Stamp
        Pixels that there are.

    Raises
    ------
    ConfigError
        When the size is not two whole numbers above zero.
    """
    lengths = [int(length) for length in size if length == int(length) > 0]
    if len(lengths) != len(size) or len(size) != 2:
        raise ConfigError(
            f"default_stamp returned {tuple(size)!r}, expected numbers of rows and columns such as (15, 15)"
        )
    (row_min, row_max), (col_min, col_max) = (
        _edges_around(place, length) for place, length in zip((row, column), lengths, strict=True)
    )
    return Stamp(row_min, row_max, col_min, col_max).clipped(region)


def _edges_around(place: float, length: int) -> tuple[int, int]:
    first = math.floor(place + 0.5) - length // 2
    return first, first + length


def changed_stamp(
    stamp: Stamp,
    region: Stamp,
    target: tuple[float, float],
    grow: tuple[int, int, int, int],
    size: tuple[int | None, int | None],
) -> Stamp:
    """Return a stamp of another size, as far as there are pixels.

    Parameters
    ----------
    stamp : Stamp
        What it was.
    region : Stamp
        Pixels that there are.
    target : (row, column)
        0-based CCD position of the target.
    grow : (down, up, left, right)
        Rows and columns to be added on each side; negative ones are taken away.
    size : (height, width)
        Rows and columns around the target, in place of what `grow` says; None: as `grow` says.

    Raises
    ------
    ValueError
        When nothing would be left, or a number of pixels is not whole.
    """
    down, up, left, right = (_whole(number) for number in grow)
    edges = [stamp.row_min - down, stamp.row_max + up, stamp.col_min - left, stamp.col_max + right]
    for k, length in enumerate(size):
        if length is not None:
            edges[2 * k : 2 * k + 2] = _edges_around(target[k], _whole(length))
    rows, columns = edges[:2], edges[2:]
    if rows[1] <= rows[0] or columns[1] <= columns[0]:
        height, width = rows[1] - rows[0], columns[1] - columns[0]
        raise ValueError(
            f"the stamp would be empty, {height} x {width} pixels; it stays {stamp.shape[0]} x {stamp.shape[1]}"
        )
    try:
        return Stamp(*edges).clipped(region)
    except ValueError as error:
        raise ValueError(
            f"the stamp would be empty: rows and columns {edges} are outside the pixels {region}"
        ) from error


def _whole(number: int) -> int:
    """Return a number of pixels as an int."""
    try:
        return operator.index(number)
    except TypeError as error:
        raise ValueError(f"{number!r} is no whole number of pixels") from error


def pixel_grid(stamp: Stamp) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the 1-based CCD columns and rows of the pixels of a stamp, (n_row, n_column) each."""
    columns, rows = np.meshgrid(
        np.arange(stamp.col_min + 1, stamp.col_max + 1), np.arange(stamp.row_min + 1, stamp.row_max + 1)
    )
    return columns, rows


def plain_aperture(flags: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Return the flags of a target pixel file without the bits of SPOC's own masks."""
    return (flags & ~_SPOC_MASKS).astype(np.int32)


def ffi_aperture(
    flags: npt.NDArray[np.int32], stamp: Stamp, pixel_flags: npt.NDArray[np.uint8] | None
) -> npt.NDArray[np.int32]:
    """Return the flags of pixels of full-frame images.

    Parameters
    ----------
    flags : (n_row, n_column) int32
        As in the cube.
    stamp : Stamp
        The pixels, for the CCD outputs.
    pixel_flags : (n_cadence, n_row, n_column) uint8, or None
        Flags of the pixels: those used for the background in more than half of the cadences are marked. None: `flags`
        tells.
    """
    collected = flagged(APERTURE_FLAGS, flags, "collected")
    marked = np.where(collected, plain_aperture(flags) | collected_flags(stamp), 0)
    if pixel_flags is not None:
        used = flagged(PIXEL_FLAGS, pixel_flags, "used_for_background").mean(axis=0) > 0.5
        marked = np.where(used & (marked > 0), marked | _BACKGROUND, marked & ~_BACKGROUND)
    return marked.astype(np.int32)


def moved_mask(mask: npt.NDArray[np.bool_], stamp: Stamp, new: Stamp) -> npt.NDArray[np.bool_]:
    """Return a mask (n_row, n_column) of a stamp on another one; ValueError when its shape is not that of its stamp."""
    if mask.shape != stamp.shape:
        raise ValueError(f"a mask has shape {mask.shape}, expected {stamp.shape} as the stamp")
    moved = np.zeros(new.shape, dtype=bool)
    rows, columns = np.nonzero(mask)
    rows, columns = rows + stamp.row_min, columns + stamp.col_min
    inside = new.contains(rows, columns)
    moved[rows[inside] - new.row_min, columns[inside] - new.col_min] = True
    return moved


def star_table(stars: Stars, catalog: Catalog, stamp: Stamp) -> Table:
    """Return stars as a table.

    Parameters
    ----------
    stars : Stars
        The stars, at their places on the CCD.
    catalog : Catalog
        The catalogue that they are from.
    stamp : Stamp
        The pixels that `row_stamp` and `column_stamp` count from.

    Returns
    -------
    Table
        starid, tmag, ra, dec (at the observation), row, column (0-based on the CCD), row_stamp, column_stamp.
    """
    entry = np.searchsorted(catalog.starid, stars.starid)
    values = {
        "starid": stars.starid,
        "tmag": stars.tmag,
        "ra": catalog.ra[entry],
        "dec": catalog.decl[entry],
        "row": stars.row,
        "column": stars.column,
        "row_stamp": stars.row - stamp.row_min,
        "column_stamp": stars.column - stamp.col_min,
    }
    return Table(values, units={name: unit for name, unit in _COLUMNS.items() if unit})


def moved_table(table: Table, movement: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]) -> Table:
    """Return a table of stars with their positions moved.

    Parameters
    ----------
    table : Table
        As `star_table` makes it; it stays as it is.
    movement : function
        Change of (column, row) at positions (column, row), both (n_star, 2), pixels.
    """
    moved = table.copy()
    shift = movement(np.column_stack([table["column"], table["row"]]))
    for k, name in enumerate(("column", "row")):
        for place in (name, f"{name}_stamp"):
            moved[place][:] = np.asarray(table[place]) + shift[:, k]
    return moved
