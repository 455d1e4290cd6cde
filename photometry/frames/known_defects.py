"""Known defects of TESS images: parts of frames and frames that are not to be used, and strap columns."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from photometry.core.constants import COLUMNS_PER_OUTPUT, FIRST_SCIENCE_COLUMN, N_SCIENCE_COLUMNS
from photometry.core.geometry import Stamp

__all__ = ["KnownDefect", "defects_of", "excluded_frames", "excluded_pixels", "strap_columns"]

#: First column of output D on the CCD, and the column behind its last.
_OUTPUT_D = FIRST_SCIENCE_COLUMN + 3 * COLUMNS_PER_OUTPUT
_BEHIND = FIRST_SCIENCE_COLUMN + N_SCIENCE_COLUMNS


@dataclass(frozen=True, slots=True)
class KnownDefect:
    """Something that spoils pixels of known cadences.

    Parameters
    ----------
    what : str
        For the log.
    sectors : tuple of int
        Sectors; empty for all.
    camera : int
        Camera.
    ccds : tuple of int
        CCDs of it.
    first_index, last_index : int
        Cadences, FFIINDEX.
    columns : tuple of 2 ints, or None
        First column and column behind the last, 0-based on the CCD; None for the whole frame.
    """

    what: str
    sectors: tuple[int, ...]
    camera: int
    ccds: tuple[int, ...]
    first_index: int
    last_index: int
    columns: tuple[int, int] | None


KNOWN_DEFECTS = (
    # Data Release Notes 1, "Mars": output D of that CCD for the first 510 two-minute cadences, about 30 frames.
    KnownDefect("Mars in the field", (1,), 1, (4,), 0, 4724, (_OUTPUT_D, _BEHIND)),
    # End of sector 5: the Earth rises over the sunshade of camera 1.
    KnownDefect("Earth-shine", (), 1, (1, 2, 3, 4), 11354, 11366, None),
)

#: Columns over the metal straps behind the CCD, which reflect red light: first science columns, 1-based, of pairs (IH,
#: section 4; the list in use since TESSreduce, Ridden-Harper et al. 2021, arXiv:2111.15006, in which 874 is a misprint
#: of 974). The pattern repeats every 128 columns and is mirrored about the middle.
_STRAP_STARTS = (
    *(77, 81, 85, 205, 209, 213, 333, 337, 341, 461, 465, 469, 516, 520, 524, 589, 593, 597, 673, 675, 717, 721, 725),
    *(845, 849, 853, 973, 977, 981, 1067, 1071, 1075, 1195, 1199, 1203, 1323, 1327, 1331, 1373, 1375, 1451, 1455),
    *(1459, 1524, 1528, 1532, 1579, 1583, 1587, 1707, 1711, 1715, 1835, 1839, 1843, 1963, 1967, 1971),
)


def defects_of(sector: int, camera: int, ccd: int, cadence_s: int) -> tuple[KnownDefect, ...]:
    """Return the known defects of a CCD; those there are concern 30 min frames, by whose numbers they are named."""
    if cadence_s != 1800:
        return ()
    return tuple(
        defect
        for defect in KNOWN_DEFECTS
        if defect.camera == camera and ccd in defect.ccds and (not defect.sectors or sector in defect.sectors)
    )


def excluded_frames(defects: tuple[KnownDefect, ...], index: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Tell which frames (n_frame,), by their FFIINDEX, are not to be used at all."""
    bad = np.zeros(len(index), dtype=np.bool_)
    for defect in defects:
        if defect.columns is None:
            bad |= (index >= defect.first_index) & (index <= defect.last_index)
    return bad


def excluded_pixels(defects: tuple[KnownDefect, ...], index: int, area: Stamp) -> npt.NDArray[np.bool_]:
    """Tell which columns (n_column,) of a frame's area are not to be used."""
    columns = np.arange(area.col_min, area.col_max)
    bad = np.zeros(len(columns), dtype=np.bool_)
    for defect in defects:
        if defect.columns is not None and defect.first_index <= index <= defect.last_index:
            bad |= (columns >= defect.columns[0]) & (columns < defect.columns[1])
    return bad


def strap_columns(area: Stamp) -> npt.NDArray[np.bool_]:
    """Tell which columns (n_column,) of an area lie over a strap."""
    first = np.array(_STRAP_STARTS) - 1 + FIRST_SCIENCE_COLUMN
    return np.isin(np.arange(area.col_min, area.col_max), np.concatenate([first, first + 1]))
