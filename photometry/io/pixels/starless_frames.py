"""Cadences of a pixel file on which its stars are not: they count as not measured."""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np

from photometry.core.cube import Cube
from photometry.core.quality import PIXEL_FLAGS, TESS_QUALITY, bit
from photometry.core.wording import number_of
from photometry.frames.frame_goodness import frames_without_stars, usual_image

__all__ = ["without_starless_frames"]

_log = logging.getLogger(__name__)
#: Cadences that are named in the log, at most.
_MOST_NAMED = 20


def without_starless_frames(path: Path, cube: Cube) -> Cube:
    """Flag the cadences on which the stars are not (QUALITY 128), take their pixels out, and log which they are.

    Parameters
    ----------
    path : Path
        The file, for the log.
    cube : Cube
        All of its pixels; those of the cadences in question are overwritten.
    """
    good = np.flatnonzero(cube.usable)
    starless = good[frames_without_stars(cube.images[good], usual_image(cube.images[good]))]
    if len(starless) == 0:
        return cube
    names = ", ".join(map(str, cube.cadenceno[starless[:_MOST_NAMED]])) + (
        ", ..." if len(starless) > _MOST_NAMED else ""
    )
    _log.warning(
        "%s: %s not show the stars that the others show: flagged (CADENCENO %s)",
        *(path, number_of(len(starless), "unflagged cadence does", "unflagged cadences do"), names),
    )
    quality = cube.quality.copy()
    quality[starless] |= bit(TESS_QUALITY, "manual_exclude")
    cube.images[starless] = cube.images_err[starless] = np.nan
    cube.pixel_flags[starless] |= bit(PIXEL_FLAGS, "not_measured")
    return replace(cube, header=replace(cube.header, quality=quality))
