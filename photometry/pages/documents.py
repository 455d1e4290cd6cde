"""HTML around the packed data: the page of a run, and the pages of single targets, which need no other file."""

import hashlib
import html
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from photometry.core.quality import PIXEL_QUALITY, STAR_FLAGS, TESS_QUALITY, Flag
from photometry.pages.packing import call_of, deflated

__all__ = ["FLAGS", "bokeh_code", "code_digest", "index_document", "own_code", "target_document"]

#: Our own code and style, in the order in which the page takes them.
_STYLE, _SCRIPTS, _BODY = (
    "page.css",
    ("data.js", "table.js", "figures.js", "overview.js", "target.js", "page.js"),
    "body.html",
)
_BODY_ALONE = """<div class="top"><h1 id="title"></h1></div>
<main><div id="message"></div><section id="target"></section></main>
"""
#: Parts of BokehJS that the page needs.
_BOKEH = ("bokeh", "bokeh-api")


def _flag_list(registry: Sequence[Flag]) -> list[list[int | str]]:
    return [[flag.value, flag.name, flag.meaning] for flag in registry]


#: What bits mean, for words on the page.
FLAGS = {
    "quality": _flag_list(TESS_QUALITY),
    "pixel_quality": _flag_list(PIXEL_QUALITY),
    "star": _flag_list(STAR_FLAGS),
}


@cache
def own_code() -> dict[str, str]:
    """Return our style and scripts by the names of their files."""
    return {name: _static(name) for name in (_STYLE, *_SCRIPTS)}


def _static(name: str) -> str:
    return files("photometry.pages").joinpath("static", name).read_text(encoding="utf-8")


def code_digest() -> str:
    """Return a digest of all that the page has beside data, but BokehJS."""
    texts = [*own_code().values(), _static(_BODY)]
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]


@cache
def bokeh_code() -> str:
    """Return the JavaScript of Bokeh, which draws the figures."""
    # Takes a fifth of a second, in one job of a run.
    from bokeh.resources import Resources

    return "\n".join(Resources(mode="inline", components=list(_BOKEH), minified=True).js_raw[: len(_BOKEH)])


def index_document(run: Mapping[str, Any], folder: str) -> str:
    """Return the HTML of the page of a run, all that follows the line of its doctype.

    Parameters
    ----------
    run : mapping
        What the whole run is: ``title``, ``status`` (numbers of targets), ``regions``, ``pages`` (names of the regions
        of each), ``flags``.
    folder : str
        Folder of style and scripts, beside the page.
    """
    style = f'<link rel="stylesheet" href="{folder}/{_STYLE}">'
    scripts = [f'<script src="{folder}/{name}"></script>' for name in ("bokeh.js", *_SCRIPTS)]
    return _document(str(run["title"]), style, [*scripts, _inline(call_of("run", run))])


def target_document(content: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    """Return the HTML of the page of a target, which needs no other file.

    Parameters
    ----------
    content : mapping
        ``title``, ``rows`` (`photometry.pages.packed_rows.pack_rows`), ``regions``, ``flags``.
    data : mapping
        Content by its key: regions, and tiles with the star alone.
    """
    packed = deflated([np.frombuffer(bokeh_code().encode(), dtype=np.uint8)])
    scripts = [_inline(own_code()[name]) for name in _SCRIPTS]
    scripts += [_inline(call_of(key, value)) for key, value in {"bokeh": packed, **data, "alone": content}.items()]
    return _document(str(content["title"]), f"<style>\n{own_code()[_STYLE]}</style>", scripts, alone=True)


def _inline(code: str) -> str:
    # In JavaScript <\/ is </ as well, and HTML does not take it for an end.
    return "<script>\n" + code.replace("</script", "<\\/script") + "</script>"


def _document(title: str, style: str, scripts: Sequence[str], *, alone: bool = False) -> str:
    return "\n".join(
        [
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<link rel="icon" href="data:,">',
            f"<title>{html.escape(title)}</title>",
            style,
            "</head>",
            '<body data-alone="alone">' if alone else "<body>",
            _BODY_ALONE if alone else _static(_BODY),
            *scripts,
            "</body>",
            "</html>",
            "",
        ]
    )
