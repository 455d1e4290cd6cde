"""What a PRF may be changed by: a convolution with a small kernel, and smooth functions beyond it.

    R'(x) = R(x) + sum_j k_j [R(x - s_j) - R(x)] + sum_b c_b B_b(x)

Shifts s_j go up to two thirds of a pixel. The B_b are combinations of tensor products of cubic B-splines, with knots a
third of a pixel apart in the core and a pixel apart in the wings, such that the sum over pixels is zero at every phase.
The sum of the PRF, and with it the flux scale, therefore stays what it is. R' is linear in the coefficients.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import linalg

from photometry.core.constants import PRF_SAMPLES_PER_PIXEL
from photometry.core.geometry import Stamp
from photometry.prf.prf_grid import FOOTPRINT, PrfEvaluator, PrfGrid, phased

__all__ = ["N_CORRECTION", "N_KERNEL", "change_of_image", "corrected", "prior_precision"]

#: Shifts of the PRF along each axis, samples: by one in the middle, because PRFs are rough from sample to sample.
_KERNEL_STEPS = (-6, -3, -1, 0, 1, 3, 6)
_SHIFTS = [(row, column) for row in _KERNEL_STEPS for column in _KERNEL_STEPS if (row, column) != (0, 0)]
#: Number of coefficients of the convolution, and prior of each.
N_KERNEL = len(_SHIFTS)
_KERNEL_WIDTH = 0.02
#: Distance along an axis at which the samples of a PRF end, pixels.
_EDGE_PIX = 6.5
#: Stars that are worked on at once: bounds the memory.
_STARS_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class _Splines:
    """Tensor products of cubic B-splines about a star.

    Parameters
    ----------
    per_pixel : int
        Knots per pixel.
    places : (n_place,) float64
        Places of the splines along each axis, pixels.
    combinations : (n_place^2, n_combination) float64
        Combinations of the products whose sum over pixels is zero at every phase.
    local_width, peak_width : float
        Prior of a coefficient, as a share of the PRF there and of its peak.
    """

    per_pixel: int
    places: npt.NDArray[np.float64]
    combinations: npt.NDArray[np.float64]
    local_width: float
    peak_width: float

    def values(self, offset: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the splines at offsets (...) from the star, pixels: (..., n_place)."""
        distance = np.abs(offset[..., None] - self.places) * self.per_pixel
        near = 2 / 3 - distance**2 + distance**3 / 2
        values = np.where(distance < 1, near, np.where(distance < 2, (2 - distance) ** 3 / 6, 0.0))
        return np.where(np.abs(offset[..., None]) < _EDGE_PIX, values, 0.0)

    def precision(self, prf: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the prior precision of the combinations about zero for a PRF (n_sample, n_sample)."""
        at = prf.shape[0] // 2 + np.rint(PRF_SAMPLES_PER_PIXEL * self.places).astype(np.int64)
        width = self.local_width * np.abs(prf[np.ix_(at, at)]).ravel() + self.peak_width * prf.max()
        return np.asarray(self.combinations.T @ (self.combinations / width[:, None] ** 2))


def _splines(per_pixel: int, reach: int, local_width: float, peak_width: float) -> _Splines:
    """Set up splines up to `reach` pixels from the star; those whole pixels apart sum to one function of the phase."""
    places = np.arange(-reach * per_pixel, reach * per_pixel + 1)
    of_axis = (places % per_pixel == np.arange(per_pixel)[:, None]).astype(np.float64)
    combinations = np.asarray(linalg.null_space(np.kron(of_axis, of_axis)), dtype=np.float64)
    return _Splines(per_pixel, places / per_pixel, combinations, local_width, peak_width)


#: Splines of the core, and of the wings.
_SPLINES = (_splines(3, 2, 0.03, 0.002), _splines(1, 5, 0.1, 0.0003))
#: Number of all coefficients.
N_CORRECTION = N_KERNEL + sum(splines.combinations.shape[1] for splines in _SPLINES)


def prior_precision(prf: PrfGrid) -> npt.NDArray[np.float64]:
    """Return the prior precision of all coefficients about zero, (N_CORRECTION, N_CORRECTION)."""
    mean = prf.samples.mean(axis=(0, 1))
    of_splines = [splines.precision(mean) for splines in _SPLINES]
    return np.asarray(linalg.block_diag(np.eye(N_KERNEL) / _KERNEL_WIDTH**2, *of_splines), dtype=np.float64)


def corrected(prf: PrfGrid, coefficients: npt.NDArray[np.float64]) -> PrfGrid:
    """Return the PRF changed by coefficients (N_CORRECTION,); the sum at every phase stays as it is."""
    of_kernel = coefficients[:N_KERNEL]
    reach = max(_KERNEL_STEPS)
    n_row, n_column = prf.samples.shape[2:]
    padded = np.pad(prf.samples, ((0, 0), (0, 0), (reach, reach), (reach, reach)))
    samples = prf.samples * (1 - of_kernel.sum())
    for (row, column), coefficient in zip(_SHIFTS, of_kernel, strict=True):
        samples = samples + coefficient * padded[:, :, reach - row :, reach - column :][:, :, :n_row, :n_column]
    offset, first = (np.arange(n_row) - n_row // 2) / PRF_SAMPLES_PER_PIXEL, N_KERNEL
    for splines in _SPLINES:
        n_place, n_own = len(splines.places), splines.combinations.shape[1]
        products = (splines.combinations @ coefficients[first : first + n_own]).reshape(n_place, n_place)
        values = splines.values(offset)
        samples = samples + values @ products @ values.T
        first += n_own
    # What is moved beyond the samples is lost.
    by_phase, given = phased(samples), phased(prf.samples)
    by_phase *= given.sum(axis=(-4, -2), keepdims=True) / by_phase.sum(axis=(-4, -2), keepdims=True)
    return replace(prf, samples=samples)


def change_of_image(
    prf: PrfEvaluator,
    row: npt.NDArray[np.float64],
    column: npt.NDArray[np.float64],
    flux: npt.NDArray[np.float64],
    stamp: Stamp,
) -> npt.NDArray[np.float64]:
    """Return how an image of stars changes with every coefficient, (n_pixel, N_CORRECTION), e-/s.

    Parameters
    ----------
    prf : PrfEvaluator
        The given PRF.
    row, column : (n_star,) float64
        0-based CCD positions, pixels.
    flux : (n_star,) float64
        e-/s.
    stamp : Stamp
        The pixels.
    """
    offsets = np.array(_KERNEL_STEPS) / PRF_SAMPLES_PER_PIXEL
    images = [_Image(stamp, len(offsets) ** 2), *(_Image(stamp, len(splines.combinations)) for splines in _SPLINES)]
    for start in range(0, len(row), _STARS_AT_ONCE):
        some = slice(start, start + _STARS_AT_ONCE)
        rows, columns, fluxes = row[some], column[some], flux[some]
        first_row, first_column, values = prf.evaluate(rows, columns, offsets, offsets)
        moved = values.reshape(len(rows), -1, FOOTPRINT, FOOTPRINT).transpose(0, 2, 3, 1)
        images[0].add(first_row, first_column, fluxes, moved)
        for image, splines in zip(images[1:], _SPLINES, strict=True):
            reach = min(int(np.ceil(splines.places[-1] + 2 / splines.per_pixel + 0.5)), FOOTPRINT // 2)
            near = FOOTPRINT // 2 + np.arange(-reach, reach + 1)
            on_rows = splines.values(first_row[:, None] + near - rows[:, None])
            on_columns = splines.values(first_column[:, None] + near - columns[:, None])
            products = on_rows[:, :, None, :, None] * on_columns[:, None, :, None, :]
            image.add(first_row + near[0], first_column + near[0], fluxes, products.reshape(*products.shape[:3], -1))
    of_splines = [image.inner @ splines.combinations for image, splines in zip(images[1:], _SPLINES, strict=True)]
    moved, middle = images[0].inner, len(offsets) ** 2 // 2
    of_kernel = np.delete(moved, middle, axis=1) - moved[:, [middle]]
    return np.concatenate([of_kernel, *of_splines], axis=1)


class _Image:
    """Sum of the windows of stars on a stamp, (n_pixel, n_coefficient), with room around it for those at its border."""

    def __init__(self, stamp: Stamp, n_coefficient: int) -> None:
        self._stamp, self._pad = stamp, 2 * FOOTPRINT
        shape = (stamp.shape[0] + 2 * self._pad, stamp.shape[1] + 2 * self._pad, n_coefficient)
        self._image = np.zeros(shape)

    def add(
        self,
        first_row: npt.NDArray[np.int64],
        first_column: npt.NDArray[np.int64],
        flux: npt.NDArray[np.float64],
        windows: npt.NDArray[np.float64],
    ) -> None:
        """Add the windows (n_star, n_row, n_column, n_coefficient) of stars of some fluxes."""
        n_row, n_column = windows.shape[1:3]
        rows, columns = first_row - self._stamp.row_min + self._pad, first_column - self._stamp.col_min + self._pad
        for row, column, factor, window in zip(rows, columns, flux, windows, strict=True):
            self._image[row : row + n_row, column : column + n_column] += factor * window

    @property
    def inner(self) -> npt.NDArray[np.float64]:
        """The stamp's pixels, (n_pixel, n_coefficient)."""
        inner = self._image[self._pad : -self._pad, self._pad : -self._pad]
        return inner.reshape(self._stamp.n_pixel, -1)
