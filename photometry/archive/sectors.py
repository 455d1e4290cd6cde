"""In which sectors TESS saw a place in the sky, and on which CCD: from the package tesswcs, and by MAST's word."""

import logging

import requests

from photometry.archive.seen_by import SeenBy
from photometry.archive.service import asked, mast_server, patient
from photometry.core.errors import ConfigError
from photometry.io.reference.sector_cameras import cameras_seeing, known_sectors
from photometry.io.reference.sector_wcs import place_on_ccd

__all__ = ["sectors_at_archive", "sectors_by_pointing"]

_log = logging.getLogger(__name__)
#: How far a camera's field may reach beyond 24 x 24 deg around its middle, deg; the WCS of the CCD decides.
_MARGIN_DEG = 0.5


def sectors_by_pointing(ra: float, dec: float) -> list[SeenBy]:
    """Return the CCDs on whose science area a place in the sky is, in all sectors that are known, also future ones.

    Parameters
    ----------
    ra, dec : float
        The place, ICRS, deg.

    Notes
    -----
    The WCS of the package are right to 0.1 pixels (rms), 0.55 at most: a star so near to an edge may be beside it.
    """
    seen = []
    for sector in known_sectors():
        for camera in cameras_seeing(sector, ra, dec, _MARGIN_DEG):
            try:
                seen += [
                    SeenBy(sector, camera, ccd) for ccd in range(1, 5) if place_on_ccd(sector, camera, ccd, ra, dec)
                ]
            except ConfigError as error:
                _log.info("%s", error)
    return seen


def sectors_at_archive(ra: float, dec: float) -> list[SeenBy]:
    """Return the CCDs of whose full-frame images MAST's cutout service has some that show a place in the sky.

    Parameters
    ----------
    ra, dec : float
        The place, ICRS, deg.

    Raises
    ------
    ArchiveError
        When the service does not answer.
    """

    def ask() -> list[SeenBy]:
        url, question = f"{mast_server()}/tesscut/api/v0.1/sector", {"ra": str(ra), "dec": str(dec), "radius": "0"}
        with patient(requests.Session()) as session:
            answer = session.get(url, params=question)
        answer.raise_for_status()
        rows = answer.json()["results"]
        return sorted({SeenBy(*(int(row[name]) for name in ("sector", "camera", "ccd"))) for row in rows})

    what = f"MAST's cutout service was asked for the sectors of RA {ra:.4f}, Dec {dec:.4f}"
    return asked(ask, what, "try again later", KeyError, TypeError)
