"""Pixels of a TESScut cutout or a target pixel file as a cube."""

from collections.abc import Callable
from pathlib import Path

from photometry.core.cube import Cube
from photometry.io.pixels.pixel_files import check_datasource
from photometry.io.pixels.tesscut import read_tesscut
from photometry.io.pixels.tpf import read_tpf

__all__ = ["read_pixels"]

_READERS: dict[str, Callable[[str | Path], Cube]] = {"tesscut": read_tesscut, "tpf": read_tpf}


def read_pixels(path: str | Path, datasource: str) -> Cube:
    """Read a pixel file of either kind.

    Raises
    ------
    ConfigError
        When the data source is neither ``tesscut`` nor ``tpf``.
    InputFileError
        When the file cannot be read or is not of this kind.
    """
    check_datasource(datasource)
    return _READERS[datasource](path)
