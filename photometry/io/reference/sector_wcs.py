"""Where the CCDs of a sector look, from the package tesswcs: WCS measured or predicted for every CCD and sector."""

import importlib.metadata
import logging
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from photometry.core.errors import ConfigError
from photometry.core.geometry import SCIENCE_AREA, Stamp
from photometry.core.sky import unit_vectors

__all__ = ["CcdPlace", "ccd_place", "place_on_ccd", "tesswcs_name"]

#: A CCD is 12 deg wide: what is farther from its middle than its corners are is not on it.
_CCD_REACH_DEG = 10.0
#: Middle of the science area, 0-based column and row.
_MIDDLE = (SCIENCE_AREA.center[1], SCIENCE_AREA.center[0])


@dataclass(frozen=True, slots=True)
class CcdPlace:
    """Where pixels are.

    Parameters
    ----------
    camera, ccd : int
        1 to 4.
    row, column : float
        Place of the first pixel, 0-based on the CCD: whole numbers but for the error of the two WCS.
    """

    camera: int
    ccd: int
    row: float
    column: float


def tesswcs_name() -> str:
    """Return package and version, as products name them; ConfigError when it is not installed."""
    try:
        return f"tesswcs {importlib.metadata.version('tesswcs')}"
    except importlib.metadata.PackageNotFoundError as error:
        raise ConfigError("tesswcs, which knows where the CCDs look, is not installed (pip install tesswcs)") from error


def ccd_place(
    sector: int,
    camera: int,
    ccd: int,
    ra: npt.NDArray[np.float64],
    dec: npt.NDArray[np.float64],
    shape: tuple[int, int],
) -> CcdPlace | None:
    """Return which CCD sees some pixels, and where on it they are.

    Parameters
    ----------
    sector : int
        Sector.
    camera, ccd : int
        CCD that is tried first.
    ra, dec : (n_row * n_column,) float64
        Where the pixels look, row by row, ICRS, deg.
    shape : tuple of int
        Number of rows and of columns.

    Returns
    -------
    CcdPlace or None
        None where no CCD of the sector sees any of them.

    Raises
    ------
    ConfigError
        When the package does not know the sector.

    Notes
    -----
    Against the headers of real files of sectors 1 to 61 the place of the first pixel is right to 0.1 pixels, of one
    target pixel file of 2018 to 0.4; against an image of sector 1 to 0.09 pixels rms, 0.55 at most (in a corner).
    """
    others = [(other, chip) for other in range(1, 5) for chip in range(1, 5) if (other, chip) != (camera, ccd)]
    for candidate in ((camera, ccd), *others):
        place = _place_on(sector, *candidate, ra, dec, shape)
        if place is not None:
            return place
    return None


def place_on_ccd(sector: int, camera: int, ccd: int, ra: float, dec: float) -> tuple[float, float] | None:
    """Return where a place in the sky is on a CCD: row and column, 0-based; None where it is beside the science area.

    Parameters
    ----------
    sector, camera, ccd : int
        The CCD.
    ra, dec : float
        The place, ICRS, deg.

    Raises
    ------
    ConfigError
        When the package does not know the sector.
    """
    wcs = _wcs_of(sector, camera, ccd)
    if unit_vectors(ra, dec) @ unit_vectors(*wcs.all_pix2world(*_MIDDLE, 0)) < np.cos(np.deg2rad(_CCD_REACH_DEG)):
        return None
    column, row = (float(axis) for axis in wcs.all_world2pix(ra, dec, 0, quiet=True))
    return (row, column) if SCIENCE_AREA.contains(row, column) else None


def _place_on(
    sector: int,
    camera: int,
    ccd: int,
    ra: npt.NDArray[np.float64],
    dec: npt.NDArray[np.float64],
    shape: tuple[int, int],
) -> CcdPlace | None:
    wcs = _wcs_of(sector, camera, ccd)
    middle = unit_vectors(*wcs.all_pix2world(*_MIDDLE, 0))
    sky = unit_vectors(ra, dec)
    if np.any(sky @ middle < np.cos(np.deg2rad(_CCD_REACH_DEG))):
        return None
    columns, rows = wcs.all_world2pix(ra, dec, 0, quiet=True)
    n_row, n_column = shape
    row_of_file, column_of_file = (axis.ravel() for axis in np.mgrid[:n_row, :n_column])
    first_row, first_column = float(np.mean(rows - row_of_file)), float(np.mean(columns - column_of_file))
    row, column = round(first_row), round(first_column)
    on_ccd = Stamp(row, row + n_row, column, column + n_column).overlaps(SCIENCE_AREA)
    return CcdPlace(camera, ccd, first_row, first_column) if on_ccd else None


def _wcs_of(sector: int, camera: int, ccd: int) -> Any:
    # Its import reads all sectors, twice: 8 to 16 s, which only those wait for who need it.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import tesswcs

        logging.getLogger("tesswcs").setLevel(logging.ERROR)  # it warns of every predicted pointing
        try:
            return tesswcs.WCS.from_sector(sector=sector, camera=camera, ccd=ccd)
        except ValueError as error:
            raise ConfigError(f"{tesswcs_name()} does not know where TESS looked in sector {sector}") from error
