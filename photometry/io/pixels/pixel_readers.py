"""Pixels of a TESScut cutout or a target pixel file as a cube."""

from collections.abc import Callable
from pathlib import Path

from photometry.core.cube import Cube
from photometry.core.datasources import TESSCUT, TPF
from photometry.io.pixels.file_places import FilePlace
from photometry.io.pixels.pixel_files import check_datasource
from photometry.io.pixels.tesscut import read_tesscut
from photometry.io.pixels.tpf import read_tpf

__all__ = ["READERS", "read_pixels"]

#: What reads a pixel file, by the name of its kind (`photometry.core.datasources`).
READERS: dict[str, Callable[[str | Path, FilePlace | None], Cube]] = {TESSCUT.name: read_tesscut, TPF.name: read_tpf}


def read_pixels(path: str | Path, datasource: str, place: FilePlace | None = None) -> Cube:
    """Read a pixel file of any kind.

    Parameters
    ----------
    path : path-like
        The file.
    datasource : str
        Its kind.
    place : FilePlace, optional
        Where its pixels are on the CCD [default: where its headers, or else the sky, say].

    Raises
    ------
    ConfigError
        When the data source is no kind of pixel file.
    InputFileError
        When the file cannot be read or is not of this kind.
    """
    check_datasource(datasource)
    return READERS[datasource](path, place)
