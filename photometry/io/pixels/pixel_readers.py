"""Pixels of a TESScut cutout or a target pixel file as a cube."""

from collections.abc import Callable
from pathlib import Path

from photometry.core.cube import Cube
from photometry.core.datasources import TESSCUT, TPF
from photometry.core.errors import InputFileError, PhotometryError
from photometry.io.fits.damage import DAMAGED
from photometry.io.pixels.pixel_files import check_datasource
from photometry.io.pixels.tesscut import read_tesscut
from photometry.io.pixels.tpf import read_tpf

__all__ = ["READERS", "read_pixels"]

#: What reads a pixel file, by the name of its kind (`photometry.core.datasources`).
READERS: dict[str, Callable[[str | Path], Cube]] = {TESSCUT.name: read_tesscut, TPF.name: read_tpf}


def read_pixels(path: str | Path, datasource: str) -> Cube:
    """Read a pixel file of any kind.

    Raises
    ------
    ConfigError
        When the data source is no kind of pixel file.
    InputFileError
        When the file cannot be read or is not of this kind.
    """
    check_datasource(datasource)
    try:
        return READERS[datasource](path)
    except PhotometryError:
        raise
    except DAMAGED as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputFileError(path, f"its pixels cannot be read ({reason}); delete it and fetch it again") from error
