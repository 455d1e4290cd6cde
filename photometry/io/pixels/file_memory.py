"""What the headers of pixel files say, kept between runs: a plan of thousands of files reads the new ones alone.

Every job of a run starts with the plan of all of it.
"""

import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from photometry.core.cube import Exposure, Pointing
from photometry.core.geometry import Stamp
from photometry.core.times import TimeOffset
from photometry.io.pixels.file_places import FilePlace
from photometry.io.pixels.pixel_file import PixelFile

__all__ = ["FileMemory"]

#: Of the file that keeps them; another number leaves older files unread.
_LAYOUT = 1
_PACKAGE = "photometry"


class FileMemory:
    """What is known of pixel files, as long as their sizes, dates and inodes stay the same.

    Parameters
    ----------
    path : path-like, optional
        JSON file of an earlier run; one that is damaged counts as none.
    code : str
        Digest of the code that looks at the headers; what other code has found is not used.
    """

    def __init__(self, path: str | Path | None = None, code: str = "") -> None:
        self._path = None if path is None else Path(path)
        self._code = code
        self._known = {} if self._path is None else _remembered(self._path, code)
        self._used: dict[str, dict[str, Any]] = {}

    def recall(self, path: Path, datasource: str, place: FilePlace | None = None) -> tuple[bool, PixelFile | None]:
        """Return whether a file is known, and what its headers say: None of one of another kind.

        What was to be told of it when it was looked at is told again.

        Parameters
        ----------
        path : Path
            The file.
        datasource : str
            The kind that is looked for.
        place : FilePlace, optional
            As in `photometry.io.pixels.pixel_files.inspect_pixel_file`.
        """
        key = _key(path, datasource, place)
        try:
            known = self._known[key]
            if known["state"] != _state(path):
                return False, None
            found = None if known["file"] is None else _pixel_file(known["file"])
            remarks = [(str(name), str(text)) for name, text in known["remarks"]]
        except (KeyError, TypeError, ValueError, AttributeError, OSError):
            return False, None
        self._used[key] = known
        for name, text in remarks:
            logging.getLogger(name).warning("%s", text)
        return True, found

    @contextmanager
    def learning(self, path: Path, datasource: str, place: FilePlace | None = None) -> Iterator[list[PixelFile]]:
        """Keep what is appended to the list that this gives, or that nothing is, and what is told meanwhile.

        Nothing is kept where the block raises an exception.
        """
        found: list[PixelFile] = []
        listener, logger = _Listener(), logging.getLogger(_PACKAGE)
        state = _state(path)
        logger.addHandler(listener)
        try:
            yield found
        finally:
            logger.removeHandler(listener)
        file = asdict(found[0]) | {"path": str(found[0].path)} if found else None
        self._used[_key(path, datasource, place)] = {"state": state, "file": file, "remarks": listener.heard}

    def write(self) -> None:
        """Write what is known of the files that were asked for, if that is new."""
        if self._path is not None and self._used != self._known:
            from photometry.io.store.provenance import atomic_path  # imports h5py, which few need here

            with atomic_path(self._path) as unfinished:
                unfinished.write_text(json.dumps({"layout": _LAYOUT, "code": self._code, "files": self._used}))


class _Listener(logging.Handler):
    """Collects warnings: names of their loggers, and texts."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.heard: list[list[str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append([record.name, record.getMessage()])


def _key(path: Path, datasource: str, place: FilePlace | None) -> str:
    return f"{datasource} {path}" if place is None else f"{datasource} {place.row} {place.column} {path}"


def _state(path: Path) -> list[int]:
    """Return what tells whether a file has changed, without reading it."""
    state = os.stat(path)
    return [state.st_size, state.st_mtime_ns, state.st_ino]


def _remembered(path: Path, code: str) -> dict[str, dict[str, Any]]:
    try:
        content = json.loads(path.read_bytes())
        is_of_use = content["layout"] == _LAYOUT and content["code"] == code and isinstance(content["files"], dict)
    except (OSError, ValueError, TypeError, KeyError):
        return {}
    return content["files"] if is_of_use else {}


def _pixel_file(known: Mapping[str, Any]) -> PixelFile:
    exposure = known["exposure"]
    outputs = {name: tuple(exposure[name]) for name in ("gain_e_per_adu", "read_noise_e")}
    more = {
        "path": Path(known["path"]),
        "pointing": Pointing(**known["pointing"]),
        "exposure": Exposure(**exposure | outputs),
        "stamp": Stamp(**known["stamp"]),
        "offset": TimeOffset(**known["offset"]),
        "file_stamp": Stamp(**known["file_stamp"]),
    }
    return PixelFile(**{**known, **more})
