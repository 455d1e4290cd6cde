"""Second pass over the frames of a CCD: images less their smoothed backgrounds, backgrounds, flags.

A chunk of 64 cadences is worked on in bounded memory: the largest array is one pixel series of it, 1.1 GB for a CCD. It
holds the backgrounds first, then what they leave of the images.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from photometry.background.anomalies import background_anomalies
from photometry.background.masking import bands, zeroed
from photometry.background.mesh import FrameBackground, background_image, usable_pixels, used_pixels
from photometry.ccd.ccd_parts import chunk_rows, new_part, read_backgrounds, read_part, write_arrays, write_chunk
from photometry.ccd.ccd_work import CcdWork
from photometry.core.constants import SATURATION_E_S
from photometry.core.stages import stage
from photometry.frames.frame_flags import frame_flags
from photometry.frames.known_defects import strap_columns
from photometry.frames.pixel_rounding import rounded_background
from photometry.io.ffi.ffi_pixels import read_image
from photometry.io.products.cube_files import create_pixels

__all__ = ["write_pixels"]

#: Numbers of the rows that have a flag, and their pixels, eight of them a byte.
_Packed: TypeAlias = tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]

#: Rows of a background that are made at once: what lies between two steps stays in the processor's cache.
_ROWS_AT_ONCE = 32


def write_pixels(path: str | Path, work: CcdWork, number: int, light: str | Path, smooth: str | Path) -> None:
    """Write images, backgrounds and flags of a block, as they will be in the cube.

    Parameters
    ----------
    path : path-like
        The part: `images`, `backgrounds`, `pixel_flags`; `total` and `count` (n_row, n_column) of the unflagged images.
    work : CcdWork
        The frames.
    number : int
        The block.
    light, smooth : path-like
        What `photometry.ccd.frame_light.write_light` and `photometry.ccd.ccd_smoothing.write_smooth` wrote.
    """
    block = _Block(work, number, light, smooth)
    with new_part(path) as file, stage("pixels", len(work.cadences(number)), "frames") as advance:
        for name in ("images", "backgrounds", "pixel_flags"):
            create_pixels(file, name, work.shape(number), None, work.chunk)
        for place, cadences in enumerate(work.chunks(number)):
            part = slice(place * work.length, (place + 1) * work.length)
            write_chunk(file["backgrounds"], part, block.backgrounds(cadences))
            write_chunk(file["images"], part, block.images(cadences))
            for rows in chunk_rows(work.area.shape[0]):
                file["pixel_flags"][part, rows] = block.flags(cadences, rows)
            advance(len(cadences))
        write_arrays(file, total=block.total, count=block.count)


class _Block:
    """The frames of a block, and what is known of them.

    Parameters
    ----------
    work, number, light, smooth
        As for `write_pixels`.
    """

    def __init__(self, work: CcdWork, number: int, light: str | Path, smooth: str | Path) -> None:
        self._work, self._grid = work, work.grid()
        self._first = work.cadences(number).start
        self._backgrounds = read_backgrounds(smooth, slice(self._first, work.cadences(number).stop))
        self._static, self._known = read_part(light, "mask", "light"), read_part(smooth, "good", "usable", "dead")
        self._straps = strap_columns(work.area)
        #: Backgrounds, then images of a chunk: a new array for each would take longer.
        self._pixels = np.zeros((work.length, *work.area.shape), dtype=np.float32)
        #: What was found in the frames of a chunk: flags by name, packed.
        self._found: dict[int, dict[str, _Packed]] = {}
        self.total = np.zeros(work.area.shape)
        self.count = np.zeros(work.area.shape, dtype=np.uint16)

    def backgrounds(self, cadences: range) -> npt.NDArray[np.float32]:
        """Return the backgrounds of a chunk as they are stored."""
        for cadence, values in zip(cadences, self._pixels, strict=False):
            if (background := self._background(cadence)) is None:
                values[:] = 0
                continue
            for start in range(0, len(values), _ROWS_AT_ONCE):
                rows = slice(start, min(start + _ROWS_AT_ONCE, len(values)))
                values[rows] = rounded_background(background_image(background, self._grid, rows))
        self._pixels[len(cadences) :] = 0
        return self._pixels

    def images(self, cadences: range) -> npt.NDArray[np.float32]:
        """Return images less their backgrounds of a chunk, whose backgrounds were made just before.

        Add the usable ones to their sum, remember their flags.
        """
        self._found.clear()
        for cadence, values in zip(cadences, self._pixels, strict=False):
            if self._known["good"][cadence]:
                self._measure(cadence, values)
            else:
                values[:] = np.nan
        self._add(cadences)
        return self._pixels

    def flags(self, cadences: range, rows: slice) -> npt.NDArray[np.uint8]:
        """Return some rows of the flags of a chunk, whose images are made."""
        n_column = self._work.area.shape[1]
        slab = np.zeros((self._work.length, rows.stop - rows.start, n_column), dtype=np.uint8)
        for cadence, values in zip(cadences, slab, strict=False):
            found, background = None, self._background(cadence)
            if background is not None:
                found = {name: _unpacked(packed, rows, n_column) for name, packed in self._found[cadence].items()}
                usable = ~found.pop("unusable")
                found["used_for_background"] = used_pixels(usable, self._static["mask"][rows], background)
            values[:] = frame_flags(found, self._known["dead"][rows], self._work.excluded(cadence), self._straps)
        return slab

    def _background(self, cadence: int) -> FrameBackground | None:
        """Return the background of a frame; None for frames without pixels."""
        return self._backgrounds.frame(cadence - self._first) if self._known["good"][cadence] else None

    def _measure(self, cadence: int, pixels: npt.NDArray[np.float32]) -> None:
        """Write what is left of a frame without its background over the latter; remember its flags."""
        image = read_image(self._work.files[cadence], self._work.area)
        self._found[cadence] = {name: _packed(where) for name, where in self._told(image, pixels)}
        np.subtract(image, pixels, out=pixels)
        pixels[:, self._work.excluded(cadence)] = np.nan

    def _told(
        self, image: npt.NDArray[np.float32], background: npt.NDArray[np.float32]
    ) -> Iterator[tuple[str, npt.NDArray[np.bool_]]]:
        """Give what a frame with its background tells, by name; few rows have any of it."""
        usable = usable_pixels(image)
        yield "unusable", ~usable
        yield "not_measured", ~np.isfinite(image)
        yield "saturated", image >= SATURATION_E_S
        mask, light = self._static["mask"], self._static["light"]
        yield "background_anomaly", background_anomalies(image, background, mask, light, usable)

    def _add(self, cadences: range) -> None:
        """Add what is measured in the usable images of a chunk to the sum, some rows of all of them after the other."""
        usable = self._known["usable"]
        images = [image for cadence, image in zip(cadences, self._pixels, strict=False) if usable[cadence]]
        for rows in bands(self._work.area.shape[0]):
            for image in images:
                measured = np.isfinite(image[rows])
                self.count[rows] += measured
                self.total[rows] += image[rows] if measured.all() else zeroed(image[rows], measured)


def _packed(where: npt.NDArray[np.bool_]) -> _Packed:
    """Return the rows that have a true value, and these, eight pixels a byte."""
    rows = np.flatnonzero(where.any(axis=1))
    return rows, np.packbits(where[rows], axis=1)


def _unpacked(packed: _Packed, rows: slice, n_column: int) -> npt.NDArray[np.bool_]:
    """Return some rows (n_row, n_column) of what `_packed` packed."""
    marked, bits = packed
    inside = slice(*np.searchsorted(marked, [rows.start, rows.stop]))
    where = np.zeros((rows.stop - rows.start, n_column), dtype=np.uint8)
    where[marked[inside] - rows.start] = np.unpackbits(bits[inside], axis=1, count=n_column)
    return where.view(np.bool_)
