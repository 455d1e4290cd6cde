"""Gzipped files that do not unpack to more than a file of their size can mean."""

import gzip
import io
from pathlib import Path
from typing import IO, BinaryIO

from photometry.core.errors import InputFileError

__all__ = ["is_gzipped", "open_gzipped"]

_MAGIC = b"\x1f\x8b"
#: Bytes that a file may unpack to: so many whatever its size, and so many for each of its own. Tables and pixels, even
#: those of constant images, are packed to no less than a hundredth; a file of blanks is to a thousandth.
_MOST, _MOST_PER_BYTE = 1 << 26, 100


def is_gzipped(file: IO[bytes]) -> bool:
    """Tell whether a file is gzipped, by its first bytes; it is at its beginning afterwards."""
    found = file.read(len(_MAGIC)) == _MAGIC
    file.seek(0)
    return found


def open_gzipped(path: str | Path, file: BinaryIO) -> io.BufferedReader:
    """Open a gzipped file for reading what it unpacks to.

    Parameters
    ----------
    path : path-like
        Its name, for messages.
    file : binary file
        The file, at its beginning.

    Returns
    -------
    BufferedReader
        It raises InputFileError when the file unpacks to more than it can mean, and EOFError, OSError or zlib.error
        when it is damaged.
    """
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    return io.BufferedReader(_Bounded(Path(path), gzip.GzipFile(fileobj=file), _MOST + _MOST_PER_BYTE * size))


class _Bounded(io.RawIOBase):
    """A gzipped file that is read no farther than its bound."""

    def __init__(self, path: Path, unpacked: gzip.GzipFile, most: int) -> None:
        super().__init__()
        self._path, self._unpacked, self._most = path, unpacked, most

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._unpacked.seek(offset, whence)

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        if self._unpacked.tell() > self._most:
            raise InputFileError(
                self._path, f"unpacks to more than {self._most / 1e6:.0f} MB, too much for its size; unpack it yourself"
            )
        content = self._unpacked.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)
