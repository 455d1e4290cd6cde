"""Stars on a CCD: what the fit needs to know of them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from photometry.core.constants import ZERO_POINT_TMAG

__all__ = [
    "GAIA_NUMBERS",
    "LIGHT_REACH",
    "MOST_MASK_RADIUS",
    "NO_STARS",
    "WING",
    "Stars",
    "flux_of_tmag",
    "mask_radius",
    "star_name",
]

#: Light of a star in a pixel at distance d is about this share over d cubed (pixels): 0.03 to 0.06 in the SPOC PRFs of
#: sectors 1 to 4 at distances of 3 to 6 pixels, median over all directions.
WING = 0.04
#: Light in a pixel from which a star's pixels are masked, e-/s, and the least radius, pixels.
_WING_LIMIT, _LEAST_RADIUS = 2.0, 1.5
#: Largest radius of a mask, pixels.
MOST_MASK_RADIUS = 120
#: Stars so far outside a stamp have light on it, pixels: half of `photometry.prf.prf_grid.FOOTPRINT`, and one more.
LIGHT_REACH = 8
#: Stars with larger numbers are not in the TIC: what is beyond is their `source_id` in Gaia DR3. The TIC has numbers of
#: up to 11 digits, Gaia's end before 12 * 2^59, 6.9 * 10^18, and a number may have 9.2 * 10^18 at most.
GAIA_NUMBERS = 10**18


def star_name(starid: int) -> str:
    """Return the name of a star by its number: in the TIC, or in Gaia DR3 where the TIC lacks it."""
    return f"Gaia DR3 {starid - GAIA_NUMBERS}" if starid > GAIA_NUMBERS else f"TIC {starid}"


def flux_of_tmag(tmag: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the flux in e-/s of a star of TESS magnitude `tmag`."""
    return np.power(10.0, -0.4 * (np.asarray(tmag, dtype=np.float64) - ZERO_POINT_TMAG))


def mask_radius(tmag: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the radius around stars of `tmag` within which a pixel holds more than 2 e-/s of their light, pixels."""
    radius = np.cbrt(WING * flux_of_tmag(tmag) / _WING_LIMIT)
    return np.asarray(np.clip(radius, _LEAST_RADIUS, MOST_MASK_RADIUS), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Stars:
    """Catalogue stars by their place on the CCD.

    Parameters
    ----------
    starid : (n_star,) int64
        TIC numbers.
    row, column : (n_star,) float64
        0-based CCD position at the reference cadence, pixels.
    tmag : (n_star,) float64
        TESS magnitude.
    """

    starid: npt.NDArray[np.int64]
    row: npt.NDArray[np.float64]
    column: npt.NDArray[np.float64]
    tmag: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.starid)

    @property
    def flux(self) -> npt.NDArray[np.float64]:
        """Catalogue flux, e-/s."""
        return flux_of_tmag(self.tmag)

    def select(self, which: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> "Stars":
        """Return the stars that a mask or an index array chooses."""
        return Stars(self.starid[which], self.row[which], self.column[which], self.tmag[which])

    def with_others(self, others: "Stars") -> "Stars":
        """Return these stars and others after them."""
        return Stars(*(np.concatenate([getattr(stars, name) for stars in (self, others)]) for name in Stars.__slots__))

    @property
    def is_listed(self) -> npt.NDArray[np.bool_]:
        """Which stars the star table has: those found in the pixels have numbers below zero, (n_star,)."""
        return np.asarray(self.starid >= 0)

    def moved(self, row: float, column: float) -> "Stars":
        """Return the stars shifted by `row` and `column` pixels."""
        return Stars(self.starid, self.row + row, self.column + column, self.tmag)


#: Not a single star.
NO_STARS = Stars(np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0), np.zeros(0))
