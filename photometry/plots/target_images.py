"""Figures of one target of the Python interface."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from photometry.core.geometry import Stamp
from photometry.plots.images import show_image, stretch_of
from photometry.plots.style import (
    BLUE,
    FLUX_LABEL,
    GREY,
    LEAST_RANGE_SIGMA,
    ORANGE,
    RED,
    SIGMA_LABEL,
    TIME_LABEL,
)

__all__ = ["TargetImages", "stamp_figure", "target_figure"]

#: Size of the mark of a star as bright as the target, and limits of sizes, points squared.
_TARGET_SIZE = 60.0
_SIZES = (3.0, 120.0)


@dataclass(frozen=True, slots=True)
class TargetImages:
    """Mean images of a stamp, and the stars on it.

    Parameters
    ----------
    stamp : Stamp
        The pixels.
    image, error : (n_row, n_column) float
        Mean image and its standard error, e-/s.
    model : (n_row, n_column) float, or None
        What the fit makes of it, e-/s; None without a fit.
    row, column, tmag : (n_star,) float
        Stars: place, 0-based on the CCD, and magnitude.
    target : (row, column, magnitude)
        The target.
    """

    stamp: Stamp
    image: npt.NDArray[np.floating]
    error: npt.NDArray[np.floating]
    model: npt.NDArray[np.floating] | None
    row: npt.NDArray[np.float64]
    column: npt.NDArray[np.float64]
    tmag: npt.NDArray[np.float64]
    target: tuple[float, float, float]


def stamp_figure(images: TargetImages) -> Figure:
    """Show the mean image of a stamp with its stars, small."""
    figure = Figure(figsize=(3.6, 3.0), layout="constrained")
    axes = figure.subplots()
    show_image(figure, axes, images.image, images.stamp, stretch_of(images.image))
    _mark_stars(axes, images)
    return figure


def target_figure(
    time: npt.NDArray[np.float64],
    flux: npt.NDArray[np.floating],
    flux_err: npt.NDArray[np.floating],
    usable: npt.NDArray[np.bool_],
    images: TargetImages,
    title: str,
) -> Figure:
    """Show light curve, mean image, model, and their difference in standard errors.

    Parameters
    ----------
    time, flux, flux_err : (n_cadence,)
        BTJD (d), e-/s, e-/s.
    usable : (n_cadence,) bool
        Cadences without a flag that makes them unusable; the others are grey.
    images : TargetImages
        The stamp.
    title : str
        Title.
    """
    figure = Figure(figsize=(12, 7.5), layout="constrained")
    above, below = np.asarray(figure.subfigures(2, 1, height_ratios=(1, 1.15)))
    axes = above.subplots()
    axes.errorbar(time[~usable], flux[~usable], flux_err[~usable], fmt=".", ms=3, lw=0.6, color=GREY, label="flagged")
    axes.errorbar(time[usable], flux[usable], flux_err[usable], fmt=".", ms=3, lw=0.6, color=BLUE, label="unflagged")
    axes.set(xlabel=TIME_LABEL, ylabel=FLUX_LABEL, title=title)
    axes.legend(loc="best", fontsize="small")
    stretch = stretch_of(images.image)
    panels: list[tuple[str, npt.NDArray[np.floating], Normalize, str]] = [("stamp", images.image, stretch, FLUX_LABEL)]
    if images.model is not None:
        residual = (images.image - images.model) / images.error
        limit = max(float(np.nanmax(np.abs(residual), initial=0.0)), LEAST_RANGE_SIGMA)
        panels += [
            ("model", images.model, stretch, FLUX_LABEL),
            ("stamp - model", residual, Normalize(-limit, limit), SIGMA_LABEL),
        ]
    for place, (name, image, norm, label) in zip(below.subplots(1, 3), panels, strict=False):
        show_image(figure, place, image, images.stamp, norm, "gray_r" if norm is stretch else "RdBu_r", label)
        _mark_stars(place, images)
        place.set_title(name, fontsize="medium")
    for place in below.axes[len(panels) : 3]:
        place.set_axis_off()
    return figure


def _mark_stars(axes: Axes, images: TargetImages) -> None:
    """Mark the target, and the stars by their brightness beside it."""
    near = images.stamp.contains(images.row, images.column)
    row, column, tmag = images.target
    size = np.clip(_TARGET_SIZE * 10 ** (0.2 * (tmag - images.tmag[near])), *_SIZES)
    axes.scatter(images.column[near], images.row[near], s=size, marker="+", color=ORANGE, lw=0.8)
    axes.plot(column, row, "o", mfc="none", mec=RED, ms=14, mew=1.5)
