"""Files that are either whole or not there, and that say where they came from."""

import glob
import hashlib
import json
import os
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import h5py

from photometry._version import __version__
from photometry.core.errors import InputFileError
from photometry.io.store.disk import flush, flush_folder, new_hdf5, output_error
from photometry.io.store.revision import git_revision
from photometry.io.store.sqlite_files import open_sqlite

__all__ = [
    "SOFTWARE",
    "Inputs",
    "atomic_path",
    "digest_of",
    "digest_of_settings",
    "open_product",
    "origin_of",
    "provenance_of",
    "remove_unfinished",
    "settings_of",
    "write_product",
]

#: Name and version of the software, as products have it.
SOFTWARE = f"tess-psf-photometry {__version__}"
#: Files that a product is made from, by role: one, or several that belong together.
Inputs: TypeAlias = Mapping[str, str | Path | Sequence[str]]


@contextmanager
def atomic_path(path: str | Path, *, flushed: bool = True) -> Iterator[Path]:
    """Give a temporary name beside `path`; rename it to `path` when the block ends well, else remove it.

    Parameters
    ----------
    path : path-like
        The file.
    flushed : bool
        Whether the file has to be on the disk when it gets its name, so that it is whole after a power cut. Who writes
        many small files does that for all together (`photometry.io.store.disk.flush`).

    Raises
    ------
    OutputError
        When the disk is full, or the file or its folder cannot be written to.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            os.chmod(temporary, 0o644)
            if flushed:
                flush([temporary])
            os.replace(temporary, path)
            if flushed:
                flush_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)
    except (OSError, RuntimeError, sqlite3.Error) as error:
        problem = output_error(error, path)
        if problem is None:
            raise
        raise problem from error


def remove_unfinished(path: str | Path) -> None:
    """Remove what killed processes have left of a file that `atomic_path` was writing; only where none is at work."""
    path = Path(path)
    for left in path.parent.glob(f".{glob.escape(path.name)}.*{path.suffix}"):
        left.unlink(missing_ok=True)


def digest_of(path: str | Path) -> str:
    """Return the SHA-256 of a file, hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def provenance_of(path: str | Path | Sequence[str]) -> str:
    """Return name and digest of a file, as products say what they were made from.

    Large products hold a digest of their own (attribute ``digest``), so that they are not read again by every job that
    uses them. Of several files the names count, and a digest of their digests.
    """
    if not isinstance(path, (str, Path)):
        digests = "".join(map(_digest, path))
        return f"{len(path)} files {_names(path)} sha256:{hashlib.sha256(digests.encode()).hexdigest()}"
    return f"{Path(path).name} sha256:{_digest(path)}"


def _digest(path: str | Path) -> str:
    """Return the digest that a product holds of itself, else that of the file."""
    own = _attribute(path, "digest") if Path(path).suffix == ".hdf5" else None
    return own or digest_of(path)


def _names(paths: Sequence[str]) -> str:
    """First and last name of several files."""
    return " to ".join(dict.fromkeys(Path(paths[place]).name for place in (0, -1))) if paths else ""


def _attribute(path: str | Path, name: str) -> str | None:
    """Return an attribute of an HDF5 file; None where it has none, or is no HDF5 file."""
    if not h5py.is_hdf5(path):
        return None
    with h5py.File(path, "r") as file:
        return None if name not in file.attrs else str(file.attrs[name])


def settings_of(path: str | Path) -> dict[str, Any]:
    """Return the settings that a product was made with; none of a file that does not tell."""
    text = None
    if Path(path).suffix == ".hdf5":
        text = _attribute(path, "settings")
    elif Path(path).suffix == ".sqlite":
        with open_sqlite(path) as connection:
            if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'provenance'").fetchone():
                rows = connection.execute("SELECT value FROM provenance WHERE name = 'settings'").fetchone()
                text = rows[0] if rows else None
    return dict(json.loads(text)) if text else {}


def digest_of_settings(settings: Mapping[str, Any]) -> str:
    """Return the SHA-256 of settings, hexadecimal: of their JSON with sorted keys."""
    return hashlib.sha256(_text(settings).encode()).hexdigest()


def _text(settings: Mapping[str, Any]) -> str:
    return json.dumps(settings, sort_keys=True)


def origin_of(inputs: Inputs, settings: Mapping[str, Any] | None = None) -> dict[str, str]:
    """Return what a product says of its origin.

    Parameters
    ----------
    inputs : mapping
        Files it is made from, by role.
    settings : mapping of str to object
        Settings of the rule that matter for the product. Those of the inputs are added: the digest is that of all
        settings the product depends on, and of no others.

    Returns
    -------
    dict of str to str
        ``software``, ``git_revision``, ``settings`` (JSON), ``settings_digest`` (SHA-256 of that text) and
        ``input_<role>`` (name and SHA-256).
    """
    everything: dict[str, Any] = {}
    for name in inputs.values():
        if isinstance(name, (str, Path)):
            everything |= settings_of(name)
    everything |= settings or {}
    return {
        "software": SOFTWARE,
        "git_revision": git_revision(),
        "settings": _text(everything),
        "settings_digest": digest_of_settings(everything),
        **{f"input_{role}": provenance_of(name) for role, name in inputs.items() if name},
    }


@contextmanager
def write_product(
    path: str | Path,
    kind: str,
    version: int,
    inputs: Inputs,
    settings: Mapping[str, Any] | None = None,
    *,
    flushed: bool = True,
) -> Iterator[h5py.File]:
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
    settings : mapping of str to object
        Settings that matter for it, see `origin_of`.
    flushed : bool
        See `atomic_path`.
    """
    with atomic_path(path, flushed=flushed) as temporary, new_hdf5(temporary) as file:
        file.attrs["kind"] = kind
        file.attrs["layout_version"] = version
        for name, value in origin_of(inputs, settings).items():
            file.attrs[name] = value
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
        except InputFileError:
            raise
        except KeyError as error:
            raise InputFileError(path, f"lacks a part of a {kind} ({error}); delete it and run again") from error
        except OSError as error:
            # Of HDF5, which says so little: a checksum is wrong, or data cannot be unpacked.
            raise InputFileError(path, f"is damaged ({error}); delete it and run again") from error
