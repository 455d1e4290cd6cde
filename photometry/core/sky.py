"""Directions, distances and dates on the sky."""

import numpy as np
import numpy.typing as npt

from photometry.core.constants import BTJD_OFFSET, CATALOG_EPOCH_YEAR

__all__ = ["angular_distance", "julian_year", "mid_time", "unit_vectors"]

#: Julian date of J2000.0.
_JD_2000 = 2451545.0
_DAYS_PER_YEAR = 365.25


def julian_year(btjd: float) -> float:
    """Return the Julian year of a time in BTJD."""
    return CATALOG_EPOCH_YEAR + (btjd + BTJD_OFFSET - _JD_2000) / _DAYS_PER_YEAR


def mid_time(time: npt.NDArray[np.float64]) -> float:
    """Return the time that the stars of an observation are moved to: the middle of its times (n_cadence), BTJD."""
    return float(time[[0, -1]].mean())


def unit_vectors(ra: npt.ArrayLike, dec: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the directions (..., 3) of positions in deg."""
    alpha = np.deg2rad(np.asarray(ra, dtype=np.float64))
    delta = np.deg2rad(np.asarray(dec, dtype=np.float64))
    return np.stack([np.cos(delta) * np.cos(alpha), np.cos(delta) * np.sin(alpha), np.sin(delta)], axis=-1)


def angular_distance(
    ra: npt.ArrayLike, dec: npt.ArrayLike, ra_centre: float, dec_centre: float
) -> npt.NDArray[np.float64]:
    """Return the distances of positions (n,) from one point, (n,), deg."""
    # Half a second that most jobs need not wait for.
    from astropy.coordinates import angular_separation

    positions = (np.deg2rad(np.atleast_1d(np.asarray(angle, dtype=np.float64))) for angle in (ra, dec))
    separation = angular_separation(*positions, np.deg2rad(ra_centre), np.deg2rad(dec_centre))
    return np.asarray(np.rad2deg(separation), dtype=np.float64)
