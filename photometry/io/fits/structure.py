"""Which key of a FITS file's headers makes its structure unreadable: astropy's own messages do not name it."""

import math
import re
from collections.abc import Mapping
from typing import Any, BinaryIO

from astropy.io import fits

from photometry.io.fits.damage import DAMAGED

__all__ = ["data_size", "endless_fault", "layout_fault", "structure_fault"]

_BLOCK = 2880
#: Types of pixels, and kinds of extensions (FITS Standard 4.0, table 8 and section 7).
_BITPIX = (8, 16, 32, 64, -32, -64)
_EXTENSIONS = ("IMAGE", "TABLE", "BINTABLE")
_MOST_AXES = 999
#: Keys that lay out an HDU: how much is in it, and whether astropy ever comes to an end of it.
_LAYOUT = frozenset((b"BITPIX", b"NAXIS", b"PCOUNT", b"GCOUNT", b"TFIELDS"))
_CARD = 80
_MORE_THAN_THERE_IS = 10**18
#: Format of a column of a binary table (FITS Standard 4.0, section 7.3.1).
_FORMAT = re.compile(r"\d*[LXBIJKAEDCMPQ].*")


def endless_fault(file: BinaryIO) -> str:
    """Name the first NAXIS or TFIELDS that counts more than there can be: astropy would look for each of them.

    Parameters
    ----------
    file : binary file
        The file; it is at its beginning afterwards. Only the bytes of a few cards are read, as every plan does it.
    """
    size, start = file.seek(0, 2), 0
    fault = ""
    while start < size and not fault:
        file.seek(start)
        layout = _layout(file)
        for key in (b"NAXIS", b"TFIELDS"):
            if layout is not None and layout.get(key, 0) > _MOST_AXES:
                fault = f"header key {key.decode()} is {layout[key]}, expected 0 to {_MOST_AXES}"
        if layout is None or fault:
            break
        n_byte = _layout_size(layout)
        start = file.tell() + n_byte + (-n_byte) % _BLOCK
    file.seek(0)
    return fault


def _layout(file: BinaryIO) -> dict[bytes, int] | None:
    """Read the keys that lay out an HDU, to the end of its header; None where one is no number, or there is no end."""
    found: dict[bytes, int] = {}
    while block := file.read(_BLOCK):
        for at in range(0, len(block), _CARD):
            key = block[at : at + 8].rstrip()
            if key == b"END":
                return found
            if key in _LAYOUT or key.startswith(b"NAXIS"):
                try:
                    value = float(block[at + 10 : at + _CARD].split(b"/")[0])
                except ValueError:
                    return None
                if not math.isfinite(value):
                    return None
                found.setdefault(key, int(min(abs(value), _MORE_THAN_THERE_IS)))
    return None


def _layout_size(layout: dict[bytes, int]) -> int:
    """Bytes of the data of an HDU; more than any file has where the layout is none."""
    axes = [layout.get(b"NAXIS%d" % number, 0) for number in range(1, layout.get(b"NAXIS", 0) + 1)]
    n_byte = _n_byte(axes, layout.get(b"BITPIX", 8), layout.get(b"PCOUNT", 0), layout.get(b"GCOUNT", 1))
    return min(n_byte, _MORE_THAN_THERE_IS)


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
        fault = layout_fault(header, is_primary=start == 0)
        if fault:
            return fault
        n_byte = data_size(header)
        start = file.tell() + (-file.tell()) % _BLOCK + n_byte + (-n_byte) % _BLOCK
    return ""


def layout_fault(header: Mapping[str, Any], *, is_primary: bool) -> str:
    """Name the first key of a header that says something impossible of its data's layout; empty where none does."""
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


def _column_fault(header: Mapping[str, Any]) -> str:
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


def _said(header: Mapping[str, Any], key: str, expected: str) -> str:
    value = header.get(key)
    return f"header key {key} is {'missing' if value is None else repr(value)}, expected {expected}"


def data_size(header: Mapping[str, Any]) -> int:
    """Return the number of bytes of the data that follow a header without `layout_fault`."""
    axes = [header[f"NAXIS{number}"] for number in range(1, header["NAXIS"] + 1)]
    return _n_byte(axes, header["BITPIX"], header.get("PCOUNT", 0), header.get("GCOUNT", 1))


def _n_byte(axes: list[int], bitpix: int, pcount: int, gcount: int) -> int:
    """Bytes of data with some lengths of their axes (FITS Standard 4.0, section 4.4.1)."""
    return abs(bitpix) // 8 * gcount * (pcount + math.prod(axes)) if axes else 0
