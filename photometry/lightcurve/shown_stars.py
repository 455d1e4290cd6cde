"""Which light curves a figure shows: those that were asked for, else a blend that fools apertures, and what varies."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from photometry.core.stars import star_name

__all__ = ["Measured", "choose_shown"]

_Floats = npt.NDArray[np.float64]

#: A neighbour beyond this has hardly any light in an aperture; its share there is a Gaussian of this width, pixels.
_BLEND_PIX, _WIDTH_PIX = 3.0, 1.2
#: What an aperture shows of a neighbour counts where it is so many times what is the star's own, and its noise.
_FALSE_OVER_OWN, _FALSE_OVER_NOISE = 4.0, 10.0
_PPM = 1e-6


@dataclass(frozen=True, slots=True)
class Measured:
    """What an index says of the stars that have a light curve; every array is (n_star,).

    Parameters
    ----------
    starid : int64
        TIC numbers.
    tmag : float64
        TESS magnitude.
    row, column : float64
        Place, 0-based CCD pixels.
    median_flux, variance, ptp : float64
        `photometry.lightcurve.metrics.Metrics`.
    reserved : bool
        Stars measured with reservations (status WARNING).
    """

    starid: npt.NDArray[np.int64]
    tmag: _Floats
    row: _Floats
    column: _Floats
    median_flux: _Floats
    variance: _Floats
    ptp: _Floats
    reserved: npt.NDArray[np.bool_]


def choose_shown(stars: Measured, asked: Collection[int], most: int, first: int = 0) -> dict[int, str]:
    """Choose stars, and say what is to be seen of each.

    Parameters
    ----------
    stars : Measured
        All that have a light curve.
    asked : collection of int
        TIC numbers that were asked for; empty where all stars were.
    most : int
        Stars to choose, at most.
    first : int
        TIC number of the star that the pixels belong to: it comes first, if it is measured; 0 for none.

    Returns
    -------
    dict of int to str
        Places in `stars`, in the order to show them, and a remark for a title; empty where nothing is to be said. If
        stars were asked for, or there are no more than `most`: those, the brightest first. Else first the star in whose
        aperture a neighbour's variability is most significant though it does not vary itself, and that neighbour; then
        those whose variability exceeds their noise most. What was measured with reservations comes last.
    """
    wanted = np.flatnonzero(np.isin(stars.starid, list(asked))) if asked else np.arange(len(stars.starid))
    shown: dict[int, str] = dict.fromkeys(np.flatnonzero(stars.starid == first).tolist(), "")
    if asked or len(wanted) <= most:
        shown |= dict.fromkeys(wanted[np.argsort(stars.tmag[wanted], kind="stable")].tolist(), "")
        return dict(list(shown.items())[:most])
    noise = np.nan_to_num(stars.ptp * _PPM * stars.median_flux, nan=np.inf, posinf=np.inf)
    signal = np.sqrt(np.clip(np.nan_to_num(stars.variance) - np.where(np.isinf(noise), 0.0, noise) ** 2, 0.0, None))
    if pair := _blend(stars, signal, noise):
        star, neighbour, away = pair
        shown[star] = f"constant; {star_name(int(stars.starid[neighbour]))}, which varies, is {away:.1f} px away"
        shown[neighbour] = "that neighbour"
    excess = np.where(noise > 0, signal / np.where(noise > 0, noise, 1.0), 0.0)
    for star in np.lexsort([-excess, stars.reserved]).tolist():
        if len(shown) == most:
            break
        shown.setdefault(star, "")
    return shown


def _blend(stars: Measured, signal: _Floats, noise: _Floats) -> tuple[int, int, float] | None:
    """Return the star that a plain aperture gets most wrong, the neighbour that it takes for it, and their distance."""
    good = np.flatnonzero(~stars.reserved & np.isfinite(stars.row + stars.column) & np.isfinite(noise) & (noise > 0))
    places = np.stack([stars.row[good], stars.column[good]], axis=1)
    pairs = cKDTree(places).query_pairs(_BLEND_PIX, output_type="ndarray") if len(good) else np.empty((0, 2), np.int64)
    star, neighbour = good[np.concatenate([pairs, pairs[:, ::-1]]).T] if len(pairs) else np.empty((2, 0), np.int64)
    away = np.hypot(stars.row[star] - stars.row[neighbour], stars.column[star] - stars.column[neighbour])
    false = signal[neighbour] * np.exp(-0.5 * (away / _WIDTH_PIX) ** 2)
    counts = (false > _FALSE_OVER_OWN * signal[star]) & (false > _FALSE_OVER_NOISE * noise[star])
    if not counts.any():
        return None
    worst = int(np.argmax(np.where(counts, false / np.where(counts, noise[star], 1.0), -1.0)))
    return int(star[worst]), int(neighbour[worst]), float(away[worst])
