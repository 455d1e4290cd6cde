"""Which camera of a sector sees a place in the sky, by the pointings that the package tesswcs has as a table.

The table is read without the package, whose import takes 8 s: every start reads the headers of all pixel files.
"""

import csv
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt

from photometry.core.sky import unit_vectors

__all__ = ["cameras_seeing", "known_sectors"]

#: Middles of the cameras from the boresight towards camera 1, deg: four fields of 24 x 24 deg in a row (TESS Instrument
#: Handbook, section 2.1). The boresight's roll turns that direction from north over east by 180 deg - roll; against the
#: WCS of the CCDs of 12 sectors from 1 to 1751 the middles are right to 0.1 deg.
_FROM_BORESIGHT_DEG = {1: 36.0, 2: 12.0, 3: -12.0, 4: -36.0}
_HALF_FIELD_DEG = 12.0


@cache
def _pointings() -> dict[int, tuple[float, float, float]]:
    """Right ascension, declination and roll of the boresight by sector, deg; nothing without the package."""
    package = find_spec("tesswcs")
    if package is None or not package.submodule_search_locations:
        return {}
    path = Path(package.submodule_search_locations[0], "data", "pointings.csv")
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    return {int(row["Sector"]): (float(row["RA"]), float(row["Dec"]), float(row["Roll"])) for row in rows}


def known_sectors() -> list[int]:
    """Return the sectors whose pointing is known; none without the package."""
    return sorted(_pointings())


def cameras_seeing(sector: int, ra: float, dec: float, margin_deg: float) -> list[int]:
    """Return the cameras of a sector whose field, wider or smaller by a margin, holds a place in the sky.

    Parameters
    ----------
    sector : int
        Sector; of one that nobody knows, no camera sees anything.
    ra, dec : float
        The place, ICRS, deg.
    margin_deg : float
        The fields are wider by this on every side, deg; smaller where it is negative.
    """
    if sector not in _pointings():
        return []
    boresight, towards, across = _axes(*_pointings()[sector])
    place = unit_vectors(ra, dec)
    along = np.rad2deg(np.arctan2(place @ towards, place @ boresight))
    beside = np.rad2deg(np.arcsin(place @ across))
    half = _HALF_FIELD_DEG + margin_deg
    return [
        camera
        for camera, middle in _FROM_BORESIGHT_DEG.items()
        if abs((along - middle + 180) % 360 - 180) < half and abs(beside) < half
    ]


def _axes(ra: float, dec: float, roll: float) -> tuple[npt.NDArray[np.float64], ...]:
    """Return unit vectors: the boresight, towards camera 1, and across."""
    boresight = unit_vectors(ra, dec)
    east = np.array([-np.sin(np.deg2rad(ra)), np.cos(np.deg2rad(ra)), 0.0])
    north = np.cross(boresight, east)
    angle = np.deg2rad(180 - roll)
    towards = np.cos(angle) * north + np.sin(angle) * east
    return boresight, towards, np.cross(boresight, towards)
