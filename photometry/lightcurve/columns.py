"""Columns of light curves: declared once, for files, their headers, the documents and the table of the Python class."""

from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from photometry.lightcurve.light_curve import LightCurve

__all__ = [
    "FLUX_COMMENTS",
    "FLUX_UNIT",
    "LIGHT_CURVE_COLUMNS",
    "UNIT_COMMENTS",
    "LightCurveColumn",
    "row_dtype",
    "table_columns",
]

#: SPOC's way to write electrons per second: the FITS standard has no unit for electrons, readers know this one.
FLUX_UNIT = "e-/s"
#: What headers say of units.
UNIT_COMMENTS = MappingProxyType({FLUX_UNIT: "electrons per second"})
#: What headers say of the fluxes, in lines of up to 72 characters.
FLUX_COMMENTS = (
    "FLUX is the light of the star alone: the PRFs of all stars are fitted",
    "to the pixels together, so that neighbours and background are apart.",
    "SAP_FLUX is the sum of the pixels in the aperture (bit 2 of APERTURE),",
    "less background and neighbours, as fitted in each cadence, scaled to all",
    "the light of the star. SPOC has the plain sum under this name.",
    "CORR_FLUX is FLUX without the trends that quiet stars of the region have",
    "in common (TRENDn: share of them in this star), else the same as FLUX.",
    "All are in electrons per second, which SPOC, too, writes as e-/s: the",
    "FITS standard has no unit for electrons.",
)


@dataclass(frozen=True, slots=True)
class LightCurveColumn:
    """A column of a light curve.

    Parameters
    ----------
    name : str
        Name in the file.
    field : str
        Field of `photometry.lightcurve.light_curve.LightCurve`, (n_cadence,).
    kind : str
        Type in the file: ``f8``, ``f4`` or ``i4``.
    unit : str
        Unit in the file; empty where there is none.
    display : str
        FITS display format.
    comment : str
        What it is.
    first : int
        What the file has for 0 of the field: 1 for positions, which count from 1 in FITS files.
    table : str
        Column of the class's table `lightcurve`, empty where it has none. Two columns of the same name are the two
        components of one, in the order of their declarations.
    description : str
        What the table says of it, where that is not `comment`.
    """

    name: str
    field: str
    kind: str
    unit: str
    display: str
    comment: str
    first: int = 0
    table: str = ""
    description: str = ""

    def values(self, curve: LightCurve) -> npt.NDArray[np.generic]:
        """Return what a file has of a light curve, (n_cadence,)."""
        values: npt.NDArray[np.generic] = getattr(curve, self.field)
        return values + self.first if self.first else values


_CENTROID = "flux-weighted centroid: column, row, 0-based on the CCD"
_SHIFT = "change of the position by the movement kernel: column, row"
_Column = LightCurveColumn
#: All columns, in the order of the file.
LIGHT_CURVE_COLUMNS = (
    _Column(
        "TIME",
        "time",
        "f8",
        "d",
        "D14.7",
        "time at mid exposure, BJD - 2457000, TDB",
        table="time",
        description="BTJD at mid exposure, TDB at the barycentre",
    ),
    _Column(
        "TIMECORR",
        "timecorr",
        "f4",
        "d",
        "E14.7",
        "barycentric correction in TIME",
        table="timecorr",
        description="barycentric correction in time",
    ),
    _Column("CADENCENO", "cadenceno", "i4", "", "I10", "cadence number", table="cadenceno"),
    _Column("FLUX", "flux", "f4", FLUX_UNIT, "E14.7", "PSF flux", table="flux", description="flux of the star"),
    _Column(
        "FLUX_ERR",
        "flux_err",
        "f4",
        FLUX_UNIT,
        "E14.7",
        "standard error of FLUX",
        table="flux_err",
        description="standard error of flux",
    ),
    _Column(
        "CORR_FLUX",
        "corr_flux",
        "f4",
        FLUX_UNIT,
        "E14.7",
        "FLUX without what the stars share",
        table="corr_flux",
        description="flux without what the stars of the region share",
    ),
    _Column(
        "CORR_FLUX_ERR",
        "corr_flux_err",
        "f4",
        FLUX_UNIT,
        "E14.7",
        "standard error of CORR_FLUX",
        table="corr_flux_err",
        description="standard error of corr_flux",
    ),
    _Column(
        "FLUX_BKG",
        "background",
        "f4",
        FLUX_UNIT,
        "E14.7",
        "background per pixel at the target",
        table="flux_background",
        description="background per pixel at the star",
    ),
    _Column("SAP_FLUX", "aperture_flux", "f4", FLUX_UNIT, "E14.7", "aperture less neighbours, scaled to all light"),
    _Column("SAP_FLUX_ERR", "aperture_flux_err", "f4", FLUX_UNIT, "E14.7", "standard error of SAP_FLUX"),
    _Column("QUALITY", "quality", "i4", "", "B16.16", "quality flags of the cadence", table="quality"),
    _Column("PIXEL_QUALITY", "pixel_quality", "i4", "", "B16.16", "flags of the target in the cadence"),
    _Column(
        "MOM_CENTR1",
        "centroid_column",
        "f8",
        "pixel",
        "F10.5",
        "flux-weighted column, 1-based CCD",
        first=1,
        table="pos_centroid",
        description=_CENTROID,
    ),
    _Column(
        "MOM_CENTR2",
        "centroid_row",
        "f8",
        "pixel",
        "F10.5",
        "flux-weighted row, 1-based CCD",
        first=1,
        table="pos_centroid",
        description=_CENTROID,
    ),
    _Column(
        "POS_CORR1",
        "column_shift",
        "f4",
        "pixel",
        "E14.7",
        "column shift by the movement kernel",
        table="pos_corr",
        description=_SHIFT,
    ),
    _Column(
        "POS_CORR2",
        "row_shift",
        "f4",
        "pixel",
        "E14.7",
        "row shift by the movement kernel",
        table="pos_corr",
        description=_SHIFT,
    ),
)


def row_dtype() -> np.dtype[np.void]:
    """Return the type of a row of the table in a file."""
    return np.dtype([(column.name, f">{column.kind}") for column in LIGHT_CURVE_COLUMNS])


def table_columns() -> dict[str, list[LightCurveColumn]]:
    """Return the components of each column of the class's table, by its name."""
    found: dict[str, list[LightCurveColumn]] = {}
    for column in LIGHT_CURVE_COLUMNS:
        if column.table:
            found.setdefault(column.table, []).append(column)
    return found
