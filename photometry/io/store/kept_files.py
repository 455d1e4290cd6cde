"""Light curve files that need not be written again keep their bytes and their date."""

import re
from pathlib import Path

from photometry.io.store.provenance import atomic_path

__all__ = ["write_if_different"]

_BLOCK, _CARD = 2880, 80
_END = b"END".ljust(_CARD)
#: Cards of the primary header that say who made a file and from which files, not what it holds; and its checksum.
_ORIGIN = re.compile(rb"(GITREV|INPUT\d+|CHECKSUM) *=")


def write_if_different(path: Path, content: bytes) -> bytes:
    """Write a FITS file unless it is there with the same content; return what is there now.

    The cards ``GITREV`` and ``INPUT1``, ``INPUT2``, ... are not compared: a light curve that comes out the same of
    other sources, or of a catalogue with another star in it, stays what it was and names what it was made from.
    It is not flushed: who lists the files does that for all (`photometry.io.store.disk.flush`), in half of the time.
    """
    if path.is_file():
        found = path.read_bytes()
        if found == content or _holds(found) == _holds(content):
            return found
    with atomic_path(path, flushed=False) as temporary:
        temporary.write_bytes(content)
    return content


def _holds(content: bytes) -> tuple[list[bytes], bytes]:
    """Return the cards of the primary header that are compared, and all that follows the header."""
    kept: list[bytes] = []
    left_out = False
    for start in range(0, len(content), _CARD):
        card = content[start : start + _CARD]
        if card == _END:
            return kept, content[start + _BLOCK - start % _BLOCK :]
        left_out = _ORIGIN.match(card) is not None or (left_out and card.startswith(b"CONTINUE"))
        if not left_out:
            kept.append(card)
    return [], content
