"""Figure of the trends of a region: what they are, how many there are and why, and what taking them off does."""

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from photometry.plots.style import BLACK, BLUE, GREEN, GREY, ORANGE, RED, TIME_LABEL, note_figure
from photometry.trends.trend_set import TrendSet

__all__ = ["trends_figure"]

_COLOURS = (BLUE, ORANGE, GREEN, RED, BLACK, GREY)
#: Distance of two trends in the figure, in units of their standard deviations.
_APART = 4.0


def trends_figure(
    trends: TrendSet, before: npt.NDArray[np.float64], after: npt.NDArray[np.float64], hours: float, title: str
) -> Figure:
    """Show trends against time, how their number was found, scatter before and after, and a share over the detector.

    Parameters
    ----------
    trends : TrendSet
        The trends.
    before, after : (n_star,) float64
        Scatter of the stars that they are made of, with and without them, ppm; NaN where a star is not there.
    hours : float
        Length of the means whose scatter that is, h.
    title : str
        Title.
    """
    if not trends.n_trend:
        return note_figure(f"{title}: no trends ({trends.reason})")
    panels = 1 if not len(trends.stars) else 3
    figure = Figure(figsize=(12, 3.5 + 0.5 * trends.n_trend + 4.0 * (panels > 1)), layout="constrained")
    grid = figure.add_gridspec(min(panels, 2), panels, height_ratios=[2.0 + 0.5 * trends.n_trend, 4.0][:panels])
    _show_trends(figure.add_subplot(grid[0, :]), trends)
    if panels > 1:
        _show_number(figure.add_subplot(grid[1, 0]), trends)
        _show_scatter(figure.add_subplot(grid[1, 1]), trends.stars.tmag, before, after, hours)
        _show_places(figure, figure.add_subplot(grid[1, 2]), trends)
    stars = f", of {len(trends.stars)} quiet stars" if len(trends.stars) else ""
    number = f"{trends.n_trend} trend{'s' if trends.n_trend > 1 else ''}"
    figure.suptitle(f"{title}: {number} ({trends.origin}){stars}")
    return figure


def _show_trends(axes: Axes, trends: TrendSet) -> None:
    shares = _shares(trends)
    for number, values in enumerate(trends.values):
        shown = np.where(values == 0, np.nan, values)
        shown = (shown - np.nanmean(shown)) / max(float(np.nanstd(shown)), 1e-300)
        level = -_APART * number
        axes.axhline(level, color=GREY, lw=0.5)
        axes.plot(trends.time, level + shown, ".", ms=2, color=_COLOURS[number % len(_COLOURS)])
        share = f": {100 * shares[number]:.2g} %" if len(shares) else ""
        axes.annotate(
            f"{number + 1}{share}",
            (1.005, level),
            xycoords=("axes fraction", "data"),
            va="center",
            color=_COLOURS[number % len(_COLOURS)],
        )
    axes.set_yticks([])
    axes.ticklabel_format(axis="x", useOffset=False)
    axes.set_ylabel("trends (scaled), one below the other")
    axes.set_xlabel(TIME_LABEL.replace("BJD_TDB", "TDB at the spacecraft").replace("BTJD", "TJD"))
    if len(shares):
        axes.set_title("to the right: part of what the stars share (of the variance)", fontsize="small", loc="right")


def _shares(trends: TrendSet) -> npt.NDArray[np.float64]:
    """Part of each trend in the variance that all trends make in the middle star, (n_trend,); empty without stars."""
    if not len(trends.stars):
        return np.zeros(0)
    power = np.median(trends.stars.coefficients**2, axis=0) * np.nanmean(trends.values**2, axis=1)
    return np.asarray(power / power.sum())


def _show_number(axes: Axes, trends: TrendSet) -> None:
    n_orbit = 1 + int(trends.by_orbit)
    gains = -100 * np.expm1(np.array(trends.scores))
    axes.plot(np.arange(len(gains)), gains, "o-", color=BLUE, ms=4)
    axes.axvline(trends.n_trend / n_orbit, color=GREY, ls="--", lw=1, label="taken")
    axes.set_xlabel("number of trends" + (" of each orbit" if trends.by_orbit else ""))
    axes.set_ylabel("scatter of held-out stars falls by (%)")
    axes.grid(visible=True, alpha=0.3)
    axes.legend(fontsize="small")


def _show_scatter(
    axes: Axes,
    tmag: npt.NDArray[np.float64],
    before: npt.NDArray[np.float64],
    after: npt.NDArray[np.float64],
    hours: float,
) -> None:
    for values, colour, label in ((before, ORANGE, "FLUX"), (after, BLUE, "CORR_FLUX")):
        axes.plot(tmag, values, ".", ms=4, color=colour, alpha=0.7, label=label)
    axes.set_yscale("log")
    axes.set_xlabel("Tmag (mag)")
    axes.set_ylabel(f"scatter in {hours:g} h (ppm)")
    axes.grid(visible=True, which="major", alpha=0.3)
    axes.legend(fontsize="small")


def _show_places(figure: Figure, axes: Axes, trends: TrendSet) -> None:
    """Show the share of the stars in the strongest trend where they are, the best known on top."""
    stars = trends.stars
    shares, error = stars.coefficients[:, 0], np.sqrt(stars.variance[:, 0])
    order = np.argsort(-error)
    middle = float(np.median(shares))
    known = error < np.median(error)
    width = float(np.quantile(np.abs(shares[known] - middle), 0.95)) if known.any() else float(np.ptp(shares))
    width = max(width, 1e-9)
    drawn = axes.scatter(
        stars.column[order],
        stars.row[order],
        c=1e6 * shares[order],
        s=np.clip(30 - 4 * (stars.tmag[order] - 8), 4, 40),
        cmap="RdBu_r",
        vmin=1e6 * (middle - width),
        vmax=1e6 * (middle + width),
        edgecolors=GREY,
        linewidths=0.3,
    )
    figure.colorbar(drawn, ax=axes, shrink=0.7, label="share of trend 1 (ppm of the flux)")
    axes.set_aspect("equal")
    axes.set_xlabel("column (px)")
    axes.set_ylabel("row (px)")
