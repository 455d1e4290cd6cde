"""Whether products are what was written: digests that others hold of them, checksums that they hold themselves."""

import csv
import re
import sqlite3
import struct
import warnings
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
from astropy.io import fits
from astropy.table.meta import YamlParseError, get_header_from_yaml
from astropy.utils.exceptions import AstropyUserWarning

from photometry.core.errors import InputFileError
from photometry.io.results.page_files import read_page_file
from photometry.io.stars.star_files import read_stars
from photometry.io.store.provenance import digest_of
from photometry.io.store.sqlite_files import open_sqlite

__all__ = ["damage_of", "digests_named_in"]

_PNG = b"\x89PNG\r\n\x1a\n"
#: A file as products name what they were made from; several together have one digest, which tells none of them.
_NAMED = re.compile(r"(\S+) sha256:([0-9a-f]{64})")


#: Filters of HDF5 files are registered by importing this.
_FILTERS = hdf5plugin.FILTERS
#: What damaged files make their readers raise.
_DAMAGE = (InputFileError, OSError, KeyError, ValueError, TypeError, struct.error, sqlite3.Error, YamlParseError)


def digests_named_in(path: Path) -> dict[str, str]:
    """Return the digests of the single files that a product was made from, by name; none of one that is damaged."""
    try:
        origin = _READERS[path.suffix](path)
    except _DAMAGE:
        return {}
    matches = (_NAMED.fullmatch(str(value)) for value in origin.values())
    return {match[1]: match[2] for match in matches if match}


def damage_of(path: Path, digest: str | None) -> str:
    """Return what is wrong with a product; empty where nothing is.

    Parameters
    ----------
    path : Path
        HDF5, ECSV, SQLite, PNG, or of the page.
    digest : str or None
        Its SHA-256, as what was made from it says; None where nothing says. Cubes of CCDs and stars have digests of
        what they hold in place of that.
    """
    if not path.is_file():
        return "is lost"
    try:
        said = _READERS[path.suffix](path)
        if said.get("kind") == "region_stars":
            read_stars(path)
    except _DAMAGE as error:
        return f"is damaged ({getattr(error, 'problem', error)})"
    own = said.get("digest")
    if digest is not None and digest != own and digest_of(path) != digest:
        return "is not what was written: its SHA-256 has changed"
    return ""


def _read_hdf5(path: Path) -> dict[str, Any]:
    """Read all of an HDF5 file, which compares it with its checksums; return its attributes."""

    def read(_name: str, item: h5py.Dataset | h5py.Group) -> None:
        if not isinstance(item, h5py.Dataset) or item.chunks is None:
            return
        for chunk in item.iter_chunks():
            item[chunk]

    with h5py.File(path, "r") as file:
        file.visititems(read)
        return dict(file.attrs)


def _read_ecsv(path: Path) -> dict[str, Any]:
    """Look whether an ECSV file is whole; return its origin."""
    text = path.read_text()
    lines = text.splitlines()
    n_head = next((number for number, line in enumerate(lines) if not line.startswith("#")), len(lines))
    if not text.endswith("\n") or n_head in (0, len(lines)):
        raise InputFileError(path, "its end or its header is missing")
    names, *rows = csv.reader(lines[n_head:], delimiter=" ")
    if any(len(row) != len(names) for row in rows):
        raise InputFileError(path, "a row is cut off")
    header = get_header_from_yaml([line.removeprefix("# ") for line in lines[:n_head]])
    return dict(header.get("meta", {}).get("origin", {}))


def _read_sqlite(path: Path) -> dict[str, Any]:
    """Look whether SQLite finds a file whole; return its origin."""
    with open_sqlite(path) as connection:
        (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        (n_page,), (size,) = (connection.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "page_size"))
        if path.stat().st_size != n_page * size:
            raise InputFileError(path, f"has {path.stat().st_size} bytes, {n_page * size} were written")
        if found != "ok":
            raise InputFileError(path, str(found))
        return dict(connection.execute("SELECT name, value FROM provenance").fetchall())


def _read_png(path: Path) -> dict[str, Any]:
    """Compare the parts of a PNG file with their checksums (ISO/IEC 15948, section 5.3); return its texts."""
    content = path.read_bytes()
    place, texts, kind = len(_PNG), dict[str, Any](), b""
    while place < len(content):
        (length,) = struct.unpack_from(">I", content, place)
        kind, end = content[place + 4 : place + 8], place + 8 + length
        (checksum,) = struct.unpack_from(">I", content, end)
        if zlib.crc32(content[place + 4 : end]) != checksum:
            raise InputFileError(path, f"its part {kind!r} disagrees with the checksum")
        if kind == b"tEXt":
            name, _, value = content[place + 8 : end].partition(b"\0")
            texts[name.decode("latin-1")] = value.decode("latin-1")
        place = end + 4
    if not content.startswith(_PNG) or kind != b"IEND":
        raise InputFileError(path, "is no whole PNG file")
    return texts


def _read_fits(path: Path) -> dict[str, Any]:
    """Compare the parts of a FITS file with their checksums (FITS Standard 4.0, section 4.4.2.7)."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", AstropyUserWarning)
        try:
            with fits.open(path, checksum=True) as hdus:
                if len(hdus) != int(hdus[0].header["NEXTEND"]) + 1:
                    raise InputFileError(path, "a part is missing")
        except AstropyUserWarning as warning:
            raise InputFileError(path, str(warning)) from warning
    return {}


def _read_page(path: Path) -> dict[str, Any]:
    """Compare a file of the page with its digest; return its first line."""
    head, _ = read_page_file(path)
    return {name: value for name, value in head.items() if name != "digest"}


_READERS: Mapping[str, Callable[[Path], dict[str, Any]]] = {
    ".hdf5": _read_hdf5,
    ".ecsv": _read_ecsv,
    ".sqlite": _read_sqlite,
    ".png": _read_png,
    ".fits": _read_fits,
    ".html": _read_page,
    ".js": _read_page,
}
