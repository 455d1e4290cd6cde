"""Finding the full-frame images (FFIs) of CCDs, and what can be known of them before any job."""

import logging
import math
import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from photometry.core.cube import Exposure, Pointing
from photometry.core.errors import InputFileError
from photometry.core.geometry import SCIENCE_AREA, Stamp
from photometry.io.ffi.ffi_headers import FfiName, inspect_frame, parse_name
from photometry.io.fits.fits_archives import packed_files

__all__ = ["FfiFolder", "find_ffis", "inspect_ffis", "listing_digest", "target_pixel_files"]

#: Frames of a CCD that are tried before the run is stopped: a bad frame is no reason to, a wrong folder is.
_TRIED = 20
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FfiFolder:
    """The frames of a CCD, by their names and the headers of one.

    Parameters
    ----------
    folder : Path
        Where they were found.
    region : str
        Name of the region: part of the names of all products made from it.
    pointing : Pointing
        Sector, camera and CCD.
    exposure : Exposure
        Exposure and readout, of the first frame without fault.
    stamp : Stamp
        The science area.
    paths : tuple of Path
        All files, in order of their times; files of the same time in order of their paths.
    """

    folder: Path
    region: str
    pointing: Pointing
    exposure: Exposure
    stamp: Stamp
    paths: tuple[Path, ...]

    @property
    def path(self) -> Path:
        """Folder: what messages call the region."""
        return self.folder


def find_ffis(folder: str | Path) -> dict[tuple[int, int, int], list[FfiName]]:
    """Find all FFIs in a folder and its subfolders, linked ones too, by the names that SPOC gives them.

    Returns
    -------
    dict
        Files of each sector, camera and CCD, by time, then path.

    Raises
    ------
    InputFileError
        When there is none, or when a subfolder cannot be read.
    """
    folder = Path(folder)
    if not folder.is_dir():
        wanted = "expected a folder of full-frame images" if folder.exists() else "no such folder"
        raise InputFileError(folder, f"{wanted}; correct the key 'input'")
    found: dict[tuple[int, int, int], list[FfiName]] = defaultdict(list)
    others = tica = 0
    for path in _files_below(folder):
        if name := parse_name(path):
            found[name.sector, name.camera, name.ccd].append(name)
        elif ".fit" in path.name.lower():
            others += 1
            tica += path.name.startswith("hlsp_tica")
    if not found:
        hint = (
            "TICA images are not in e-/s and have no uncertainties; fetch SPOC's (tess*_ffic.fits)"
            if tica
            else "expected names like tess2018206192942-s0001-1-4-0120-s_ffic.fits; "
            "correct the key 'input' or 'datasource'"
        )
        raise InputFileError(
            folder, f"no full-frame images in this folder ({others} other FITS files); {packed_files(folder)}{hint}"
        )
    return {ccd: sorted(found[ccd], key=_by_time) for ccd in sorted(found)}


def _by_time(name: FfiName) -> tuple[bool, float, Path]:
    """Order of frames; those whose names have no date come last."""
    return math.isnan(name.clock_s), 0.0 if math.isnan(name.clock_s) else name.clock_s, name.path


def inspect_ffis(folder: str | Path, area: Stamp = SCIENCE_AREA) -> list[FfiFolder]:
    """Find the CCDs in a folder; of each, the headers of the first frame without fault are read.

    A CCD none of whose frames can be used does not keep the others from being planned: with a warning it gets the
    exposure of another one of its sector, and its job `frames` (`photometry.ccd.ccd_frames`) says what is wrong.

    Raises
    ------
    InputFileError
        When no CCD has two FFIs, or when of no CCD of a sector the first or any other of twenty frames can be used.
    """
    found = find_ffis(folder)
    # A single frame of another CCD is a stray file.
    series = {ccd: names for ccd, names in found.items() if len(names) > 1}
    for sector, camera, ccd in sorted(found.keys() - series.keys()):
        _log.warning("%s: one frame of sector %d, camera %d, CCD %d is left out", folder, sector, camera, ccd)
    if not series:
        raise InputFileError(folder, "has not more than one frame of any CCD; a light curve needs at least 2")
    seen = {ccd: _first_good(names, area) for ccd, names in series.items()}
    regions = []
    for (sector, camera, ccd), names in series.items():
        metadata = seen[sector, camera, ccd]
        if isinstance(metadata, InputFileError):
            problem = (
                f"none of the frames of sector {sector}, camera {camera}, CCD {ccd} that were tried can be used "
                f"({len(names)} files, the first is {metadata}); if they are stray files, move them elsewhere"
            )
            like = [others for key, others in seen.items() if key[0] == sector and isinstance(others, tuple)]
            if not like:
                raise InputFileError(folder, problem)
            _log.warning("%s: %s; the job of this CCD will fail, other CCDs go on with --keep-going", folder, problem)
            metadata = replace(like[0][0], camera=camera, ccd=ccd), like[0][1]
        pointing, exposure = metadata
        region = f"sector{sector:03d}_camera{camera}_ccd{ccd}"
        paths = tuple(name.path for name in names)
        regions.append(FfiFolder(Path(folder), region, pointing, exposure, area, paths))
    return regions


def _first_good(names: list[FfiName], area: Stamp) -> tuple[Pointing, Exposure] | InputFileError:
    """Return what the first good one of some frames says; what is wrong with the first when none is."""
    problem: InputFileError | None = None
    for name in names[:: max(len(names) // _TRIED, 1)]:
        try:
            frame, pointing = inspect_frame(name, area)
        except InputFileError as error:
            problem = problem or error
        else:
            return pointing, frame.exposure
    assert problem is not None
    return problem


def listing_digest(paths: tuple[Path, ...]) -> str:
    """Return a digest of names, sizes and dates of files: what tells that frames were added, taken away or replaced.

    The contents of the 1,300 to 11,000 frames of a CCD are 50 to 400 GB: they are not compared.
    """
    files = [(path.name, status.st_size, status.st_mtime_ns) for path in paths for status in (_status_of(path),)]
    return sha256(repr(files).encode()).hexdigest()[:16]


def _status_of(path: Path) -> os.stat_result:
    """Size and date of a file; of a link that leads nowhere its own."""
    return path.stat() if path.exists() else path.lstat()


def target_pixel_files(folder: str | Path, sector: int) -> list[Path]:
    """Return the target pixel files of a sector in a folder and its subfolders, by name."""
    return sorted(path for path in _files_below(folder) if path.match(f"tess*-s{sector:04d}-*_tp.fits*"))


def _files_below(folder: str | Path) -> Iterator[Path]:
    """Give all files in a folder and its subfolders; links to folders are followed, each folder is read once."""

    def refuse(error: OSError) -> None:
        raise InputFileError(error.filename, f"this folder cannot be read ({error.strerror})")

    seen: set[str] = set()
    for here, below, files in os.walk(folder, followlinks=True, onerror=refuse):
        if (real := os.path.realpath(here)) in seen:
            below.clear()
            continue
        seen.add(real)
        yield from (Path(here, name) for name in files)
