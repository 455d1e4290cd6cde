"""Flags of the target pixel files of a CCD, for its full-frame images."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from photometry.core.errors import InputFileError
from photometry.io.fits.fits_files import header_value, open_fits, table_data
from photometry.io.pixels.pixel_headers import PixelHeaders
from photometry.io.pixels.time_systems import read_time_zero

__all__ = ["short_flags"]

#: Files that are read: flags of the whole CCD are the same in all.
_ENOUGH = 3


def short_flags(
    paths: Sequence[str | Path], sector: int, camera: int, ccd: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int32]]:
    """Return times and flags of the cadences of target pixel files of a CCD.

    A file that cannot be read is logged and passed over: the flags are an addition to those of the images.

    Returns
    -------
    time : (n_short,) float64
        Middle of the cadences at the spacecraft, TJD; NaN where it has none.
    quality : (n_short,) int32
        QUALITY. Both are empty when there is no file of this CCD.
    """
    times: list[npt.NDArray[np.float64]] = []
    flags: list[npt.NDArray[np.int32]] = []
    for path in paths:
        if len(times) >= _ENOUGH:
            break
        try:
            with open_fits(path) as hdus:
                if [header_value(hdus[0].header, key) for key in ("SECTOR", "CAMERA", "CCD")] != [sector, camera, ccd]:
                    continue
                zero = read_time_zero(PixelHeaders(Path(path), hdus[0].header, hdus["PIXELS"].header, None))
                table = table_data(path, hdus, "PIXELS")
                times.append(np.asarray(table["TIME"], np.float64) + zero - np.asarray(table["TIMECORR"], np.float64))
                flags.append(np.asarray(table["QUALITY"]).astype(np.int32))
        except (InputFileError, KeyError) as error:
            logging.getLogger(__name__).warning("flags of a target pixel file are left out: %s", error)
    if not times:
        return np.empty(0), np.empty(0, dtype=np.int32)
    return np.concatenate(times), np.concatenate(flags)
