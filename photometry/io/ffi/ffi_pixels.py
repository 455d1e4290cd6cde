"""Reading the pixels of full-frame images."""

import logging
from pathlib import Path

import numpy as np
import numpy.typing as npt
from astropy.io import fits

from photometry.core.constants import LARGEST_E_S
from photometry.core.errors import InputFileError
from photometry.core.geometry import Stamp
from photometry.io.ffi.ffi_headers import full_shape
from photometry.io.fits.fits_files import open_fits, verify_checksums

__all__ = ["read_checked_frame", "read_image"]

_IMAGE, _ERRORS = 1, 2
_log = logging.getLogger(__name__)


def read_checked_frame(path: str | Path, area: Stamp) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Read the science area of a frame after comparing the whole file with its checksums.

    Returns
    -------
    image, errors : (n_row, n_column) float32
        Flux with its background, and its uncertainty, e-/s; NaN where not finite, and where no detector gives such a
        value. The image is NaN besides where it is exactly 0: no pixel that works is.

    Raises
    ------
    InputFileError
        When the file is missing, damaged or truncated, when image and errors have not the expected shape, or when no
        pixel has a value other than zero.
    """
    try:
        # Whoever lists the frames reads every card (`photometry.io.ffi.ffi_headers`).
        with open_fits(path, every_card=False) as hdus:
            verify_checksums(path, hdus, strict=True)
            errors, image = _as_stored(path, hdus, _ERRORS, area), _as_stored(path, hdus, _IMAGE, area)
    except InputFileError:
        raise
    except OSError as error:
        raise InputFileError(path, f"cannot be read ({error.strerror or error})") from error
    for what, pixels in (("pixels", image), ("uncertainties", errors)):
        if n_impossible := _measured(pixels):
            _log.warning(
                "%s: %d %s are beyond +-%g e-/s, which no detector gives: taken as not measured",
                *(Path(path).name, n_impossible, what, LARGEST_E_S),
            )
    _lit(image)
    if not np.isfinite(image).any():
        raise InputFileError(path, "no pixel has a value (all are zero or NaN)")
    return image, errors


def read_image(path: str | Path, area: Stamp) -> npt.NDArray[np.float32]:
    """Read the image of a frame that was checked before, as `read_checked_frame` gives it."""
    with open_fits(path, every_card=False) as hdus:
        image = _as_stored(path, hdus, _IMAGE, area)
    _measured(image)
    _lit(image)
    return image


def _measured(pixels: npt.NDArray[np.float32]) -> int:
    """Set pixels to NaN, in place, that are not finite or that no detector gives; return how many of the latter."""
    # Not so where any is NaN.
    if pixels.min() >= -LARGEST_E_S and pixels.max() <= LARGEST_E_S:
        return 0
    wrong = np.flatnonzero(~((pixels <= LARGEST_E_S) & (pixels >= -LARGEST_E_S)))
    values = pixels.ravel()
    n_impossible = int(np.count_nonzero(np.isfinite(values[wrong])))
    values[wrong] = np.nan
    return n_impossible


def _lit(pixels: npt.NDArray[np.float32]) -> None:
    """Set pixels of an image to NaN, in place, that read 0, as those of dead outputs and lost rows do."""
    pixels.ravel()[np.flatnonzero(pixels == 0)] = np.nan


def _as_stored(path: str | Path, hdus: fits.HDUList, number: int, area: Stamp) -> npt.NDArray[np.float32]:
    """Cut the science area; uncertainties may come without the collateral pixels."""
    if len(hdus) <= number or not isinstance(hdus[number], fits.ImageHDU):
        raise InputFileError(
            path, f"extension {number} is no image: {'uncertainties' if number > 1 else 'pixels'} lack"
        )
    hdu = hdus[number]
    shape = (hdu.header.get("NAXIS2"), hdu.header.get("NAXIS1"))
    if shape == full_shape(area):
        cut = hdu.data[area.row_min : area.row_max, area.col_min : area.col_max]
    elif number == _ERRORS and shape == area.shape:
        cut = hdu.data
    else:
        raise InputFileError(
            path, f"image {number} has {shape[0]} rows and {shape[1]} columns, expected {full_shape(area)}"
        )
    with np.errstate(over="ignore"):
        return np.array(cut, dtype=np.float32)
