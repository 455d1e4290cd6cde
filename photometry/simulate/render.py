"""Images of many moving stars.

Where a star has moved, its PRF is a sum of products of cubic B-splines. A star moves over few samples, so the splines
that it meets in all cadences are few: its images in all cadences are one product of a matrix (cadence, spline) with a
matrix (spline, pixel). The result is exact, as from `photometry.prf.prf_grid.PrfEvaluator`, and costs 2 microseconds
per star and cadence.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from photometry.core.constants import PRF_SAMPLES_PER_PIXEL
from photometry.core.geometry import Stamp
from photometry.prf.prf_grid import PrfGrid

__all__ = ["Motion", "render_stars", "spline_coefficients", "spline_weights"]

#: Zeros around the PRF samples: the window of a star may reach beyond them.
_PAD = 40
#: Half width of the pixel window around a star that hardly moves, pixels.
_HALF_WINDOW = 7
#: Motion within a group of cadences that a window of `_HALF_WINDOW` bears, pixels.
_SMALL_MOTION_PIX = 0.15

_Floats = npt.NDArray[np.float64]


class Motion(Protocol):
    """What tells how far a place of the CCD has moved."""

    def shifts_at(self, row: float, column: float) -> tuple[_Floats, _Floats]:
        """Row and column shift in every cadence, (n_cadence,) float64, pixels."""


def render_stars(
    grid: PrfGrid,
    stamp: Stamp,
    row: _Floats,
    column: _Floats,
    flux: npt.NDArray[np.floating],
    motion: Motion,
    groups: Sequence[npt.NDArray[np.int64]],
) -> _Floats:
    """Return noiseless images of moving stars.

    Parameters
    ----------
    grid : PrfGrid
        PRF; every star has that of its place without motion.
    stamp : Stamp
        The pixels.
    row, column : (n_star,) float64
        0-based CCD position without motion, pixels.
    flux : (n_star, n_cadence) float
        e-/s.
    motion : Motion
        Shifts of all cadences.
    groups : sequence of (n,) int64
        Cadences that are rendered together, each exactly once overall: those of like motion, for speed.

    Returns
    -------
    (n_cadence, n_row, n_column) float64
        e-/s.
    """
    coefficients = spline_coefficients(grid)
    places, mix = grid.mixture(row, column)
    images = np.zeros((flux.shape[1], *stamp.shape))
    for star in range(len(row)):
        kernel = np.tensordot(mix[star], coefficients[places[star]], axes=1)
        row_shift, column_shift = motion.shifts_at(row[star], column[star])
        for group in groups:
            _add_star(
                images,
                group,
                kernel,
                (row[star] - stamp.row_min + row_shift[group], column[star] - stamp.col_min + column_shift[group]),
                np.asarray(flux[star, group], dtype=np.float64),
            )
    return images


def spline_coefficients(grid: PrfGrid) -> _Floats:
    """B-spline coefficients of every place, zero-padded: (n_place, n, n)."""
    n_sample = grid.samples.shape[-1]
    padded = np.pad(grid.samples.reshape(-1, n_sample, n_sample), ((0, 0), (_PAD, _PAD), (_PAD, _PAD)))
    return np.stack([ndimage.spline_filter(samples, order=3, mode="mirror") for samples in padded])


def _add_star(
    images: _Floats, group: npt.NDArray[np.int64], kernel: _Floats, position: tuple[_Floats, _Floats], flux: _Floats
) -> None:
    """Add one star at `position` (row, column on the images, one for each cadence of `group`) to `images`."""
    row_pixels, row_taps, row_weights = _axis(position[0], kernel.shape[0], images.shape[1])
    column_pixels, column_taps, column_weights = _axis(position[1], kernel.shape[1], images.shape[2])
    if len(row_pixels) == 0 or len(column_pixels) == 0:
        return
    # patch: (row spline, pixel row, column spline, pixel column) -> (both splines, both pixels)
    patch = kernel[row_taps[:, :, None, None], column_taps[None, None]].transpose(0, 2, 1, 3)
    products = (row_weights * flux[:, None])[:, :, None] * column_weights[:, None, :]
    light = products.reshape(len(group), -1) @ patch.reshape(products.shape[1] * products.shape[2], -1)
    light = light.reshape(len(group), len(row_pixels), len(column_pixels))
    window = (slice(row_pixels[0], row_pixels[-1] + 1), slice(column_pixels[0], column_pixels[-1] + 1))
    if len(group) == len(images):
        images[:, *window] += light
    else:
        images[group, *window] += light


def _axis(
    position: _Floats, n_kernel: int, n_pixel: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], _Floats]:
    """Pixels of the window along one axis, the splines they meet (spline, pixel), and weights (cadence, spline)."""
    middle = 0.5 * (position.min() + position.max())
    half = _HALF_WINDOW if np.ptp(position) <= 2 * _SMALL_MOTION_PIX else _HALF_WINDOW + int(np.ceil(np.ptp(position)))
    nearest = int(np.rint(middle))
    pixels = np.arange(max(nearest - half, 0), min(nearest + half + 1, n_pixel))
    sample = n_kernel // 2 + PRF_SAMPLES_PER_PIXEL * (nearest - position)
    low = np.floor(sample).astype(np.int64)
    first = low.min() - 1
    weights = np.zeros((len(position), low.max() - low.min() + 4))
    cadence = np.arange(len(position))
    for tap, weight in enumerate(spline_weights(sample - low)):
        weights[cadence, low - 1 - first + tap] = weight
    taps = first + np.arange(weights.shape[1])[:, None] + PRF_SAMPLES_PER_PIXEL * (pixels - nearest)
    return pixels, np.clip(taps, 0, n_kernel - 1), weights


def spline_weights(part: _Floats) -> tuple[_Floats, _Floats, _Floats, _Floats]:
    """Return the weights of the four nearest cubic B-splines at `part` (0 to 1) between the middle two."""
    rest = 1 - part
    return rest**3 / 6, 2 / 3 - part**2 + part**3 / 2, 2 / 3 - rest**2 + rest**3 / 2, part**3 / 6
