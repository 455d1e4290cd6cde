"""Which revision of the sources is at work, as the files of git or pip have it: neither is run."""

import json
import re
from functools import cache
from pathlib import Path

__all__ = ["UNKNOWN", "git_revision"]

#: Revision of sources that are no git checkout and were not installed from one: those of a wheel, an unpacked archive.
UNKNOWN = "unknown"

#: Folder that holds the package.
_ROOT = Path(__file__).resolve().parents[3]
#: Name of the package for pip.
_DISTRIBUTION = "tess-psf-photometry"
_REVISION = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


@cache
def git_revision(root: Path = _ROOT) -> str:
    """Return the commit that is checked out in a folder, or that pip installed there, hexadecimal; else `UNKNOWN`.

    Uncommitted changes do not show in it. Layout of the files: gitrepository-layout(5); PEP 610 for those of pip.

    Parameters
    ----------
    root : Path
        Top folder of the sources [default: the one that holds this package].
    """
    try:
        found = _head(root) if (root / ".git").exists() else _installed_from(root)
    except (OSError, ValueError, AttributeError):
        return UNKNOWN
    return found if _REVISION.fullmatch(found) else UNKNOWN


def _head(root: Path) -> str:
    """Return what HEAD is, through the branch that it names; empty where that has no commit."""
    folder = root / ".git"
    if folder.is_file():  # a linked worktree
        folder = root / folder.read_text().strip().removeprefix("gitdir:").strip()
    head = (folder / "HEAD").read_text().strip()
    if not head.startswith("ref:"):
        return head
    branch = head.removeprefix("ref:").strip()
    common = folder / "commondir"
    shared = folder / common.read_text().strip() if common.is_file() else folder
    for place in (folder, shared):
        if (place / branch).is_file():
            return (place / branch).read_text().strip()
    for line in (shared / "packed-refs").read_text().splitlines():
        if line.endswith(f" {branch}"):
            return line.split()[0]
    return ""


def _installed_from(root: Path) -> str:
    """Return the commit that a package was installed from, by ``pip install git+https://...``; empty if none."""
    from importlib.metadata import distributions

    for found in distributions(name=_DISTRIBUTION, path=[str(root)]):
        if origin := found.read_text("direct_url.json"):
            return str(json.loads(origin).get("vcs_info", {}).get("commit_id", ""))
    return ""
