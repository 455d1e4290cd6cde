"""Cutouts of full-frame images from MAST's service TESScut, one sector at a time, checked before they are kept."""

import contextlib
import shutil
import tempfile
import warnings
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from photometry.archive.seen_by import SeenBy
from photometry.archive.service import asked, patient
from photometry.core.datasources import TESSCUT
from photometry.core.errors import ArchiveError, InputFileError
from photometry.io.pixels.pixel_files import inspect_pixel_file

__all__ = ["UNFINISHED", "download_cutout", "keep_cutout", "quiet_downloads"]

#: Folders of downloads that were not finished begin so.
UNFINISHED = ".unfinished-"


def download_cutout(folder: Path, seen: SeenBy, ra: float, dec: float, size: int) -> Path:
    """Get a cutout around a place in the sky; may run in several threads (`quiet_downloads`).

    Parameters
    ----------
    folder : Path
        Where the files of fields are kept.
    seen : SeenBy
        Sector, camera and CCD.
    ra, dec : float
        The place, ICRS, deg.
    size : int
        Rows and columns, pixels.

    Returns
    -------
    Path
        Folder with what came, for `keep_cutout`.

    Raises
    ------
    ArchiveError
        When the service does not answer.
    """
    folder.mkdir(parents=True, exist_ok=True)
    came = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=folder))
    try:
        asked(lambda: _unpack(came, seen.sector, ra, dec, size), _what(seen, size), "try again later", *_BROKEN)
    except BaseException:
        shutil.rmtree(came)
        raise
    return came


def keep_cutout(came: Path, seen: SeenBy, size: int) -> Path:
    """Check what came of a cutout, and keep it beside its folder, which is removed; return the file.

    Raises
    ------
    ArchiveError
        When the service has no images, or sent another file than was asked for.
    """
    try:
        files = sorted(path for path in came.rglob("*.fits") if path.is_file() and not path.is_symlink())
        file = _checked(files, seen, size, _what(seen, size))
        file.chmod(0o644)
        return file.replace(came.parent / file.name)
    finally:
        shutil.rmtree(came)


@contextlib.contextmanager
def quiet_downloads() -> Iterator[None]:
    """Let astroquery not warn of empty answers, which are told otherwise; filters of warnings hold for all threads."""
    from astroquery.exceptions import NoResultsWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NoResultsWarning)
        yield


def _what(seen: SeenBy, size: int) -> str:
    return f"MAST's cutout service was asked for {size}x{size} pixels of {seen}"


#: What astroquery raises for answers that are no zip file, or half of one.
_BROKEN = (zipfile.BadZipFile, EOFError, KeyError, TypeError)


def _unpack(folder: Path, sector: int, ra: float, dec: float, size: int) -> None:
    """Fill a folder with the files of an answer; with none where the service has none."""
    from astropy.coordinates import SkyCoord
    from astroquery.mast import TesscutClass

    for left in folder.iterdir():
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    service = TesscutClass()
    patient(service._session)
    # It writes names of temporary files to the terminal otherwise.
    service._download_file = partial(service._download_file, verbose=False)
    with contextlib.closing(service._session):
        service.download_cutouts(
            coordinates=SkyCoord(ra, dec, unit="deg"), size=(size, size), sector=sector, path=str(folder)
        )


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
