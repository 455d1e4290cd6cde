"""Where the pixels of TESScut and target pixel files are: on the CCD and in the sky."""

import math
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from astropy.wcs.utils import proj_plane_pixel_scales

from photometry.core.constants import FRAME_SHAPE
from photometry.core.cube import Pointing
from photometry.core.errors import InputFileError
from photometry.core.geometry import SCIENCE_AREA, Stamp
from photometry.core.quick_wcs import quick_wcs
from photometry.io.fits.fits_bytes import cards
from photometry.io.fits.fits_files import header_value, real_number
from photometry.io.pixels.file_places import BY_HEADER, BY_SETTINGS, FilePlace, PlaceNotes, place_by_sky
from photometry.io.pixels.pixel_headers import PixelHeaders

__all__ = ["image_wcs_cards", "read_place", "read_shape", "read_wcs", "stamp_of_file", "wcs_problem"]

#: Range of pixel scales that can be TESS's 21 arcsec, arcsec.
_SCALE_RANGE = (5.0, 60.0)
#: How far the position in the header may be from the pixels, pixels.
_OBJECT_MARGIN = 10.0
#: Largest miss of pixels that go to the sky and back, pixels.
_ROUND_TRIP_PIX = 0.01
#: Cards of a celestial WCS.
_WCS_KEYS = (
    *("WCSAXES", "CTYPE1", "CTYPE2", "CRPIX1", "CRPIX2", "CRVAL1", "CRVAL2", "CUNIT1", "CUNIT2", "CDELT1", "CDELT2"),
    *("PC1_1", "PC1_2", "PC2_1", "PC2_2", "CD1_1", "CD1_2", "CD2_1", "CD2_2", "LONPOLE", "LATPOLE", "RADESYS"),
)
#: Keys of a distortion (Shupe et al. 2005, ASP Conf. Ser. 347, 491).
_SIP_KEY = re.compile(r"[AB]P?_(\d+_\d+|ORDER|DMAX)")
#: Highest order of a distortion.
_MOST_SIP_ORDER = 9
#: Keys of a WCS of a table column, with the image key of the same meaning.
_COLUMN_KEYS = {
    "1CTYP{n}": "CTYPE1",
    "2CTYP{n}": "CTYPE2",
    "1CRPX{n}": "CRPIX1",
    "2CRPX{n}": "CRPIX2",
    "1CRVL{n}": "CRVAL1",
    "2CRVL{n}": "CRVAL2",
    "1CUNI{n}": "CUNIT1",
    "2CUNI{n}": "CUNIT2",
    "1CDLT{n}": "CDELT1",
    "2CDLT{n}": "CDELT2",
    "11PC{n}": "PC1_1",
    "12PC{n}": "PC1_2",
    "21PC{n}": "PC2_1",
    "22PC{n}": "PC2_2",
    "1CRP{n}P": "CRPIX1P",
    "2CRP{n}P": "CRPIX2P",
    "1CRV{n}P": "CRVAL1P",
    "2CRV{n}P": "CRVAL2P",
}


def _wcs_values(headers: PixelHeaders) -> dict[str, Any]:
    """Keys of the WCS and of the physical WCS: from APERTURE, else from the column FLUX."""
    number = headers.columns["FLUX"]
    from_column = {
        image_key: header_value(headers.pixels, key.format(n=number)) for key, image_key in _COLUMN_KEYS.items()
    }
    values = {key: value for key, value in from_column.items() if value is not None}
    if headers.aperture is not None and header_value(headers.aperture, "CTYPE1") is not None:
        distortion = [key for key in headers.aperture if key.startswith(("A_", "B_", "AP_", "BP_"))]
        physical = [key for key in ("CRPIX1P", "CRPIX2P", "CRVAL1P", "CRVAL2P") if key in headers.aperture]
        values = {key: value for key, value in values.items() if key.endswith("P")}
        for key in [*_WCS_KEYS, *distortion, *physical]:
            value = header_value(headers.aperture, key)
            if value is not None:
                values[key] = value
    for key, value in values.items():
        if not _can_be(key, value):
            raise InputFileError(
                headers.path, f"header key {key} is {value!r}, which is no part of a WCS; fetch it again"
            )
    return values


def _can_be(key: str, value: Any) -> bool:
    """Tell whether a key of a WCS has a value of the right kind: a text, a small whole number or a number."""
    number = real_number(value)
    if key.startswith(("CTYPE", "CUNIT", "RADESYS")):
        return isinstance(value, str)
    if key.endswith("_ORDER") or key == "WCSAXES":
        return number is not None and 0 <= number <= _MOST_SIP_ORDER and number.is_integer()
    return number is not None


def read_shape(headers: PixelHeaders) -> tuple[int, int]:
    """Return the numbers of rows and columns of FLUX."""
    text = str(headers.pixels.get(f"TDIM{headers.columns['FLUX']}", ""))
    try:
        n_column, n_row = (int(part) for part in text.strip().strip("()").split(","))
    except ValueError as error:
        raise InputFileError(headers.path, f"FLUX has the shape {text!r}, expected '(columns,rows)'") from error
    if not (1 <= n_row <= FRAME_SHAPE[0] and 1 <= n_column <= FRAME_SHAPE[1]):
        raise InputFileError(headers.path, f"FLUX has the shape {text!r}: no part of a CCD; fetch the file again")
    return n_row, n_column


def read_place(headers: PixelHeaders, pointing: Pointing, notes: PlaceNotes) -> FilePlace:
    """Return where the pixels of the file are on the CCD: by the physical WCS (1-based), else by the sky.

    Raises
    ------
    InputFileError
        When the headers make no sense, or leave the place out and it cannot be found.
    """
    values = _wcs_values(headers)
    if values.get("CRVAL1P") is None and values.get("CRVAL2P") is None:
        shape = read_shape(headers)
        wcs_cards = read_wcs(headers, Stamp(0, shape[0], 0, shape[1]), pointing)
        return place_by_sky(headers.path, wcs_cards, shape, pointing, notes)
    first = []
    for axis, name in ((2, "row"), (1, "column")):
        value = values.get(f"CRVAL{axis}P")
        if not isinstance(value, (int, float)) or value != int(value):
            raise InputFileError(
                headers.path,
                f"header key CRVAL{axis}P (or {axis}CRV5P) is {value!r}, expected the CCD {name} of the first pixel",
            )
        first.append(int(value) - int(values.get(f"CRPIX{axis}P", 1)))
    return FilePlace(first[0], first[1], BY_HEADER)


def stamp_of_file(headers: PixelHeaders, place: FilePlace) -> Stamp:
    """Return the pixels of a file on the CCD; InputFileError when none of them is on the science area."""
    n_row, n_column = read_shape(headers)
    stamp = Stamp(place.row, place.row + n_row, place.column, place.column + n_column)
    if not stamp.overlaps(SCIENCE_AREA):
        by_settings = f"first_pixel: [{place.row}, {place.column}] places"
        by_header = f"CRVAL1P, CRVAL2P = {place.column + 1}, {place.row + 1} place"
        raise InputFileError(
            headers.path,
            f"{by_settings if place.source == BY_SETTINGS else by_header} the pixels outside the CCD "
            f"(columns {SCIENCE_AREA.col_min + 1} to {SCIENCE_AREA.col_max}, rows {SCIENCE_AREA.row_min + 1} to "
            f"{SCIENCE_AREA.row_max}, counted from 1); "
            f"{'correct it' if place.source == BY_SETTINGS else 'fetch the file again'}",
        )
    return stamp


def read_wcs(headers: PixelHeaders, stamp: Stamp, pointing: Pointing) -> str:
    """Return the cards of the WCS in CCD pixels (`photometry.core.cube.CubeHeader.wcs_header`), after checking it."""
    own = _own_cards(headers, stamp.col_min, stamp.row_min)
    try:
        _check_wcs(headers.path, own, stamp, pointing)
    except InputFileError as error:
        raise _too_small(headers) or error from error
    return own


def _too_small(headers: PixelHeaders) -> InputFileError | None:
    """Return what is wrong with files of a single row or column, to which astrocut fits no WCS; None for others."""
    n_row, n_column = read_shape(headers)
    if min(n_row, n_column) > 1:
        return None
    return InputFileError(
        headers.path,
        f"has {n_row}x{n_column} pixels, to which no WCS can be fitted; ask TESScut for more rows and columns (a "
        "star's light covers about 5x5)",
    )


def _own_cards(headers: PixelHeaders, col_min: int = 0, row_min: int = 0) -> str:
    """Return the cards of the celestial WCS, moved by the place of the first pixel."""
    known = _wcs_values(headers)
    values = {key: value for key, value in known.items() if not key.endswith("P")}
    if not str(values.get("CTYPE1", "")).startswith("RA--") or not str(values.get("CTYPE2", "")).startswith("DEC-"):
        if (small := _too_small(headers)) is not None:
            raise small
        found = f"CTYPE1 = {values.get('CTYPE1')!r}, CTYPE2 = {values.get('CTYPE2')!r}"
        raise InputFileError(headers.path, f"has no celestial WCS ({found}, expected RA--- and DEC--); fetch it again")
    missing = [key for key in ("CRPIX1", "CRPIX2", "CRVAL1", "CRVAL2") if not isinstance(values.get(key), (int, float))]
    if missing:
        raise InputFileError(headers.path, f"its WCS lacks {', '.join(missing)}; fetch the file again")
    for axis, low in ((1, col_min), (2, row_min)):
        values[f"CRPIX{axis}"] = values[f"CRPIX{axis}"] + low
    return cards((key, value, "") for key, value in values.items()).decode("ascii")


def image_wcs_cards(header: fits.Header) -> str:
    """Return the cards of a full frame's celestial WCS as they are; empty when it has none that could be one.

    A full frame counts pixels as the CCD does, so nothing is moved.
    """
    if any(real_number(header_value(header, key)) is None for key in ("CRPIX1", "CRPIX2", "CRVAL1", "CRVAL2")):
        return ""
    if not str(header.get("CTYPE1")).startswith("RA--") or not str(header.get("CTYPE2")).startswith("DEC-"):
        return ""
    named = [*_WCS_KEYS, *(key for key in header if _SIP_KEY.fullmatch(key))]
    if not all(_can_be(key, value) for key in named if (value := header_value(header, key)) is not None):
        return ""
    linear = [header.cards[key].image for key in _WCS_KEYS if key in header]
    distortion = [card.image for card in header.cards if _SIP_KEY.fullmatch(card.keyword)]
    return "".join([*linear, *distortion])


def wcs_problem(wcs_header: str, stamp: Stamp) -> str:
    """Say why a WCS cannot be used for the pixels of a stamp; empty when positions go to the sky and back.

    The round trip of pixels in all parts of the stamp must close to 0.01 pixels.
    """
    rows, columns = (
        axis.ravel()
        for axis in np.meshgrid(
            np.linspace(stamp.row_min, stamp.row_max - 1, 5), np.linspace(stamp.col_min, stamp.col_max - 1, 5)
        )
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            wcs = WCS(wcs_header)
            scales = 3600 * proj_plane_pixel_scales(wcs if wcs.naxis == 2 else wcs.celestial)
            sky = wcs.all_pix2world(columns, rows, 0)
            back = wcs.all_world2pix(*sky, 0, quiet=True)
    except (ValueError, TypeError, ArithmeticError, np.linalg.LinAlgError) as error:
        return _first_line(error)
    if not all(_SCALE_RANGE[0] <= scale <= _SCALE_RANGE[1] for scale in scales):
        return f"pixels of {scales[0]:.3g} x {scales[1]:.3g} arcsec, expected about 21"
    miss = float(np.max(np.hypot(back[0] - columns, back[1] - rows)))
    return "" if miss < _ROUND_TRIP_PIX else f"positions come back {miss:.3g} pixels off"


def _check_wcs(path: Path, wcs_header: str, stamp: Stamp, pointing: Pointing) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            wcs = quick_wcs(wcs_header)
            scales = 3600 * proj_plane_pixel_scales(wcs if wcs.naxis == 2 else wcs.celestial)
            column, row = wcs.all_world2pix(pointing.ra, pointing.dec, 0, quiet=True)
    except (ValueError, TypeError, ArithmeticError, np.linalg.LinAlgError) as error:
        raise InputFileError(path, f"its WCS cannot be used ({_first_line(error)}); fetch the file again") from error
    if not all(_SCALE_RANGE[0] <= scale <= _SCALE_RANGE[1] for scale in scales):
        raise InputFileError(
            path, f"its WCS has pixels of {scales[0]:.3g} x {scales[1]:.3g} arcsec, expected about 21; fetch it again"
        )
    if math.isnan(pointing.ra) or math.isnan(pointing.dec):
        return
    distance = -float(stamp.border_distance(row, column))
    if not distance <= _OBJECT_MARGIN:
        raise InputFileError(
            path,
            f"its WCS is wrong: it places RA_OBJ, DEC_OBJ = {pointing.ra}, {pointing.dec} "
            f"at row {float(row):.0f}, column {float(column):.0f}, {distance:.0f} pixels from the file's pixels; "
            "fetch the file again",
        )


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())[:120]
