"""Opening SQLite files for reading: the file that is named and no other, and nothing is written beside it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from photometry.core.errors import InputFileError

__all__ = ["open_sqlite"]

#: Files beside a database in which a program that writes it keeps what is not in the database itself.
_UNFINISHED = ("-wal", "-journal")


@contextmanager
def open_sqlite(path: str | Path) -> Iterator[sqlite3.Connection]:
    """Open an SQLite file for reading.

    It is opened as one that nobody changes: SQLite then makes no files beside it (a database in WAL mode would get two)
    and takes no locks, which some network file systems do not have. Rows that another program has not yet brought into
    the file would be missing without a word; such a file is refused.

    Raises
    ------
    InputFileError
        When another program is writing the file, or has not finished it.
    sqlite3.Error
        When the file is missing or no database; also while it is used.

    References
    ----------
    SQLite, Uniform Resource Identifiers, section 3.3: mode=ro, immutable=1. A name is part of an address only with its
    special characters (#, ?, %) encoded.
    """
    path = Path(path).absolute()
    for ending in _UNFINISHED:
        beside = path.with_name(path.name + ending)
        if beside.is_file() and beside.stat().st_size:
            raise InputFileError(
                path, f"another program has not finished writing it ({beside.name} holds changes); close that program"
            )
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
        yield connection
