"""Times of cutouts: what is needed to give every star its own."""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np

from photometry.catalog.star_catalog import stamp_on_sky
from photometry.core.barycentre import barycentric_correction
from photometry.core.cube import Cube
from photometry.core.times import SECONDS_PER_DAY
from photometry.io.reference.spacecraft import read_ephemeris

__all__ = ["with_places_of_tess"]

#: Largest difference of the barycentric corrections of two places on a CCD, s: 499 s (1 au) times the angle between its
#: middle and a corner, 8.6 deg, and the error of the Earth's place.
_WITHIN_CCD_S = 77.0
_log = logging.getLogger(__name__)


def with_places_of_tess(cube: Cube, path: str | Path, ephemeris: str) -> Cube:
    """Add the places of TESS to a cutout whose times are those of the middle of its CCD.

    TESScut takes TIME and TIMECORR from the headers of the full-frame images, which are corrected for the middle of the
    CCD: up to 75 s from those of a star. A file whose TIMECORR cannot be such a correction (many tools write 0) keeps
    its times as they are, and this is logged.

    Parameters
    ----------
    cube : Cube
        As read from the file.
    path : path-like
        The file, for messages.
    ephemeris : str
        Places of TESS: ``earth``, a table of JPL Horizons or a folder of SPICE kernels.

    Raises
    ------
    InputFileError
        When the ephemeris does not cover the times.
    """
    header = cube.header
    place = read_ephemeris(ephemeris, header.time - header.timecorr)
    ra, dec, _, _ = stamp_on_sky(header.wcs_header, header.stamp)
    away = np.abs(header.timecorr - barycentric_correction(place.position, ra, dec)) * SECONDS_PER_DAY
    if not np.any(header.timecorr) or np.max(away) > _WITHIN_CCD_S:
        seconds = header.timecorr[[0, -1]] * SECONDS_PER_DAY
        _log.warning(
            "%s: TIMECORR (%.1f to %.1f s) is no barycentric correction of this CCD, so nobody can tell what TIME is; "
            "times are taken as they are",
            *(path, *seconds),
        )
        return cube
    return replace(cube, header=replace(header, ephemeris=place))
