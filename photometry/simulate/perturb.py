"""A PRF that is not quite the one that the fit is given."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from photometry.core.constants import PRF_SAMPLES_PER_PIXEL
from photometry.prf.prf_grid import PrfGrid, phased

__all__ = ["normalised_phases", "perturbed_prf"]

#: Zeros around the samples while they are blurred, samples.
_PAD = 36


def normalised_phases(samples: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Scale PRF samples so that those one pixel apart sum to 1 at every phase.

    Parameters
    ----------
    samples : (..., n_sample, n_sample) float64
        PRF, a whole number of pixels of 9 samples per axis.
    """
    n_sample = samples.shape[-1]
    if n_sample % PRF_SAMPLES_PER_PIXEL:
        raise ValueError(f"{n_sample} PRF samples are no whole number of pixels of {PRF_SAMPLES_PER_PIXEL} samples")
    by_phase = phased(samples)
    scaled: npt.NDArray[np.float64] = by_phase / by_phase.sum(axis=(-4, -2), keepdims=True)
    return scaled.reshape(samples.shape)


def perturbed_prf(
    grid: PrfGrid, blur_pix: float = 0.03, skew: float = 0.02, skew_shift: tuple[int, int] = (3, 5)
) -> PrfGrid:
    """Return a PRF blurred and skewed, as the true one differs from the delivered one.

    Parameters
    ----------
    grid : PrfGrid
        The PRF to start from.
    blur_pix : float
        Standard deviation of the Gaussian blur, pixels.
    skew : float
        Share of the light that is displaced.
    skew_shift : (row, column)
        By how many samples it is displaced.

    Returns
    -------
    PrfGrid
        Samples one pixel apart sum to 1 at every phase.
    """
    n_sample = grid.samples.shape[-1]
    padded = np.pad(grid.samples, ((0, 0), (0, 0), (_PAD, _PAD), (_PAD, _PAD)))
    size = padded.shape[-1]
    # The transform of a Gaussian is exact at any width; a sampled kernel of 0.27 samples would hardly blur.
    sigma = blur_pix * PRF_SAMPLES_PER_PIXEL
    along_row = np.exp(-2 * (np.pi * sigma * np.fft.fftfreq(size)) ** 2)
    along_column = np.exp(-2 * (np.pi * sigma * np.fft.rfftfreq(size)) ** 2)
    blurred = np.fft.irfft2(np.fft.rfft2(padded) * along_row[:, None] * along_column, s=(size, size))
    mixed = (1 - skew) * blurred + skew * np.roll(blurred, skew_shift, axis=(-2, -1))
    inner = slice(_PAD, _PAD + n_sample)
    return replace(
        grid,
        samples=normalised_phases(mixed[..., inner, inner]),
        source=f"{grid.source}, blurred by {blur_pix} px, skewed by {skew}",
    )
