"""Tables that users bring, told by what they hold, not by their names."""

import io
from typing import IO

from astropy.table import Table

__all__ = ["table_by_content"]

#: Bytes at the beginning that tell the format.
_HEAD = 2000


def table_by_content(opened: IO[bytes]) -> Table | None:
    """Read a FITS table, a VOTable or an ECSV table.

    Parameters
    ----------
    opened : binary file
        At its beginning.

    Returns
    -------
    Table or None
        None when it is none of these: CSV, perhaps. The file is at its beginning again.

    Raises
    ------
    ValueError, TypeError, KeyError, IndexError, OSError, EOFError
        What astropy raises for damaged tables.
    """
    head = opened.read(_HEAD)
    opened.seek(0)
    if head.startswith(b"SIMPLE  ="):
        return Table.read(io.BytesIO(opened.read()), format="fits", character_as_bytes=False)
    if b"<VOTABLE" in head:
        return Table.read(io.BytesIO(opened.read()), format="votable")
    if head.startswith(b"# %ECSV"):
        return Table.read(opened.read().decode(), format="ascii.ecsv")
    return None
