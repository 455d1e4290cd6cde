"""Files of the page that one browses: JavaScript, CSS and HTML that say in their first line where they are from.

That line is a comment with a JSON object: what kind of file it is, its origin, the SHA-256 of all that follows it, and
the files that were written with it, which no job declares as its output (as an index does with light curves).
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from photometry.core.errors import InputFileError
from photometry.io.results.listed_files import ListedFile
from photometry.io.store.provenance import atomic_path

__all__ = ["PAGE_FOLDER", "files_of_page", "read_head", "read_page_file", "write_page_file"]

#: Folder of the page below the output folder.
PAGE_FOLDER = "report"
#: How the first line begins and ends, by the ending of the file's name.
_COMMENTS = {".js": ("/* ", " */"), ".css": ("/* ", " */"), ".html": ("<!doctype html><!-- ", " -->")}
#: What would end the comment or begin HTML, and the same in JSON.
_ENDS = (("*/", "*\\/"), ("--", "-\\u002d"), ("<", "\\u003c"), (">", "\\u003e"))


def write_page_file(
    output: str | Path,
    file: str,
    body: str,
    origin: Mapping[str, Any],
    *,
    files: Sequence[ListedFile] = (),
    **more: Any,
) -> ListedFile:
    """Write a file of the page, unless it is there with the same content; return what is there now.

    The revision of the sources and the names of the inputs are not compared: what comes out the same stays what it
    was, as a light curve does.

    Parameters
    ----------
    output : path-like
        Output folder.
    file : str
        Path below it.
    body : str
        All that follows the first line.
    origin : mapping
        `photometry.io.store.provenance.origin_of`.
    files : sequence of ListedFile
        Files that were written with it.
    more
        Further entries of the first line.
    """
    path, content = Path(output, file), body.encode()
    listed = [[one.file, one.size, one.digest] for one in files]
    head = {"kind": "page", "digest": hashlib.sha256(content).hexdigest(), **more, "files": listed, **origin}
    whole = _line(path.suffix, head) + content
    if path.is_file():
        found = path.read_bytes()
        if found == whole or (found.partition(b"\n")[2] == content and _compared(_known(path)) == _compared(head)):
            return ListedFile(file, len(found), hashlib.sha256(found).hexdigest())
    with atomic_path(path) as temporary:
        temporary.write_bytes(whole)
    return ListedFile(file, len(whole), hashlib.sha256(whole).hexdigest())


def _line(suffix: str, head: Mapping[str, Any]) -> bytes:
    start, end = _COMMENTS[suffix]
    text = json.dumps(head)
    for sign, safe in _ENDS:
        text = text.replace(sign, safe)
    return f"{start}{text}{end}\n".encode()


def _compared(head: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in head.items() if name != "git_revision" and not name.startswith("input_")}


def _known(path: Path) -> dict[str, Any]:
    try:
        return read_head(path)
    except InputFileError:
        return {}


def read_head(path: str | Path) -> dict[str, Any]:
    """Return what the first line of a file of the page says.

    Raises
    ------
    InputFileError
        When the file is missing, or is none of the page.
    """
    path = Path(path)
    try:
        with path.open(encoding="utf-8") as file:
            line = file.readline().rstrip("\n")
        start, end = _COMMENTS[path.suffix]
        head = json.loads(line.removeprefix(start).removesuffix(end))
        if head["kind"] != "page" or not isinstance(head["files"], list):
            raise ValueError("it is none of the page")
    except FileNotFoundError as error:
        raise InputFileError(path, "no such file") from error
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputFileError(path, f"its first line cannot be read ({error}); delete it and run again") from error
    return dict(head)


def read_page_file(path: str | Path) -> tuple[dict[str, Any], str]:
    """Return the first line of a file of the page, and all that follows it.

    Raises
    ------
    InputFileError
        When the file is missing, or is not what was written.
    """
    head = read_head(path)
    body = Path(path).read_bytes().partition(b"\n")[2]
    if hashlib.sha256(body).hexdigest() != head["digest"]:
        raise InputFileError(path, "is not what was written: its SHA-256 has changed")
    return head, body.decode()


def files_of_page(path: str | Path) -> list[ListedFile]:
    """Return the files that were written with a file of the page.

    Raises
    ------
    InputFileError
        When the file is missing, or is none of the page.
    """
    try:
        return [ListedFile(str(file), int(size), str(digest)) for file, size, digest in read_head(path)["files"]]
    except (ValueError, TypeError) as error:
        raise InputFileError(path, f"its first line cannot be read ({error}); delete it and run again") from error
