"""Figures that show pixels."""

from collections.abc import Collection, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import AsinhNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from photometry.core.geometry import Stamp, Tile
from photometry.core.stars import NO_STARS, Stars, star_name
from photometry.core.statistics import MAD_TO_SIGMA
from photometry.fit.tile_fit import TileFit
from photometry.plots.sky_marks import mark_sky, name_stars
from photometry.plots.style import BLUE, FLUX_LABEL, GREEN, LEAST_RANGE_SIGMA, ORANGE, RED, SIGMA_LABEL

__all__ = ["field_figure", "psf_figure", "residual_figure", "residual_stamp", "show_image", "stretch_of"]

#: Stars and targets that are marked in a field: more would hide it.
_MOST_SHOWN = 250
#: Ticks of a colour bar are so far apart, shares of its length.
_TICKS_APART = 0.05


def field_figure(
    image: npt.NDArray[np.floating[Any]],
    stamp: Stamp,
    stars: Stars,
    tiles: Sequence[Tile],
    title: str,
    targets: npt.NDArray[np.int64] | None = None,
    offset: tuple[float, float] = (0.0, 0.0),
    unlisted: Stars = NO_STARS,
    named: Collection[int] = (),
    wcs_header: str = "",
) -> Figure:
    """Show the mean image of a region with its stars and tiles.

    Parameters
    ----------
    image : (n_row, n_column)
        Mean image, e-/s.
    stamp : Stamp
        Its pixels.
    stars : Stars
        Stars to mark, the brightest of them; the larger the circle, the brighter the star.
    tiles : sequence of Tile
        Their cores are outlined.
    title : str
        Title.
    targets : (n_target,) int64, optional
        TIC numbers of the targets: marked apart from the other stars.
    offset : (row, column)
        Distance of the pixels' stars from their catalogue positions, pixels (`MovementKernel.offset`): stars are marked
        where the fit has them, as in `residual_figure`.
    unlisted : Stars
        Stars that the star table lacks: marked with squares, by positions as if they were in it.
    named : collection of int
        TIC numbers of stars whose names are written beside them.
    wcs_header : str
        `photometry.core.cube.CubeHeader.wcs_header`: compass and scale follow from it; empty for neither.
    """
    figure = Figure(figsize=(8.5, 8), layout="constrained")
    axes = figure.subplots()
    show_image(figure, axes, image, stamp, stretch_of(image))
    inside = stars.select(stamp.contains(stars.row, stars.column)).moved(*offset)
    _mark_stars(axes, inside, np.isin(inside.starid, targets if targets is not None else []))
    found = unlisted.moved(*offset)
    if len(found):
        label = f"not in the star table: {len(found)}"
        axes.scatter(found.column, found.row, s=60, marker="s", facecolors="none", edgecolors=ORANGE, label=label)
    for number, tile in enumerate(tiles):
        core = tile.core
        corner = (core.col_min - 0.5, core.row_min - 0.5)
        label = "tile" if number == 0 else ""
        axes.add_patch(
            Rectangle(corner, core.shape[1], core.shape[0], fill=False, ec=GREEN, lw=1.5, ls="--", label=label)
        )
    axes.set_xlim(stamp.col_min - 0.5, stamp.col_max - 0.5)
    axes.set_ylim(stamp.row_min - 0.5, stamp.row_max - 0.5)
    if wcs_header:
        mark_sky(axes, stamp, wcs_header)
    written = inside.select(np.isin(inside.starid, list(named)))
    name_stars(axes, [star_name(starid) for starid in written.starid.tolist()], written.row, written.column)
    if len(inside) or len(found) or tiles:
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3, fontsize="small", frameon=False)
    figure.suptitle(title)
    return figure


def _mark_stars(axes: Axes, inside: Stars, is_target: npt.NDArray[np.bool_]) -> None:
    """Mark the brightest stars, and the brightest targets apart from them."""
    for chosen, color, label in ((~is_target, BLUE, "star"), (is_target, RED, "target")):
        group = inside.select(chosen)
        shown = group.select(np.argsort(group.tmag, kind="stable")[:_MOST_SHOWN])
        if len(shown):
            axes.scatter(
                shown.column,
                shown.row,
                s=np.clip(1.2 * np.maximum(17.0 - shown.tmag, 0.0) ** 2, 5.0, 120.0),
                facecolors="none",
                edgecolors=color,
                linewidths=1.0,
                label=f"{label}: {len(shown)} brightest of {len(group)}, to T = {shown.tmag.max():.1f}",
            )


def residual_stamp(fit: TileFit, index: int, half_width: int = 7) -> Stamp:
    """Return pixels for `residual_figure`: so many on each side of a star, as far as the fit has them."""
    row, column = int(np.rint(fit.row[index])), int(np.rint(fit.column[index]))
    return Stamp(row - half_width, row + half_width + 1, column - half_width, column + half_width + 1).clipped(
        fit.stamp
    )


def residual_figure(fit: TileFit, index: int, title: str, stamp: Stamp, error: npt.NDArray[np.float64]) -> Figure:
    """Show mean image, model and their difference in standard errors around a star.

    Parameters
    ----------
    fit : TileFit
        The fit of the tile.
    index : int
        The star's place in the fit.
    title : str
        Title.
    stamp : Stamp
        Pixels to show, of those of the fit (`residual_stamp`).
    error : (n_row, n_column) float64
        Standard error of the mean image on them, e-/s.
    """
    image, model = (series[stamp.slices_in(fit.stamp)] for series in (fit.sum_image, fit.model_image))
    residual = (image - model) / error
    figure = Figure(figsize=(13, 4.3), layout="constrained")
    panels = figure.subplots(1, 3)
    limit = max(float(np.nanmax(np.abs(residual), initial=0.0)), LEAST_RANGE_SIGMA)
    stretch = stretch_of(image)
    difference = Normalize(-limit, limit)
    for axes, data, norm, name, label in (
        (panels[0], image, stretch, "mean image", FLUX_LABEL),
        (panels[1], model, stretch, "model", FLUX_LABEL),
        (panels[2], residual, difference, "image - model", SIGMA_LABEL),
    ):
        show_image(figure, axes, data, stamp, norm, "gray_r" if norm is stretch else "RdBu_r", label)
        near = stamp.contains(fit.row, fit.column)
        axes.plot(fit.column[near], fit.row[near], "+", color=ORANGE, ms=6, mew=1)
        axes.plot(fit.column[index], fit.row[index], "o", mfc="none", mec=RED, ms=14, mew=1.5)
        axes.set_title(name, fontsize="medium")
    figure.suptitle(title)
    return figure


def psf_figure(image: npt.NDArray[np.floating[Any]], stamp: Stamp, title: str) -> Figure:
    """Show the light of one star in the pixels of a stamp: as it is, and its logarithm.

    Parameters
    ----------
    image : (n_row, n_column)
        Share of the light.
    stamp : Stamp
        The pixels.
    title : str
        Title.
    """
    figure = Figure(figsize=(10, 4.5), layout="constrained")
    panels = figure.subplots(1, 2)
    peak = float(image.max())
    show_image(figure, panels[0], image, stamp, Normalize(0.0, peak), label="share of the light")
    logarithm = np.log10(np.maximum(image, 1e-9 * peak))
    stretch = Normalize(np.log10(peak) - 5, np.log10(peak))
    show_image(figure, panels[1], logarithm, stamp, stretch, label="log10(share of the light)")
    figure.suptitle(title)
    return figure


def _apart(norm: AsinhNorm) -> list[float]:
    """Return powers of ten, and 0, whose labels on a colour bar of this stretch do not touch."""
    low, high = float(norm.vmin or 0.0), float(norm.vmax or 1.0)
    ticks: list[float] = []
    for value in [0.0, *10.0 ** np.arange(7, -4, -1)]:
        at = float(norm(value))
        if low <= value <= high and all(abs(at - float(norm(other))) > _TICKS_APART for other in ticks):
            ticks.append(float(value))
    return ticks


def stretch_of(image: npt.NDArray[np.floating[Any]]) -> AsinhNorm:
    """Stretch that shows faint and bright stars together."""
    values = image[np.isfinite(image)]
    if not len(values):
        return AsinhNorm(1.0, 0.0, 1.0)
    low, middle, high = np.percentile(values, [1, 50, 99.8])
    width = MAD_TO_SIGMA * float(np.median(np.abs(values - middle)))
    return AsinhNorm(max(2 * width, (high - low) / 1000, 1e-6), low, max(high, low + 1e-6))


def show_image(
    figure: Figure,
    axes: Axes,
    image: npt.NDArray[np.floating[Any]],
    stamp: Stamp,
    norm: Normalize,
    cmap: str = "gray_r",
    label: str = FLUX_LABEL,
    *,
    bar: bool = True,
) -> None:
    """Draw an image in CCD pixels, with a colour bar unless `bar` is false; pixels without a value are yellow."""
    extent = (stamp.col_min - 0.5, stamp.col_max - 0.5, stamp.row_min - 0.5, stamp.row_max - 0.5)
    colors = mpl.colormaps[cmap].with_extremes(bad="#F0E442")
    shown = axes.imshow(image, origin="lower", extent=extent, norm=norm, cmap=colors, interpolation="nearest")
    if bar:
        scale = figure.colorbar(shown, cax=axes.inset_axes((1.02, 0.0, 0.04, 1.0)), label=label)
        if isinstance(norm, AsinhNorm):
            scale.set_ticks(_apart(norm))
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.set_xlabel("CCD column (px, 0-based)")
    axes.set_ylabel("CCD row (px, 0-based)")
