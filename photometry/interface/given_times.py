"""Times as users give them: BTJD, MJD, JD or astropy's Time, for the series of a target."""

import numpy as np
import numpy.typing as npt
from astropy.time import Time

from photometry.core.constants import BTJD_OFFSET
from photometry.core.times import SECONDS_PER_DAY

__all__ = ["spacecraft_time"]

#: JD of the zero of MJD.
_MJD_OFFSET = 2400000.5
#: Ranges of the scales, d: those of any time of TESS, which keep them apart.
_BTJD, _MJD, _JD = (0.0, 20000.0), (50000.0, 100000.0), (2.0e6, 3.0e6)
_SCALES = "a BTJD (as 1325.3), an MJD (as 58324.8), a JD (as 2458325.3) or an astropy Time"


def spacecraft_time(time: float | Time, series: npt.NDArray[np.float64], cadence_s: float) -> float:
    """Return a time at the spacecraft as BTJD, d.

    Parameters
    ----------
    time : float or Time
        BTJD, MJD or JD (TDB, d): they cannot be confused for times of TESS; or a Time of any scale.
    series : (n_cadence,) float64
        Times of the cadences at the spacecraft, BTJD, d.
    cadence_s : float
        From one cadence to the next, s.

    Raises
    ------
    ValueError
        When it is not one time, in none of the scales, or more than a cadence before or after the series.
    """
    btjd = _btjd(time)
    first, last, margin = float(np.min(series)), float(np.max(series)), cadence_s / SECONDS_PER_DAY
    if not first - margin <= btjd <= last + margin:
        raise ValueError(
            f"time {time} is BTJD {btjd:.5f}, outside the cadences: BTJD {first:.5f} to {last:.5f} "
            f"(MJD {first + BTJD_OFFSET - _MJD_OFFSET:.5f} to {last + BTJD_OFFSET - _MJD_OFFSET:.5f})"
        )
    return btjd


def _btjd(time: float | Time) -> float:
    if isinstance(time, Time):
        if not time.isscalar:
            raise ValueError(f"{len(time)} times, expected one")
        return float((time.tdb - Time(BTJD_OFFSET, format="jd", scale="tdb")).to_value("day"))
    value = float(time)
    if not np.isfinite(value):
        raise ValueError(f"time is NaN or infinite ({value}), expected {_SCALES}")
    for (low, high), offset in ((_BTJD, 0.0), (_MJD, BTJD_OFFSET - _MJD_OFFSET), (_JD, BTJD_OFFSET)):
        if low <= value <= high:
            return value - offset
    raise ValueError(f"time is {value}, expected {_SCALES}")
