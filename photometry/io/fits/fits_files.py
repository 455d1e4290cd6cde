"""Opening FITS files so that a damaged one is refused with one clear sentence."""

import cmath
import gzip
import io
import logging
import warnings
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from astropy.io import fits

from photometry.core.errors import InputFileError
from photometry.io.fits.damage import DAMAGED
from photometry.io.fits.fits_bytes import ones_complement_sum, with_carry
from photometry.io.fits.gzip_files import is_gzipped, open_gzipped
from photometry.io.fits.structure import endless_fault, structure_fault

__all__ = ["check_cards", "header_value", "open_fits", "real_number", "table_data", "verify_checksums"]

_FETCH_AGAIN = "delete it and fetch it again"
#: Whole numbers beyond this are none that a header can mean.
_TOO_LARGE = 1e300
#: How every file and every extension begins (FITS Standard 4.0, sections 4.4.1.1 and 4.4.1.2).
_FIRST = b"SIMPLE  ="
_EXTENSION = b"XTENSION"
#: Words that are summed at once: what stays in the processor's cache.
_WORDS_AT_ONCE = 1 << 17


@contextmanager
def open_fits(path: str | Path, *, every_card: bool = True) -> Iterator[fits.HDUList]:
    """Open a FITS file, gzipped or not, whose size agrees with its headers.

    A plain file is mapped, not read, so that headers alone cost nothing. A gzipped one is unpacked as a whole, which
    also checks it against its CRC.

    Parameters
    ----------
    path : path-like
        The file.
    every_card : bool
        Whether every card of its headers is read, not only those that are asked for: half of the time, needless where
        that was done before.

    Raises
    ------
    InputFileError
        When the file is missing, no FITS file, truncated or damaged.
    """
    path = Path(path)
    if not path.is_file():
        raise InputFileError(path, "no such file")
    with open(path, "rb") as file:
        zipped = is_gzipped(file)
        source = io.BytesIO(_unpacked(path, file)) if zipped else file
        size = source.seek(0, io.SEEK_END)
        source.seek(0)
        if fault := endless_fault(source):
            raise InputFileError(path, f"cannot be read as FITS ({fault}); {_FETCH_AGAIN}")
        with _parse(path, source, memmap=not zipped, every_card=every_card) as hdus:
            _check_size(path, hdus, size)
            yield hdus


def _unpacked(path: Path, file: BinaryIO) -> bytes:
    try:
        return open_gzipped(path, file).read()
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputFileError(path, f"is truncated or damaged ({error}); {_FETCH_AGAIN}") from error


def _parse(path: Path, source: BinaryIO, *, memmap: bool, every_card: bool) -> fits.HDUList:
    """Read the headers of all HDUs."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", fits.verify.VerifyWarning)
        try:
            hdus = fits.open(source, mode="readonly", memmap=memmap, lazy_load_hdus=False)
            for hdu in hdus if every_card else ():
                check_cards(hdu.header)
        except UserWarning as problem:  # astropy only warns of a damaged end
            reason = " ".join(str(problem).split())
            raise InputFileError(path, f"is truncated or damaged ({reason}); {_FETCH_AGAIN}") from problem
        except fits.VerifyError as error:
            reason = " ".join(str(error).split())
            raise InputFileError(path, f"has a damaged header ({reason}); {_FETCH_AGAIN}") from error
        except DAMAGED as error:
            source.seek(0)
            if "END card" in str(error) and source.read(len(_FIRST)) == _FIRST:
                raise InputFileError(path, f"is truncated: it ends within a header; {_FETCH_AGAIN}") from error
            reason = structure_fault(source) or " ".join(str(error).split()) or type(error).__name__
            raise InputFileError(
                path, f"cannot be read as FITS ({reason}); if it should be a FITS file, {_FETCH_AGAIN}"
            ) from error
    return hdus


def check_cards(header: fits.Header) -> None:
    """Read the value of every card, which astropy puts off.

    Raises
    ------
    VerifyError
        When a card is none.
    ValueError
        When a number is too large to be one: astropy makes infinity of 1E400.
    """
    for card in header.cards:
        value = card.value
        if isinstance(value, (float, complex)) and not cmath.isfinite(value):
            raise ValueError(f"header key {card.keyword} is {value}, expected a finite number")


def real_number(value: Any) -> float | None:
    """Return a header's value as a number; None where it is no finite real number."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and abs(value) < _TOO_LARGE else None


def table_data(path: str | Path, hdus: fits.HDUList, name: str) -> fits.FITS_rec:
    """Return the data of a table whose columns can all be read.

    Raises
    ------
    InputFileError
        When the header's description of the columns does not fit the data.
    """
    try:
        data = hdus[name].data
        for column in data.names:
            _ = data[column][:1]
    except DAMAGED as error:
        raise InputFileError(path, f"its table {name} is damaged ({error}); {_FETCH_AGAIN}") from error
    return data


def _check_size(path: Path, hdus: fits.HDUList, size: int) -> None:
    where = hdus[-1].fileinfo()
    expected = where["datLoc"] + where["datSpan"]
    if size < expected:
        raise InputFileError(path, f"is truncated: {size} bytes where its headers promise {expected}; {_FETCH_AGAIN}")
    file = where["file"]
    file.seek(expected)
    start = file.read(len(_EXTENSION))
    # What is behind the last HDU is blank in whole files, if there is anything.
    if start and _EXTENSION.startswith(start):
        raise InputFileError(
            path, f"is truncated: it ends within the header of its extension {len(hdus)}; {_FETCH_AGAIN}"
        )


def header_value(header: Mapping[str, Any], key: str) -> Any:
    """Return a key's value; None where the key is missing or blank."""
    value = header.get(key)
    if isinstance(value, fits.card.Undefined) or (isinstance(value, str) and not value.strip()):
        return None
    return value


def verify_checksums(path: str | Path, hdus: fits.HDUList, *, strict: bool = False) -> None:
    """Compare the CHECKSUM and DATASUM cards, where there are any, with the bytes of the file.

    Where header and data of an HDU both disagree with its cards, a tool has rewritten it without keeping the cards up
    to date (excerpts of archive files are like that): this is logged. Where only one of the two disagrees the file is
    damaged. A CHECKSUM without DATASUM cannot tell the two cases apart: a disagreement is logged, or with `strict`
    counts as damage (full-frame images of the archive have no DATASUM).

    Raises
    ------
    InputFileError
        When header or data are damaged.

    References
    ----------
    FITS Standard 4.0, section 4.4.2.7 and appendix J: ones' complement sum of 32-bit words; an HDU with CHECKSUM adds
    up to all ones.

    Notes
    -----
    astropy's `verify_checksum` leaves the data out where DATASUM is missing, so that every full-frame image of the
    archive would be damaged, and does not say which part of an HDU disagrees.
    """
    for hdu in hdus:
        has_checksum, datasum = header_value(hdu.header, "CHECKSUM"), header_value(hdu.header, "DATASUM")
        if has_checksum is None and datasum is None:
            continue
        header_sum, data_sum = _sums(hdu)
        name = f"HDU {hdu.name or 'without name'}"
        if datasum is None:
            if with_carry(header_sum + data_sum) != 0xFFFFFFFF:
                if strict:
                    raise InputFileError(
                        path, f"{name} disagrees with its CHECKSUM: the file is damaged, or was changed; {_FETCH_AGAIN}"
                    )
                logging.getLogger(__name__).warning("%s: CHECKSUM of %s is out of date", path, name)
            continue
        data_right = _number(path, name, datasum) == data_sum
        header_right = has_checksum is None or with_carry(header_sum + _number(path, name, datasum)) == 0xFFFFFFFF
        if not data_right and not header_right:
            logging.getLogger(__name__).warning("%s: CHECKSUM and DATASUM of %s are out of date", path, name)
        elif not (data_right and header_right):
            part = "header" if data_right else "data"
            raise InputFileError(
                path, f"the {part} of {name} disagree with the checksum: the file is damaged; {_FETCH_AGAIN}"
            )


def _number(path: str | Path, name: str, datasum: Any) -> int:
    try:
        return int(datasum)
    except ValueError as error:
        raise InputFileError(path, f"DATASUM of {name} is {datasum!r}, expected a number; {_FETCH_AGAIN}") from error


def _sums(hdu: Any) -> tuple[int, int]:
    """Return the sums of an HDU's header and data bytes."""
    where = hdu.fileinfo()
    start, middle, end = where["hdrLoc"], where["datLoc"], where["datLoc"] + where["datSpan"]
    file = where["file"]
    position = file.tell()
    try:
        return _sum_of_bytes(file, start, middle), _sum_of_bytes(file, middle, end)
    finally:
        file.seek(position)


def _sum_of_bytes(file: Any, start: int, end: int) -> int:
    file.seek(start)
    total, left = 0, end - start
    while left > 0:
        block = file.read(min(4 * _WORDS_AT_ONCE, left))
        if not block:
            break
        left -= len(block)
        total = ones_complement_sum(block, total)
    return total
