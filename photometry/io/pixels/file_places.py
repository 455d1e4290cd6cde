"""Where the pixels of a file are on the CCD: by its headers, by the settings, or by the CCD's own WCS.

astrocut 1.0 to 1.4 leave the place out of the cutouts that they make. It follows from where the cutout and the CCD of
its sector look.
"""

import json
import logging
import warnings
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from astropy.wcs import WCS

from photometry.core.cube import Pointing
from photometry.core.errors import ConfigError, InputFileError
from photometry.io.reference.sector_wcs import CcdPlace, ccd_place, tesswcs_name

__all__ = ["BY_HEADER", "BY_SETTINGS", "FilePlace", "PlaceNotes", "place_by_sky"]

BY_HEADER, BY_SETTINGS = "header", "settings"
#: A place that is so far from a whole number may be one pixel off.
_DOUBTFUL_PIX = 0.3
_GIVE_IT = "give first_pixel: [row, column] of this file"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FilePlace:
    """Place of a file's first pixel.

    Parameters
    ----------
    row, column : int
        0-based on the CCD.
    source : str
        What says so: ``header``, ``settings`` or the name and version of a package.
    """

    row: int
    column: int
    source: str


class PlaceNotes:
    """Places of files by the WCS of the CCDs, kept so that the jobs of a run need not find them again.

    Every job reads the headers of all pixel files; the package that knows the CCDs takes 8 s to import.

    Parameters
    ----------
    path : path-like, optional
        JSON file with the notes of an earlier run.
    """

    def __init__(self, path: str | Path | None = None) -> None:
        self._path = None if path is None else Path(path)
        self._known: dict[str, dict[str, float] | None] = {}
        self._new = False
        if self._path is not None and self._path.is_file():
            self._known = json.loads(self._path.read_text())

    def place(self, cards: str, shape: tuple[int, int], pointing: Pointing) -> CcdPlace | None:
        """Return where the pixels of a file are, as `photometry.io.reference.sector_wcs.ccd_place` does.

        Parameters
        ----------
        cards : str
            WCS of the file's pixels.
        shape : tuple of int
            Number of rows and of columns.
        pointing : Pointing
            Sector, camera and CCD.
        """
        ccd = (pointing.sector, pointing.camera, pointing.ccd)
        key = sha256(repr((ccd, shape, cards, tesswcs_name())).encode()).hexdigest()[:16]
        if key not in self._known:
            found = ccd_place(*ccd, *_looks_at(cards, shape), shape)
            self._known[key] = None if found is None else asdict(found)
            self._new = True
        known = self._known[key]
        return (
            None if known is None else CcdPlace(int(known["camera"]), int(known["ccd"]), known["row"], known["column"])
        )

    def write(self) -> None:
        """Write the notes, if there are new ones."""
        if self._path is not None and self._new:
            from photometry.io.store.provenance import atomic_path  # imports h5py, which few need here

            with atomic_path(self._path) as unfinished:
                unfinished.write_text(json.dumps(self._known))


def place_by_sky(path: Path, cards: str, shape: tuple[int, int], pointing: Pointing, notes: PlaceNotes) -> FilePlace:
    """Return the place of a file whose headers do not say it.

    Raises
    ------
    InputFileError
        When no CCD of the sector, or another than the header names, sees the pixels, or nobody knows the sector.
    """
    said = f"sector {pointing.sector}, camera {pointing.camera}, CCD {pointing.ccd}"
    try:
        place = notes.place(cards, shape, pointing)
    except ConfigError as error:
        raise InputFileError(
            path, f"its headers lack the place on the CCD (CRVAL1P, CRVAL2P), and {error}; {_GIVE_IT}"
        ) from error
    if place is None:
        raise InputFileError(
            path,
            f"its headers lack the place on the CCD (CRVAL1P, CRVAL2P), and no CCD of sector {pointing.sector} sees "
            f"the place in the sky that its WCS gives; correct SECTOR, or {_GIVE_IT}",
        )
    if (place.camera, place.ccd) != (pointing.camera, pointing.ccd):
        raise InputFileError(
            path,
            f"its header says {said}, but its WCS gives a place that camera {place.camera}, CCD {place.ccd} sees; "
            f"correct CAMERA and CCD, or {_GIVE_IT}",
        )
    row, column = round(place.row), round(place.column)
    if max(abs(place.row - row), abs(place.column - column)) > _DOUBTFUL_PIX:
        _log.warning(
            "%s: the first pixel is taken as row %d, column %d, may be one off (%.2f, %.2f by the WCS of the CCD)",
            *(path, row, column, place.row, place.column),
        )
    return FilePlace(row, column, tesswcs_name())


def _looks_at(cards: str, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return right ascension and declination of the pixels of a file, row by row, deg."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wcs = WCS(cards)
    rows, columns = (axis.ravel() for axis in np.mgrid[: shape[0], : shape[1]])
    ra, dec = wcs.all_pix2world(columns, rows, 0)
    return np.asarray(ra), np.asarray(dec)
