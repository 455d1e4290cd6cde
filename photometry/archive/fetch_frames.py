"""Full-frame images of a CCD from MAST's public bucket into a folder, which then is the `input` of an observation.

    python -m photometry.archive.fetch_frames --sector 1 --camera 1 --ccd 2 --folder data/ffi

The same command goes on where it ended, and asks nothing when all is there.
"""

import argparse
import json
import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from photometry.archive.bucket_files import BucketFile, check_space, fetch_files, is_there, list_bucket
from photometry.archive.service import conf
from photometry.core.errors import ArchiveError, PhotometryError
from photometry.core.wording import number_of
from photometry.io.store.provenance import atomic_path

__all__ = ["fetch_frames", "kept_frames", "list_frames"]

#: Largest number of bytes of frames that are fetched without being asked: a CCD of 1,300 frames has 46 GB.
_MOST_GB = 100.0


def list_frames(sector: int, camera: int, ccd: int) -> list[BucketFile]:
    """Return the calibrated full-frame images of a CCD that the bucket has, by time.

    Raises
    ------
    ArchiveError
        When the bucket does not answer, or has none.
    """
    root = f"tess/public/ffi/s{sector:04d}/"
    name = re.compile(rf"tess\d{{13}}-s{sector:04d}-{camera}-{ccd}-\d{{4}}-[a-z]_ffic\.fits")
    found = []
    years, _ = list_bucket(root)
    for year in years:
        days, _ = list_bucket(year)
        for day in days:
            _, files = list_bucket(f"{day}{camera}-{ccd}/")
            found += [file for file in files if name.fullmatch(file.name)]
    if not found:
        raise ArchiveError(
            f"MAST's bucket has no full-frame image of sector {sector}, camera {camera}, CCD {ccd} below {root}; "
            "choose a sector that is there"
        )
    return sorted(found, key=lambda file: file.name)


def fetch_frames(
    sector: int, camera: int, ccd: int, folder: str | Path, *, most_gb: float = _MOST_GB, refresh: bool = False
) -> list[Path]:
    """Get the full-frame images of a CCD that are not in a folder yet.

    Parameters
    ----------
    sector, camera, ccd : int
        The CCD.
    folder : path-like
        Where they go; the list of the files is kept there as well, with its date.
    most_gb : float
        Refuse to fetch frames that have more together, GB.
    refresh : bool
        Ask the bucket for its list again.

    Returns
    -------
    list of Path
        The frames, by time.

    Raises
    ------
    ArchiveError
        When the bucket does not answer, has no frames, or they do not fit. Frames that came are kept.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = _list_file(folder, sector, camera, ccd)
    files = None if refresh else _kept(path)
    if files is None:
        files = list_frames(sector, camera, ccd)
        date = datetime.now(UTC).isoformat(timespec="seconds")
        listing = {"bucket": conf.bucket_url, "date": date, "files": [asdict(file) for file in files]}
        with atomic_path(path) as temporary:
            temporary.write_text(json.dumps(listing, indent=1) + "\n")
    check_space(files, folder, most_gb * 1e9, shutil.disk_usage(folder).free)
    fetch_files(files, folder)
    return [folder / file.name for file in files]


def kept_frames(sector: int, camera: int, ccd: int, folder: str | Path) -> bool:
    """Tell whether all frames of a CCD that the bucket listed are in a folder; nothing is asked for."""
    folder = Path(folder)
    files = _kept(_list_file(folder, sector, camera, ccd))
    return files is not None and all(is_there(file, folder) for file in files)


def _list_file(folder: Path, sector: int, camera: int, ccd: int) -> Path:
    return folder / f"frames_sector{sector:03d}_camera{camera}_ccd{ccd}.json"


def _kept(path: Path) -> list[BucketFile] | None:
    """Return the list of files that is kept; None where there is none."""
    try:
        return [BucketFile(str(file["key"]), int(file["size"])) for file in json.loads(path.read_bytes())["files"]]
    except (OSError, ValueError, TypeError, KeyError):
        return None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m photometry.archive.fetch_frames", description=__doc__)
    parser.add_argument("--sector", type=int, required=True)
    parser.add_argument("--camera", type=int, choices=range(1, 5), required=True)
    parser.add_argument("--ccd", type=int, choices=range(1, 5), required=True)
    parser.add_argument("--folder", required=True, help="where the frames go")
    parser.add_argument("--most-gb", type=float, default=_MOST_GB, help="largest size of all frames, GB [%(default)g]")
    parser.add_argument("--refresh", action="store_true", help="ask for the list of the frames again")
    given = parser.parse_args(arguments)
    try:
        paths = fetch_frames(
            given.sector, given.camera, given.ccd, given.folder, most_gb=given.most_gb, refresh=given.refresh
        )
    except PhotometryError as error:
        sys.stderr.write(f"Error: {error}\n")
        return 1
    sys.stdout.write(f"{number_of(len(paths), 'frame is', 'frames are')} in {given.folder}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
