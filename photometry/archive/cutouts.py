"""Cutouts of full-frame images from MAST's service TESScut, one sector at a time, checked before they are kept."""

import shutil
import tempfile
import warnings
import zipfile
from functools import partial
from pathlib import Path

from photometry.archive.seen_by import SeenBy
from photometry.archive.service import asked, patient
from photometry.core.datasources import TESSCUT
from photometry.core.errors import ArchiveError, InputFileError
from photometry.io.pixels.pixel_files import inspect_pixel_file

__all__ = ["UNFINISHED", "fetch_cutout"]

#: Folders of downloads that were not finished begin so.
UNFINISHED = ".unfinished-"


def fetch_cutout(folder: Path, seen: SeenBy, ra: float, dec: float, size: int) -> Path:
    """Get a cutout around a place in the sky.

    Parameters
    ----------
    folder : Path
        Where the file is kept, with the name that the service gives it.
    seen : SeenBy
        Sector, camera and CCD.
    ra, dec : float
        The place, ICRS, deg.
    size : int
        Rows and columns, pixels.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ArchiveError
        When the service does not answer, has no images, or sends another file than was asked for.
    """
    what = f"MAST's cutout service was asked for {size}x{size} pixels of {seen}"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=folder) as name:
        temporary = Path(name)
        found = asked(lambda: _unpacked(temporary, seen.sector, ra, dec, size), what, "try again later", *_BROKEN)
        file = _checked(found, seen, size, what)
        kept = folder / file.name
        file.chmod(0o644)
        file.replace(kept)
    return kept


#: What astroquery raises for answers that are no zip file, or half of one.
_BROKEN = (zipfile.BadZipFile, EOFError, KeyError, TypeError)


def _unpacked(folder: Path, sector: int, ra: float, dec: float, size: int) -> list[Path]:
    """Return the files of an answer; none where the service has none."""
    from astropy.coordinates import SkyCoord
    from astroquery.exceptions import NoResultsWarning
    from astroquery.mast import TesscutClass

    for left in folder.iterdir():
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    service = TesscutClass()
    patient(service._session)
    # It writes names of temporary files to the terminal otherwise.
    service._download_file = partial(service._download_file, verbose=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NoResultsWarning)
        service.download_cutouts(
            coordinates=SkyCoord(ra, dec, unit="deg"), size=(size, size), sector=sector, path=str(folder)
        )
    return sorted(path for path in folder.rglob("*.fits") if path.is_file() and not path.is_symlink())


def _checked(files: list[Path], seen: SeenBy, size: int, what: str) -> Path:
    """Return the cutout of the CCD that is meant; a place near an edge is on those of other CCDs, too."""
    if not files:
        raise ArchiveError(f"{what}: it has none; leave the sector out with the key 'sectors'")
    others = []
    for path in files:
        try:
            pixels = inspect_pixel_file(path, TESSCUT.name)
        except InputFileError as error:
            raise ArchiveError(f"{what}: its file {path.name} {error.problem}") from error
        pointing = pixels.pointing
        found = SeenBy(pointing.sector, pointing.camera, pointing.ccd)
        if found != seen:
            others.append(str(found))
        elif pixels.file_stamp.shape != (size, size):
            rows, columns = pixels.file_stamp.shape
            others.append(f"{rows}x{columns} pixels")
        else:
            return path
    raise ArchiveError(f"{what}: it sent {', '.join(others)}; try again later")
