"""Parts of the cube of a CCD, a block of cadences at a time: each is a file of the scratch folder.

A block of 64 frames is worked on by one process in bounded memory: the largest array is one pixel series of the block,
1.1 GB for a CCD.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from photometry.background.anomalies import background_anomalies
from photometry.background.cell_grid import BackgroundGrid, background_grid
from photometry.background.mesh import FrameBackground, background_image, describe_background, used_pixels
from photometry.background.smoothing import stack_backgrounds
from photometry.ccd.ccd_goodness import is_without_stars
from photometry.core.errors import InputFileError
from photometry.core.geometry import Stamp, camera_centre
from photometry.frames.frame_flags import frame_flags
from photometry.frames.frame_goodness import usual_image
from photometry.frames.frame_series import OK
from photometry.frames.known_defects import KnownDefect, excluded_pixels, strap_columns
from photometry.frames.pixel_rounding import rounded_background, rounded_errors
from photometry.io.ffi.ffi_pixels import read_checked_image, read_errors, read_image
from photometry.io.products.cube_files import CHUNK, create_pixels
from photometry.io.store.disk import new_hdf5
from photometry.io.store.provenance import atomic_path
from photometry.io.store.scratch import Scratch

__all__ = [
    "CcdWork",
    "background_fields",
    "block_name",
    "describe_block",
    "described_name",
    "pixel_block",
    "smooth_name",
]

#: Rows of backgrounds that are made at once: bounds the memory.
_ROWS_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class CcdWork:
    """What a process needs to know to make parts of a cube.

    Parameters
    ----------
    files : tuple of str
        Path of each cadence's file.
    good : (n_cadence,) bool
        Which of them can be read, by their headers.
    usable : (n_cadence,) bool
        Without a flag that makes them unusable.
    cadenceno : (n_cadence,) int32
        FFIINDEX.
    area : Stamp
        Science area.
    ccd : int
        1 to 4.
    defects : tuple of KnownDefect
        Known defects of the CCD.
    scratch : Scratch
        Where parts go.
    block : int
        Cadences in a block: a chunk of the cube.
    """

    files: tuple[str, ...]
    good: npt.NDArray[np.bool_]
    usable: npt.NDArray[np.bool_]
    cadenceno: npt.NDArray[np.int32]
    area: Stamp
    ccd: int
    defects: tuple[KnownDefect, ...]
    scratch: Scratch
    block: int = CHUNK[0]

    @property
    def n_cadence(self) -> int:
        """Number of cadences."""
        return len(self.files)

    @property
    def n_block(self) -> int:
        """Number of blocks."""
        return -(-self.n_cadence // self.block)

    @property
    def length(self) -> int:
        """Cadences that a block has room for."""
        return min(self.block, self.n_cadence)

    def cadences(self, number: int) -> range:
        """Return the cadences of a block."""
        return range(number * self.block, min((number + 1) * self.block, self.n_cadence))

    def grid(self) -> BackgroundGrid:
        """Return the grid of the background."""
        return background_grid(self.area, camera_centre(self.ccd))

    def excluded(self, cadence: int) -> npt.NDArray[np.bool_]:
        """Return the columns that known defects spoil."""
        return excluded_pixels(self.defects, int(self.cadenceno[cadence]), self.area)


def background_fields(background: FrameBackground) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of a background by name."""
    return {item.name: getattr(background, item.name) for item in fields(background)}


def described_name(number: int) -> str:
    """Name of the part that describes the backgrounds of a block."""
    return f"described_{number:04d}"


def smooth_name(number: int) -> str:
    """Name of the part with the smoothed backgrounds of a block."""
    return f"smooth_{number:04d}"


def block_name(number: int) -> str:
    """Name of the part with the pixels of a block."""
    return f"pixels_{number:04d}.hdf5"


def describe_block(work: CcdWork, number: int) -> int:
    """First pass: check the files of a block and describe their backgrounds; return the number of cadences."""
    if work.scratch.has(described_name(number)):
        return len(work.cadences(number))
    static, grid = work.scratch.load("static"), work.grid()
    usual = [usual_image(patch) for patch in static["patches"]]
    backgrounds, statuses, reasons = [], [], []
    alive = np.zeros(work.area.shape, dtype=np.bool_)
    nothing = np.full(work.area.shape, np.nan, dtype=np.float32)
    for cadence in work.cadences(number):
        image, status, reason = nothing, OK, ""
        if work.good[cadence]:
            try:
                image = read_checked_image(work.files[cadence], work.area)
            except InputFileError as error:
                status, reason = "no_pixels", error.problem
        alive |= np.isfinite(image)
        image[:, work.excluded(cadence)] = np.nan
        background = describe_background(image, static["mask"], grid, static["light"])
        if image is not nothing and background.is_known:
            if work.usable[cadence] and is_without_stars(image, background, grid, work.area, usual):
                status, reason = "no_stars", "it does not show the stars that the other frames show"
        elif image is not nothing:
            status, reason = "no_background", "none of its pixels tells the background (all saturated or masked)"
        backgrounds.append(background)
        statuses.append(status)
        reasons.append(reason)
    work.scratch.save(
        described_name(number),
        alive=np.packbits(alive),
        statuses=np.array(statuses),
        reasons=np.array(reasons),
        **background_fields(stack_backgrounds(backgrounds)),
    )
    return len(reasons)


def pixel_block(work: CcdWork, number: int) -> int:
    """Second pass: write the pixel series of a block; return the number of cadences.

    The part holds the chunks of the cube as they will be in it, and the sum of the unflagged images.
    """
    path = work.scratch.path(block_name(number))
    if not path.is_file():
        with atomic_path(path) as temporary, new_hdf5(temporary) as file:
            _write_images(file, work, number)
            _write_errors(file, work, number)
            _write_backgrounds(file, work, number)
    return len(work.cadences(number))


def _frames(work: CcdWork, number: int) -> Iterator[tuple[int, int, FrameBackground | None]]:
    """Yield place in the block, cadence and background of each frame; None for frames without pixels."""
    smooth = work.scratch.load(smooth_name(number))
    backgrounds = FrameBackground(**{item.name: smooth[item.name] for item in fields(FrameBackground)})
    for place, cadence in enumerate(work.cadences(number)):
        yield place, cadence, backgrounds.frame(place) if smooth["good"][place] else None


def _write_images(file: h5py.File, work: CcdWork, number: int) -> None:
    shape = (work.length, *work.area.shape)
    images, flags = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.uint8)
    total, count = np.zeros(shape[1:]), np.zeros(shape[1:], dtype=np.int32)
    static, common, grid = work.scratch.load("static"), work.scratch.load("common"), work.grid()
    dead = np.unpackbits(common["dead"], count=work.area.n_pixel).reshape(work.area.shape).astype(np.bool_)
    straps = strap_columns(work.area)
    for place, cadence, background in _frames(work, number):
        excluded = work.excluded(cadence)
        if background is None:
            images[place], flags[place] = np.nan, frame_flags(None, None, None, dead, excluded, straps)
            continue
        image = read_image(work.files[cadence], work.area)
        model = np.concatenate([_rounded(background, grid, rows) for rows in _slabs(work.area)])
        odd = background_anomalies(image, model, static["mask"], static["light"])
        used = used_pixels(image, static["mask"], background)
        flags[place] = frame_flags(image, used, odd, dead, excluded, straps)
        image[:, excluded] = np.nan
        image -= model
        images[place] = image
        if common["usable"][cadence]:
            measured = np.isfinite(image)
            np.add(total, image, out=total, where=measured)
            count += measured
    create_pixels(file, "images", shape, images, work.block)
    create_pixels(file, "pixel_flags", shape, flags, work.block)
    file.create_dataset("total", data=total)
    file.create_dataset("count", data=count)


def _write_errors(file: h5py.File, work: CcdWork, number: int) -> None:
    errors = np.zeros((work.length, *work.area.shape), dtype=np.float32)
    for place, cadence, background in _frames(work, number):
        if background is None:
            errors[place] = np.nan
            continue
        errors[place] = rounded_errors(read_errors(work.files[cadence], work.area))
        errors[place][:, work.excluded(cadence)] = np.nan
    create_pixels(file, "images_err", errors.shape, errors, work.block)


def _write_backgrounds(file: h5py.File, work: CcdWork, number: int) -> None:
    dataset = create_pixels(file, "backgrounds", (work.length, *work.area.shape), None, work.block)
    grid = work.grid()
    for rows in _slabs(work.area):
        slab = np.zeros((work.length, rows.stop - rows.start, work.area.shape[1]), dtype=np.float32)
        for place, _, background in _frames(work, number):
            if background is not None:
                slab[place] = _rounded(background, grid, rows)
        dataset[:, rows] = slab
    dataset.flush()


def _slabs(area: Stamp) -> list[slice]:
    """Rows of which backgrounds are made at once."""
    n_row = area.shape[0]
    return [slice(first, min(first + _ROWS_AT_ONCE, n_row)) for first in range(0, n_row, _ROWS_AT_ONCE)]


def _rounded(background: FrameBackground, grid: BackgroundGrid, rows: slice) -> npt.NDArray[np.float32]:
    """Return the background of some rows as it is stored.

    It is made of the same rows where it is subtracted and where it is written: of others its last bit may be another,
    and so, once in 70,000 pixels, the multiple that it is rounded to.
    """
    return rounded_background(background_image(background, grid, rows))
