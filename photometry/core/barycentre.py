"""Barycentric correction: light travel time from the place of TESS to the barycentre of the solar system."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from photometry.core.sky import unit_vectors

__all__ = ["Ephemeris", "barycentric_correction", "interpolated_positions", "position_with_correction"]

#: Light time of the astronomical unit, d (IAU 2012 resolution B2; CODATA c).
_AU_LIGHT_D = 149597870700.0 / 299792458.0 / 86400.0


@dataclass(frozen=True, slots=True)
class Ephemeris:
    """Places of the spacecraft.

    Parameters
    ----------
    position : (n_cadence, 3) float64
        From the barycentre of the solar system, ICRS, au.
    source : str
        What they come from.
    error_s : float
        Largest error of a barycentric correction made with them, s.
    """

    position: npt.NDArray[np.float64]
    source: str
    error_s: float

    def of_cadences(self, which: slice | npt.NDArray[np.int64]) -> "Ephemeris":
        """Return the places in some of the cadences."""
        return replace(self, position=self.position[which])


def barycentric_correction(
    position: npt.NDArray[np.float64], ra: npt.ArrayLike, dec: npt.ArrayLike
) -> npt.NDArray[np.float64]:
    """Return what to add to times at the spacecraft (TDB) to have times at the barycentre.

    Parameters
    ----------
    position : (n_cadence, 3) float64
        Place of the spacecraft from the barycentre of the solar system, ICRS, au.
    ra, dec : float, or (n_star,) float64
        Direction of a star, ICRS, deg.

    Returns
    -------
    (n_cadence,) or (n_star, n_cadence) float64
        d.

    References
    ----------
    Eastman, Siverd & Gaudi 2010, PASP 122, 935, equation 10: the Roemer delay, as SPOC corrects. The curvature of the
    wave front (2 ms at 10 pc) and the Shapiro delay (0.1 ms away from the Sun) are left out.
    """
    return np.asarray(unit_vectors(ra, dec) @ position.T * _AU_LIGHT_D)


def position_with_correction(
    position: npt.NDArray[np.float64], ra: float, dec: float, correction: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Move places along a direction so that they give a known correction there.

    The Earth's place differs from that of TESS by up to 1.3 light seconds. The correction that an image's header gives
    for one position takes away the part along that direction; what is left changes with the sine of the distance.

    Parameters
    ----------
    position : (n_cadence, 3) float64
        Approximate places, au.
    ra, dec : float
        Direction of which the correction is known, deg.
    correction : (n_cadence,) float64
        It, d; NaN where it is not known: the place stays.

    Returns
    -------
    (n_cadence, 3) float64
        au.
    """
    missing = np.nan_to_num(correction - barycentric_correction(position, ra, dec)) / _AU_LIGHT_D
    return np.asarray(position + missing[:, None] * unit_vectors(ra, dec))


def interpolated_positions(
    time: npt.NDArray[np.float64], table_time: npt.NDArray[np.float64], table_position: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Interpolate an ephemeris, cubic in time.

    Parameters
    ----------
    time : (n_cadence,) float64
        Times wanted.
    table_time : (n_row,) float64
        Times of the table, increasing, same scale.
    table_position : (n_row, 3) float64
        Places.

    Raises
    ------
    ValueError
        When a time lies outside the table.
    """
    from scipy.interpolate import CubicSpline  # the plan of a run does not need it

    if len(time) and (np.min(time) < table_time[0] or np.max(time) > table_time[-1]):
        raise ValueError(f"times from {np.min(time):.3f} to {np.max(time):.3f} are not within the table")
    return np.asarray(CubicSpline(table_time, table_position)(time))
