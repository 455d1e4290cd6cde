"""Tables that users bring, told by what they hold, not by their names."""

import io
import re
from typing import IO

from astropy.table import Table

__all__ = ["table_by_content"]

#: Bytes at the beginning that tell the format.
_HEAD = 2000
#: What makes a reader of VOTables fetch data from an address, or could hide that.
_ELSEWHERE = re.compile(rb"<(\w+:)?STREAM\b[^>]*\bhref|<!ENTITY", re.IGNORECASE)


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
    ValueError
        When a VOTable has its data elsewhere, whence astropy would fetch them, or defines words of its own.
    Exception
        What astropy raises for damaged tables (`photometry.io.fits.damage.DAMAGED`).
    """
    head = opened.read(_HEAD)
    opened.seek(0)
    if head.startswith(b"SIMPLE  ="):
        return Table.read(io.BytesIO(opened.read()), format="fits", character_as_bytes=False)
    if b"<VOTABLE" in head:
        content = opened.read()
        if found := _ELSEWHERE.search(content):
            raise ValueError(f"it has {found[0][:40].decode(errors='replace')!r}: save the table with its data in it")
        return Table.read(io.BytesIO(content), format="votable")
    if head.startswith(b"# %ECSV"):
        return Table.read(opened.read().decode(), format="ascii.ecsv")
    return None
