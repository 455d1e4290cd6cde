"""Whether what a pixel file says twice is the same: programs that cut files change one place and not the other."""

import logging
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from astropy.wcs import WCS

from photometry.core.cube import Pointing
from photometry.core.errors import InputFileError
from photometry.core.geometry import Stamp
from photometry.io.fits.fits_files import header_value, real_number
from photometry.io.pixels.pixel_headers import PixelHeaders
from photometry.io.reference.sector_cameras import cameras_seeing

__all__ = ["check_agreement", "tell_wrong_camera"]

_log = logging.getLogger(__name__)
#: By so much a place has to be outside the field of a camera, or inside that of another, to be told of, deg.
_CLEARLY_DEG = 0.5

#: Keys that say the same in all headers of a file; positions are not among them, as those of SPOC's headers differ.
_REPEATED = ("SECTOR", "CAMERA", "CCD", "TICID", "DATA_REL")
#: How far the two WCS of a file may be apart, pixels.
_SAME_PLACE_PIX = 1.0
#: Keys of the WCS of an image, with those of a table's column.
_WCS_OF_COLUMN = {
    **{f"CTYPE{k}": f"{k}CTYP{{n}}" for k in (1, 2)},
    **{f"CRPIX{k}": f"{k}CRPX{{n}}" for k in (1, 2)},
    **{f"CRVAL{k}": f"{k}CRVL{{n}}" for k in (1, 2)},
    **{f"CDELT{k}": f"{k}CDLT{{n}}" for k in (1, 2)},
    **{f"PC{i}_{k}": f"{i}{k}PC{{n}}" for i in (1, 2) for k in (1, 2)},
}


def check_agreement(headers: PixelHeaders, stamp: Stamp) -> None:
    """Refuse a file whose keys contradict each other: nobody can tell which of them are right.

    Parameters
    ----------
    headers : PixelHeaders
        Headers of the file.
    stamp : Stamp
        The pixels, by the keys that are read.

    Raises
    ------
    InputFileError
        When keys of different headers disagree about what was observed, or about the first pixel, the shape or the WCS
        of the pixels; the message names two of them.
    """
    for key in _REPEATED:
        of_table, of_primary = header_value(headers.pixels, key), header_value(headers.primary, key)
        if of_table is not None and of_primary is not None and _differ(of_table, of_primary, 0.0):
            raise _contradiction(headers, f"{key} = {of_primary!r} (primary header)", f"{of_table!r} (table PIXELS)")
    if headers.aperture is None:
        return
    _check_shape(headers, stamp)
    _check_first_pixel(headers)
    _check_wcs(headers, stamp)


def tell_wrong_camera(path: Path, pointing: Pointing) -> None:
    """Warn of a file whose camera does not see the place that it names, while another camera of the sector does.

    Nothing is said of places that no camera sees: files of simulations name sectors that they do not lie in.
    """
    if pointing.simulated_here or not math.isfinite(pointing.ra + pointing.dec):
        return
    place = (pointing.sector, pointing.ra, pointing.dec)
    others = cameras_seeing(*place, -_CLEARLY_DEG)
    if not others or pointing.camera in cameras_seeing(*place, _CLEARLY_DEG):
        return
    _log.warning(
        "%s: its header says camera %d, but in sector %d camera %d sees its place (RA %.4f, Dec %.4f); if that is so, "
        "correct CAMERA and CCD: PRF and names of the products are those of the header",
        *(path, pointing.camera, pointing.sector, others[0], pointing.ra, pointing.dec),
    )


def _check_shape(headers: PixelHeaders, stamp: Stamp) -> None:
    """Compare the shapes of FLUX and APERTURE."""
    assert headers.aperture is not None
    shape = headers.aperture.get("NAXIS2"), headers.aperture.get("NAXIS1")
    if shape != stamp.shape:
        number, n_row, n_column = headers.columns["FLUX"], *stamp.shape
        of_aperture = f"NAXIS1, NAXIS2 = {shape[1]}, {shape[0]} (APERTURE)"
        raise _contradiction(headers, f"TDIM{number} = ({n_column},{n_row})", of_aperture)


def _check_first_pixel(headers: PixelHeaders) -> None:
    """Compare what column FLUX and image APERTURE say of the first pixel."""
    assert headers.aperture is not None
    number = headers.columns["FLUX"]
    for axis in (1, 2):
        of_column, of_aperture = f"{axis}CRV{number}P", f"CRVAL{axis}P"
        first = header_value(headers.pixels, of_column), header_value(headers.aperture, of_aperture)
        offset = _offset(headers.pixels.get(f"{axis}CRP{number}P")), _offset(headers.aperture.get(f"CRPIX{axis}P"))
        if None in first:
            continue
        one, other = real_number(first[0]), real_number(first[1])
        if one is None or other is None or _differ(one - offset[0], other - offset[1], 0.0):
            raise _contradiction(headers, f"{of_column} = {first[0]}", f"{of_aperture} = {first[1]} (APERTURE)")


def _offset(value: Any) -> float:
    number = real_number(value)
    return 1.0 if number is None else number


def _check_wcs(headers: PixelHeaders, stamp: Stamp) -> None:
    """Compare where the WCS of column FLUX and that of image APERTURE place the corners, if they are not the same."""
    assert headers.aperture is not None
    names = {key: name.format(n=headers.columns["FLUX"]) for key, name in _WCS_OF_COLUMN.items()}
    of_column = {key: value for key, name in names.items() if (value := header_value(headers.pixels, name)) is not None}
    others = [key for key, value in of_column.items() if _differ(value, header_value(headers.aperture, key), 1e-9)]
    sky = _corners(of_column, stamp) if others else None
    if sky is None or _corners(headers.aperture, stamp) is None:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        columns, rows = WCS(headers.aperture).all_world2pix(*sky, 0, quiet=True)
    away = float(np.hypot(columns - _places(stamp)[0], rows - _places(stamp)[1]).max())
    if not away <= _SAME_PLACE_PIX:
        # The first of them that moves the pixels: the order is that of `_WCS_OF_COLUMN`.
        one, other = f"{names[others[0]]} = {of_column[others[0]]}", f"{others[0]} = {headers.aperture[others[0]]}"
        raise _contradiction(headers, one, f"{other} (APERTURE)", f", {away:.1f} px apart")


def _places(stamp: Stamp) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """0-based columns and rows of the corners in the file."""
    n_row, n_column = stamp.shape
    return np.array([0.0, n_column - 1.0, 0.0, n_column - 1.0]), np.array([0.0, 0.0, n_row - 1.0, n_row - 1.0])


def _corners(cards: Any, stamp: Stamp) -> list[npt.NDArray[np.float64]] | None:
    """Right ascensions and declinations of the corners by a WCS; None where there is none that can be used."""
    if not str(cards.get("CTYPE1", "")).startswith("RA--"):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            sky = WCS(cards).all_pix2world(*_places(stamp), 0)
    except (ValueError, TypeError, ArithmeticError, np.linalg.LinAlgError):
        # `photometry.io.pixels.pixel_wcs.read_wcs` says what is wrong with it.
        return None
    return sky if np.isfinite(sky).all() else None


def _differ(one: Any, other: Any, tolerance: float) -> bool:
    """Tell whether two values contradict each other; one that is missing does not."""
    numbers = [value for value in (one, other) if isinstance(value, (int, float)) and not isinstance(value, bool)]
    if len(numbers) == 2:
        return not math.isclose(*numbers, rel_tol=0.0, abs_tol=tolerance) and all(map(math.isfinite, numbers))
    return type(one) is type(other) and str(one).strip() != str(other).strip()


def _contradiction(headers: PixelHeaders, one: str, other: str, more: str = "") -> InputFileError:
    return InputFileError(
        headers.path,
        f"header keys contradict each other: {one}, but {other}{more}; the file was changed by a program that did not "
        "change both, as lightkurve's cutout does: use the file that it was made from",
    )
