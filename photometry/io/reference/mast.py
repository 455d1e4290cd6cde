"""Star tables from MAST: asked for once, kept as a file."""

import logging
from pathlib import Path

from photometry.core.errors import CatalogError
from photometry.io.store.provenance import atomic_path

__all__ = ["download_star_table"]

#: Columns of the TIC that are kept.
_COLUMNS = ("ID", "ra", "dec", "Tmag", "pmRA", "pmDEC", "Teff", "disposition", "duplicate_id", "version")
#: Those without which they are no star table.
_NEEDED = ("ID", "ra", "dec", "Tmag")
_TIMEOUT_S = 120


def download_star_table(path: str | Path, ra: float, dec: float, radius_deg: float) -> Path:
    """Get the TIC of a region from MAST; when the file is there already, MAST is not asked.

    Parameters
    ----------
    path : path-like
        The star table that is kept, ECSV.
    ra, dec : float
        Middle of the region, deg.
    radius_deg : float
        Its radius, deg.

    Returns
    -------
    Path
        The star table.

    Raises
    ------
    CatalogError
        When MAST cannot be reached, knows no star there, or answers with something else; the message says which file to
        put where.
    """
    path = Path(path)
    if path.is_file():
        return path
    logging.getLogger(__name__).info("asking MAST for the TIC around %.4f, %.4f (%.3f deg)", ra, dec, radius_deg)
    from astropy import units
    from astropy.coordinates import SkyCoord
    from astroquery import exceptions

    failures = (
        OSError,  # all of requests' exceptions are OSErrors
        ValueError,
        exceptions.RemoteServiceError,
        exceptions.TimeoutError,
        exceptions.InvalidQueryError,
        exceptions.TableParseError,
    )
    try:
        from astroquery.mast import Catalogs, conf

        with conf.set_temp("timeout", _TIMEOUT_S):
            answer = Catalogs.query_region(SkyCoord(ra, dec, unit="deg"), radius=radius_deg * units.deg, catalog="TIC")
    except failures as error:
        reason = " ".join(str(error).split())[:200]
        raise _to_do(path, ra, dec, radius_deg, f"MAST cannot be asked ({reason})") from error
    if answer is None or not len(answer):
        raise _to_do(path, ra, dec, radius_deg, "MAST knows no star there")
    if missing := [name for name in _NEEDED if name not in answer.colnames]:
        raise _to_do(path, ra, dec, radius_deg, f"MAST's answer, which is not kept, lacks {', '.join(missing)}")
    answer.sort("ID")
    answer = answer[[name for name in _COLUMNS if name in answer.colnames]]
    answer.meta.clear()
    with atomic_path(path) as temporary:
        answer.write(temporary, format="ascii.ecsv", overwrite=True)
    return path


def _to_do(path: Path, ra: float, dec: float, radius_deg: float, problem: str) -> CatalogError:
    """Say what to put where by hand."""
    return CatalogError(
        path,
        f"{problem}; put a star table there yourself (CSV, ECSV, FITS or VOTable with the columns "
        f"ID, ra, dec, Tmag, pmRA, pmDEC, Teff, disposition of the TIC, {radius_deg:.3f} deg around RA {ra:.5f}, "
        f"Dec {dec:.5f}), or name one with the key 'catalog'",
    )
