"""Between the passes over the frames of a CCD: backgrounds smoothed in time, bad frames, dead pixels."""

import logging
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np

from photometry.background.mesh import FrameBackground
from photometry.background.smoothing import smooth_backgrounds
from photometry.ccd.ccd_parts import background_arrays, new_part, read_part, write_arrays
from photometry.ccd.ccd_work import CcdWork
from photometry.core.errors import InputFileError
from photometry.core.quality import TESS_QUALITY, bit, is_usable
from photometry.frames.frame_series import OK
from photometry.io.products.frame_lists import CcdFrames

__all__ = ["write_smooth"]

_log = logging.getLogger(__name__)


def write_smooth(path: str | Path, work: CcdWork, frames: CcdFrames, described: Sequence[str | Path]) -> None:
    """Smooth the backgrounds of all frames in time; tell which frames are bad and which pixels dead.

    A frame whose background is not known has no pixels: they would hold the background as if it were starlight.

    Parameters
    ----------
    path : path-like
        The part: the fields of `FrameBackground`; `good`, `usable`, `quality`, `status`, `reason` of each frame;
        `dead` (n_row, n_column).
    work, frames
        The frames.
    described : sequence of path-like
        What `photometry.ccd.ccd_backgrounds.write_backgrounds` wrote of each block.

    Raises
    ------
    InputFileError
        When fewer than two frames have pixels.
    """
    names = [item.name for item in fields(FrameBackground)]
    parts = [
        read_part(part, "status", "reason", "alive", *names)
        for number, part in enumerate(described)
        if len(work.cadences(number))
    ]
    backgrounds = FrameBackground(**{name: np.concatenate([part[name] for part in parts]) for name in names})
    status, reason = (np.concatenate([part[name] for part in parts]) for name in ("status", "reason"))
    good = work.good & (status == OK)
    if good.sum() < 2:
        first = next((text for text in reason if text), "")
        raise InputFileError(
            Path(work.files[0]).parent,
            f"{int(good.sum())} of {len(good)} frames have pixels; a light curve needs at least 2 (first: {first})",
        )
    for cadence in np.flatnonzero(reason != ""):
        _log.warning("%s: %s (%s)", Path(work.files[cadence]).name, reason[cadence], status[cadence])
    header = frames.header
    quality = header.quality.copy()
    quality[~good] |= bit(TESS_QUALITY, "manual_exclude")
    time = header.time - header.timecorr
    smooth = smooth_backgrounds(backgrounds, work.grid(), time, quality, header.exposure.cadence_s)
    alive = np.logical_or.reduce([part["alive"] for part in parts])
    usable = is_usable(quality, header.quality_bitmask)
    with new_part(path) as file:
        write_arrays(file, **background_arrays(smooth), good=good, usable=usable, quality=quality)
        write_arrays(file, status=status, reason=reason, dead=~alive)
