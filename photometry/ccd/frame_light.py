"""The light that is the same in all frames of a CCD, and whether it is that of the star table."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from photometry.background.mesh import background_image, describe_background
from photometry.background.starlight import catalogue_light, star_mask, static_light
from photometry.ccd.ccd_goodness import cut_patches
from photometry.ccd.ccd_parts import new_part, write_arrays
from photometry.ccd.ccd_work import CcdWork
from photometry.ccd.star_places import check_places
from photometry.core.errors import InputFileError
from photometry.core.stars import Stars
from photometry.io.ffi.ffi_pixels import read_checked_frame
from photometry.prf.model import model_prf

__all__ = ["write_light"]

#: Frames whose median is the light of the stars.
_STATIC_FRAMES = 15


def write_light(path: str | Path, work: CcdWork, stars: Stars, reference: int, table: str) -> None:
    """Write mask of bright stars, the light that is the same in all frames, and patches of some frames.

    Parameters
    ----------
    path : path-like
        The part: `mask`, `light` (n_row, n_column), `patches` (n_patch, n_frame, ...).
    work : CcdWork
        The frames.
    stars : Stars
        Stars on and around the CCD: their light is no background.
    reference : int
        Cadence whose WCS places the stars.
    table : str
        Name of the star table, for messages.

    Raises
    ------
    InputFileError
        When no frame has pixels, or the stars are not where the WCS places them.
    """
    mask = star_mask(work.area, stars.row, stars.column, stars.tmag)
    light = catalogue_light(model_prf(work.ccd), work.area, stars.row, stars.column, stars.tmag)
    residuals = _residuals(work, mask, light)
    found = static_light(residuals)
    check_places(Path(work.files[reference]), found, light, stars, work.area, work.ccd, table)
    patches = np.stack([cut_patches(residual, work.area) for residual in residuals], axis=1)
    with new_part(path) as file:
        write_arrays(file, mask=mask, light=found, patches=patches)


def _residuals(
    work: CcdWork, mask: npt.NDArray[np.bool_], light: npt.NDArray[np.float32]
) -> list[npt.NDArray[np.float32]]:
    """Return some frames spread over the time less their backgrounds."""
    grid, residuals, problems = work.grid(), [], []
    usable = np.flatnonzero(work.good & work.usable)
    usable = usable if len(usable) else np.flatnonzero(work.good)
    chosen = usable[np.unique(np.linspace(0, len(usable) - 1, _STATIC_FRAMES).round().astype(int))]
    for cadence in chosen:
        try:
            image, _ = read_checked_frame(work.files[cadence], work.area)
        except InputFileError as error:  # whoever describes it names it
            problems.append(str(error))
            continue
        image[:, work.excluded(int(cadence))] = np.nan
        image -= background_image(describe_background(image, mask, grid, light), grid)
        residuals.append(image)
    if not residuals:
        folder = Path(work.files[0]).parent
        raise InputFileError(
            folder,
            f"none of {len(chosen)} frames that were tried has pixels that can be used; the first: {problems[0]}",
        )
    return residuals
