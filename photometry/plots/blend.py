"""A blend as an aperture and as the PSF fit see it, beside the truth: the picture that the README begins with."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from photometry.core.geometry import Stamp
from photometry.plots.images import show_image, stretch_of
from photometry.plots.sky_marks import mark_sky
from photometry.plots.style import BLACK, BLUE, ORANGE, TIME_LABEL

__all__ = ["BlendedStar", "blend_figure"]

_OUTLINE = (withStroke(linewidth=3, foreground="white"),)
#: What the stars are called in the figure.
_MARKS = "AB"


@dataclass(frozen=True, slots=True)
class BlendedStar:
    """A star of a blend; its light curves are relative to their medians, (n_cadence,).

    Parameters
    ----------
    name : str
        What the figure calls it.
    row, column : float
        Place, 0-based CCD pixels.
    time : float64
        BTJD, d.
    aperture, psf, truth : float64
        Sum of its aperture, PSF flux, true flux.
    pixels : (n_row, n_column) bool
        Its aperture on the pixels that are shown.
    """

    name: str
    row: float
    column: float
    time: npt.NDArray[np.float64]
    aperture: npt.NDArray[np.float64]
    psf: npt.NDArray[np.float64]
    truth: npt.NDArray[np.float64]
    pixels: npt.NDArray[np.bool_]


def blend_figure(
    image: npt.NDArray[np.floating[Any]], stamp: Stamp, wcs_header: str, stars: Sequence[BlendedStar], title: str
) -> Figure:
    """Show the pixels of a blend, and of each star what an aperture measures, what the PSF fit does, and the truth.

    Parameters
    ----------
    image : (n_row, n_column)
        Mean image, e-/s.
    stamp : Stamp
        Its pixels.
    wcs_header : str
        `photometry.core.cube.CubeHeader.wcs_header`.
    stars : sequence of BlendedStar
        The stars, up to two: a row of light curves for each.
    title : str
        Title.
    """
    figure = Figure(figsize=(11, 4.7), layout="constrained")
    left, right = np.asarray(figure.subfigures(1, 2, width_ratios=(1, 2.3)))
    axes = left.subplots()
    show_image(figure, axes, image, stamp, stretch_of(image), bar=False)
    mark_sky(axes, stamp, wcs_header)
    highest = max(star.row for star in stars)
    for star, mark in zip(stars, _MARKS, strict=False):
        # Letters are on the far sides of the stars.
        away = 1 if star.row == highest else -1
        axes.plot(star.column, star.row, "+", color=BLUE, ms=10, mew=2, path_effects=_OUTLINE)
        place = {"textcoords": "offset points", "ha": "center", "va": "center", "fontweight": "bold"}
        axes.annotate(mark, (star.column, star.row), (9 * away, 11 * away), path_effects=_OUTLINE, **place)
    _outline_pixels(axes, stars[0].pixels, stamp)
    axes.set_title("mean image, and the aperture of A", fontsize="medium")
    panels = right.subplots(len(stars), 2, sharex=True, sharey="row", squeeze=False)
    for number, (star, mark) in enumerate(zip(stars, _MARKS, strict=False)):
        for place, values, color in ((panels[number, 0], star.aperture, ORANGE), (panels[number, 1], star.psf, BLUE)):
            place.plot(star.time, star.truth, "-", color=BLACK, lw=0.8, label="truth", zorder=1)
            place.plot(star.time, values, ".", color=color, ms=4, zorder=2)
            place.grid(visible=True, alpha=0.3)
        panels[number, 0].set_ylabel(f"{mark}: {star.name}\nrelative flux")
    panels[0, 0].set_title("aperture photometry", fontsize="medium")
    panels[0, 1].set_title("PSF photometry", fontsize="medium")
    panels[0, 0].legend(loc="lower left", fontsize="small", frameon=False)
    right.supxlabel(TIME_LABEL, fontsize="medium")
    figure.suptitle(title)
    return figure


def _outline_pixels(axes: Axes, pixels: npt.NDArray[np.bool_], stamp: Stamp) -> None:
    """Draw the border of some pixels."""
    padded = np.pad(pixels, 1).astype(np.int8)
    for (row, column), step in np.ndenumerate(np.diff(padded, axis=0)):
        if step:
            level = stamp.row_min + row - 0.5
            start = stamp.col_min + column - 1.5
            axes.plot([start, start + 1], [level, level], color=ORANGE, lw=1.8)
    for (row, column), step in np.ndenumerate(np.diff(padded, axis=1)):
        if step:
            level = stamp.col_min + column - 0.5
            start = stamp.row_min + row - 1.5
            axes.plot([level, level], [start, start + 1], color=ORANGE, lw=1.8)
