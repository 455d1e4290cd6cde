"""FITS header-data units as bytes, without the detours that cost milliseconds per file.

Cards are formatted by `astropy.io.fits.Card`; what is fixed for many files is formatted once. Checksums follow the FITS
standard 4.0, section 4.4.2.7 and appendix J.
"""

import math
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from astropy.io import fits

__all__ = ["CardItem", "cards", "hdu", "image_cards", "ones_complement_sum", "table_cards", "with_carry"]

#: Keyword, value, comment. The text of a COMMENT is its value, up to 72 characters.
CardItem: TypeAlias = tuple[str, str | int | float | bool | None, str]

_BLOCK = 2880
_CARD = 80
#: Characters of a number in the fixed format.
_FIXED_WIDTH = 20
_END = b"END" + b" " * (_CARD - 3)
_ZERO_CHECKSUM = b"0" * 16
#: Characters between the digits and the letters of ASCII, which an encoded checksum must not contain (appendix J.2).
_EXCLUDED = frozenset((*range(0x3A, 0x41), *range(0x5B, 0x61)))


def cards(items: Iterable[CardItem]) -> bytes:
    """Format cards, 80 bytes each (long texts are continued); a value of None or NaN is left undefined."""
    return "".join(_card(key, value, comment) for key, value, comment in items).encode("ascii")


def _card(key: str, value: str | int | float | bool | None, comment: str) -> str:
    """Format a card: numbers and texts that fit the fixed format here, 20 times faster, the rest by astropy."""
    if key == "COMMENT":
        return f"COMMENT {value:72s}"
    if isinstance(value, str):
        quoted = f"'{value:8s}'"
        is_plain = value and value.isascii() and value.isprintable() and "'" not in value
        text = f"{quoted:20s}" if is_plain else ""
    elif value is None or not math.isfinite(value):
        return _other_card(key, None, comment)
    elif isinstance(value, bool):
        text = f"{'T' if value else 'F':>20s}"
    else:
        text = f"{_number(value):>20s}"
    card = f"{key:8s}= {text} / {comment}" if comment else f"{key:8s}= {text}"
    fits_here = text and len(card) <= _CARD and (isinstance(value, str) or len(text) == _FIXED_WIDTH)
    return f"{card:80s}" if fits_here else _other_card(key, value, comment)


def _number(value: float) -> str:
    text = repr(float(value)) if isinstance(value, float) else str(int(value))
    if "e" not in text:
        return text
    mantissa, exponent = text.split("e")
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}E{exponent}"


@lru_cache(maxsize=1024)
def _other_card(key: str, value: str | int | float | None, comment: str) -> str:
    # A comment that has no room beside a value of one line is left out.
    length = len(value.replace("'", "''")) + 2 if isinstance(value, str) else _FIXED_WIDTH
    room = _CARD - len("KEYWORD = ") - max(length, _FIXED_WIDTH) - len(" / ")
    fits_one_line = length <= _CARD - len("KEYWORD = ")
    return str(fits.Card(key, value, "" if fits_one_line and len(comment) > room else comment))


def hdu(header: bytes, data: bytes = b"", padding: bytes = b"\0") -> bytes:
    """Return a header-data unit with its checksums.

    Parameters
    ----------
    header : bytes
        Cards without END, DATASUM and CHECKSUM.
    data : bytes
        Data as they are in the file: big-endian.
    padding : bytes
        What fills the last block of the data.
    """
    data = _filled(data, padding)
    datasum = ones_complement_sum(data)
    start = header + cards([("DATASUM", str(datasum), "sum of the data")])
    open_card = cards([("CHECKSUM", _ZERO_CHECKSUM.decode(), "HDU checksum")])
    total = ones_complement_sum(_filled(start + open_card + _END, b" "), datasum)
    closed = open_card.replace(_ZERO_CHECKSUM, _encoded(~total & 0xFFFFFFFF))
    return _filled(start + closed + _END, b" ") + data


def _filled(content: bytes, padding: bytes) -> bytes:
    """Fill up the last block of 2880 bytes."""
    return content + padding * (-len(content) % _BLOCK)


def ones_complement_sum(content: bytes, total: int = 0) -> int:
    """Add the 32-bit words of `content` to a total in ones' complement."""
    return with_carry(total + int(np.frombuffer(content, dtype=">u4").sum(dtype=np.uint64)))


def with_carry(total: int) -> int:
    """Bring a sum back to 32 bits in ones' complement: what runs over is added at the lower end."""
    while total >> 32:
        total = (total & 0xFFFFFFFF) + (total >> 32)
    return total


def _encoded(value: int) -> bytes:
    """Write a 32-bit number as 16 letters and digits whose words add up to it (appendix J.2)."""
    characters = bytearray(16)
    for place, byte in enumerate(value.to_bytes(4, "big")):
        characters[place::4] = _four_characters(byte)
    return bytes(characters[-1:] + characters[:-1])


@cache
def _four_characters(byte: int) -> bytes:
    """Write a byte as four letters and digits that add up to it."""
    parts = [byte // 4 + ord("0")] * 4
    parts[0] += byte % 4
    while any(part in _EXCLUDED for part in parts):
        for first in (0, 2):
            if parts[first] in _EXCLUDED or parts[first + 1] in _EXCLUDED:
                parts[first] += 1
                parts[first + 1] -= 1
    return bytes(parts)


def image_cards(name: str, image: npt.NDArray[np.float32] | npt.NDArray[np.int32]) -> bytes:
    """Return the first cards of an image extension of 32-bit numbers."""
    return _image_cards(name, -32 if image.dtype.kind == "f" else 32, *image.shape)


@lru_cache(maxsize=1024)
def _image_cards(name: str, bits: int, n_row: int, n_column: int) -> bytes:
    return cards(
        [
            ("XTENSION", "IMAGE", "image extension"),
            ("BITPIX", bits, "32-bit numbers"),
            ("NAXIS", 2, "columns, rows"),
            ("NAXIS1", n_column, "number of columns"),
            ("NAXIS2", n_row, "number of rows"),
            ("PCOUNT", 0, "no group parameters"),
            ("GCOUNT", 1, "one group"),
            ("EXTNAME", name, "name of extension"),
            ("EXTVER", 1, "extension version number"),
        ]
    )


def table_cards(
    name: str,
    dtype: np.dtype[np.void],
    columns: Iterable[tuple[str, str, str, str]],
    rows: int,
    units: Mapping[str, str] = MappingProxyType({}),
) -> bytes:
    """Return the first cards of a binary table.

    Parameters
    ----------
    name : str
        Name of the extension.
    dtype : numpy.dtype
        Row of the table: big-endian numbers, one field for each column.
    columns : iterable of (name, unit, display format, comment)
        The columns; an empty unit is left out.
    units : mapping of str to str
        What units are, where their names do not say it.
    rows : int
        Number of rows.
    """
    items: list[CardItem] = [
        ("XTENSION", "BINTABLE", "binary table extension"),
        ("BITPIX", 8, "bytes"),
        ("NAXIS", 2, "bytes of a row, rows"),
        ("NAXIS1", dtype.itemsize, "bytes of a row"),
        ("NAXIS2", rows, "number of rows"),
        ("PCOUNT", 0, "no variable-length columns"),
        ("GCOUNT", 1, "one group"),
        ("TFIELDS", len(dtype.names or ()), "number of columns"),
    ]
    codes = {"f8": "D", "f4": "E", "i4": "J"}
    for number, (column, unit, display, comment) in enumerate(columns, start=1):
        items.append((f"TTYPE{number}", column, comment))
        items.append((f"TFORM{number}", codes[dtype[column].str[1:]], ""))
        if unit:
            items.append((f"TUNIT{number}", unit, units.get(unit, "")))
        items.append((f"TDISP{number}", display, ""))
    return cards([*items, ("EXTNAME", name, "name of extension"), ("EXTVER", 1, "extension version number")])
