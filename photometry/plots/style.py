"""Colours, labels and the way figures are written."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

__all__ = [
    "BLACK",
    "BLUE",
    "FLUX_LABEL",
    "GREEN",
    "GREY",
    "LEAST_RANGE_SIGMA",
    "ORANGE",
    "RED",
    "SIGMA_LABEL",
    "TIME_LABEL",
    "legend_above",
    "note_figure",
    "save_figure",
]

# Colours that people with colour blindness can tell apart (Okabe & Ito 2008, Color Universal Design).
BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#999999"
BLACK = "#000000"
FLUX_LABEL = "flux (e-/s)"
SIGMA_LABEL = "residual (standard errors of the mean image)"
#: Residuals are shown up to this at least, standard errors.
LEAST_RANGE_SIGMA = 5.0
TIME_LABEL = "time (BTJD = BJD_TDB - 2457000, d)"
_DPI = 120


def note_figure(text: str) -> Figure:
    """Return a figure that says why there is nothing to show."""
    figure = Figure(figsize=(6, 2), layout="constrained")
    figure.text(0.5, 0.5, text, ha="center", va="center", wrap=True)
    return figure


def legend_above(axes: Axes, ncols: int, title: str = "") -> None:
    """Put the legend of axes above them, below their title, where it covers neither."""
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=ncols, fontsize="small", frameon=False, borderaxespad=0)
    axes.set_title(f"{title}\n" if title else "", fontsize="medium", loc="left")


def save_figure(
    figure: Figure, path: str | Path, origin: Mapping[str, str] | None = None, *, is_simulated: bool = False
) -> None:
    """Write a figure as PNG, SVG or PDF by the name's ending; equal figures make equal bytes.

    Parameters
    ----------
    figure : Figure
        The figure.
    path : path-like
        The file.
    origin : mapping of str to str, optional
        What a PNG says of where it is from, by keyword.
    is_simulated : bool
        Whether the pixels are simulated: a note in the corner says so.
    """
    if is_simulated:
        figure.text(0.995, 0.005, "simulated pixels", ha="right", va="bottom", fontsize="x-small", color=GREY)
    suffix = Path(path).suffix.lower()
    kinds: dict[str, dict[str, Any]] = {
        ".png": dict(origin or {}),
        ".svg": {"Date": None},
        ".pdf": {"CreationDate": None},
    }
    with mpl.rc_context({"svg.hashsalt": "tess-psf-photometry"}):
        figure.savefig(path, dpi=_DPI, metadata=kinds.get(suffix, {}))
