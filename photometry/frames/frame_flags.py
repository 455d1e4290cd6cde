"""Flags of the pixels of a full frame."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from photometry.core.quality import PIXEL_FLAGS, bit

__all__ = ["FOUND", "frame_flags"]

#: Flags that the pixels of a frame tell: no value, full well, carrying the background, not as its model says.
FOUND = ("not_measured", "saturated", "used_for_background", "background_anomaly")


def frame_flags(
    found: Mapping[str, npt.NDArray[np.bool_]] | None,
    dead: npt.NDArray[np.bool_],
    excluded: npt.NDArray[np.bool_],
    straps: npt.NDArray[np.bool_],
) -> npt.NDArray[np.uint8]:
    """Return `photometry.core.quality.PIXEL_FLAGS` of a frame, or of some of its rows.

    Parameters
    ----------
    found : mapping of str to (n_row, n_column) bool, or None
        The flags that a frame's own pixels tell, by name: `FOUND`; None for a cadence without pixels.
    dead : (n_row, n_column) bool
        Pixels without a value in any cadence.
    excluded, straps : (n_column,) bool
        Columns that a known defect spoils in this cadence, and those over straps.
    """
    flags = _flag("dead", dead) | _flag("strap", straps)
    if found is None:
        return flags | np.uint8(bit(PIXEL_FLAGS, "not_measured"))
    flags |= _flag("excluded", excluded)
    for name in FOUND:
        flags |= _flag(name, found[name])
    flags[dead | excluded] &= np.uint8(0xFF ^ bit(PIXEL_FLAGS, "used_for_background"))
    return flags


def _flag(name: str, where: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    return where.view(np.uint8) * np.uint8(bit(PIXEL_FLAGS, name))
