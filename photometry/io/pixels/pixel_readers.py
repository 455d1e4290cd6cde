"""Pixels of a TESScut cutout or a target pixel file as a cube."""

from collections.abc import Callable
from pathlib import Path

from photometry.core.cube import Cube
from photometry.core.datasources import DATASOURCES, TESSCUT, TPF
from photometry.core.errors import InputFileError, PhotometryError
from photometry.core.quality import UNUSABLE
from photometry.io.fits.damage import DAMAGED
from photometry.io.pixels.file_places import FilePlace
from photometry.io.pixels.pixel_files import check_datasource
from photometry.io.pixels.star_times import with_places_of_tess
from photometry.io.pixels.tesscut import read_tesscut
from photometry.io.pixels.tpf import read_tpf

__all__ = ["READERS", "read_pixels"]

#: What reads a pixel file, by the name of its kind (`photometry.core.datasources`).
READERS: dict[str, Callable[[str | Path, FilePlace | None, int], Cube]] = {
    TESSCUT.name: read_tesscut,
    TPF.name: read_tpf,
}


def read_pixels(
    path: str | Path,
    datasource: str,
    place: FilePlace | None = None,
    ephemeris: str = "earth",
    quality_bitmask: int = UNUSABLE,
) -> Cube:
    """Read a pixel file of any kind.

    Parameters
    ----------
    path : path-like
        The file.
    datasource : str
        Its kind.
    place : FilePlace, optional
        Where its pixels are on the CCD [default: where its headers, or else the sky, say].
    ephemeris : str
        Places of TESS, for the times of cutouts (`photometry.io.pixels.star_times`) [default: the Earth's].
    quality_bitmask : int
        Bits of QUALITY that make a cadence unusable.

    Raises
    ------
    ConfigError
        When the data source is no kind of pixel file.
    InputFileError
        When the file cannot be read or is not of this kind, or the ephemeris does not cover its times.
    """
    check_datasource(datasource)
    try:
        cube = READERS[datasource](path, place, quality_bitmask)
    except PhotometryError:
        raise
    except DAMAGED as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputFileError(path, f"its pixels cannot be read ({reason}); delete it and fetch it again") from error
    return with_places_of_tess(cube, path, ephemeris) if DATASOURCES[datasource].places_of_tess else cube
