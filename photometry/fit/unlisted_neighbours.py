"""Stars of the table that have a star beside them which the table lacks."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from photometry.core.constants import ZERO_POINT_TMAG
from photometry.core.stars import Stars

__all__ = ["UnlistedNeighbours", "unlisted_neighbours"]

#: A neighbour this near, pixels, with this share of a star's flux at least is worth a word.
_NEAR_PIX, _SHARE = 1.0, 0.1


@dataclass(frozen=True, slots=True)
class UnlistedNeighbours:
    """The brightest neighbour of each star that the table lacks; NaN where none is near and bright enough.

    Parameters
    ----------
    tmag : (n_star,) float64
        Its TESS magnitude by the pixels.
    distance : (n_star,) float64
        Its distance, pixels.
    """

    tmag: npt.NDArray[np.float64]
    distance: npt.NDArray[np.float64]


def unlisted_neighbours(
    stars: Stars, flux: npt.NDArray[np.float64], which: npt.NDArray[np.int64]
) -> UnlistedNeighbours:
    """Find the neighbours of some stars that the table lacks, within 1 px and of a tenth of their flux at least.

    Parameters
    ----------
    stars : Stars
        All stars with a free flux, those that the table lacks among them.
    flux : (n_star,) float64
        Their mean flux, e-/s.
    which : (n_chosen,) int64
        Stars whose neighbours are wanted.
    """
    tmag, distance = np.full((2, len(which)), np.nan)
    unlisted = np.flatnonzero(~stars.is_listed & (flux > 0))
    # The brightest one comes last and counts.
    for k in unlisted[np.argsort(flux[unlisted], kind="stable")]:
        away = np.hypot(stars.row[which] - stars.row[k], stars.column[which] - stars.column[k])
        near = (away < _NEAR_PIX) & (flux[k] > _SHARE * flux[which])
        tmag[near], distance[near] = ZERO_POINT_TMAG - 2.5 * np.log10(flux[k]), away[near]
    return UnlistedNeighbours(tmag, distance)
