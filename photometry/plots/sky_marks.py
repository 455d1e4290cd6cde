"""Where north and east are in pixels, and how long an arc is: marks of a figure."""

from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from photometry.catalog.star_catalog import ccd_positions, stamp_on_sky
from photometry.core.constants import ARCSEC_PER_PIXEL
from photometry.core.geometry import Stamp
from photometry.plots.style import BLACK, RED

__all__ = ["mark_sky", "name_stars"]

#: Lengths of the scale bar, arcsec: the longest that is no more than this share of the width.
_LENGTHS, _MOST_OF_WIDTH = (20, 60, 120, 300, 600, 1200, 3600, 7200), 0.3
#: A step on the sky from which directions follow, deg.
_STEP = 0.005
#: Length of the compass's arms and margin around the marks, shares of the shorter side.
_ARM, _MARGIN = 0.06, 0.02
_ARCSEC_PER_DEG = 3600
_ON_TOP = 6.0
#: The ground that marks are drawn on, over names of stars.
_GROUND: dict[str, Any] = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "zorder": 5.0}
_OUTLINE = (withStroke(linewidth=3, foreground="white"),)


def sky_directions(wcs_header: str, stamp: Stamp) -> npt.NDArray[np.float64]:
    """Return unit vectors to north and to east in the middle of a stamp: ((column, row), (column, row))."""
    ra, dec, _, _ = stamp_on_sky(wcs_header, stamp)
    step = _STEP if dec < 0 else -_STEP  # away from the nearer pole
    places = [ra, ra, ra + _STEP / np.cos(np.deg2rad(dec))], [dec, dec + step, dec]
    row, column = ccd_positions(np.array(places[0]), np.array(places[1]), wcs_header)
    moves = np.stack([column[1:] - column[0], row[1:] - row[0]], axis=1) * np.array([[np.sign(step)], [1.0]])
    directions: npt.NDArray[np.float64] = moves / np.hypot(*moves.T)[:, None]
    return directions


def mark_sky(axes: Axes, stamp: Stamp, wcs_header: str) -> None:
    """Draw a compass in the lower right corner, and a scale bar in the lower left, on a lighter ground."""
    _draw_compass(axes, stamp, sky_directions(wcs_header, stamp))
    _draw_scale(axes, stamp)


def _draw_compass(axes: Axes, stamp: Stamp, directions: npt.NDArray[np.float64]) -> None:
    arm = _ARM * min(stamp.shape)
    # Arms and letters fit into a square about their middle.
    arms = np.concatenate([np.zeros((1, 2)), 1.6 * arm * directions])
    low, high = arms.min(axis=0) - 0.5 * arm, arms.max(axis=0) + 0.5 * arm
    corner = np.array([stamp.col_max - 0.5, stamp.row_min - 0.5]) + _MARGIN * min(stamp.shape) * np.array([-1, 1])
    middle = corner - np.array([high[0], low[1]])
    axes.add_patch(Rectangle(tuple(middle + low), *(high - low), **_GROUND))
    for name, direction in zip("NE", directions, strict=True):
        (column, row), (at, level) = (middle + arm * direction).tolist(), (middle + 1.6 * arm * direction).tolist()
        arrow = {"arrowstyle": "-|>", "color": BLACK, "lw": 1.2, "shrinkA": 0, "shrinkB": 0}
        axes.annotate("", (column, row), tuple(middle.tolist()), arrowprops=arrow, zorder=_ON_TOP)
        axes.text(at, level, name, ha="center", va="center", fontsize="small", zorder=_ON_TOP)


def _draw_scale(axes: Axes, stamp: Stamp) -> None:
    most = _MOST_OF_WIDTH * stamp.shape[1] * ARCSEC_PER_PIXEL
    length = max((one for one in _LENGTHS if one <= most), default=_LENGTHS[0])
    side, size = min(stamp.shape), length / ARCSEC_PER_PIXEL
    start, level = (first - 0.5 + 2 * _MARGIN * side for first in (stamp.col_min, stamp.row_min))
    edge = _MARGIN * side
    axes.add_patch(Rectangle((start - edge, level - edge), size + 2 * edge, 2 * edge + 0.05 * side, **_GROUND))
    axes.plot([start, start + size], [level, level], color=BLACK, lw=2.5, solid_capstyle="butt", zorder=_ON_TOP)
    label = f"{length} arcsec" if length < _ARCSEC_PER_DEG else f"{length // _ARCSEC_PER_DEG} deg"
    middle = start + size / 2, level + 0.012 * side
    axes.text(*middle, label, ha="center", va="bottom", fontsize="small", zorder=_ON_TOP)


def name_stars(
    axes: Axes, names: list[str], row: npt.NDArray[np.float64], column: npt.NDArray[np.float64], color: str = RED
) -> None:
    """Write names beside stars: on the side that has room, those of neighbours not over each other."""
    left, right = axes.get_xlim()
    taken: list[tuple[float, float]] = []
    height = 0.022 * abs(np.diff(axes.get_ylim())[0])
    for place in np.argsort(row, kind="stable"):
        on_left = column[place] > left + 0.8 * (right - left)
        at = float(row[place])
        while any(
            abs(at - other) < height and abs(column[place] - where) < 0.3 * (right - left) for other, where in taken
        ):
            at += 0.25 * height
        taken.append((at, float(column[place])))
        axes.annotate(
            names[place],
            (column[place], row[place]),
            (column[place] + (-1 if on_left else 1) * 0.02 * (right - left), at),
            ha="right" if on_left else "left",
            va="center",
            fontsize="x-small",
            color=color,
            path_effects=_OUTLINE,
        )
