"""Flags of the pixels of a full frame."""

import numpy as np
import numpy.typing as npt

from photometry.core.constants import SATURATION_E_S
from photometry.core.quality import PIXEL_FLAGS, bit

__all__ = ["frame_flags"]


def frame_flags(
    image: npt.NDArray[np.float32] | None,
    used: npt.NDArray[np.bool_] | None,
    anomalous: npt.NDArray[np.bool_] | None,
    dead: npt.NDArray[np.bool_],
    excluded: npt.NDArray[np.bool_],
    straps: npt.NDArray[np.bool_],
) -> npt.NDArray[np.uint8]:
    """Return `photometry.core.quality.PIXEL_FLAGS` of a frame.

    Parameters
    ----------
    image : (n_row, n_column) float32, or None
        Flux with its background, e-/s, not finite where not measured; None for a cadence without pixels.
    used, anomalous : (n_row, n_column) bool, or None
        Pixels that the background rests on, and where it is not what its model says; None with `image`.
    dead : (n_row, n_column) bool
        Pixels without a value in any cadence.
    excluded, straps : (n_column,) bool
        Columns that a known defect spoils in this cadence, and those over straps.
    """
    flags = _flag("dead", dead) | _flag("strap", straps)
    if image is None or used is None or anomalous is None:
        return flags | np.uint8(bit(PIXEL_FLAGS, "not_measured"))
    flags |= _flag("excluded", excluded)
    flags |= _flag("not_measured", ~np.isfinite(image))
    flags |= _flag("saturated", image >= SATURATION_E_S)
    flags |= _flag("used_for_background", used & ~dead & ~excluded)
    flags |= _flag("background_anomaly", anomalous)
    return flags


def _flag(name: str, where: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    return where.view(np.uint8) * np.uint8(bit(PIXEL_FLAGS, name))
