"""Whether the stars of a CCD are on a frame: looked for in patches of it."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from photometry.background.cell_grid import BackgroundGrid
from photometry.background.mesh import FrameBackground, background_image
from photometry.core.geometry import Stamp
from photometry.frames.frame_goodness import UsualImage, frames_without_stars

__all__ = ["cut_patches", "is_without_stars", "patch_places"]

#: Patches along each axis of a CCD, and their side, pixels.
_PATCHES, _SIDE = 4, 64


def patch_places(area: Stamp) -> list[tuple[slice, slice]]:
    """Return rows and columns of patches spread evenly over an area."""
    starts = [
        np.unique(np.linspace(0, length - min(_SIDE, length), _PATCHES).astype(np.int64)).tolist()
        for length in area.shape
    ]
    return [(slice(row, row + _SIDE), slice(column, column + _SIDE)) for row in starts[0] for column in starts[1]]


def cut_patches(image: npt.NDArray[np.float32], area: Stamp) -> npt.NDArray[np.float32]:
    """Cut the patches (n_patch, n_row, n_column) out of an image of the area."""
    return np.stack([image[place] for place in patch_places(area)])


def is_without_stars(
    image: npt.NDArray[np.float32],
    background: FrameBackground,
    grid: BackgroundGrid,
    area: Stamp,
    usual: Sequence[UsualImage | None],
) -> bool:
    """Tell whether most patches of a frame do not show their stars.

    Parameters
    ----------
    image : (n_row, n_column) float32
        The frame with its background, e-/s; NaN where not measured.
    background, grid
        Its background.
    area : Stamp
        Science area.
    usual : sequence of UsualImage or None
        What the patches usually show.
    """
    patches = [(place, patch) for place, patch in zip(patch_places(area), usual, strict=True) if patch is not None]
    lost, made = 0, (slice(0), np.empty((0, 0), dtype=np.float32))
    for number, ((rows, columns), patch) in enumerate(patches):
        if rows != made[0]:
            made = rows, background_image(background, grid, rows)
        pixels = image[rows, columns] - made[1][:, columns]
        lost += bool(frames_without_stars(pixels[None], patch)[0])
        # What is left cannot change it any more: of a good frame, half of the patches are looked at.
        if 2 * lost > len(patches) or 2 * (lost + len(patches) - number - 1) <= len(patches):
            break
    return 2 * lost > len(patches)
