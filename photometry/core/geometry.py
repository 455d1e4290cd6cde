"""Pixel rectangles on a CCD: stamps, tiles and the CCD's outputs.

Rows and columns are 0-based positions on the full frame image; an integer is a pixel's centre. See docs/conventions.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from photometry.core.constants import (
    COLUMNS_PER_OUTPUT,
    FIRST_SCIENCE_COLUMN,
    N_SCIENCE_COLUMNS,
    N_SCIENCE_ROWS,
    OUTPUTS,
)
from photometry.core.quality import APERTURE_FLAGS, bit

__all__ = [
    "SCIENCE_AREA",
    "Stamp",
    "Tile",
    "bounding_stamp",
    "camera_centre",
    "collected_flags",
    "output_index",
    "science_part",
    "tiles_of",
]

#: 0-based CCD (row, column) of the middle of the camera's field, by CCD: where the corners meet that the four CCDs turn
#: to each other, from the WCS of all cameras in sectors 1 to 100 (package tesswcs); the cameras agree within 3 pixels.
_CAMERA_CENTRES = {1: (2100.0, 2149.0), 2: (2100.0, -14.0), 3: (2100.0, 2149.0), 4: (2100.0, -14.0)}


@dataclass(frozen=True, slots=True, order=True)
class Stamp:
    """Half-open rectangle of pixels, 0-based on the CCD.

    Parameters
    ----------
    row_min, row_max, col_min, col_max : int
        First row, row behind the last, first column, column behind the last.

    Raises
    ------
    ValueError
        When the rectangle is empty.
    """

    row_min: int
    row_max: int
    col_min: int
    col_max: int

    def __post_init__(self) -> None:
        if self.row_max <= self.row_min or self.col_max <= self.col_min:
            raise ValueError(
                f"empty stamp: rows {self.row_min} to {self.row_max}, columns {self.col_min} to {self.col_max}"
            )

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and of columns."""
        return self.row_max - self.row_min, self.col_max - self.col_min

    @property
    def n_pixel(self) -> int:
        """Number of pixels."""
        return self.shape[0] * self.shape[1]

    @property
    def center(self) -> tuple[float, float]:
        """Row and column of the middle."""
        return (self.row_min + self.row_max - 1) / 2, (self.col_min + self.col_max - 1) / 2

    def grown(self, margin: int) -> "Stamp":
        """Return the stamp with `margin` pixels more on every side."""
        return Stamp(self.row_min - margin, self.row_max + margin, self.col_min - margin, self.col_max + margin)

    def clipped(self, other: "Stamp") -> "Stamp":
        """Return the part inside `other`; ValueError when there is none."""
        return Stamp(
            max(self.row_min, other.row_min),
            min(self.row_max, other.row_max),
            max(self.col_min, other.col_min),
            min(self.col_max, other.col_max),
        )

    def overlaps(self, other: "Stamp") -> bool:
        """Tell whether two stamps share pixels."""
        return (
            self.row_min < other.row_max
            and other.row_min < self.row_max
            and self.col_min < other.col_max
            and other.col_min < self.col_max
        )

    def border_distance(self, row: npt.ArrayLike, column: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Distance of positions to the nearest outer pixel edge, in pixels; negative outside."""
        row, column = np.asarray(row, dtype=np.float64), np.asarray(column, dtype=np.float64)
        to_rows = np.minimum(row - (self.row_min - 0.5), (self.row_max - 0.5) - row)
        to_columns = np.minimum(column - (self.col_min - 0.5), (self.col_max - 0.5) - column)
        return np.minimum(to_rows, to_columns)

    def contains(self, row: npt.ArrayLike, column: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Tell which positions lie on the stamp's pixels.

        A pixel owns its lower edge, so every position belongs to exactly one of two adjacent stamps.
        """
        row, column = np.asarray(row, dtype=np.float64), np.asarray(column, dtype=np.float64)
        inside: npt.NDArray[np.bool_] = (
            (row >= self.row_min - 0.5)
            & (row < self.row_max - 0.5)
            & (column >= self.col_min - 0.5)
            & (column < self.col_max - 0.5)
        )
        return inside

    def slices_in(self, outer: "Stamp") -> tuple[slice, slice]:
        """Return row and column slices that cut this stamp from an array that covers `outer`."""
        if self.clipped(outer) != self:
            raise ValueError(f"{self} is not inside {outer}")
        return (
            slice(self.row_min - outer.row_min, self.row_max - outer.row_min),
            slice(self.col_min - outer.col_min, self.col_max - outer.col_min),
        )


#: The pixels that see the sky.
SCIENCE_AREA = Stamp(0, N_SCIENCE_ROWS, FIRST_SCIENCE_COLUMN, FIRST_SCIENCE_COLUMN + N_SCIENCE_COLUMNS)


def science_part(stamp: Stamp) -> Stamp:
    """Return the pixels of a stamp that see the sky; ValueError when none does."""
    return stamp.clipped(SCIENCE_AREA)


@dataclass(frozen=True, slots=True)
class Tile:
    """Part of a region that is fitted in one go.

    Parameters
    ----------
    name : str
        ``row<first row>_col<first column>`` of the core.
    core : Stamp
        The stars on these pixels belong to the tile.
    stamp : Stamp
        The core and its margin: the pixels that are fitted.
    """

    name: str
    core: Stamp
    stamp: Stamp


def bounding_stamp(stamps: Sequence[Stamp]) -> Stamp:
    """Return the smallest stamp around all stamps."""
    return Stamp(
        min(stamp.row_min for stamp in stamps),
        max(stamp.row_max for stamp in stamps),
        min(stamp.col_min for stamp in stamps),
        max(stamp.col_max for stamp in stamps),
    )


def tiles_of(region: Stamp, size: int, margin: int) -> tuple[Tile, ...]:
    """Divide a region into tiles of about equal size.

    Parameters
    ----------
    region : Stamp
        All pixels there are.
    size : int
        Largest number of rows and of columns of a core, pixels.
    margin : int
        Pixels around the core that are fitted with it, as far as the region has them.

    Returns
    -------
    tuple of Tile
        The cores cover the region once, row by row.
    """

    def edges(low: int, high: int) -> list[int]:
        n_tile = -(-(high - low) // size)
        return [low + (high - low) * k // n_tile for k in range(n_tile + 1)]

    rows, columns = edges(region.row_min, region.row_max), edges(region.col_min, region.col_max)
    cores = [Stamp(r0, r1, c0, c1) for r0, r1 in pairwise(rows) for c0, c1 in pairwise(columns)]
    return tuple(
        Tile(f"row{core.row_min:04d}_col{core.col_min:04d}", core, core.grown(margin).clipped(region)) for core in cores
    )


def output_index(column: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Return the index (0 to 3 for A to D) of the CCD output that reads a 0-based column.

    Columns outside the science area belong to the nearest output (SDPDD, table 22).
    """
    index = (np.asarray(column, dtype=np.int64) - FIRST_SCIENCE_COLUMN) // COLUMNS_PER_OUTPUT
    return np.clip(index, 0, len(OUTPUTS) - 1)


def collected_flags(stamp: Stamp) -> npt.NDArray[np.int32]:
    """Return the flags of pixels that were all collected, with their outputs: (n_row, n_column) int32.

    `photometry.core.quality.APERTURE_FLAGS`.
    """
    outputs = np.array([bit(APERTURE_FLAGS, f"output_{name.lower()}") for name in OUTPUTS])
    flags = bit(APERTURE_FLAGS, "collected") | outputs[output_index(np.arange(stamp.col_min, stamp.col_max))]
    return np.tile(flags.astype(np.int32), (stamp.shape[0], 1))


def camera_centre(ccd: int) -> tuple[float, float]:
    """Return where the middle of the camera's field is, 0-based CCD (row, column) of CCD 1 to 4, pixels.

    Raises
    ------
    ValueError
        For another CCD.
    """
    if ccd not in _CAMERA_CENTRES:
        raise ValueError(f"ccd is {ccd!r}, expected 1, 2, 3 or 4")
    return _CAMERA_CENTRES[ccd]
