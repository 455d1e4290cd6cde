"""Files that a job writes beside its declared output, as one file: object storage keeps nothing else of a job."""

import os
import tarfile
from collections.abc import Iterable
from pathlib import Path

from photometry.io.store.provenance import atomic_path

__all__ = ["pack", "unpack"]


def pack(path: str | Path, folder: str | Path, names: Iterable[str]) -> None:
    """Put files into a tar archive, whose bytes depend on their names and contents alone.

    Parameters
    ----------
    path : path-like
        The archive.
    folder : path-like
        Folder that the names are below.
    names : iterable of str
        The files.
    """
    with atomic_path(path) as temporary, tarfile.open(temporary, "w", format=tarfile.USTAR_FORMAT) as archive:
        for name in sorted(names):
            entry = tarfile.TarInfo(name)
            entry.size = os.stat(Path(folder, name)).st_size
            with open(Path(folder, name), "rb") as file:
                archive.addfile(entry, file)


def unpack(paths: Iterable[str | Path], folder: str | Path) -> None:
    """Write the files of archives below a folder."""
    for path in paths:
        with tarfile.open(path) as archive:
            archive.extractall(folder, filter="data")
