"""Figures of many light curves at once."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from photometry.core.cube import Exposure
from photometry.lightcurve.noise import BOUND_PPM, expected_noise
from photometry.plots.style import BLUE, GREEN, ORANGE

__all__ = ["Scatter", "scatter_figure"]


@dataclass(frozen=True, slots=True)
class Scatter:
    """Scatter of many light curves; every array is (n_star,).

    Parameters
    ----------
    tmag : float64
        TESS magnitude.
    rms_hour, ptp : float64
        `photometry.lightcurve.metrics.Metrics`, ppm.
    reserved : bool
        Stars measured with reservations (status WARNING).
    """

    tmag: npt.NDArray[np.float64]
    rms_hour: npt.NDArray[np.float64]
    ptp: npt.NDArray[np.float64]
    reserved: npt.NDArray[np.bool_]


def scatter_figure(scatter: Scatter, exposure: Exposure, sky: float, title: str) -> Figure:
    """Show the scatter of light curves against magnitude, with the expected noise.

    Parameters
    ----------
    scatter : Scatter
        Scatter of the stars.
    exposure : Exposure
        Exposure and readout of a cadence.
    sky : float
        Typical background per pixel, e-/s.
    title : str
        Title.
    """
    figure = Figure(figsize=(11, 5), layout="constrained")
    panels = figure.subplots(1, 2, sharex=True)
    finite = scatter.tmag[np.isfinite(scatter.tmag)]
    low, high = (finite.min() - 0.3, finite.max() + 0.3) if len(finite) else (6.0, 16.0)
    tmag = np.linspace(low, high, 200)
    noise_label = f"photons, sky ({sky:.0f} e-/s/px), read noise"
    for axes, values, hours, name in (
        (panels[0], scatter.rms_hour, 1.0, "scatter in one hour (ppm)"),
        (panels[1], scatter.ptp, None, f"point-to-point scatter in {exposure.cadence_s} s (ppm)"),
    ):
        for chosen, color, marker, label in (
            (~scatter.reserved, BLUE, ".", "OK"),
            (scatter.reserved, ORANGE, "x", "WARNING"),
        ):
            axes.plot(scatter.tmag[chosen], values[chosen], marker, ms=5, color=color, alpha=0.7, label=label)
        axes.plot(tmag, expected_noise(tmag, exposure, sky, hours), "-", color="black", lw=1.2, label=noise_label)
        if hours:
            axes.plot(*zip(*BOUND_PPM, strict=True), "--s", color=GREEN, ms=4, label="bound, sky 100 e-/s/px")
        axes.set_yscale("log")
        axes.set_xlim(low, high)
        axes.set_xlabel("Tmag (mag)")
        axes.set_ylabel(name)
        axes.grid(visible=True, which="major", alpha=0.3)
        axes.legend(fontsize="small")
    figure.suptitle(title)
    return figure
