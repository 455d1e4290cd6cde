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
from photometry.prf.prf_grid import FOOTPRINT, PrfEvaluator, PrfGrid, phased

__all__ = ["N_CORRECTION", "N_KERNEL", "change_in_pixels", "corrected", "prior_precision"]

#: Shifts of the PRF along each axis, samples: by one in the middle, because PRFs are rough from sample to sample.
_KERNEL_STEPS = (-6, -3, -1, 0, 1, 3, 6)
_SHIFTS = [(row, column) for row in _KERNEL_STEPS for column in _KERNEL_STEPS if (row, column) != (0, 0)]
#: Number of coefficients of the convolution, and prior of each.
N_KERNEL = len(_SHIFTS)
_KERNEL_WIDTH = 0.02


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
        return np.where(distance < 1, near, np.where(distance < 2, (2 - distance) ** 3 / 6, 0.0))

    def products(self, row: npt.NDArray[np.float64], column: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the combinations of stars in pixels: (n_star, n_row, n_column, n_combination).

        Offsets of the pixels from the stars are (n_star, n_row) and (n_star, n_column), pixels.
        """
        products = self.values(row)[:, :, None, :, None] * self.values(column)[:, None, :, None, :]
        return np.asarray(products.reshape(*products.shape[:3], -1) @ self.combinations)

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
    by_phase, given = phased(samples), phased(prf.samples)
    by_phase *= given.sum(axis=(-4, -2), keepdims=True) / by_phase.sum(axis=(-4, -2), keepdims=True)
    offset, first = (np.arange(n_row) - n_row // 2) / PRF_SAMPLES_PER_PIXEL, N_KERNEL
    for splines in _SPLINES:
        n_place, n_own = len(splines.places), splines.combinations.shape[1]
        products = (splines.combinations @ coefficients[first : first + n_own]).reshape(n_place, n_place)
        values = splines.values(offset)
        samples = samples + values @ products @ values.T
        first += n_own
    return replace(prf, samples=samples)


def change_in_pixels(
    prf: PrfEvaluator, row: npt.NDArray[np.float64], column: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Return how the PRF of stars changes with every coefficient.

    Parameters
    ----------
    prf : PrfEvaluator
        The given PRF.
    row, column : (n_star,) float64
        0-based CCD positions, pixels.

    Returns
    -------
    first_row, first_column : (n_star,) int64
        First pixel of each star's window.
    change : (n_star, FOOTPRINT, FOOTPRINT, N_CORRECTION) float64
        Per unit of flux.
    """
    offsets = np.array(_KERNEL_STEPS) / PRF_SAMPLES_PER_PIXEL
    first_row, first_column, values = prf.evaluate(row, column, offsets, offsets)
    middle = len(offsets) // 2
    moved = (values - values[:, middle, middle][:, None, None]).reshape(len(row), -1, FOOTPRINT, FOOTPRINT)
    change = np.zeros((len(row), FOOTPRINT, FOOTPRINT, N_CORRECTION))
    change[..., :N_KERNEL] = np.delete(moved, middle * len(offsets) + middle, axis=1).transpose(0, 2, 3, 1)
    first = N_KERNEL
    for splines in _SPLINES:
        reach = int(np.ceil(splines.places[-1] + 2 / splines.per_pixel + 0.5))
        inner = slice(max(FOOTPRINT // 2 - reach, 0), FOOTPRINT // 2 + reach + 1)
        pixels, n_own = np.arange(FOOTPRINT)[inner], splines.combinations.shape[1]
        on_rows, on_columns = (
            first_row[:, None] + pixels - row[:, None],
            first_column[:, None] + pixels - column[:, None],
        )
        change[:, inner, inner, first : first + n_own] = splines.products(on_rows, on_columns)
        first += n_own
    return first_row, first_column, change
