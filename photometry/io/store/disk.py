"""What is wrong when a file cannot be written, whoever says so: the system, HDF5 or SQLite; and files made safe."""

import contextlib
import errno
import os
import re
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

import h5py

from photometry.core.errors import OutputError, PhotometryError

__all__ = ["flush", "flush_folder", "new_hdf5", "output_error"]

#: What to do about it, by the system's number.
_FREE = "free some space there or raise the limit, or choose another folder (key 'output'), and run again"
_ALLOW = "make it writable or choose another folder (key 'output'), and run again"
_CHECK = "check the disk, or choose another folder (key 'output'), and run again"
_RENAME = (
    "a file or folder of another kind has this name: move it, or choose another folder (key 'output'), and run again"
)
_SHORTEN = "choose a folder with a shorter name (key 'output')"
_REMEDIES = {
    errno.ENOSPC: _FREE,
    errno.EDQUOT: _FREE,
    errno.EFBIG: _FREE,
    errno.EROFS: _ALLOW,
    errno.EACCES: _ALLOW,
    errno.EPERM: _ALLOW,
    errno.EIO: _CHECK,
    errno.EISDIR: _RENAME,
    errno.ENOTDIR: _RENAME,
    errno.EEXIST: _RENAME,
    errno.ENOTEMPTY: _RENAME,
    errno.ENAMETOOLONG: _SHORTEN,
}
_REFUSED = (errno.EACCES, errno.EPERM)
#: HDF5 passes the system's number on in its text.
_HDF5_ERRNO = re.compile(r"errno = (\d+)")
_SQLITE = {
    sqlite3.SQLITE_FULL: errno.ENOSPC,
    sqlite3.SQLITE_READONLY: errno.EROFS,
    sqlite3.SQLITE_CANTOPEN: errno.EACCES,
    sqlite3.SQLITE_IOERR: errno.EIO,
}
#: HDF5 crashes when a file that it could not write is closed or its datasets are freed: what holds them is kept.
_kept: list[object] = []


def output_error(error: BaseException, path: str | Path) -> OutputError | None:
    """Return the message for a file that could not be written; None when an exception is of another kind.

    Parameters
    ----------
    error : BaseException
        What was raised while the file was written.
    path : path-like
        The file.
    """
    number = _errno_of(error)
    if isinstance(error, PhotometryError) or number is None or number not in _REMEDIES:
        return None
    named = getattr(error, "filename", None)
    folders = [str(folder) for folder in Path(path).parents]
    if number in _REFUSED and named is not None and str(Path(named).parent) not in folders:
        # Another file, that was to be read.
        return None
    _kept.append(error)
    where = named if named in folders else path
    return OutputError(where, f"cannot be written ({os.strerror(number)}); {_REMEDIES[number]}")


@contextlib.contextmanager
def new_hdf5(path: str | Path) -> Iterator[h5py.File]:
    """Open a new HDF5 file for writing; all of it is handed to the system before it is closed.

    A file that could not be written is not closed. Datasets that are written chunk by chunk have to be flushed one by
    one: what is left in memory when they are freed is lost without an exception if it cannot be written then.
    """
    file = h5py.File(path, "w")
    try:
        yield file
        file.flush()
    except BaseException as error:
        if _errno_of(error) in _REMEDIES:
            _kept.append(file)
        else:
            file.close()
        raise
    file.close()


def _errno_of(error: BaseException) -> int | None:
    """Return the system's number of what went wrong, of any exception that tells it."""
    if isinstance(error, sqlite3.Error):
        # The low byte is the kind; errors of sqlite3's Python side have no code.
        code = getattr(error, "sqlite_errorcode", None)
        return None if code is None else _SQLITE.get(code & 0xFF)
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    if isinstance(error, (OSError, RuntimeError)) and (match := _HDF5_ERRNO.search(str(error))):
        return int(match[1])
    return None


def flush(paths: Iterable[str | Path]) -> None:
    """Make the system put files on the disk: they outlive a power cut."""
    for path in paths:
        with open(path, "rb") as file:
            os.fsync(file.fileno())


def flush_folder(folder: str | Path) -> None:
    """Make the system put the names of a folder's files on the disk."""
    # Some network file systems have no such thing, and need none.
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
