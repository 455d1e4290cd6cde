"""Which key of a FITS file's headers makes its structure unreadable: astropy's own messages do not name it."""

import re
from typing import Any, BinaryIO

from astropy.io import fits

from photometry.io.fits.damage import DAMAGED

__all__ = ["structure_fault"]

_BLOCK = 2880
#: Types of pixels, and kinds of extensions (FITS Standard 4.0, table 8 and section 7).
_BITPIX = (8, 16, 32, 64, -32, -64)
_EXTENSIONS = ("IMAGE", "TABLE", "BINTABLE")
_MOST_AXES = 999
#: Format of a column of a binary table (FITS Standard 4.0, section 7.3.1).
_FORMAT = re.compile(r"\d*[LXBIJKAEDCMPQ].*")


def structure_fault(file: BinaryIO) -> str:
    """Name the first key that says something impossible of the structure of a FITS file; empty where there is none.

    Parameters
    ----------
    file : binary file
        The file; its position changes.
    """
    size, start = file.seek(0, 2), 0
    while start < size:
        file.seek(start)
        try:
            header = fits.Header.fromfile(file, padding=False)
        except DAMAGED:
            return ""
        fault = _fault(header, is_primary=start == 0)
        if fault:
            return fault
        n_byte = _data_size(header)
        start = file.tell() + (-file.tell()) % _BLOCK + n_byte + (-n_byte) % _BLOCK
    return ""


def _fault(header: fits.Header, *, is_primary: bool) -> str:
    """Look at the keys that say how the data are laid out."""
    try:
        if not is_primary and header.get("XTENSION") not in _EXTENSIONS:
            return _said(header, "XTENSION", f"one of {', '.join(_EXTENSIONS)}")
        if header.get("BITPIX") not in _BITPIX:
            return _said(header, "BITPIX", f"one of {', '.join(map(str, _BITPIX))}")
        if not _is_count(header.get("NAXIS"), _MOST_AXES):
            return _said(header, "NAXIS", f"0 to {_MOST_AXES}")
        counts = [f"NAXIS{n}" for n in range(1, header["NAXIS"] + 1)] + ([] if is_primary else ["PCOUNT", "GCOUNT"])
        for key in counts:
            if not _is_count(header.get(key)):
                return _said(header, key, "a whole number of 0 or more")
        return _column_fault(header) if header.get("XTENSION") == "BINTABLE" else ""
    except fits.VerifyError as error:
        return " ".join(str(error).split())


def _column_fault(header: fits.Header) -> str:
    if not _is_count(header.get("TFIELDS"), _MOST_AXES):
        return _said(header, "TFIELDS", f"0 to {_MOST_AXES}")
    for number in range(1, header["TFIELDS"] + 1):
        form = header.get(f"TFORM{number}")
        if not isinstance(form, str) or not _FORMAT.fullmatch(form.strip()):
            return _said(header, f"TFORM{number}", "the format of a column, as E")
        for key in (f"TTYPE{number}", f"TDIM{number}", f"TUNIT{number}", f"TDISP{number}"):
            if key in header and not isinstance(header.get(key), str):
                return _said(header, key, "a text")
    return ""


def _is_count(value: Any, most: float = 2**63) -> bool:
    return type(value) is int and 0 <= value <= most


def _said(header: fits.Header, key: str, expected: str) -> str:
    value = header.get(key)
    return f"header key {key} is {'missing' if value is None else repr(value)}, expected {expected}"


def _data_size(header: fits.Header) -> int:
    """Bytes of the data that follow a header (FITS Standard 4.0, section 4.4.1)."""
    n_axis = header["NAXIS"]
    if not n_axis:
        return 0
    n_element = 1
    for number in range(1, n_axis + 1):
        n_element *= header[f"NAXIS{number}"]
    return int(abs(header["BITPIX"]) // 8 * header.get("GCOUNT", 1) * (header.get("PCOUNT", 0) + n_element))
