"""Where the pixels of a region are in the sky, as far as headers tell before any job."""

from dataclasses import dataclass

import numpy as np

from photometry.catalog.star_catalog import stamp_on_sky
from photometry.core.constants import ARCSEC_PER_PIXEL
from photometry.core.datasources import DATASOURCES
from photometry.core.geometry import Stamp
from photometry.core.sky import unit_vectors
from photometry.io.ffi.ffi_files import FfiFolder
from photometry.io.ffi.ffi_headers import parse_name, read_frame
from photometry.io.pixels.pixel_file import PixelFile
from photometry.io.pixels.pixel_wcs import wcs_problem

__all__ = ["RegionPlace", "place_of"]

#: Frames of a CCD whose WCS are compared, and how many are tried for them.
_COMPARED, _TRIED = 3, 30
#: Frames whose middle is farther from the median of the compared ones have a wrong WCS, pixels.
_SAME_PLACE_PIX = 10.0
#: Error of places by the WCS of any frame of a CCD, in place of the reference's that the job `frames` chooses, and of
#: places by a cutout's own WCS, where only proper motion is not known exactly, pixels.
_FFI_SLACK, _CUTOUT_SLACK = 4.0, 0.5


@dataclass(frozen=True, slots=True)
class RegionPlace:
    """Place of a region.

    Parameters
    ----------
    wcs_header : str
        WCS in CCD pixels (`photometry.core.cube.CubeHeader.wcs_header`); empty where there is none.
    stamp : Stamp
        The pixels.
    slack : float
        How far stars can be from where this WCS has them, pixels.
    reach : int
        Stars so far outside the pixels matter to them: their light, or of full-frame images their wings, pixels.
    """

    wcs_header: str
    stamp: Stamp
    slack: float
    reach: int


def place_of(pixels: PixelFile | FfiFolder) -> RegionPlace:
    """Return the place of a region; without a WCS where none of a CCD's frames has one: its job `frames` will fail."""
    reach = DATASOURCES[pixels.pointing.datasource].star_reach
    if isinstance(pixels, PixelFile):
        return RegionPlace(pixels.wcs_header, pixels.stamp, _CUTOUT_SLACK, reach)
    found: list[str] = []
    for path in pixels.paths[:: max(len(pixels.paths) // _TRIED, 1)]:
        name = parse_name(path)
        frame = read_frame(name, pixels.stamp) if name else None
        if frame is not None and frame.status == "ok" and frame.wcs and not wcs_problem(frame.wcs, pixels.stamp):
            found.append(frame.wcs)
        if len(found) == _COMPARED:
            break
    if not found:
        return RegionPlace("", pixels.stamp, _FFI_SLACK, reach)
    middles = np.array([unit_vectors(*stamp_on_sky(wcs, pixels.stamp)[:2]) for wcs in found])
    away = np.linalg.norm(middles - np.median(middles, axis=0), axis=1) * np.rad2deg(1) * 3600 / ARCSEC_PER_PIXEL
    best = int(np.flatnonzero(away <= max(_SAME_PLACE_PIX, float(away.min())))[0])
    return RegionPlace(found[best], pixels.stamp, _FFI_SLACK, reach)
