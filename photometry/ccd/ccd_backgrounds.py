"""First pass over the frames of a CCD: each is checked, its background described, its errors are kept."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from photometry.background.cell_grid import BackgroundGrid
from photometry.background.mesh import FrameBackground, describe_background
from photometry.background.smoothing import stack_backgrounds
from photometry.ccd.ccd_goodness import is_without_stars
from photometry.ccd.ccd_parts import background_arrays, new_part, read_part, write_arrays, write_chunk
from photometry.ccd.ccd_work import CcdWork
from photometry.core.errors import InputFileError
from photometry.core.stages import stage
from photometry.frames.frame_goodness import UsualImage, usual_image
from photometry.frames.frame_series import OK
from photometry.frames.pixel_rounding import rounded_errors
from photometry.io.ffi.ffi_pixels import read_checked_frame
from photometry.io.products.cube_files import create_pixels

__all__ = ["write_backgrounds"]


def write_backgrounds(path: str | Path, work: CcdWork, number: int, light: str | Path) -> None:
    """Check the frames of a block, describe their backgrounds and write their errors.

    Parameters
    ----------
    path : path-like
        The part: `images_err`; the fields of `FrameBackground`; `status` and `reason` of each frame; `alive`
        (n_row, n_column), pixels that have a value in any.
    work : CcdWork
        The frames.
    number : int
        The block.
    light : path-like
        What `photometry.ccd.frame_light.write_light` wrote.
    """
    static = read_part(light)
    usual = [usual_image(patch) for patch in static["patches"]]
    looked = _Look(work, work.grid(), static["mask"], static["light"], usual)
    with new_part(path) as file, stage("backgrounds", len(work.cadences(number)), "frames") as advance:
        create_pixels(file, "images_err", work.shape(number), None, work.chunk)
        errors = np.zeros((work.length, *work.area.shape), dtype=np.float32)
        for place, cadences in enumerate(work.chunks(number)):
            for cadence, kept in zip(cadences, errors, strict=False):
                looked.at(cadence, kept)
                advance(1)
            errors[len(cadences) :] = 0
            write_chunk(file["images_err"], slice(place * work.length, (place + 1) * work.length), errors)
        _write(file, looked)


class _Look:
    """What is found in frames, one after the other.

    Parameters
    ----------
    work, grid
        The frames, and the grid of their backgrounds.
    mask, light : (n_row, n_column)
        Pixels and light of stars.
    usual : list of UsualImage or None
        What patches usually show.
    """

    def __init__(
        self,
        work: CcdWork,
        grid: BackgroundGrid,
        mask: npt.NDArray[np.bool_],
        light: npt.NDArray[np.float32],
        usual: list[UsualImage | None],
    ) -> None:
        self._work, self._grid, self._mask, self._light, self._usual = work, grid, mask, light, usual
        self.alive = np.zeros(work.area.shape, dtype=np.bool_)
        self.backgrounds: list[FrameBackground] = []
        self.status: list[str] = []
        self.reason: list[str] = []

    def at(self, cadence: int, errors: npt.NDArray[np.float32]) -> None:
        """Look at a frame; write its errors (n_row, n_column)."""
        work = self._work
        image, status, reason = None, OK, ""
        if work.good[cadence]:
            try:
                image = self._read(cadence, errors)
            except InputFileError as error:
                status, reason = "no_pixels", error.problem
        is_read = image is not None
        if image is None:
            image = np.full(work.area.shape, np.nan, dtype=np.float32)
        self.alive |= np.isfinite(image)
        excluded = work.excluded(cadence)
        image[:, excluded] = np.nan
        background = describe_background(image, self._mask, self._grid, self._light)
        if is_read:
            status, reason = self._goodness(cadence, image, background)
        errors[:, excluded if is_read and status == OK else slice(None)] = np.nan
        self.backgrounds.append(background)
        self.status.append(status)
        self.reason.append(reason)

    def _read(self, cadence: int, errors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Read a frame; return its image, write its errors."""
        image, read = read_checked_frame(self._work.files[cadence], self._work.area)
        rounded_errors(read, out=errors)
        return image

    def _goodness(self, cadence: int, image: npt.NDArray[np.float32], background: FrameBackground) -> tuple[str, str]:
        """Return status and reason of a frame that could be read."""
        if not background.is_known:
            return "no_background", "none of its pixels tells the background (all saturated or masked)"
        if self._work.usable[cadence] and is_without_stars(image, background, self._grid, self._work.area, self._usual):
            return "no_stars", "it does not show the stars that the other frames show"
        return OK, ""


def _write(file: h5py.File, looked: _Look) -> None:
    """Write what was found in the frames of a block; nothing of one without frames."""
    described: dict[str, Any] = {}
    if looked.backgrounds:
        described = background_arrays(stack_backgrounds(looked.backgrounds))
    write_arrays(
        file,
        alive=looked.alive,
        status=np.array(looked.status, dtype=str),
        reason=np.array(looked.reason, dtype=str),
        **described,
    )
