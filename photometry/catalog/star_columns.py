"""Columns of catalogue stars and what they mean: one definition for catalogues, stars of regions and star tables."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["FITTED", "NUMBERS", "STAR_COLUMNS", "TABLE_NAMES", "StarColumn", "StarColumns"]


@dataclass(frozen=True, slots=True)
class StarColumn:
    """A column of catalogue stars.

    Parameters
    ----------
    name : str
        Field of `StarColumns`, and dataset of a region's stars.
    table_name : str
        Column of star tables as they are read, and of catalogue files.
    unit : str
        Unit; empty where there is none.
    meaning : str
        What it is.
    is_fitted : bool
        Whether fluxes depend on it.
    """

    name: str
    table_name: str
    unit: str
    meaning: str
    is_fitted: bool = True


STAR_COLUMNS = (
    StarColumn("starid", "starid", "", "TIC number"),
    StarColumn("ra_j2000", "ra_J2000", "deg", "right ascension at J2000"),
    StarColumn("decl_j2000", "decl_J2000", "deg", "declination at J2000"),
    StarColumn("pm_ra", "pm_ra", "mas/yr", "proper motion in right ascension, times the cosine of the declination"),
    StarColumn("pm_decl", "pm_decl", "mas/yr", "proper motion in declination"),
    StarColumn("tmag", "tmag", "mag", "TESS magnitude"),
    StarColumn("teff", "teff", "K", "effective temperature; NaN where not known", is_fitted=False),
)
#: Columns of numbers, all but `starid`.
NUMBERS = tuple(column.name for column in STAR_COLUMNS[1:])
#: Numbers that fluxes depend on.
FITTED = tuple(column.name for column in STAR_COLUMNS[1:] if column.is_fitted)
#: Columns of star tables and catalogue files by the fields that hold them.
TABLE_NAMES = {column.name: column.table_name for column in STAR_COLUMNS}


@dataclass(frozen=True, slots=True)
class StarColumns:
    """Stars, by increasing TIC number; units and meanings are those of `STAR_COLUMNS`.

    Parameters
    ----------
    starid : (n_star,) int64
        TIC numbers, increasing.
    ra_j2000, decl_j2000 : (n_star,) float64
        Position at J2000, deg.
    pm_ra, pm_decl : (n_star,) float64
        Proper motion, mas/yr; `pm_ra` contains the cosine of the declination.
    tmag, teff : (n_star,) float64
        TESS magnitude; effective temperature, K (NaN where not known).
    """

    starid: npt.NDArray[np.int64]
    ra_j2000: npt.NDArray[np.float64]
    decl_j2000: npt.NDArray[np.float64]
    pm_ra: npt.NDArray[np.float64]
    pm_decl: npt.NDArray[np.float64]
    tmag: npt.NDArray[np.float64]
    teff: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.starid)
