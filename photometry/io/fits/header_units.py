"""Headers of all HDUs of a FITS file, without what astropy makes of them: a thousand files are looked at by one plan.

Files whose headers are plain are read here, card by card, in a millisecond or two; astropy takes 10 ms. All others, and
all that something is wrong with, are read by `photometry.io.fits.fits_files.open_fits`, which says what that is.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from astropy.io import fits

from photometry.io.fits.fits_files import open_fits
from photometry.io.fits.structure import data_size, layout_fault

__all__ = ["HeaderUnit", "header_units"]

_BLOCK, _CARD = 2880, 80
_END = "END".ljust(_CARD)
#: A card of a keyword with a text, a logical value, a whole or another number or none, and a comment (FITS Standard
#: 4.0, section 4.2). Longer texts, quotes in texts, complex numbers, exponents beyond 99 and HIERARCH are not plain.
_PLAIN = re.compile(
    r"(?=.{8}= )([A-Z0-9_-]+) *= +"
    r"(?:'([^']*)'|([TF])|([+-]?\d{1,18})|([+-]?(?:\d+\.\d*|\.\d+)(?:[ED][+-]?\d{1,2})?|[+-]?\d+[ED][+-]?\d{1,2}))?"
    r" *(?:/.*)?"
)
_REMARKS = ("COMMENT ", "HISTORY ", " " * 8)
#: Kinds of HDUs that astropy reads in ways of its own.
_SPECIAL = ("GROUPS", "ZIMAGE", "ZTABLE")
#: What astropy takes for several keywords in one card.
_RECORD = ": "


@dataclass(frozen=True, slots=True)
class HeaderUnit:
    """Header of an HDU.

    Parameters
    ----------
    name : str
        Its EXTNAME, upper case; ``PRIMARY`` for a first HDU without one, empty for others.
    is_table : bool
        Whether it is a binary table.
    values : mapping of str to object
        Values by keyword: of `astropy.io.fits.Header`, or a dict of the same values.
    """

    name: str
    is_table: bool
    values: Mapping[str, Any]


def header_units(path: str | Path) -> list[HeaderUnit]:
    """Read the headers of all HDUs of a file whose size agrees with them.

    Raises
    ------
    InputFileError
        As `photometry.io.fits.fits_files.open_fits`.
    """
    if Path(path).is_file():
        with open(path, "rb") as file:
            units = _plain_units(file)
        if units is not None:
            return units
    with open_fits(path) as hdus:
        return [HeaderUnit(hdu.name, isinstance(hdu, fits.BinTableHDU), hdu.header) for hdu in hdus]


def _plain_units(file: BinaryIO) -> list[HeaderUnit] | None:
    """Read the headers of a file; None where there is anything in it that is not as it is in most."""
    size, start, units = file.seek(0, 2), 0, list[HeaderUnit]()
    while start < size:
        file.seek(start)
        values = _plain_values(_cards(file))
        if values is None or not _is_usual(values, is_primary=start == 0):
            return None
        n_byte = data_size(values)
        start = file.tell() + n_byte + (-n_byte) % _BLOCK
        name = str(values.get("EXTNAME", "PRIMARY" if not units else "")).strip().upper()
        units.append(HeaderUnit(name, values.get("XTENSION") == "BINTABLE", values))
    return units if units and start == size else None


def _is_usual(values: Mapping[str, Any], *, is_primary: bool) -> bool:
    """Tell whether an HDU is one of the usual kinds and nothing is wrong with how it is laid out."""
    begins_well = values.get("SIMPLE") is True if is_primary else "XTENSION" in values
    is_special = any(key in values for key in _SPECIAL) or not isinstance(values.get("EXTNAME", ""), str)
    return begins_well and not is_special and not layout_fault(values, is_primary=is_primary)


def _cards(file: BinaryIO) -> Iterator[str]:
    """Give the cards of a header, to the end of the block that ends it or of the file."""
    while len(block := file.read(_BLOCK)) == _BLOCK:
        text = block.decode("latin-1")
        cards = [text[at : at + _CARD] for at in range(0, _BLOCK, _CARD)]
        yield from cards
        if _END in cards:
            break


def _plain_values(cards: Iterator[str]) -> dict[str, Any] | None:
    """Return the values of cards that are all plain, the first of each keyword, as astropy reads them."""
    values: dict[str, Any] = {}
    for card in cards:
        if not card.isascii() or not card.isprintable():
            return None
        if card == _END:
            # The rest of the block is blank.
            return values if not any(rest.strip(" ") for rest in cards) else None
        if card.startswith(_REMARKS):
            continue
        found = _PLAIN.fullmatch(card)
        if found is None or _RECORD in (found[2] or ""):
            return None
        values.setdefault(found[1], _value(*found.groups()[1:]))
    return None


def _value(text: str | None, logical: str | None, whole: str | None, number: str | None) -> Any:
    """Return the value of a card from the part of it that is there; None where none is."""
    if text is not None:
        return text.rstrip()
    if logical is not None:
        return logical == "T"
    if whole is not None:
        return int(whole)
    return None if number is None else float(number.replace("D", "E"))
