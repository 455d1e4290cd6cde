"""What the report says of the software that made the light curves, and where the page is."""

import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import yaml

__all__ = ["made_with", "page_link"]

#: Where Snakemake writes its report if no file is named.
_REPORT = "report.html"


def made_with(path: str | Path) -> list[str]:
    """Return a line for every software, revision and settings that made light curves, from the head of a summary.

    Only the first lines are read, and without astropy: this is part of every plan.

    Parameters
    ----------
    path : path-like
        The summary; where it is missing, or of a version that does not say it, the list is empty.
    """
    if not Path(path).is_file():
        return []
    lines = []
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            if not line.startswith("# ") or line.startswith("# schema:"):
                break
            lines.append(line[2:])
    try:
        header = yaml.safe_load("".join(lines[1:]))
    except yaml.YAMLError:
        return []
    meta = dict(header.get("meta") or []) if isinstance(header, dict) else {}
    return [
        f"{made['tiles']} tiles by {made['software']}, git revision {made['git_revision']}, "
        f"settings {made['settings_digest']}"
        for made in meta.get("made_with", [])
    ]


def page_link(page: str | Path, arguments: Sequence[str]) -> str:
    """Return the address of the page that one browses, as seen from Snakemake's report; empty where there is no page.

    Parameters
    ----------
    page : path-like
        The page.
    arguments : sequence of str
        Words of the command, of which ``--report`` names the report.
    """
    if not Path(page).is_file():
        return ""
    report = _REPORT
    for word, following in zip(arguments, [*arguments[1:], ""], strict=True):
        if word == "--report" and Path(following).suffix in (".html", ".zip"):
            report = following
        elif word.startswith("--report="):
            report = word.partition("=")[2]
    return quote(Path(os.path.relpath(page, Path(report).parent)).as_posix())
