"""Files of MAST's public bucket: listed, and downloaded so that what was interrupted goes on where it ended."""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from xml.etree import ElementTree as ET

import requests
from tqdm import tqdm

from photometry.archive.service import asked, conf, patient
from photometry.core.errors import ArchiveError, InputFileError
from photometry.io.fits.fits_files import open_fits, verify_checksums
from photometry.io.store.provenance import digest_of

__all__ = ["BucketFile", "check_space", "download_file", "fetch_files", "is_there", "list_bucket"]

_log = logging.getLogger(__name__)
_NAMESPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"
#: Files that are fetched at a time, and bytes that are written at once.
_AT_ONCE, _CHUNK = 2, 2**16
#: Files are looked at one after the other: filters of warnings, which that changes, hold for all threads.
_looking = threading.Lock()
_REMEDY = "the same command goes on where it ended"


@dataclass(frozen=True, slots=True)
class BucketFile:
    """A file of the bucket.

    Parameters
    ----------
    key : str
        Its path there.
    size : int
        Bytes.
    """

    key: str
    size: int

    @property
    def name(self) -> str:
        """Name of the file, without its folders."""
        return self.key.rpartition("/")[2]


def list_bucket(prefix: str) -> tuple[list[str], list[BucketFile]]:
    """Return the folders and files below a folder of the bucket, by name.

    Parameters
    ----------
    prefix : str
        The folder, with a slash at its end.

    Raises
    ------
    ArchiveError
        When the bucket does not answer, or with something else than a list.
    """
    folders, files, token = list[str](), list[BucketFile](), ""
    what = f"MAST's bucket was asked for a list of {prefix}"
    with patient(requests.Session()) as session:
        while True:
            page = asked(partial(_page, session, prefix, token), what, _REMEDY)
            folders += [_text(part, "Prefix") for part in page.iter(f"{_NAMESPACE}CommonPrefixes")]
            files += [
                BucketFile(_text(part, "Key"), int(_text(part, "Size"))) for part in page.iter(f"{_NAMESPACE}Contents")
            ]
            token = _text(page, "NextContinuationToken")
            if _text(page, "IsTruncated") != "true" or not token:
                return sorted(folders), sorted(files, key=lambda file: file.key)


def _page(session: requests.Session, prefix: str, token: str) -> ET.Element:
    form = {"list-type": "2", "prefix": prefix, "delimiter": "/"}
    form |= {"continuation-token": token} if token else {}
    answer = session.get(conf.bucket_url, params=form)
    answer.raise_for_status()
    try:
        page = ET.fromstring(answer.content)  # noqa: S314  expat refuses what grows without bounds
    except ET.ParseError as error:
        raise ValueError(f"the answer is no list ({error})") from error
    if page.tag != f"{_NAMESPACE}ListBucketResult":
        raise ValueError(f"the answer is no list but {page.tag[:60]}")
    return page


def _text(part: ET.Element, name: str) -> str:
    return part.findtext(f"{_NAMESPACE}{name}") or ""


def fetch_files(files: Sequence[BucketFile], folder: str | Path) -> None:
    """Get the files that are not in a folder yet, two at a time; a bar on standard error shows the bytes that are.

    A file that is on its way has the ending `.part`, with which it goes on after an interruption. It gets its name when
    it has its size and agrees with the checksums in it.

    Raises
    ------
    ArchiveError
        When a file does not come. Those that came are kept.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    missing = [file for file in files if not is_there(file, folder)]
    pool, lock = ThreadPoolExecutor(_AT_ONCE), threading.Lock()
    total = sum(file.size for file in files)
    with tqdm(total=total, desc="frames", unit="B", unit_scale=True) as bar, patient(requests.Session()) as session:
        bar.update(total - sum(file.size for file in missing))

        def came(count: int) -> None:
            with lock:
                bar.update(count)

        try:
            for future in as_completed(
                [pool.submit(_fetch, session, file, folder / file.name, came) for file in missing]
            ):
                future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def is_there(file: BucketFile, folder: Path) -> bool:
    """Tell whether a file is in a folder, whole."""
    path = folder / file.name
    return path.is_file() and path.stat().st_size == file.size


def _fetch(session: requests.Session, file: BucketFile, path: Path, came: Callable[[int], None]) -> None:
    part = path.with_name(f"{path.name}.part")
    damaged: set[str] = set()

    def fetch() -> None:
        _append(session, file, part, came)
        try:
            with _looking, open_fits(part) as hdus:
                verify_checksums(part, hdus, strict=True)
        except InputFileError as error:
            digest = digest_of(part)
            if digest in damaged:
                # It is like that in the archive; `prepared/frames_*.hdf5` will say so.
                _log.warning("%s: kept as it is in the archive: %s", path, error.problem)
                return
            damaged.add(digest)
            came(-part.stat().st_size)
            part.unlink()
            raise

    asked(fetch, f"MAST's bucket was asked for {file.name}", _REMEDY)
    part.replace(path)


def _append(session: requests.Session, file: BucketFile, part: Path, came: Callable[[int], None]) -> None:
    """Get what is missing of a file."""
    there = part.stat().st_size if part.is_file() else 0
    if there > file.size:
        part.unlink()
        there = 0
    came(there)
    got = there
    try:
        if there < file.size:
            for chunk in _chunks(session, file, part, there):
                got += len(chunk)
                came(len(chunk))
    except BaseException:
        # The next try counts what is on the disk.
        came(-got)
        raise
    if got != file.size:
        came(-got)
        if got > file.size:
            part.unlink()
        raise ValueError(f"{got} of {file.size} bytes came")


def _chunks(session: requests.Session, file: BucketFile, part: Path, there: int) -> Iterator[bytes]:
    """Write what comes to the end of a file; yield it."""
    headers = {"Range": f"bytes={there}-"} if there else {}
    with contextlib.closing(
        session.get(f"{conf.bucket_url.rstrip('/')}/{file.key}", headers=headers, stream=True)
    ) as answer:
        answer.raise_for_status()
        if there and answer.status_code != requests.codes.partial_content:
            part.unlink()
            raise ValueError("the server does not go on in the middle of a file: it begins again")
        promised, missing = answer.headers.get("Content-Length"), file.size - there
        if promised is not None and int(promised) != missing:
            raise ValueError(f"the server offers {promised} bytes, expected {missing}")
        with part.open("ab") as opened:
            for chunk in answer.iter_content(_CHUNK):
                opened.write(chunk)
                yield chunk


def download_file(file: BucketFile, folder: Path) -> Path:
    """Get a file, or what is missing of it; its content is not looked at, so that threads can do it.

    Raises
    ------
    ArchiveError
        When the bucket does not answer, or sends another number of bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / file.name
    part = path.with_name(f"{path.name}.part")
    with patient(requests.Session()) as session:
        fetch = partial(_append, session, file, part, lambda _count: None)
        asked(fetch, f"MAST's bucket was asked for {file.name}", _REMEDY)
    return part.replace(path)


def check_space(files: Sequence[BucketFile], folder: Path, most_bytes: float, free_bytes: float) -> None:
    """Refuse what does not fit.

    Parameters
    ----------
    files : sequence of BucketFile
        What is wanted.
    folder : Path
        Where it goes.
    most_bytes : float
        What the folder may hold of these files.
    free_bytes : float
        Free space of its disk.

    Raises
    ------
    ArchiveError
        When they need more.
    """
    total = sum(file.size for file in files)
    missing = sum(file.size for file in files if not is_there(file, folder))
    if total > most_bytes:
        raise ArchiveError(
            f"{len(files)} frames have {total / 1e9:.1f} GB, more than the {most_bytes / 1e9:.1f} GB that are allowed; "
            "allow more with --most-gb"
        )
    if missing > free_bytes:
        raise ArchiveError(
            f"the frames that are missing in {folder} have {missing / 1e9:.1f} GB, and its disk has "
            f"{free_bytes / 1e9:.1f} GB left; choose another folder"
        )
