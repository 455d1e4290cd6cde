"""Whether the stars of a CCD's frames are where reference WCS and star table place them, in every part of it."""

import logging
from pathlib import Path

import numpy as np
import numpy.typing as npt

from photometry.calibration.table_check import StampCheck, checked_stamp
from photometry.calibration.table_verdict import table_verdict
from photometry.core.errors import InputFileError
from photometry.core.geometry import Stamp, tiles_of
from photometry.core.stars import LIGHT_REACH, Stars
from photometry.frames.star_offset import star_offset
from photometry.prf.model import model_prf

__all__ = ["check_places"]

#: So many stars brighter than this on a CCD are found on its frames if they are there.
_BRIGHT_TMAG, _MANY_BRIGHT = 12.0, 100
#: Side of the parts of a CCD, and of the pixels in the middle of each that stand for it.
_PART_PIX, _SAMPLE_PIX = 256, 96
_log = logging.getLogger(__name__)


def check_places(
    reference: Path,
    found: npt.NDArray[np.float32],
    expected: npt.NDArray[np.float32],
    stars: Stars,
    area: Stamp,
    ccd: int,
    table: str,
) -> None:
    """Refuse a WCS or a star table that does not place stars where the frames have theirs: no flux would be right.

    Parameters
    ----------
    reference : Path
        Frame whose WCS places the stars.
    found, expected : (n_row, n_column) float32
        Light that all frames have, NaN where not measured, and that of the star table, e-/s.
    stars : Stars
        Stars of the table on and around the CCD.
    area : Stamp
        The pixels.
    ccd : int
        CCD 1 to 4.
    table : str
        Name of the star table.

    Raises
    ------
    InputFileError
        When the stars are elsewhere, on the whole CCD or in parts of it, or the table lacks many of them.
    """
    offset = star_offset(found, expected)
    bright = int((area.contains(stars.row, stars.column) & (stars.tmag < _BRIGHT_TMAG)).sum())
    _log.info("stars agree with the catalogue by %.0f sigma, when shifted by %.0f at most", offset.here, offset.there)
    parts = _checked_parts(found, stars, area, ccd) if area.contains(stars.row, stars.column).any() else []
    # A CCD with a handful of stars has none in the middle of its parts, in the table or in the light.
    problem = table_verdict(parts).problem if any(part.n_star or part.n_source for part in parts) else ""
    if offset.is_wrong:
        where = f"are {offset.rows} rows and {offset.columns} columns from where its WCS and the catalogue place them"
    elif not offset.is_known and bright >= _MANY_BRIGHT:
        where = f"({bright} are brighter than T={_BRIGHT_TMAG:g}) are not where its WCS and the catalogue place them"
    elif problem:
        raise InputFileError(reference, f"the stars of this frame, the CCD's reference, do not fit {table}: {problem}")
    else:
        return
    raise InputFileError(
        reference,
        f"the stars {where}; this frame is the CCD's reference: its WCS or the star table is wrong, fetch them again",
    )


def _checked_parts(found: npt.NDArray[np.float32], stars: Stars, area: Stamp, ccd: int) -> list[StampCheck]:
    """Compare light and star table in the middle of every part of a CCD."""
    prf, checks = model_prf(ccd), []
    for part in tiles_of(area, _PART_PIX, 0):
        row, column = (int(middle) - _SAMPLE_PIX // 2 for middle in part.core.center)
        stamp = Stamp(row, row + _SAMPLE_PIX, column, column + _SAMPLE_PIX).clipped(part.core)
        image = found[stamp.slices_in(area)].astype(np.float64)
        near = stars.select(stamp.grown(LIGHT_REACH).contains(stars.row, stars.column))
        checks.append(checked_stamp(image, np.zeros(stamp.shape), stamp, near, prf))
    return checks
