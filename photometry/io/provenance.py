"""Files that are either whole or not there, and that say where they came from."""

import glob
import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import h5py

from photometry._version import __version__
from photometry.errors import InputFileError

__all__ = ["atomic_path", "digest_of", "open_product", "provenance_of", "remove_unfinished", "write_product"]


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Give a temporary name beside `path`; rename it to `path` when the block ends well, else remove it."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def remove_unfinished(path: str | Path) -> None:
    """Remove what killed processes have left of a file that `atomic_path` was writing; only where none is at work."""
    path = Path(path)
    for left in path.parent.glob(f".{glob.escape(path.name)}.*{path.suffix}"):
        left.unlink(missing_ok=True)


def digest_of(path: str | Path) -> str:
    """Return the SHA-256 of a file, hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def provenance_of(path: str | Path) -> str:
    """Return name and digest of a file, as products say what they were made from."""
    return f"{Path(path).name} sha256:{digest_of(path)}"


@contextmanager
def write_product(path: str | Path, kind: str, version: int, inputs: Mapping[str, str | Path]) -> Iterator[h5py.File]:
    """Open a new HDF5 product for writing; it appears under its name when it is whole.

    Parameters
    ----------
    path : path-like
        The product.
    kind : str
        What it is: ``cube``, ``movement_kernel``, ``prf``, ``tile_fit``.
    version : int
        Layout version of this kind of file: readers refuse others.
    inputs : mapping of str to path-like
        Files it was made from, by role; their names and digests are kept.
    """
    with atomic_path(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs["kind"] = kind
        file.attrs["layout_version"] = version
        file.attrs["software"] = f"photometry {__version__}"
        for role, name in inputs.items():
            file.attrs[f"input_{role}"] = provenance_of(name)
        yield file


@contextmanager
def open_product(path: str | Path, kind: str, version: int) -> Iterator[h5py.File]:
    """Open an HDF5 product for reading.

    Raises
    ------
    InputFileError
        When it is missing, damaged, of another kind or of an unknown layout.
    """
    if not Path(path).is_file():
        raise InputFileError(path, "no such file")
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise InputFileError(path, f"cannot be read as HDF5 ({error}); delete it and run again") from error
    with file:
        if file.attrs.get("kind") != kind:
            raise InputFileError(path, f"is a {file.attrs.get('kind', 'foreign file')}, expected a {kind}")
        found = file.attrs.get("layout_version")
        if found != version:
            raise InputFileError(path, f"has layout version {found}, expected {version}; delete it and run again")
        try:
            yield file
        except KeyError as error:
            raise InputFileError(path, f"lacks a part of a {kind} ({error}); delete it and run again") from error
