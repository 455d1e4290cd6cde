"""What the report says of the software that made the light curves, by the head of a summary, and where the page is."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from photometry.core.wording import number_of

__all__ = ["SHOWN", "made_with", "meta_of_summary", "page_link"]

#: Digits of digests that a page has room for; the summary has them in full.
SHOWN = 12
#: Where Snakemake writes its report if no file is named.
_REPORT = "report.html"


def made_with(path: str | Path) -> list[str]:
    """Return a line for every software, revision and settings that made the light curves of a summary.

    Parameters
    ----------
    path : path-like
        The summary; where it is missing, or of a version that does not say it, the list is empty.
    """
    return [
        f"{number_of(made['tiles'], 'tile')} by {made['software']}, git revision {made['git_revision'][:SHOWN]}, "
        f"settings {made['settings_digest'][:SHOWN]}"
        for made in meta_of_summary(path).get("made_with", [])
    ]


def meta_of_summary(path: str | Path) -> Mapping[str, Any]:
    """Return the metadata of a summary; none where it is missing or damaged.

    Only the first lines are read, and without astropy: this is part of every plan.
    """
    if not Path(path).is_file():
        return {}
    lines = []
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            if not line.startswith("# ") or line.startswith("# schema:"):
                break
            lines.append(line[2:])
    try:
        header = yaml.safe_load("".join(lines[1:]))
    except yaml.YAMLError:
        return {}
    return dict(header.get("meta") or []) if isinstance(header, dict) else {}


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
