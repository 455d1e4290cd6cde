"""Hashes of stars and digests of rows, which tell whether what a product depends on has changed."""

import hashlib
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from photometry.catalog.star_columns import FITTED, StarColumns
from photometry.core.constants import ARCSEC_PER_PIXEL
from photometry.core.stars import flux_of_tmag

__all__ = ["digest_of_rows", "few_changed", "star_hashes"]

_Floats = npt.NDArray[np.float64]
_Hashes = npt.NDArray[np.uint64]
_Bools = npt.NDArray[np.bool_]

#: Share of a region's stars that may differ before cube, motion and PRF of the region are derived again.
_TOLERATED_SHARE = 0.02
#: How far these may move the centre of the region's light, and how far a single star counts at most, pixels.
_TOLERATED_MOVE, _MOST_MOVE = 0.005, 0.5
#: Years of proper motion between J2000 and the last sectors.
_YEARS = 25.0
#: Constants of the mixing function of SplitMix64 (Steele, Lea and Flood 2014, OOPSLA, section 2 and figure 16).
_GAMMA, _MIX = np.uint64(0x9E3779B97F4A7C15), (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


def star_hashes(stars: StarColumns) -> _Hashes:
    """Return a hash of what fluxes depend on for every star: number, position, proper motion, magnitude; (n_star,)."""
    mixed = stars.starid.astype(np.uint64)
    with np.errstate(over="ignore"):
        for name in FITTED:
            # Adding 0 makes -0 and 0 one number.
            mixed = _mix(mixed + _GAMMA) ^ (getattr(stars, name) + 0.0).view(np.uint64)
        return _mix(mixed + _GAMMA)


def _mix(value: _Hashes) -> _Hashes:
    value = (value ^ (value >> np.uint64(30))) * _MIX[0]
    value = (value ^ (value >> np.uint64(27))) * _MIX[1]
    mixed: _Hashes = value ^ (value >> np.uint64(31))
    return mixed


def digest_of_rows(*arrays: npt.NDArray[np.generic], more: Iterable[object] = ()) -> str:
    """Return a digest of arrays and other values, 16 hexadecimal digits."""
    digest = hashlib.sha256(repr(tuple(more)).encode())
    for array in arrays:
        digest.update(array.tobytes() + b"\0")
    return digest.hexdigest()[:16]


def few_changed(reference: StarColumns, current: StarColumns) -> bool:
    """Tell whether a region's stars differ so little that its cube, motion and PRF stay as they are.

    At most 2 % of them differ, or one, and these move the centre of all light by at most 5 millipixel: a star that
    moved counts with its distance, a new or a missing one with half a pixel, beyond which pixels that disagree lose
    their weight. Without any star of before there is nothing to keep.

    Parameters
    ----------
    reference, current : StarColumns
        Stars that cube, motion and PRF were derived from, and those of now.
    """
    is_gone = ~np.isin(star_hashes(reference), star_hashes(current))
    is_new = ~np.isin(star_hashes(current), star_hashes(reference))
    n_reference = len(reference.starid)
    if n_reference == 0 or max(is_gone.sum(), is_new.sum()) > max(1, int(_TOLERATED_SHARE * n_reference)):
        return False
    light = _light(current)
    moved = _moved_light(reference, current, is_gone, is_new)
    return bool(moved <= _TOLERATED_MOVE * max(light.sum(), _light(reference).sum()))


def _moved_light(reference: StarColumns, current: StarColumns, is_gone: _Bools, is_new: _Bools) -> float:
    """Sum over the stars that differ of flux times distance, e-/s times pixels."""
    gone, new = np.flatnonzero(is_gone), np.flatnonzero(is_new)
    _, in_gone, in_new = np.intersect1d(reference.starid[gone], current.starid[new], return_indices=True)
    before, now = gone[in_gone], new[in_new]
    along_ra = (current.ra_j2000[now] - reference.ra_j2000[before]) * np.cos(np.radians(current.decl_j2000[now]))
    degrees = np.hypot(along_ra, current.decl_j2000[now] - reference.decl_j2000[before])
    motion = np.hypot(current.pm_ra[now] - reference.pm_ra[before], current.pm_decl[now] - reference.pm_decl[before])
    arcsec = 3600 * degrees + _YEARS * motion / 1000
    distance = np.minimum(arcsec / ARCSEC_PER_PIXEL, _MOST_MOVE)
    flux_before, flux_now = _light(reference), _light(current)
    kept = np.maximum(flux_before[before], flux_now[now]) @ distance
    lost = flux_before[np.setdiff1d(gone, before)].sum() + flux_now[np.setdiff1d(new, now)].sum()
    return float(kept + _MOST_MOVE * lost)


def _light(stars: StarColumns) -> _Floats:
    """Flux of the stars, e-/s; 0 for those without a magnitude."""
    return np.nan_to_num(flux_of_tmag(stars.tmag), nan=0.0)
