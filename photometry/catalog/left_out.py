"""Rows of a star table that are not used, why, and what that means for the pixels."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from photometry.catalog.region_stars import StarsByDecl, is_among
from photometry.catalog.star_columns import NUMBERS, TABLE_NAMES, StarColumns
from photometry.core.constants import ARCSEC_PER_PIXEL
from photometry.core.sky import angular_distance

__all__ = ["ARTEFACT", "DUPLICATE", "NO_TMAG", "LeftOut", "bright_ones", "why_not_used", "with_magnitudes"]

#: Why rows are left out: what the TIC's column `disposition` says, or no magnitude.
ARTEFACT, DUPLICATE, NO_TMAG = "ARTIFACT", "DUPLICATE", "no Tmag"
#: A star this near stands for one that is left out, deg; and if it is so much fainter at most, mag.
_SAME_PLACE, _AS_BRIGHT = ARCSEC_PER_PIXEL / 3600, 1.0
#: What is missed if it is left out, Tmag: 1,000 e-/s.
_BRIGHT = 13.0


@dataclass(frozen=True, slots=True)
class LeftOut(StarColumns):
    """Rows that are not used, by increasing TIC number; what they do not tell is NaN, or 0 for a TIC number.

    Parameters
    ----------
    why : (n_row,) str
        `ARTEFACT`, `DUPLICATE` or `NO_TMAG`.
    """

    why: npt.NDArray[np.str_]

    def counts(self, rows: npt.NDArray[np.int64] | None = None) -> npt.NDArray[np.int64]:
        """Return how many are artefacts, duplicates, without a magnitude: (3,); of all, or of some rows."""
        why = self.why if rows is None else self.why[rows]
        return np.array([int((why == reason).sum()) for reason in (ARTEFACT, DUPLICATE, NO_TMAG)], dtype=np.int64)


def with_magnitudes(table: Any, left_out: LeftOut, tmag: Mapping[int, float | None]) -> Any:
    """Return the columns of a star table with stars that only lacked a magnitude that something else tells.

    Parameters
    ----------
    table : mapping of str to (n_star,) array
        Columns by their names in star tables, by increasing TIC number.
    left_out : LeftOut
        Rows that are not used.
    tmag : mapping of int to float or None
        TESS magnitudes by TIC number: of the targets of target pixel files, as their headers have them.
    """
    asked = np.array(sorted(starid for starid, value in tmag.items() if value is not None), dtype=np.int64)
    rows = np.flatnonzero((left_out.why == NO_TMAG) & is_among(left_out.starid, asked))
    if not len(rows):
        return table
    starid = np.concatenate([np.asarray(table["starid"]), left_out.starid[rows]])
    order = np.argsort(starid, kind="stable")
    columns = {"starid": starid[order]}
    for name in NUMBERS:
        more = getattr(left_out, name)[rows]
        if name == "tmag":
            more = np.array([tmag[int(star)] for star in left_out.starid[rows]])
        elif name in ("pm_ra", "pm_decl"):
            more = np.nan_to_num(more)
        columns[TABLE_NAMES[name]] = np.concatenate([np.asarray(table[TABLE_NAMES[name]]), more])[order]
    return columns


def why_not_used(starid: int, stars: StarsByDecl, left_out: LeftOut) -> str:
    """Return why a star is not measured, and what its light counts as; empty where it is among the stars."""
    if is_among(np.array([starid]), stars.starid)[0]:
        return ""
    rows = np.flatnonzero(left_out.starid == starid)
    if not len(rows):
        return "not in the star table: its light counts as that of its neighbours"
    row = int(rows[0])
    if left_out.why[row] == NO_TMAG:
        return "no Tmag in the star table, nor in the header: its light counts as that of its neighbours"
    twin = _in_its_place(row, stars, left_out)
    light = f"its light counts as TIC {twin}" if twin else "its light counts as that of its neighbours"
    return f"marked {left_out.why[row]} in the star table: {light}"


def bright_ones(rows: npt.NDArray[np.int64], stars: StarsByDecl, left_out: LeftOut) -> npt.NDArray[np.int64]:
    """Return the TIC numbers of bright stars among rows that are left out, in whose place no other star is."""
    bright = rows[left_out.tmag[rows] < _BRIGHT]
    return left_out.starid[[row for row in bright.tolist() if not _in_its_place(row, stars, left_out)]]


def _in_its_place(row: int, stars: StarsByDecl, left_out: LeftOut) -> int:
    """Return the TIC number of the nearest star within a pixel that is as bright; 0 where there is none."""
    ra, decl = left_out.ra_j2000[row], left_out.decl_j2000[row]
    near = stars.around(ra, decl, _SAME_PLACE)
    near = near[~(stars.tmag[near] > left_out.tmag[row] + _AS_BRIGHT)]
    if not len(near):
        return 0
    distance = angular_distance(stars.ra_j2000[near], stars.decl_j2000[near], ra, decl)
    return int(stars.starid[near[np.argmin(distance)]])
