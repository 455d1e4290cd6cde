"""Light curve files that an index lists, and which of them are not there as they were written."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from photometry.core.errors import InputFileError

__all__ = ["ListedFile", "files_in_index", "lost_files"]

_COLUMNS = ("file", "size", "digest")


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A light curve file.

    Parameters
    ----------
    file : str
        Path below the output folder.
    size : int
        Bytes.
    digest : str
        SHA-256, hexadecimal.
    """

    file: str
    size: int
    digest: str


def files_in_index(path: str | Path) -> list[ListedFile]:
    """Return the light curve files that the index of a tile lists; nothing else of it is read, which takes no time.

    Raises
    ------
    InputFileError
        When the index is missing, damaged, or of another version.
    """
    try:
        text = Path(path).read_text()
    except FileNotFoundError as error:
        raise InputFileError(path, "no such file") from error
    except UnicodeDecodeError as error:
        raise InputFileError(path, f"is damaged ({error}); delete it and run again") from error
    names, *rows = [row for row in csv.reader(text.splitlines(), delimiter=" ") if not row or row[0] != "#"] or [[]]
    missing = [name for name in _COLUMNS if name not in names]
    if missing:
        raise InputFileError(path, f"lacks the columns {', '.join(missing)}; delete it and run again")
    places = [names.index(name) for name in _COLUMNS]
    # What is cut off may be a row, or the end of one.
    if not text.endswith("\n") or any(len(row) != len(names) for row in rows):
        raise InputFileError(path, "a row is cut off; delete it and run again")
    try:
        listed = [ListedFile(row[places[0]], int(row[places[1]]), row[places[2]]) for row in rows]
    except ValueError as error:
        raise InputFileError(path, f"is damaged ({error}); delete it and run again") from error
    return [one for one in listed if one.file]


def lost_files(output: str | Path, listed: Iterable[ListedFile]) -> dict[str, str]:
    """Return what is wrong with files that are missing or have another size, by their path below the output folder."""
    lost = {}
    for one in listed:
        try:
            size = Path(output, one.file).stat().st_size
        except OSError as error:
            lost[one.file] = f"is lost ({error.strerror})"
            continue
        if size != one.size:
            lost[one.file] = f"has {size} bytes, {one.size} were written"
    return lost
