"""Hashes of stars and digests of rows, which tell whether what a product depends on has changed."""

import hashlib
from collections.abc import Iterable
from typing import Protocol

import numpy as np
import numpy.typing as npt

__all__ = ["FITTED", "FittedStars", "digest_of_rows", "few_changed", "star_hashes"]

_Floats = npt.NDArray[np.float64]
_Hashes = npt.NDArray[np.uint64]

#: Columns that fluxes depend on.
FITTED = ("ra_j2000", "decl_j2000", "pm_ra", "pm_decl", "tmag")
#: Share of a region's stars that may differ before cube, motion and PRF of the region are derived anew.
_TOLERATED_SHARE = 0.02
#: Constants of the mixing function of SplitMix64 (Steele, Lea and Flood 2014, OOPSLA, section 2 and figure 16).
_GAMMA, _MIX = np.uint64(0x9E3779B97F4A7C15), (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


class FittedStars(Protocol):
    """What fluxes depend on; see `photometry.region_stars.RegionStars`."""

    @property
    def starid(self) -> npt.NDArray[np.int64]: ...  # noqa: D102
    @property
    def ra_j2000(self) -> _Floats: ...  # noqa: D102
    @property
    def decl_j2000(self) -> _Floats: ...  # noqa: D102
    @property
    def pm_ra(self) -> _Floats: ...  # noqa: D102
    @property
    def pm_decl(self) -> _Floats: ...  # noqa: D102
    @property
    def tmag(self) -> _Floats: ...  # noqa: D102


def star_hashes(stars: FittedStars) -> _Hashes:
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


def few_changed(reference: _Hashes, current: _Hashes) -> bool:
    """Tell whether at most 2 % of a region's stars differ, or one.

    Parameters
    ----------
    reference, current : (n,) uint64
        Hashes of the stars, increasing: those that cube, motion and PRF were derived from, and those of now.
    """
    gone = len(np.setdiff1d(reference, current, assume_unique=True))
    new = len(np.setdiff1d(current, reference, assume_unique=True))
    return max(gone, new) <= max(1, int(_TOLERATED_SHARE * len(reference)))
