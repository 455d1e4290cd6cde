"""Hook of MkDocs: pages from elsewhere in the repository, links between all of them, equations."""

import posixpath
import re
from functools import partial
from pathlib import Path

from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
#: Pages from outside docs/, by what they are called in the site.
OUTSIDE = {
    "index.md": "README.md",
    "contributing.md": "CONTRIBUTING.md",
    "changes.md": "CHANGELOG.md",
    "benchmarks.md": "benchmarks/README.md",
}
#: Places in the repository by those of the site.
PLACES = {place: page for page, place in OUTSIDE.items()} | {"docs/README.md": "index.md"}
_CODE = re.compile(r"(^```.*?^```$|`[^`\n]*`)", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<!\\)\[(?P<text>[^\[\]]*)\]\((?P<target>[^)\s]+)\)")
_EQUATION = re.compile(r"\$\$(?P<display>.+?)\$\$|(?<![\w$\\])\$(?P<inline>[^$\n]+?)\$(?![\w$])", re.DOTALL)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages from outside docs/."""
    for page, place in OUTSIDE.items():
        files.append(File.generated(config, page, content=(ROOT / place).read_text()))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links of the repository into those of the site, and equations into MathML."""
    del config, files
    if not page.file.src_uri.endswith(".md"):
        return markdown
    place = OUTSIDE.get(page.file.src_uri, f"docs/{page.file.src_uri}")
    linked = _LINK.sub(partial(_link, place, page.file.src_uri), markdown)
    parts = _CODE.split(linked)
    return "".join(part if part.startswith("`") else _EQUATION.sub(_equation, part) for part in parts)


def _link(place: str, uri: str, link: re.Match[str]) -> str:
    """Return a link of a page as it is in the site; of files that are no page nothing but the words stay."""
    target, _, anchor = link["target"].partition("#")
    if not target or re.match(r"[a-z]+:", target):
        return link[0]
    wanted = posixpath.normpath(posixpath.join(posixpath.dirname(place), target))
    page = PLACES.get(wanted) or (wanted.removeprefix("docs/") if wanted.startswith("docs/") else "")
    if not page:
        return link["text"]
    relative = posixpath.relpath(page, posixpath.dirname(uri) or ".")
    return f"[{link['text']}]({relative}{'#' if anchor else ''}{anchor})"


def _equation(found: re.Match[str]) -> str:
    display = found["display"] is not None
    made = convert(found["display"] or found["inline"], display="block" if display else "inline")
    return f"\n\n{made}\n\n" if display else made
