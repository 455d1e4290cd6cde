"""Stars of Gaia DR3 as a star table has them: TESS magnitude, place at J2000, a number that no TIC star has.

Everything here works on arrays; `photometry.archive.star_downloads` asks and writes.
"""

import numpy as np
import numpy.typing as npt

from photometry.catalog.star_catalog import positions_at
from photometry.core.constants import CATALOG_EPOCH_YEAR
from photometry.core.sky import unit_vectors
from photometry.core.stars import GAIA_NUMBERS

__all__ = ["GAIA_EPOCH_YEAR", "gaia_starid", "is_as_bright", "match_to_tic", "places_at_j2000", "tess_magnitude"]

_Floats = npt.NDArray[np.float64]
_Ids = npt.NDArray[np.int64]
#: Epoch of the places in Gaia DR3 (its column ref_epoch), Julian year.
GAIA_EPOCH_YEAR = 2016.0
#: T - G as a polynomial of BP - RP, highest power first, and its scatter, mag; colours that it holds for; T - G of
#: stars without a colour, and its scatter, mag (Stassun et al. 2019, AJ 158, 138, for dereddened colours).
_POLYNOMIAL, _SCATTER = (-0.00522555, 0.0891337, -0.633923, 0.0324473), 0.006
_BLUEST, _REDDEST = -0.2, 3.5
_WITHOUT_COLOUR, _SCATTER_WITHOUT = -0.430, 0.6
#: Stars of DR2 and DR3 whose G differs by more are not the same, mag.
_MOST_DIFFERENCE = 0.1


def tess_magnitude(g: _Floats, colour: _Floats) -> tuple[_Floats, _Floats]:
    """Return the TESS magnitude of stars of Gaia, and how far it may be off.

    Parameters
    ----------
    g : (n_star,) float64
        G, mag.
    colour : (n_star,) float64
        BP - RP, mag; NaN where there is none.

    Returns
    -------
    tmag, error : (n_star,) float64
        mag. Where the colour is beyond those of the relation (-0.2 to 3.5), T is that of the last colour, with the
        error of a star without one. Interstellar reddening is not taken away.

    References
    ----------
    Stassun et al. 2019, AJ 158, 138, equation 1; scatter and colours as others quote them from there.
    """
    known = np.isfinite(colour)
    within = known & (colour >= _BLUEST) & (colour <= _REDDEST)
    difference = np.polyval(_POLYNOMIAL, np.clip(colour, _BLUEST, _REDDEST))
    tmag = g + np.where(known, difference, _WITHOUT_COLOUR)
    return tmag, np.where(within, _SCATTER, _SCATTER_WITHOUT)


def is_as_bright(tmag_limit: float, g: str, colour: str) -> str:
    """Return the condition that a star's `tess_magnitude` is at most so faint, ADQL, for columns with G and BP - RP."""
    powers = (" * ".join([colour] * power) for power in (3, 2, 1))
    relation = " ".join(f"{factor:+} * {power}" for factor, power in zip(_POLYNOMIAL, powers, strict=False))
    at_ends = [f"{np.polyval(_POLYNOMIAL, end):+.6f}" for end in (_BLUEST, _REDDEST)]
    return (
        f"(({colour} BETWEEN {_BLUEST} AND {_REDDEST} AND {g} {relation} {_POLYNOMIAL[-1]:+} <= {tmag_limit:g}) "
        f"OR ({colour} < {_BLUEST} AND {g} {at_ends[0]} <= {tmag_limit:g}) "
        f"OR ({colour} > {_REDDEST} AND {g} {at_ends[1]} <= {tmag_limit:g}) "
        f"OR ({colour} IS NULL AND {g} {_WITHOUT_COLOUR:+} <= {tmag_limit:g}))"
    )


def places_at_j2000(
    ra: _Floats, dec: _Floats, pm_ra: _Floats, pm_decl: _Floats
) -> tuple[_Floats, _Floats, _Floats, _Floats]:
    """Move places of Gaia (epoch 2016.0) back by their proper motions, to the epoch of star tables.

    They stay in the frame of Gaia (ICRS). The motion through space stays the same, its parts along right ascension and
    declination turn with the place. Moved forward again, Barnard's star is off by 1 mas.

    Parameters
    ----------
    ra, dec : (n_star,) float64
        deg.
    pm_ra, pm_decl : (n_star,) float64
        Proper motion, mas/yr; `pm_ra` contains the cosine of the declination. NaN counts as 0.

    Returns
    -------
    ra, dec : (n_star,) float64
        At J2000, deg.
    pm_ra, pm_decl : (n_star,) float64
        Proper motion there, mas/yr.
    """
    east, north = _axes(ra, dec)
    motion = np.nan_to_num(pm_ra)[:, None] * east + np.nan_to_num(pm_decl)[:, None] * north
    old = positions_at(ra, dec, pm_ra, pm_decl, 2 * CATALOG_EPOCH_YEAR - GAIA_EPOCH_YEAR)
    east, north = _axes(*old)
    return *old, np.sum(motion * east, axis=-1), np.sum(motion * north, axis=-1)


def _axes(ra: _Floats, dec: _Floats) -> tuple[_Floats, _Floats]:
    """Return the directions (n_star, 3) of increasing right ascension and declination."""
    return unit_vectors(ra + 90.0, np.zeros_like(dec)), unit_vectors(ra, dec + 90.0)


def gaia_starid(source_id: _Ids) -> _Ids:
    """Return the numbers of stars that the TIC lacks: their `source_id` (n_star,) of Gaia DR3 and 10^18.

    `source_id` alone would not do: it begins at 4,295,806,720, where the TIC has stars, too.
    """
    return source_id + GAIA_NUMBERS


def match_to_tic(gaia: tuple[_Ids, _Ids, _Floats, _Floats], tic: tuple[_Ids, _Ids]) -> tuple[_Ids, _Ids]:
    """Find the TIC numbers of stars of Gaia DR3.

    The TIC names stars of DR2, whose numbers are not those of DR3. Of the stars of DR3 that are near one of DR2 and as
    bright to 0.1 mag the nearest is the same star, and none is that of two; where DR3 sees two stars in place of one,
    the nearer has the TIC number.

    Parameters
    ----------
    gaia : tuple of (n_pair,) arrays
        Pairs of near stars of both releases: numbers in DR3 and in DR2, distances (any unit), differences in G, mag.
    tic : tuple of (n_tic,) arrays
        TIC numbers, and numbers in DR2.

    Returns
    -------
    source_id, starid : (n_match,) int64
        Numbers in DR3, increasing, and in the TIC.
    """
    dr3, dr2, distance, difference = gaia
    starid, named = tic
    order = np.argsort(named, kind="stable")
    place = np.searchsorted(named, dr2, sorter=order)
    found = order[np.minimum(place, len(order) - 1)] if len(order) else np.zeros(len(dr2), dtype=np.intp)
    same = np.abs(difference) < _MOST_DIFFERENCE
    if len(order):
        same &= named[found] == dr2
    else:
        same[:] = False
    nearest = np.flatnonzero(same)[np.lexsort((dr3[same], distance[same]))]
    # Nearest pairs first: each star of a release is taken once.
    nearest = nearest[_is_first(dr2[nearest])]
    nearest = nearest[_is_first(dr3[nearest])]
    nearest = nearest[_is_first(starid[found[nearest]])]
    nearest = nearest[np.argsort(dr3[nearest])]
    return dr3[nearest], starid[found[nearest]]


def _is_first(values: _Ids) -> npt.NDArray[np.bool_]:
    """Tell which values (n,) were not there before, (n,)."""
    first = np.zeros(len(values), dtype=np.bool_)
    first[np.unique(values, return_index=True)[1]] = True
    return first
