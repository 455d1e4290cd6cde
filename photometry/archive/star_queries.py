"""Stars of the TESS Input Catalog (TIC) from MAST's table service (IVOA TAP), in small questions.

Facts of the service: at most 100,000 rows an answer, without a word when there are more but an OVERFLOW at its end;
CIRCLE is the only shape; a question has a minute; about five at a time (MAST, VO-TAP's capabilities).
"""

from collections.abc import Sequence

import numpy as np
from astropy.table import Table

from photometry.archive.table_services import TIC_TABLE, CutOff, ask_service, quietly, tic_service
from photometry.core.errors import ArchiveError, NotAtArchiveError

__all__ = ["TIC_COLUMNS", "find_stars", "stars_in_cone"]

#: Columns of the TIC that are asked for: names of the service, and those that star tables have.
TIC_COLUMNS = {
    "id": "ID",
    "ra": "ra",
    "dec": "dec",
    "pmra": "pmRA",
    "pmdec": "pmDEC",
    "tmag": "Tmag",
    "teff": "Teff",
    "disposition": "disposition",
    "duplicate_id": "duplicate_id",
    "version": "version",
}
_REMEDY = "try again later, or give a star table of your own with the key 'catalog'"
#: Stars that are asked for by number at a time.
_NUMBERS_AT_ONCE = 300


def find_stars(starids: Sequence[int]) -> Table:
    """Return stars by their TIC numbers.

    Parameters
    ----------
    starids : sequence of int
        TIC numbers.

    Returns
    -------
    Table
        The columns of `TIC_COLUMNS`, sorted by ID; places in deg (ICRS, epoch 2000), proper motions in mas/yr.

    Raises
    ------
    ArchiveError
        When the service does not answer, or the TIC has no star of a number.
    """
    from astropy.table import vstack

    wanted = sorted(set(starids))
    parts = [
        ask_tic(f"id IN ({', '.join(map(str, wanted[start : start + _NUMBERS_AT_ONCE]))})", "stars by TIC number")
        for start in range(0, len(wanted), _NUMBERS_AT_ONCE)
    ]
    found = vstack(parts)
    missing = sorted(set(wanted) - set(np.asarray(found["ID"]).tolist()))
    if missing:
        names = ", ".join(map(str, missing[:5])) + (", ..." if len(missing) > 5 else "")
        raise NotAtArchiveError(f"the TIC has no star {names}; correct the number")
    return found


def stars_in_cone(ra: float, dec: float, radius_deg: float, tmag_limit: float) -> Table:
    """Return the stars around a place in the sky, down to a magnitude.

    Parameters
    ----------
    ra, dec : float
        The place, ICRS, deg.
    radius_deg : float
        So far around, deg.
    tmag_limit : float
        Faintest star, Tmag.

    Returns
    -------
    Table
        As `find_stars`. Every star was tested again to be in the cone: answers have been seen that hold others.

    Raises
    ------
    ArchiveError
        When the service does not answer, or there are more stars than it gives.
    """
    from photometry.core.sky import unit_vectors

    cone = f"CIRCLE('ICRS', {ra:.8f}, {dec:.8f}, {radius_deg:.6f})"
    condition = f"CONTAINS(POINT('ICRS', ra, dec), {cone}) = 1 AND tmag <= {tmag_limit:g}"
    found = ask_tic(condition, f"the stars to T = {tmag_limit:g} around RA {ra:.4f}, Dec {dec:.4f}")
    places = unit_vectors(np.asarray(found["ra"], dtype=float), np.asarray(found["dec"], dtype=float))
    apart = np.linalg.norm(places - unit_vectors(ra, dec), axis=-1)
    inside: Table = found[apart <= 2 * np.sin(np.deg2rad(radius_deg) / 2)]
    return inside


def ask_tic(condition: str, what: str) -> Table:
    """Return the stars for which a condition of ADQL holds, with the columns of `TIC_COLUMNS`, sorted by ID.

    Raises
    ------
    ArchiveError
        When the service does not answer, the answer lacks a column, or is cut off.
    """
    query = f"SELECT {', '.join(TIC_COLUMNS)} FROM {TIC_TABLE} WHERE {condition}"  # noqa: S608
    service = tic_service()
    try:
        with quietly():
            stars = ask_service(service, query, list(TIC_COLUMNS), what, _REMEDY, at_least=0, as_job=False)
    except CutOff as error:
        raise ArchiveError(f"{service.name} was asked for {what}: its answer is {error}; {_REMEDY}") from error
    stars.rename_columns(list(TIC_COLUMNS), list(TIC_COLUMNS.values()))
    stars["ID"] = np.asarray(stars["ID"], dtype=np.int64)
    stars.sort("ID")
    stars.meta.clear()
    return stars
