"""MAST's public bucket: what is in it, and files from it, which go on where they broke off."""

from functools import partial
from pathlib import Path
from xml.etree import ElementTree as ET

import requests

from photometry.archive.service import asked, conf, patient
from photometry.io.store.disk import flush

__all__ = ["fetch_object", "objects_below"]

_REMEDY = "try again later; the same command goes on from here"
_CHUNK = 1 << 16


def objects_below(prefix: str) -> dict[str, int]:
    """Return the keys that begin so, with their sizes in bytes.

    Raises
    ------
    ArchiveError
        When the bucket does not answer.
    """
    session = patient(requests.Session())
    found: dict[str, int] = {}
    token: str | None = ""
    while token is not None:
        page, token = asked(partial(_page, session, prefix, token), f"MAST's bucket was asked for {prefix}", _REMEDY)
        found |= page
    return found


def fetch_object(key: str, path: Path, size: int) -> Path:
    """Get a file; the part of it that came before a break is kept beside it and not asked for again.

    Parameters
    ----------
    key : str
        Its name in the bucket.
    path : Path
        The file.
    size : int
        Its bytes, as the bucket says.

    Raises
    ------
    ArchiveError
        When the bucket does not answer, or sends another number of bytes.
    """
    part = path.with_name(f".{path.name}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    session = patient(requests.Session())
    asked(partial(_go_on, session, key, part, size), f"MAST's bucket was asked for {path.name}", _REMEDY)
    flush([part])
    part.replace(path)
    return path


def _page(session: requests.Session, prefix: str, token: str) -> tuple[dict[str, int], str | None]:
    """Return a page of keys, and what continues it; None behind the last."""
    question = {"list-type": "2", "prefix": prefix} | ({"continuation-token": token} if token else {})
    answer = session.get(conf.bucket_url, params=question)
    answer.raise_for_status()
    try:
        top = ET.fromstring(answer.content)  # noqa: S314  entities are not followed by expat's defaults
    except ET.ParseError as error:
        raise ValueError(f"its answer is no list of files ({error})") from error
    space = top.tag.partition("}")[0] + "}" if top.tag.startswith("{") else ""
    if top.tag != f"{space}ListBucketResult":
        raise ValueError(f"its answer is {top.tag}, no list of files")
    found = {
        entry.findtext(f"{space}Key", ""): int(entry.findtext(f"{space}Size", "0"))
        for entry in top.iter(f"{space}Contents")
    }
    return found, top.findtext(f"{space}NextContinuationToken")


def _go_on(session: requests.Session, key: str, part: Path, size: int) -> None:
    """Get what is missing of a file."""
    have = part.stat().st_size if part.exists() else 0
    if have > size:
        part.unlink()
        have = 0
    if have < size:
        with session.get(
            f"{conf.bucket_url}/{key}", headers={"Range": f"bytes={have}-"} if have else {}, stream=True
        ) as answer:
            answer.raise_for_status()
            goes_on = answer.status_code == requests.codes.partial_content
            expected, promised = size - have if goes_on else size, answer.headers.get("Content-Length")
            if promised is not None and int(promised) != expected:
                raise ValueError(f"it offers {promised} bytes, expected {expected}")
            with part.open("ab" if goes_on else "wb") as file:
                for chunk in answer.iter_content(_CHUNK):
                    file.write(chunk)
    if part.stat().st_size != size:
        have = part.stat().st_size
        if have > size or have == 0:
            part.unlink()
        raise ValueError(f"{have} of {size} bytes came")
