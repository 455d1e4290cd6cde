"""Light curve files that no longer belong to a target: found for the summary, deleted by the rule prune alone."""

import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from astropy.io import fits

from photometry.core.errors import InputFileError
from photometry.io.fits.fits_files import header_value
from photometry.io.results.lightcurve_files import FOLDER, REGION_KEY
from photometry.lightcurve.names import named_curve

__all__ = ["StaleFile", "prune", "stale_files"]


@dataclass(frozen=True, slots=True)
class StaleFile:
    """A light curve file that no longer belongs to a target; `file` is its path below the output folder."""

    file: str
    starid: int
    sector: int
    camera: int
    ccd: int
    cadence: int
    region: str


def stale_files(output: str | Path, version: int, listed: Collection[str], regions: Collection[str]) -> list[StaleFile]:
    """Find the light curve files that no longer belong to a target.

    Parameters
    ----------
    output : path-like
        Output folder.
    version : int
        Version of the product; files of other versions are not looked at.
    listed : collection of str
        Paths below the output folder that the indices of the tiles list.
    regions : collection of str
        Regions that there are now: files of others may be those of another run.

    Returns
    -------
    list of StaleFile
        By path.
    """
    found = []
    for file in sorted(_light_curves(Path(output))):
        named = named_curve(file.rpartition("/")[2])
        if named is None or named.version != version or file in listed:
            continue
        region = _region_of(Path(output, file))
        if region in regions:
            where = named.sector, named.camera, named.ccd, named.cadence
            found.append(StaleFile(file, named.starid, *where, region))
    return found


def _light_curves(output: Path) -> Iterator[str]:
    """Give the paths of all files in the folders of light curves, ``lightcurves/c1800/00260/``."""
    for cadence in _folders(output / FOLDER):
        for block in _folders(cadence):
            with os.scandir(block) as entries:
                yield from (f"{FOLDER}/{cadence.name}/{block.name}/{entry.name}" for entry in entries)


def _folders(path: Path) -> list[Path]:
    return sorted(entry for entry in path.iterdir() if entry.is_dir()) if path.is_dir() else []


def _region_of(path: Path) -> str:
    """Return the region of a light curve file; empty where the file does not tell."""
    try:
        return str(header_value(fits.getheader(path), REGION_KEY) or "")
    except OSError:
        return ""


def prune(output: str | Path, stale: Iterable[str]) -> list[str]:
    """Delete the stale files that a summary lists and return their paths below the output folder.

    Parameters
    ----------
    output : path-like
        Output folder.
    stale : iterable of str
        Paths below the output folder, as the summary lists them.

    Raises
    ------
    InputFileError
        When a file cannot be deleted, or the summary lists one that is no light curve file.
    """
    deleted = []
    for file in sorted(set(stale)):
        path = Path(output, file)
        if not file.startswith(f"{FOLDER}/") or named_curve(path.name) is None or ".." in path.parts:
            raise InputFileError(path, "is listed as stale, but is no light curve file; delete the summary, run again")
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise InputFileError(path, f"cannot be deleted ({error.strerror}); change its permissions") from error
        deleted.append(file)
    return deleted
