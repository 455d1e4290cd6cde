"""Stars on a CCD: what the fit needs to know of them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from photometry.constants import ZERO_POINT_TMAG

__all__ = ["Stars", "flux_of_tmag", "tmag_of_flux"]


def flux_of_tmag(tmag: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the flux in e-/s of a star of TESS magnitude `tmag`."""
    return np.power(10.0, -0.4 * (np.asarray(tmag, dtype=np.float64) - ZERO_POINT_TMAG))


def tmag_of_flux(flux: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the TESS magnitude of a flux in e-/s; NaN where it is not positive."""
    flux = np.asarray(flux, dtype=np.float64)
    return ZERO_POINT_TMAG - 2.5 * np.log10(np.where(flux > 0, flux, np.nan))


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

    def moved(self, row: float, column: float) -> "Stars":
        """Return the stars shifted by `row` and `column` pixels."""
        return Stars(self.starid, self.row + row, self.column + column, self.tmag)
