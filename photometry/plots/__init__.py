"""Figures of the products.

Every function returns a `matplotlib.figure.Figure` and keeps no state.
"""

from matplotlib.figure import Figure

from photometry.plots.blend import BlendedStar, blend_figure
from photometry.plots.images import field_figure, psf_figure, residual_figure, residual_stamp
from photometry.plots.scatter import Scatter, scatter_figure
from photometry.plots.series import light_curves_figure, motion_figure
from photometry.plots.style import note_figure, save_figure
from photometry.plots.target_images import TargetImages, stamp_figure, target_figure
from photometry.plots.trend_figure import trends_figure

__all__ = [
    "BlendedStar",
    "Figure",
    "Scatter",
    "TargetImages",
    "blend_figure",
    "field_figure",
    "light_curves_figure",
    "motion_figure",
    "note_figure",
    "psf_figure",
    "residual_figure",
    "residual_stamp",
    "save_figure",
    "scatter_figure",
    "stamp_figure",
    "target_figure",
    "trends_figure",
]
