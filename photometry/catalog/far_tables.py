"""Star tables that have no star near the pixels, and what may be wrong with them."""

import numpy as np

from photometry.catalog.region_stars import StarsByDecl
from photometry.catalog.star_catalog import stamp_on_sky
from photometry.core.geometry import Stamp
from photometry.core.sky import angular_distance

__all__ = ["why_far"]

#: Right ascensions up to this may be hours; an hour is so many degrees.
_HOURS, _DEG_PER_HOUR = 24.0, 15.0


def why_far(table: StarsByDecl, wcs_header: str, stamp: Stamp) -> str:
    """Say how far the nearest star of a table is from some pixels, and whether its positions have other units.

    Parameters
    ----------
    table : StarsByDecl
        The star table, with at least one star.
    wcs_header : str
        `photometry.core.cube.CubeHeader.wcs_header`.
    stamp : Stamp
        The pixels.
    """
    ra, dec, radius, _ = stamp_on_sky(wcs_header, stamp)
    away = angular_distance(table.ra_j2000, table.decl_j2000, ra, dec)
    nearest = int(np.argmin(away))
    said = (
        f"which are around RA {ra:.4f}, Dec {dec:.4f} deg: the nearest, TIC {table.starid[nearest]}, is at RA "
        f"{table.ra_j2000[nearest]:.4f}, Dec {table.decl_j2000[nearest]:.4f}, {away[nearest]:.2f} deg away"
    )
    in_degrees = angular_distance(_DEG_PER_HOUR * table.ra_j2000, table.decl_j2000, ra, dec)
    if table.ra_j2000.max() <= _HOURS and in_degrees.min() <= radius < away[nearest]:
        return f"{said}; its right ascensions are hours, expected degrees: multiply them by 15"
    swapped = np.abs(table.ra_j2000) <= 90
    if swapped.any():
        other = angular_distance(table.decl_j2000[swapped], table.ra_j2000[swapped], ra, dec)
        if other.min() <= radius < away[nearest]:
            return f"{said}; right ascensions and declinations are exchanged"
    return f"{said}; give the star table of this part of the sky (key 'catalog'), ra and dec J2000 in degrees"
