"""Frames that the stars are not on: blank, shifted, of another field, or scaled; whatever the reason.

A frame is compared with the usual image of its own pixels, the median of the unflagged ones. Two things are asked that
no star's variation answers with no: whether the order of the pixels by brightness is the usual one, and whether stars
have their usual brightness, most of them at once.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from photometry.core.statistics import mad_sigma

__all__ = ["UsualImage", "frames_without_stars", "usual_image"]

#: Starlight of a pixel counts when it is so many times the noise of a single frame.
_LIT_SIGMA = 5.0
#: Fewest pixels with starlight, and most of them that are looked at.
_LEAST_LIT, _MOST_LIT = 4, 2000
#: Least rank correlation with the usual image. Where the brighter half of the pixels is in its usual order and the
#: darker one is noise, it is 0.88: the lowest of 5,300 good frames of real files is 0.84. Of a frame without stars it
#: is zero, of another field below 0.65.
_LEAST_CORRELATION = 0.7
#: Fewest pixels of a half of a frame that is looked at by itself, too.
_LEAST_OF_HALF = 40
#: Ranks are those of values rounded to this share of the noise: what a plane leaves of a constant is no order.
_ROUNDING = 0.1
#: Least step of the values, as a share of the brightest: single precision.
_LEAST_STEP = 1e-6
#: The median star of a frame may be as much brighter or fainter than usual, and fewest stars of which that is known.
_MOST_CHANGE, _LEAST_STARS = 2.0, 3
#: A pixel is the peak of a star when it is the brightest within this many pixels.
_PEAK_REACH = 2
#: Unflagged frames of which the usual image is made, at most: it bounds time and memory. Fewest of them.
_MOST_FRAMES, _LEAST_FRAMES = 101, 3


@dataclass(frozen=True, slots=True)
class UsualImage:
    """What the frames of a region usually show, in the pixels that tell whether the stars are there.

    Parameters
    ----------
    where : (n_pixel,) int64
        Flat numbers of pixels with starlight, and of as many of the darkest ones.
    values : (n_pixel,) float64
        Their usual values, e-/s.
    step : float
        Values that differ by less are the same, e-/s.
    is_peak : (n_pixel,) bool
        Peaks of stars among them.
    halves : (n_half, n_pixel) bool
        Which of them are in a half of the frame, of those halves that are looked at by themselves.
    """

    where: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]
    step: float
    is_peak: npt.NDArray[np.bool_]
    halves: npt.NDArray[np.bool_]


def usual_image(images: npt.NDArray[np.float32]) -> UsualImage | None:
    """Find the pixels that tell whether the stars are on a frame.

    Parameters
    ----------
    images : (n_frame, n_row, n_column) float32
        Unflagged frames less their large-scale background, e-/s; NaN where not measured.

    Returns
    -------
    UsualImage or None
        None where no stars stand out of the noise of a frame, or frames are too few: nothing can be told.
    """
    images = images[np.unique(np.linspace(0, len(images) - 1, min(len(images), _MOST_FRAMES)).astype(np.int64))]
    # A pixel that most frames lack has no usual value.
    known = np.isfinite(images).mean(axis=0) > 0.5
    if len(images) < _LEAST_FRAMES or not known.any():
        return None
    middle = np.full(known.shape, np.nan)
    noise = np.full(known.shape, np.nan)
    middle[known] = np.nanmedian(images[:, known], axis=0)
    noise[known] = mad_sigma(np.where(np.isfinite(images), images, middle)[:, known], axis=0)
    noise[known] = np.maximum(noise[known], np.median(noise[known]))
    order = np.argsort(np.where(known, middle, np.inf), axis=None)[: int(known.sum())]
    light = middle - middle.ravel()[order[: max(len(order) // 10, 1)]].mean()
    lit = order[(light > _LIT_SIGMA * noise).ravel()[order]]
    if len(lit) < _LEAST_LIT:
        return None
    lit = lit[np.unique(np.linspace(0, len(lit) - 1, min(len(lit), _MOST_LIT)).astype(np.int64))]
    dark = np.setdiff1d(order[: len(lit)], lit)
    where = np.concatenate([lit, dark])
    highest = ndimage.maximum_filter(
        np.where(known, middle, -np.inf), 2 * _PEAK_REACH + 1, mode="constant", cval=-np.inf
    )
    is_peak = (middle == highest).ravel()[where]
    is_peak[len(lit) :] = False
    values = middle.ravel()[where]
    step = max(_ROUNDING * float(np.median(noise[known])), _LEAST_STEP * float(np.abs(values).max()))
    row, column = np.unravel_index(where, known.shape)
    on_halves = (row < known.shape[0] / 2, column < known.shape[1] / 2)
    halves = np.stack([half for one in on_halves for half in (one, ~one)])
    return UsualImage(where, values, step, is_peak, halves[halves.sum(axis=1) >= _LEAST_OF_HALF])


def frames_without_stars(images: npt.NDArray[np.float32], usual: UsualImage | None) -> npt.NDArray[np.bool_]:
    """Tell which frames do not show the stars of their region.

    Parameters
    ----------
    images : (n_frame, n_row, n_column) float32
        Frames less their large-scale background, e-/s; NaN where not measured.
    usual : UsualImage or None
        What they usually show; None where that is not known.

    Returns
    -------
    (n_frame,) bool
        False where less than half of the pixels that tell were measured: such a frame has no values to be wrong.
    """
    found = np.zeros(len(images), dtype=np.bool_)
    if usual is not None:
        for number, values in enumerate(images.reshape(len(images), -1)):
            found[number] = _is_without_stars(values, usual)
    return found


def _is_without_stars(values: npt.NDArray[np.float32], usual: UsualImage) -> bool:
    seen = np.isfinite(values[usual.where])
    if 2 * np.count_nonzero(seen) < len(seen):
        return False
    usually, found = usual.values[seen], np.rint(values[usual.where][seen] / usual.step)
    if not _is_in_order(found, usually):
        return True
    for half in usual.halves[:, seen]:
        if np.count_nonzero(half) >= _LEAST_OF_HALF and not _is_in_order(found[half], usually[half]):
            return True
    peaks = usual.is_peak[seen] & (usually > 0)
    if np.count_nonzero(peaks) < _LEAST_STARS:
        return False
    change = float(np.median(found[peaks] * usual.step / usually[peaks]))
    return not 1 / _MOST_CHANGE < change < _MOST_CHANGE


def _is_in_order(found: npt.NDArray[np.floating[Any]], usually: npt.NDArray[np.float64]) -> bool:
    """Tell whether Spearman's rank correlation is large enough; importing `scipy.stats` takes a job one second."""
    one, other = (ranks - ranks.mean() for ranks in (_ranks(found), _ranks(usually)))
    return bool(
        one.any() and other.any() and one @ other >= _LEAST_CORRELATION * np.sqrt((one @ one) * (other @ other))
    )


def _ranks(values: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float64]:
    """Return the ranks of values; equal ones share the mean of theirs."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    ranks: npt.NDArray[np.float64] = (np.cumsum(count) - (count - 1) / 2)[place]
    return ranks
