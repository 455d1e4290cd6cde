"""Reading TESScut cutouts of full-frame images."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from photometry.background.plane import background_pixels, estimate_background
from photometry.core.cube import Cube, CubeHeader
from photometry.core.datasources import TESSCUT
from photometry.core.geometry import collected_flags
from photometry.core.quality import UNUSABLE
from photometry.core.times import SECONDS_PER_DAY
from photometry.io.fits.fits_files import header_value, open_fits, table_data, verify_checksums
from photometry.io.pixels.file_places import FilePlace
from photometry.io.pixels.pixel_files import inspect_pixel_file
from photometry.io.pixels.pixel_tables import PixelTable, pixel_flags, read_pixel_table
from photometry.io.pixels.starless_frames import without_starless_frames

__all__ = ["read_tesscut"]


def read_tesscut(path: str | Path, place: FilePlace | None = None, quality_bitmask: int = UNUSABLE) -> Cube:
    """Read a TESScut file.

    The flux of a cutout still carries its background: a robust plane per cadence is taken off it
    (`photometry.background.plane.estimate_background`). Cadences on which the stars are not are flagged.

    Parameters
    ----------
    path : path-like
        The file.
    place : FilePlace, optional
        Where its pixels are on the CCD [default: where its headers, or else the sky, say].
    quality_bitmask : int
        Bits of QUALITY that make a cadence unusable.

    Raises
    ------
    InputFileError
        When the file is missing, damaged, no TESScut file, or lacks something that is needed.
    """
    file = inspect_pixel_file(path, TESSCUT.name, place)
    with open_fits(path) as hdus:
        verify_checksums(path, hdus)
        data = table_data(path, hdus, "PIXELS")
        table = read_pixel_table(file, data, quality_bitmask)
        first_cadence = header_value(hdus[0].header, "FFIINDEX")
    backgrounds = estimate_background(table.flux)
    header = CubeHeader(
        pointing=file.pointing,
        exposure=file.exposure,
        stamp=file.stamp,
        time=table.time + file.offset.mid_s / SECONDS_PER_DAY,
        timecorr=table.timecorr,
        cadenceno=_cadence_numbers(table, file.exposure.cadence_s, int(first_cadence or 0)),
        quality=table.quality,
        wcs_header=file.wcs_header,
        aperture=collected_flags(file.stamp),
        offset=file.offset,
        placed_by=file.placed_by,
        quality_bitmask=quality_bitmask,
    )
    cube = Cube(
        header=header,
        images=table.flux - backgrounds,
        images_err=table.flux_err,
        backgrounds=backgrounds,
        pixel_flags=pixel_flags(table.flux, np.zeros_like(backgrounds), background_pixels(table.flux)),
    )
    return without_starless_frames(file.path, cube)


def _cadence_numbers(table: PixelTable, cadence_s: int, first: int) -> npt.NDArray[np.int32]:
    """Cadence numbers of the file where they increase; else counted in cadences from the first FFI's FFIINDEX."""
    if np.all(np.diff(table.cadenceno) > 0):
        return table.cadenceno
    at_spacecraft = table.time - np.nan_to_num(table.timecorr)
    steps = np.rint((at_spacecraft - at_spacecraft[0]) * 86400 / cadence_s)
    numbers: npt.NDArray[np.int32] = (first + steps).astype(np.int32)
    return numbers
