"""Figures of time series."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from photometry.calibration.kernel import MovementKernel
from photometry.core.geometry import Stamp
from photometry.lightcurve.light_curve import LightCurve
from photometry.plots.style import BLUE, FLUX_LABEL, GREEN, GREY, ORANGE, RED, TIME_LABEL, legend_above, note_figure

__all__ = ["light_curves_figure", "motion_figure"]


def light_curves_figure(
    curves: Sequence[LightCurve],
    apertures: Sequence[npt.NDArray[np.float64]],
    titles: Sequence[str],
    usable: npt.NDArray[np.bool_],
) -> Figure:
    """Show the PSF flux of several targets against time, and what a plain aperture sees; flagged cadences are marked.

    The corrected flux is shown beside it where one of them has another.

    Parameters
    ----------
    curves : sequence of LightCurve
        Where there is none, the figure says so.
    apertures : sequence of (n_cadence,) float64
        Sum of the pixels in the aperture of each, scaled to its median flux, e-/s
        (`photometry.lightcurve.plain_aperture`).
    titles : sequence of str
        A title for each.
    usable : (n_cadence,) bool
        Cadences without a flag that makes them unusable.
    """
    if not curves:
        return note_figure("no light curves")
    figure = Figure(figsize=(9, 0.6 + 2.1 * len(curves)), layout="constrained")
    panels = figure.subplots(len(curves), 1, squeeze=False, sharex=True)[:, 0]
    are_corrected = any(not np.array_equal(curve.corr_flux, curve.flux, equal_nan=True) for curve in curves)
    for axes, curve, aperture, title in zip(panels, curves, apertures, titles, strict=True):
        label = "sum of the aperture, neighbours in it, scaled"
        axes.plot(curve.time, aperture, "o", ms=4, mfc="none", mew=0.7, color=ORANGE, label=label)
        axes.errorbar(
            curve.time, curve.flux, curve.flux_err, fmt=".", ms=3, lw=0.6, color=BLUE, label="PSF (FLUX)", zorder=2
        )
        if are_corrected:
            axes.plot(curve.time, curve.corr_flux, ".", ms=2.5, color=GREEN, label="corrected (CORR_FLUX)", zorder=2.5)
        unflagged = np.concatenate([curve.flux[usable], curve.corr_flux[usable], aperture[usable]])
        _mark_flagged(axes, curve.time[~usable], curve.flux[~usable], unflagged)
        axes.set_ylabel(FLUX_LABEL)
        axes.set_title(title, fontsize="medium", loc="left")
        axes.ticklabel_format(useOffset=False)
    legend_above(panels[0], 4, titles[0])
    panels[-1].set_xlabel(TIME_LABEL)
    return figure


def motion_figure(
    time: npt.NDArray[np.float64], kernel: MovementKernel, stamp: Stamp, usable: npt.NDArray[np.bool_], title: str
) -> Figure:
    """Show how far stars move, in the middle and in the corners of a region, against time.

    Parameters
    ----------
    time : (n_cadence,) float64
        BTJD, d.
    kernel : MovementKernel
        The motion.
    stamp : Stamp
        Pixels of the region.
    usable : (n_cadence,) bool
        Cadences without a flag that makes them unusable; the others, and those that were not measured, are marked.
    title : str
        Title.
    """
    rows = [stamp.center[0], stamp.row_min, stamp.row_min, stamp.row_max - 1, stamp.row_max - 1]
    columns = [stamp.center[1], stamp.col_min, stamp.col_max - 1, stamp.col_min, stamp.col_max - 1]
    good = usable & ~kernel.bad
    figure = Figure(figsize=(9, 5.5), layout="constrained")
    panels = figure.subplots(2, 1, sharex=True)
    for axes, shifts, name in zip(panels, kernel.shifts(rows, columns), ("row", "column"), strict=True):
        milli = 1000 * shifts
        axes.plot(time[good], milli[1:, good].T, ".", ms=2, color=GREY)
        axes.plot([], [], ".", ms=5, color=GREY, label="corners")
        axes.plot(time[good], milli[0, good], ".", ms=4, color=BLUE, label="middle")
        _mark_flagged(axes, time[~good], milli[0, ~good], milli[:, good])
        axes.set_ylabel(f"{name} shift (0.001 px)")
        axes.grid(visible=True, alpha=0.3)
    legend_above(panels[0], 3, f"{title}, measured from {kernel.source}")
    panels[-1].set_xlabel(TIME_LABEL)
    return figure


def _mark_flagged(
    axes: Axes, time: npt.NDArray[np.float64], values: npt.NDArray[np.floating], unflagged: npt.NDArray[np.floating]
) -> None:
    """Set the range to the unflagged values and mark the flagged ones, those beyond the range at its edge."""
    finite = unflagged[np.isfinite(unflagged)]
    if len(finite):
        low, high = float(finite.min()), float(finite.max())
        margin = 0.12 * (high - low) or 1.0
        axes.set_ylim(low - 2 * margin, high + 2 * margin)
        values = np.clip(values, low - margin, high + margin)
    axes.plot(time, values, "x", ms=5, color=RED, label="flagged (at the edge if beyond)", zorder=3)
