"""SPOC PRF files from MAST's file server: once for a CCD, in the folders that they have there."""

import logging
import re
from functools import partial
from pathlib import Path

import requests

from photometry.archive.service import asked, conf, patient
from photometry.core.errors import ArchiveError, PrfError
from photometry.io.reference.prf_files import check_prf_file, check_prf_folder, first_sector_of_prf
from photometry.io.store.provenance import atomic_path, remove_unfinished

__all__ = ["download_prf"]

_log = logging.getLogger(__name__)
#: Folder of the files on the server.
_FOLDER = "missions/tess/models/prf_fitsfiles"
_LINK = re.compile(r"tess\d{13}-prf-\d-\d-row\d{4}-col\d{4}\.fits")


def download_prf(folder: str | Path, sector: int, camera: int, ccd: int) -> Path:
    """Get the PRF files of a CCD from MAST, as far as they are not there yet.

    Parameters
    ----------
    folder : path-like
        Where the files are kept, in MAST's subfolders.
    sector, camera, ccd : int
        What the PRF is for.

    Returns
    -------
    Path
        The folder of the CCD.

    Raises
    ------
    ArchiveError
        When MAST cannot be reached or sends something else; the message says which files to put where.
    """
    subfolder = f"start_s{first_sector_of_prf(sector):04d}/cam{camera}_ccd{ccd}"
    target, url = Path(folder) / subfolder, f"{conf.archive_url.rstrip('/')}/{_FOLDER}/{subfolder}/"
    try:
        check_prf_folder(target, sector, camera, ccd)
    except PrfError:
        _log.info("getting the PRF of camera %d CCD %d from %s", camera, ccd, url)
    else:
        return target
    what = f"MAST was asked for the PRF of camera {camera}, CCD {ccd}"
    remedy = f"put the 25 files of {url} into {target}, or set prf: model"
    with patient(requests.Session()) as session:
        for name in asked(partial(_listed, session, url), what, remedy):
            if not (target / name).is_file():
                asked(partial(_fetch, session, url + name, target / name, camera, ccd), what, remedy)
    try:
        check_prf_folder(target, sector, camera, ccd)
    except PrfError as error:
        raise ArchiveError(f"{what}: {error.problem}; {remedy}") from error
    return target


def _listed(session: requests.Session, url: str) -> list[str]:
    """Return the names of the PRF files on a page of links."""
    answer = session.get(url)
    answer.raise_for_status()
    names = sorted(set(_LINK.findall(answer.text)))
    if not names:
        raise ValueError("its page lists no PRF file")
    return names


def _fetch(session: requests.Session, url: str, path: Path, camera: int, ccd: int) -> None:
    """Get a file; it has its name only when it holds what it should."""
    answer = session.get(url)
    answer.raise_for_status()
    remove_unfinished(path)
    with atomic_path(path) as temporary:
        temporary.write_bytes(answer.content)
        check_prf_file(temporary, camera, ccd)
