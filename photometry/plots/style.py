"""Colours, labels and the way figures are written."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

__all__ = ["BLUE", "FLUX_LABEL", "GREEN", "GREY", "ORANGE", "RED", "TIME_LABEL", "note_figure", "save_figure"]

# Colours that people with colour blindness can tell apart (Okabe & Ito 2008, Color Universal Design).
BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#999999"
FLUX_LABEL = "flux (e-/s)"
TIME_LABEL = "time (BTJD = BJD_TDB - 2457000, d)"
_DPI = 120


def note_figure(text: str) -> Figure:
    """Return a figure that says why there is nothing to show."""
    figure = Figure(figsize=(6, 2), layout="constrained")
    figure.text(0.5, 0.5, text, ha="center", va="center", wrap=True)
    return figure


def save_figure(figure: Figure, path: str | Path, origin: Mapping[str, str] | None = None) -> None:
    """Write a figure as PNG, SVG or PDF by the name's ending; equal figures make equal bytes.

    `origin` is what a PNG says of where it is from, by keyword.
    """
    suffix = Path(path).suffix.lower()
    kinds: dict[str, dict[str, Any]] = {
        ".png": dict(origin or {}),
        ".svg": {"Date": None},
        ".pdf": {"CreationDate": None},
    }
    with mpl.rc_context({"svg.hashsalt": "tess-psf-photometry"}):
        figure.savefig(path, dpi=_DPI, metadata=kinds.get(suffix, {}))
