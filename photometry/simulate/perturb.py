"""PRFs that are not quite the one that the fit is given."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from photometry.core.constants import PRF_SAMPLES_PER_PIXEL
from photometry.prf.prf_grid import PrfGrid, phased

__all__ = ["blurred_prf", "intrapixel_prf", "mixed_prf", "normalised_phases", "perturbed_prf"]

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
    blurred = _blurred(grid.samples, blur_pix)
    mixed = (1 - skew) * blurred + skew * np.roll(blurred, skew_shift, axis=(-2, -1))
    return replace(
        grid,
        samples=normalised_phases(_unpadded(mixed)),
        source=f"{grid.source}, blurred by {blur_pix} px, skewed by {skew}",
    )


def blurred_prf(grid: PrfGrid, blur_pix: float) -> PrfGrid:
    """Return a PRF blurred by a Gaussian, as one out of focus is.

    Parameters
    ----------
    grid : PrfGrid
        The PRF to start from.
    blur_pix : float
        Standard deviation of the Gaussian, pixels.

    Returns
    -------
    PrfGrid
        Samples one pixel apart sum to 1 at every phase.
    """
    samples = normalised_phases(_unpadded(_blurred(grid.samples, blur_pix)))
    return replace(grid, samples=samples, source=f"{grid.source}, blurred by {blur_pix} px")


def intrapixel_prf(grid: PrfGrid, loss: float) -> PrfGrid:
    """Return the PRF of pixels that see less near their edges; the light of a star stays 1 at every phase.

    Along each axis the response falls as the square of the distance from the middle of the pixel.

    Parameters
    ----------
    grid : PrfGrid
        PRF of pixels that see the same everywhere.
    loss : float
        Share of the light that is lost in the middle of an edge, 0 to 1.

    Returns
    -------
    PrfGrid
        Samples one pixel apart sum to 1 at every phase.
    """
    samples = _edges_dimmed(_edges_dimmed(grid.samples, loss, -1), loss, -2)
    # Light between samples is as noisy as their differences: at the far ends of delivered PRFs it may be negative.
    samples = np.maximum(samples, 0.0)
    return replace(grid, samples=normalised_phases(samples), source=f"{grid.source}, edges of pixels less by {loss}")


def mixed_prf(grid: PrfGrid, other: PrfGrid, share: float) -> PrfGrid:
    """Return a PRF that is partly another one, such as that of another CCD.

    Parameters
    ----------
    grid, other : PrfGrid
        The PRFs, at the same places of their CCDs and with as many samples.
    share : float
        Share of `other`, 0 to 1.

    Returns
    -------
    PrfGrid
        Samples one pixel apart sum to 1 at every phase; errors are those of `grid`.
    """
    same_places = np.array_equal(grid.rows, other.rows) and np.array_equal(grid.columns, other.columns)
    if not same_places or grid.samples.shape != other.samples.shape:
        raise ValueError(
            f"PRFs at {grid.samples.shape[:2]} and {other.samples.shape[:2]} places, with {grid.samples.shape[2]} and "
            f"{other.samples.shape[2]} samples per axis, cannot be mixed: places and samples must be the same"
        )
    samples = normalised_phases((1 - share) * grid.samples + share * other.samples)
    return replace(grid, samples=samples, source=f"{grid.source}, mixed with {share} of {other.source}")


def _edges_dimmed(samples: npt.NDArray[np.float64], loss: float, axis: int) -> npt.NDArray[np.float64]:
    """Weight the light within the pixel around each sample by its place along an axis.

    The sum of the samples at distances of 1, 2, ... pixels below an edge is all light below it, so the light between
    two samples is a difference of such sums: exact, without a deconvolution. The response is constant between samples.
    """
    n_sub = PRF_SAMPLES_PER_PIXEL
    values = np.moveaxis(samples, axis, -1)
    half, shape = n_sub // 2, values.shape[:-1]
    by_pixel = values.reshape(*shape, -1, n_sub)
    below = np.cumsum(by_pixel, axis=-2).reshape(values.shape)
    edges = np.concatenate([np.zeros((*shape, n_sub)), below], axis=-1)
    light = np.diff(edges, axis=-1)
    # Mean of the squared distance over a cell of 1/9 pixel, 1 at the edge of the pixel.
    cell = np.arange(-half, half + 1)
    weights = 1 - loss * ((2 * cell / n_sub) ** 2 + 1 / (3 * n_sub**2))
    dimmed = sum(weight * light[..., k : k + values.shape[-1]] for k, weight in enumerate(weights))
    return np.moveaxis(np.asarray(dimmed), -1, axis)


def _blurred(samples: npt.NDArray[np.float64], blur_pix: float) -> npt.NDArray[np.float64]:
    """Blur PRF samples; the result has `_PAD` samples more on each side."""
    padded = np.pad(samples, ((0, 0), (0, 0), (_PAD, _PAD), (_PAD, _PAD)))
    size = padded.shape[-1]
    # The transform of a Gaussian is exact at any width; a sampled kernel of 0.27 samples would hardly blur.
    sigma = blur_pix * PRF_SAMPLES_PER_PIXEL
    along_row = np.exp(-2 * (np.pi * sigma * np.fft.fftfreq(size)) ** 2)
    along_column = np.exp(-2 * (np.pi * sigma * np.fft.rfftfreq(size)) ** 2)
    return np.fft.irfft2(np.fft.rfft2(padded) * along_row[:, None] * along_column, s=(size, size))


def _unpadded(samples: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Cut off what `_blurred` added."""
    return samples[..., _PAD:-_PAD, _PAD:-_PAD]
