"""What the headers of a pixel file say, and its name as a region."""

from dataclasses import dataclass
from pathlib import Path

from photometry.core.cube import Exposure, Pointing
from photometry.core.geometry import Stamp
from photometry.core.times import TimeOffset
from photometry.io.pixels.file_places import FilePlace

__all__ = ["PixelFile"]


@dataclass(frozen=True, slots=True)
class PixelFile:
    """What the headers of a pixel file say.

    Parameters
    ----------
    path : Path
        The file.
    region : str
        Name of its region: part of the names of all products made from it.
    pointing : Pointing
        Sector, camera, CCD, position.
    exposure : Exposure
        Exposure and readout.
    stamp : Stamp
        The pixels that see the sky.
    n_cadence : int
        Number of cadences, those without a time included.
    wcs_header : str
        WCS in CCD pixels (`photometry.core.cube.CubeHeader.wcs_header`).
    offset : TimeOffset
        What has to be added to the file's times, s.
    time_zero : float
        Zero point of the file's times, BTJD.
    file_stamp : Stamp
        The pixels of the file; those beside the CCD's science area are not read.
    placed_by : str
        What says where they are (`photometry.io.pixels.file_places.FilePlace.source`).
    """

    path: Path
    region: str
    pointing: Pointing
    exposure: Exposure
    stamp: Stamp
    n_cadence: int
    wcs_header: str
    offset: TimeOffset
    time_zero: float
    file_stamp: Stamp
    placed_by: str

    @property
    def place(self) -> FilePlace:
        """Place of the first pixel of the file on the CCD."""
        return FilePlace(self.file_stamp.row_min, self.file_stamp.col_min, self.placed_by)
