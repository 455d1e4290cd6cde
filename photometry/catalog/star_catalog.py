"""Catalogue stars: positions at the time of an observation, places on a CCD, stars near a stamp."""

import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from astropy.wcs import WCS

from photometry.catalog.star_columns import NUMBERS, TABLE_NAMES, StarColumns
from photometry.core.constants import ARCSEC_PER_PIXEL, CATALOG_EPOCH_YEAR
from photometry.core.cube import Pointing
from photometry.core.geometry import Stamp
from photometry.core.quick_wcs import quick_wcs
from photometry.core.sky import angular_distance, julian_year, unit_vectors
from photometry.core.stars import Stars, mask_radius

__all__ = [
    "Catalog",
    "CatalogSettings",
    "Columns",
    "ccd_positions",
    "make_catalog",
    "positions_at",
    "stamp_on_sky",
    "stars_near",
    "wcs_of",
]

_RAD_PER_MAS = np.pi / 180 / 3600 / 1000
#: Stars farther than this from the WCS's reference point are on no pixel of the camera (24 deg wide), deg.
_FIELD_RADIUS = 25.0
#: Round trips through the WCS that miss by more are not on the CCD, arcsec; accuracy at borders of tiles, pixels.
_ROUND_TRIP, _TOLERANCE = 1.0, 1e-8


class Columns(Protocol):
    """Columns of a table by their names: a DataFrame, a Table, a mapping."""

    def __getitem__(self, name: str, /) -> Any: ...


@dataclass(frozen=True, slots=True)
class CatalogSettings:
    """What a catalogue was made for.

    Parameters
    ----------
    sector, camera, ccd : int
        The CCD.
    ticver : str
        Version of the TIC; empty where the star table names none.
    reference_time : float
        Mid time of the observation, BTJD.
    epoch : float
        Julian year of `ra` and `decl`: that of `reference_time`.
    coord_buffer : float
        Stars within this distance of the pixels are in it, deg; infinite when all stars of the table are.
    camera_centre_ra, camera_centre_dec : float
        Middle of the pixels, deg.
    footprint : str
        Corners of the pixels: ``ra,dec`` in deg, four, separated by blanks.
    """

    sector: int
    camera: int
    ccd: int
    ticver: str
    reference_time: float
    epoch: float
    coord_buffer: float
    camera_centre_ra: float
    camera_centre_dec: float
    footprint: str


@dataclass(frozen=True, slots=True)
class Catalog(StarColumns):
    """Stars by their place in the sky: the columns of `StarColumns`, and their places at the time of an observation.

    Parameters
    ----------
    settings : CatalogSettings
        What the catalogue was made for.
    ra, decl : (n_star,) float64
        Position at the time of the observation, deg.
    """

    settings: CatalogSettings
    ra: npt.NDArray[np.float64]
    decl: npt.NDArray[np.float64]


def _floats(values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    return np.atleast_1d(np.asarray(values, dtype=np.float64))


def positions_at(
    ra: npt.ArrayLike, dec: npt.ArrayLike, pm_ra: npt.ArrayLike, pm_decl: npt.ArrayLike, year: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Move positions of J2000 by their proper motion.

    Stars move on straight lines through space; parallax and radial velocity are left out. Right at the poles and
    across RA 0.

    Parameters
    ----------
    ra, dec : (n_star,) float64
        Position at J2000, deg.
    pm_ra, pm_decl : (n_star,) float64
        Proper motion, mas/yr; `pm_ra` contains the cosine of the declination. NaN counts as 0.
    year : float
        Julian year wanted.

    Returns
    -------
    ra, dec : (n_star,) float64
        deg; `ra` from 0 to below 360.

    References
    ----------
    The Hipparcos and Tycho Catalogues, ESA SP-1200, volume 1, section 1.5.5 (without radial velocity).
    """
    ra, dec = _floats(ra), _floats(dec)
    span = (year - CATALOG_EPOCH_YEAR) * _RAD_PER_MAS
    alpha, delta = np.deg2rad(ra), np.deg2rad(dec)
    east = np.stack([-np.sin(alpha), np.cos(alpha), np.zeros_like(alpha)], axis=-1)
    north = np.stack([-np.sin(delta) * np.cos(alpha), -np.sin(delta) * np.sin(alpha), np.cos(delta)], axis=-1)
    motion = np.nan_to_num(_floats(pm_ra)) * span, np.nan_to_num(_floats(pm_decl)) * span
    x, y, z = (unit_vectors(ra, dec) + (motion[0] * east.T).T + (motion[1] * north.T).T).T
    # Twice: a tiny negative angle is rounded up to 360.
    return np.rad2deg(np.arctan2(y, x)) % 360.0 % 360.0, np.rad2deg(np.arctan2(z, np.hypot(x, y)))


def wcs_of(wcs_header: str) -> Any:
    """Return the WCS of `photometry.core.cube.CubeHeader.wcs_header`, without astropy's remarks on its cards."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return WCS(wcs_header)


@lru_cache(maxsize=8)
def _kept_wcs(wcs_header: str) -> Any:
    """Return a WCS that is made once for whoever asks again; it must not be changed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return quick_wcs(wcs_header)


def ccd_positions(
    ra: npt.ArrayLike, dec: npt.ArrayLike, wcs_header: str
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return where stars fall on the CCD.

    Parameters
    ----------
    ra, dec : (n_star,) float64
        Position at the time of the observation, deg.
    wcs_header : str
        `photometry.core.cube.CubeHeader.wcs_header`.

    Returns
    -------
    row, column : (n_star,) float64
        0-based CCD pixels; NaN for stars so far from the CCD that the WCS does not reach them.
    """
    ra, dec = _floats(ra), _floats(dec)
    wcs = _kept_wcs(wcs_header)
    row, column = np.full(len(ra), np.nan), np.full(len(ra), np.nan)
    near = np.flatnonzero(angular_distance(ra, dec, *wcs.wcs.crval) < _FIELD_RADIUS)
    if not len(near):
        return row, column
    with np.errstate(all="ignore"):
        columns, rows = wcs.all_world2pix(ra[near], dec[near], 0, quiet=True, tolerance=_TOLERANCE)
        ra_back, dec_back = wcs.all_pix2world(columns, rows, 0)
        miss = np.linalg.norm(unit_vectors(ra_back, dec_back) - unit_vectors(ra[near], dec[near]), axis=-1)
        good = np.rad2deg(miss) * 3600 < _ROUND_TRIP
    row[near[good]], column[near[good]] = rows[good], columns[good]
    return row, column


def stamp_on_sky(wcs_header: str, stamp: Stamp) -> tuple[float, float, float, npt.NDArray[np.float64]]:
    """Return middle and radius of a stamp in the sky, and its corners.

    Returns
    -------
    ra, dec, radius : float
        Circle around the middle that holds all pixels, deg.
    corners : (4, 2) float64
        Right ascension and declination of the outer corners, deg.
    """
    wcs = _kept_wcs(wcs_header)
    rows = np.array([stamp.row_min, stamp.row_min, stamp.row_max, stamp.row_max]) - 0.5
    columns = np.array([stamp.col_min, stamp.col_max, stamp.col_max, stamp.col_min]) - 0.5
    corners = np.stack(wcs.all_pix2world(columns, rows, 0), axis=-1)
    row, column = stamp.center
    ra, dec = (float(value) for value in wcs.all_pix2world(column, row, 0))
    radius = float(angular_distance(corners[:, 0], corners[:, 1], ra, dec).max())
    return ra, dec, radius, corners


def stars_near(catalog: Catalog, wcs_header: str, stamp: Stamp, margin: int) -> Stars:
    """Return the catalogue stars on a stamp and around it.

    Parameters
    ----------
    catalog : Catalog
        The stars.
    wcs_header : str
        `photometry.core.cube.CubeHeader.wcs_header`.
    stamp : Stamp
        The pixels.
    margin : int
        Pixels around the stamp.

    Returns
    -------
    Stars
        By increasing TIC number; empty when there is none.
    """
    wide = stamp.grown(margin)
    ra, dec, radius, _ = stamp_on_sky(wcs_header, wide)
    slack = 10 * ARCSEC_PER_PIXEL / 3600
    near = np.flatnonzero(angular_distance(catalog.ra, catalog.decl, ra, dec) <= radius + slack)
    row, column = ccd_positions(catalog.ra[near], catalog.decl[near], wcs_header)
    inside = wide.contains(row, column)
    chosen = near[inside]
    order = np.argsort(catalog.starid[chosen], kind="stable")
    return Stars(catalog.starid[chosen], row[inside], column[inside], catalog.tmag[chosen]).select(order)


def make_catalog(
    table: Columns,
    pointing: Pointing,
    wcs_header: str,
    stamp: Stamp,
    reference_time: float,
    coord_buffer: float = np.inf,
    ticver: str = "",
) -> Catalog:
    """Make the catalogue of a region: positions moved to the time of its observation.

    Parameters
    ----------
    table : columns by name, as a DataFrame has them
        `photometry.catalog.star_columns.TABLE_NAMES`, as `photometry.io.stars.star_tables.StarTable.table` has them.
    pointing : Pointing
        Sector, camera and CCD.
    wcs_header : str
        `photometry.core.cube.CubeHeader.wcs_header`.
    stamp : Stamp
        The region's pixels.
    reference_time : float
        Mid time of the observation, BTJD.
    coord_buffer : float
        Stars that shine no nearer than this to the circle around the pixels are left out, deg [default: none is].
    ticver : str
        Version of the TIC.
    """
    epoch = float(julian_year(reference_time))
    column = {name: _floats(table[TABLE_NAMES[name]]) for name in NUMBERS}
    starid = np.asarray(table["starid"], dtype=np.int64)
    ra, dec = positions_at(column["ra_j2000"], column["decl_j2000"], column["pm_ra"], column["pm_decl"], epoch)
    ra_centre, dec_centre, radius, corners = stamp_on_sky(wcs_header, stamp)
    wings = np.nan_to_num(mask_radius(column["tmag"])) * ARCSEC_PER_PIXEL / 3600
    kept = angular_distance(ra, dec, ra_centre, dec_centre) <= radius + coord_buffer + wings
    order = np.flatnonzero(kept)[np.argsort(starid[kept], kind="stable")]
    settings = CatalogSettings(
        sector=pointing.sector,
        camera=pointing.camera,
        ccd=pointing.ccd,
        ticver=ticver,
        reference_time=float(reference_time),
        epoch=epoch,
        coord_buffer=float(coord_buffer),
        camera_centre_ra=ra_centre,
        camera_centre_dec=dec_centre,
        footprint=" ".join(f"{corner[0]:.6f},{corner[1]:.6f}" for corner in corners),
    )
    return Catalog(
        settings=settings,
        starid=starid[order],
        ra=ra[order],
        decl=dec[order],
        **{name: values[order] for name, values in column.items()},
    )
