"""Second pass over the frames of a CCD: images less their smoothed backgrounds, backgrounds, flags.

A chunk of 64 cadences is worked on in bounded memory: the largest array is one pixel series of it, 1.1 GB for a CCD.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from photometry.background.anomalies import background_anomalies
from photometry.background.cell_grid import BackgroundGrid
from photometry.background.masking import bands, zeroed
from photometry.background.mesh import FrameBackground, background_image, used_pixels
from photometry.ccd.ccd_parts import new_part, read_backgrounds, read_part, write_arrays
from photometry.ccd.ccd_work import CcdWork
from photometry.core.constants import SATURATION_E_S
from photometry.core.geometry import Stamp
from photometry.core.stages import stage
from photometry.frames.frame_flags import FOUND, frame_flags
from photometry.frames.known_defects import strap_columns
from photometry.frames.pixel_rounding import rounded_background
from photometry.io.ffi.ffi_pixels import read_image
from photometry.io.products.cube_files import LEAD, create_pixels

__all__ = ["write_pixels"]

#: Rows of backgrounds that are made at once for a chunk: 17 MB, for which there is room in what a frame took before
#: (`photometry.core.allocator`). Flags have a quarter of the bytes.
_ROWS_AT_ONCE = 32
_ROWS_OF_FLAGS = 4 * _ROWS_AT_ONCE


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
            create_pixels(file, name, work.shape(number), None, work.chunk, LEAD)
        for place, cadences in enumerate(work.chunks(number)):
            part = slice(place * work.length, (place + 1) * work.length)
            file["images"][part, LEAD:, LEAD:] = block.images(cadences)
            for rows in _slabs(work.area, _ROWS_AT_ONCE):
                file["backgrounds"][part, _with_lead(rows), LEAD:] = block.backgrounds(cadences, rows)
            for rows in _slabs(work.area, _ROWS_OF_FLAGS):
                file["pixel_flags"][part, _with_lead(rows), LEAD:] = block.flags(cadences, rows)
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
        #: For the images of a chunk: a new array for each would take longer.
        self._images = np.zeros((work.length, *work.area.shape), dtype=np.float32)
        #: What was found in the frames of a chunk: flags by name, eight pixels a byte, (n_row, n_column / 8).
        self._found: dict[int, dict[str, npt.NDArray[np.uint8]]] = {}
        self.total = np.zeros(work.area.shape)
        self.count = np.zeros(work.area.shape, dtype=np.uint16)

    def images(self, cadences: range) -> npt.NDArray[np.float32]:
        """Return images less their backgrounds of a chunk; add the usable ones to their sum, remember their flags."""
        self._found.clear()
        for cadence, image in zip(cadences, self._images, strict=False):
            if (background := self._background(cadence)) is None:
                image[:] = np.nan
            else:
                self._measure(cadence, background, image)
        self._images[len(cadences) :] = 0
        self._add(cadences)
        return self._images

    def backgrounds(self, cadences: range, rows: slice) -> npt.NDArray[np.float32]:
        """Return some rows of the backgrounds of a chunk."""
        slab = np.zeros((self._work.length, rows.stop - rows.start, self._work.area.shape[1]), dtype=np.float32)
        for cadence, values in zip(cadences, slab, strict=False):
            if (background := self._background(cadence)) is not None:
                values[:] = _rounded(background, self._grid, rows)
        return slab

    def flags(self, cadences: range, rows: slice) -> npt.NDArray[np.uint8]:
        """Return some rows of the flags of a chunk, whose images are made."""
        n_column = self._work.area.shape[1]
        slab = np.zeros((self._work.length, rows.stop - rows.start, n_column), dtype=np.uint8)
        for cadence, values in zip(cadences, slab, strict=False):
            found = None
            if packed := self._found.get(cadence):
                unpacked = {name: np.unpackbits(bits[rows], axis=1, count=n_column) for name, bits in packed.items()}
                found = {name: bits.view(np.bool_) for name, bits in unpacked.items()}
            values[:] = frame_flags(found, self._known["dead"][rows], self._work.excluded(cadence), self._straps)
        return slab

    def _background(self, cadence: int) -> FrameBackground | None:
        """Return the background of a frame; None for frames without pixels."""
        return self._backgrounds.frame(cadence - self._first) if self._known["good"][cadence] else None

    def _measure(self, cadence: int, background: FrameBackground, left: npt.NDArray[np.float32]) -> None:
        """Write what is left of a frame without its background; remember its flags."""
        left[:] = read_image(self._work.files[cadence], self._work.area)
        model = np.empty_like(left)
        for rows in _slabs(self._work.area, _ROWS_AT_ONCE):
            model[rows] = _rounded(background, self._grid, rows)
        told = self._told(background, left, model)
        self._found[cadence] = {name: np.packbits(where, axis=1) for name, where in zip(FOUND, told, strict=True)}
        left -= model
        left[:, self._work.excluded(cadence)] = np.nan

    def _told(
        self, background: FrameBackground, image: npt.NDArray[np.float32], model: npt.NDArray[np.float32]
    ) -> Iterator[npt.NDArray[np.bool_]]:
        """Give the flags that a frame with its background tells, in the order of `FOUND`."""
        mask = self._static["mask"]
        yield ~np.isfinite(image)
        yield image >= SATURATION_E_S
        yield used_pixels(image, mask, background)
        yield background_anomalies(image, model, mask, self._static["light"])

    def _add(self, cadences: range) -> None:
        """Add what is measured in the usable images of a chunk to the sum, some rows of all of them after the other."""
        usable = self._known["usable"]
        images = [image for cadence, image in zip(cadences, self._images, strict=False) if usable[cadence]]
        for rows in bands(self._work.area.shape[0]):
            for image in images:
                measured = np.isfinite(image[rows])
                self.count[rows] += measured
                self.total[rows] += image[rows] if measured.all() else zeroed(image[rows], measured)


def _slabs(area: Stamp, size: int) -> list[slice]:
    """Cut the rows of an area into parts of a size, which end where chunks do."""
    n_row = area.shape[0]
    return [slice(max(first, 0), min(first + size, n_row)) for first in range(-LEAD, n_row, size)]


def _with_lead(rows: slice) -> slice:
    """Return where rows of an area are in its pixel series."""
    return slice(rows.start + LEAD, rows.stop + LEAD)


def _rounded(background: FrameBackground, grid: BackgroundGrid, rows: slice) -> npt.NDArray[np.float32]:
    """Return the background of some rows as it is stored.

    It is made of the same rows where it is subtracted and where it is written: of others its last bit may be another,
    and so, once in 70,000 pixels, the multiple that it is rounded to.
    """
    return rounded_background(background_image(background, grid, rows))
