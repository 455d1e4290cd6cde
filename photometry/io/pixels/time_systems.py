"""From when, in which unit and on which scale the times of a file count: read from its headers, not assumed."""

import re
from collections.abc import Mapping

from photometry.core.constants import BTJD_OFFSET
from photometry.core.errors import InputFileError
from photometry.core.times import MISSION_BTJD
from photometry.io.fits.fits_files import header_value, real_number
from photometry.io.pixels.pixel_headers import PixelHeaders

__all__ = ["read_time_zero"]

#: Words that headers may have for the time system of TESS products: barycentric times (TDB) in days, of the middle of a
#: cadence (SDPDD, tables 24, 26 and 30).
_WORDS: Mapping[str, tuple[str, ...]] = {
    "TIMESYS": ("TDB",),
    "TIMEUNIT": ("d", "day", "days"),
    "TIMEREF": ("SOLARSYSTEM", "BARYCENTER", "BARYCENT"),
}
_MIDDLE = 0.5
#: Julian dates that a zero point of times can have: from that of Julian dates themselves to long after the mission.
_ZERO_POINTS = (0.0, 2_500_000.0)
#: Zero point in the unit of the column TIME: ``BJD - 2457000, days``.
_IN_UNIT = re.compile(r"B?JD\s*-\s*(\d+(?:\.\d*)?)")
_AGAIN = "fetch the file again"


def read_time_zero(headers: PixelHeaders) -> float:
    """Return what has to be added to the times of a file to have BTJD, d; 0 for TESS products as they are delivered.

    The zero point is that of BJDREFI and BJDREFF, else that of the unit of the column TIME, else that of TESS products.

    Raises
    ------
    InputFileError
        When scale, unit, place or phase are not those of TESS products, when zero points are none or contradict each
        other, or when TSTART is not within the mission.
    """
    for key, words in _WORDS.items():
        value = headers.get(key)
        if value is not None and str(value).strip().upper() not in (word.upper() for word in words):
            raise InputFileError(headers.path, f"header key {key} is {value!r}, expected {words[0]}; {_AGAIN}")
    phase = headers.get("TIMEPIXR")
    if phase is not None and real_number(phase) != _MIDDLE:
        raise InputFileError(
            headers.path, f"header key TIMEPIXR is {phase!r}, expected {_MIDDLE} (middle of the cadence); {_AGAIN}"
        )
    zero = _zero_point(headers)
    start = headers.get("TSTART")
    if start is not None:
        found = real_number(start)
        first, last = MISSION_BTJD
        if found is None or not first <= found + zero <= last:
            raise InputFileError(
                headers.path,
                f"header key TSTART is {start!r}, from JD {BTJD_OFFSET + zero:.10g} on (BJDREFI, BJDREFF): TESS was "
                f"launched at {BTJD_OFFSET + first:.10g}; {_AGAIN}",
            )
    return zero


def _zero_point(headers: PixelHeaders) -> float:
    """Zero point of the times less that of BTJD, d."""
    in_unit = _zero_in_unit(headers)
    whole = headers.get("BJDREFI")
    if whole is None:
        return 0.0 if in_unit is None else in_unit - BTJD_OFFSET
    parts = []
    for key, (low, high) in (("BJDREFI", _ZERO_POINTS), ("BJDREFF", (-1.0, 1.0))):
        value = headers.get(key)
        number = 0.0 if value is None else real_number(value)
        if number is None or not low <= number <= high:
            raise InputFileError(
                headers.path, f"header key {key} is {value!r}, expected {low:.0f} to {high:.0f} d; {_AGAIN}"
            )
        parts.append(number)
    if in_unit is not None and in_unit != sum(parts):
        raise InputFileError(
            headers.path,
            f"header keys disagree: BJDREFI, BJDREFF = {parts[0]:.10g}, {parts[1]:g}, while the unit of TIME is "
            f"BJD - {in_unit:.10g}; {_AGAIN}",
        )
    return parts[0] - BTJD_OFFSET + parts[1]


def _zero_in_unit(headers: PixelHeaders) -> float | None:
    """Zero point in the unit of the column TIME; None where it names none, as images do."""
    number = headers.columns.get("TIME")
    found = _IN_UNIT.search(str(header_value(headers.pixels, f"TUNIT{number}") or ""))
    return float(found[1]) if found else None
