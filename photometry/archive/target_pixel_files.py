"""SPOC target pixel files (120 s) of a star, from MAST's public bucket."""

import re
from pathlib import Path

from photometry.archive.bucket_files import BucketFile, list_bucket
from photometry.archive.seen_by import SeenBy
from photometry.core.datasources import TPF
from photometry.core.errors import ArchiveError, InputFileError
from photometry.io.pixels.pixel_files import inspect_pixel_file

__all__ = ["keep_tpf", "tpfs_at_archive"]

#: Names of the files of 120 s; those of 20 s end with a_fast-tp.fits.
_NAME = re.compile(r"tess\d{13}-s\d{4}-\d{16}-\d{4}-s_tp\.fits")


def tpfs_at_archive(starid: int, seen: list[SeenBy]) -> dict[SeenBy, BucketFile]:
    """Return the target pixel files of a star by sector and CCD.

    Parameters
    ----------
    starid : int
        TIC number.
    seen : list of SeenBy
        Sectors that may have one: files are in folders by sector and number, as
        ``tid/s0001/0000/0002/6113/6679``.

    Raises
    ------
    ArchiveError
        When the bucket does not answer.
    """
    number = f"{starid:016d}"
    groups = "/".join(number[start : start + 4] for start in range(0, 16, 4))
    listed = {one: list_bucket(f"tess/public/tid/s{one.sector:04d}/{groups}/")[1] for one in seen}
    return {one: file for one, files in listed.items() for file in files if _NAME.fullmatch(file.name)}


def keep_tpf(path: Path, starid: int, seen: SeenBy) -> Path:
    """Return a target pixel file that came if it is what its name says, else delete it.

    Raises
    ------
    ArchiveError
        When the file is damaged, or that of another star, sector or CCD.
    """
    what = f"MAST's bucket was asked for {path.name}"
    try:
        pointing = inspect_pixel_file(path, TPF.name).pointing
    except InputFileError as error:
        path.unlink()
        raise ArchiveError(f"{what}: it {error.problem}") from error
    found = SeenBy(pointing.sector, pointing.camera, pointing.ccd)
    if (pointing.starid, found) != (starid, seen):
        path.unlink()
        raise ArchiveError(f"{what}: it shows TIC {pointing.starid} in {found}")
    return path
