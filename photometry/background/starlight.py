"""Starlight of a whole CCD: what the catalogue says, what the frames show, and which pixels have too much of it."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import fft

from photometry.core.constants import PRF_SAMPLES_PER_PIXEL
from photometry.core.geometry import Stamp
from photometry.core.stars import MOST_MASK_RADIUS, flux_of_tmag, mask_radius
from photometry.prf.prf_grid import PrfGrid

__all__ = ["catalogue_light", "star_mask", "static_light"]

_Floats = npt.NDArray[np.float64]

#: Sub-pixel places per pixel and axis between which a star's light is shared; divides the PRF's 9 samples per pixel.
_PHASES = 3
#: Largest block of pixels that is given one PRF.
_BLOCK_PIX = 512
#: In a block of pixels, discs may cover no more than so many pixel areas per pixel; half of the pixels then stay free,
#: as discs overlap. Stars brighter than `_BRIGHT_TMAG` share large blocks and get smaller discs, but not smaller than
#: `_LEAST_SHRINK` times their radius; of the others in a small block, the faintest get none.
_MOST_COVERED = 0.7
_BRIGHT_TMAG, _BRIGHT_BLOCK_PIX, _LEAST_SHRINK = 10.0, 256, 0.4
_FAINT_BLOCK_PIX = 64
#: Rows that are worked on at once: bounds the memory.
_ROWS_AT_ONCE = 128


def star_mask(stamp: Stamp, row: npt.ArrayLike, column: npt.ArrayLike, tmag: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Mask the pixels of catalogue stars.

    Parameters
    ----------
    stamp : Stamp
        The pixels.
    row, column : (n_star,) float
        0-based CCD positions, also outside of the stamp.
    tmag : (n_star,) float
        TESS magnitudes; stars without one (NaN) are passed over.

    Returns
    -------
    (n_row, n_column) bool
        True within `photometry.core.stars.mask_radius` of a star. Where stars are so many that little would be left
        free, the faintest are not masked, and the discs of the brightest are smaller.
    """
    row, column, tmag = (np.asarray(values, dtype=np.float64) for values in (row, column, tmag))
    radius = mask_radius(tmag)
    near = np.isfinite(row + column + tmag) & (stamp.grown(MOST_MASK_RADIUS).contains(row, column))
    near &= stamp.border_distance(row, column) > -radius - 1
    row, column, tmag, radius = row[near] - stamp.row_min, column[near] - stamp.col_min, tmag[near], radius[near]
    radius = _crowded_radius(row, column, tmag, radius)
    mask = np.zeros(stamp.shape, dtype=np.bool_)
    reach = np.ceil(radius).astype(np.int64)
    for size in np.unique(reach[reach > 0]):
        members = reach == size
        _mask_discs(mask, row[members], column[members], radius[members], int(size))
    return mask


def catalogue_light(
    prf: PrfGrid, stamp: Stamp, row: npt.ArrayLike, column: npt.ArrayLike, tmag: npt.ArrayLike
) -> npt.NDArray[np.float32]:
    """Return an image of all catalogue stars, good to a few per cent of their peaks, in a few seconds for a CCD.

    Parameters
    ----------
    prf : PrfGrid
        PRF; the built-in model will do.
    stamp : Stamp
        The pixels.
    row, column : (n_star,) float
        0-based CCD positions, also outside of the stamp.
    tmag : (n_star,) float
        TESS magnitudes; stars without one (NaN) are passed over.

    Returns
    -------
    (n_row, n_column) float32
        e-/s. Every star is shared bilinearly between the nearest of `_PHASES` x `_PHASES` places in a pixel, and all
        stars of a block are convolved with one PRF.
    """
    row, column, tmag = (np.asarray(values, dtype=np.float64) for values in (row, column, tmag))
    finite = np.isfinite(row + column + tmag)
    row, column, flux = row[finite] - stamp.row_min, column[finite] - stamp.col_min, flux_of_tmag(tmag[finite])
    margin = prf.samples.shape[2] // (2 * PRF_SAMPLES_PER_PIXEL) + 1
    light = np.zeros(stamp.shape, dtype=np.float32)
    edges = [np.linspace(0, n, -(-n // _BLOCK_PIX) + 1).astype(int) for n in stamp.shape]
    for row_low, row_high in zip(edges[0][:-1], edges[0][1:], strict=True):
        in_rows = (row > row_low - margin - 1) & (row < row_high + margin)
        for low, high in zip(edges[1][:-1], edges[1][1:], strict=True):
            inside = in_rows & (column > low - margin - 1) & (column < high + margin)
            shape = (row_high - row_low, high - low)
            middle = row_low + shape[0] / 2 + stamp.row_min, low + shape[1] / 2 + stamp.col_min
            light[row_low:row_high, low:high] = _block_light(
                _prf_at(prf, *middle), shape, margin, row[inside] - row_low, column[inside] - low, flux[inside]
            )
    return light


def static_light(residuals: Sequence[npt.NDArray[np.float32]]) -> npt.NDArray[np.float32]:
    """Return the light that is the same in all frames.

    Parameters
    ----------
    residuals : sequence of (n_row, n_column) float32
        Frames less their backgrounds, e-/s; some 10 to 20 unflagged ones spread over the time; not finite where not
        measured.

    Returns
    -------
    (n_row, n_column) float32
        Median of the frames, e-/s; NaN where no frame has a value.

    Raises
    ------
    ValueError
        When there are no frames.
    """
    if len(residuals) == 0:
        raise ValueError("no frames to take the static light from")
    light = np.empty(residuals[0].shape, dtype=np.float32)
    for start in range(0, len(light), _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        light[rows] = _median([residual[rows] for residual in residuals])
    return light


def _median(values: list[npt.NDArray[np.float32]]) -> npt.NDArray[np.float32]:
    """Median over the list of what is finite; NaN where nothing is."""
    stack = np.stack(values)
    stack[~np.isfinite(stack)] = np.inf
    stack.sort(axis=0)
    count = np.isfinite(stack).sum(axis=0)[None]
    low = np.take_along_axis(stack, np.maximum(count - 1, 0) // 2, axis=0)[0]
    high = np.take_along_axis(stack, np.minimum(count // 2, len(stack) - 1), axis=0)[0]
    return np.where(count[0] > 0, 0.5 * (low + high), np.float32(np.nan)).astype(np.float32)


def _crowded_radius(row: _Floats, column: _Floats, tmag: _Floats, radius: _Floats) -> _Floats:
    """Radii that leave free pixels everywhere: smaller around bright stars, 0 for faint ones, where it is crowded."""
    bright = tmag < _BRIGHT_TMAG
    area = np.where(bright, np.pi * radius**2, 0.0)
    block = _block_number(row, column, _BRIGHT_BLOCK_PIX)
    total = np.bincount(block, area)[block] if len(block) else area
    room = _MOST_COVERED * _BRIGHT_BLOCK_PIX**2
    radius = np.where(bright, radius * np.clip(np.sqrt(room / np.maximum(total, room)), _LEAST_SHRINK, 1.0), radius)
    block = _block_number(row, column, _FAINT_BLOCK_PIX)
    order = np.lexsort((tmag, block))
    covered = np.cumsum(np.pi * radius[order] ** 2)
    first = np.searchsorted(block[order], block[order], side="left")
    covered -= np.where(first > 0, covered[first - 1], 0.0)
    kept = np.zeros(len(row), dtype=np.bool_)
    kept[order] = covered <= _MOST_COVERED * _FAINT_BLOCK_PIX**2
    return np.where(kept | bright, radius, 0.0)


def _block_number(row: _Floats, column: _Floats, size: int) -> npt.NDArray[np.int64]:
    """Return the number of the block of `size` x `size` pixels in which each star is."""
    # Counted from far enough outside that no index is negative.
    block_row, block_column = ((place // size).astype(np.int64) + MOST_MASK_RADIUS for place in (row, column))
    return np.asarray(block_row * (block_column.max(initial=0) + 1) + block_column)


def _mask_discs(mask: npt.NDArray[np.bool_], row: _Floats, column: _Floats, radius: _Floats, size: int) -> None:
    """Set the pixels within `radius` of each star; `size` is at least every radius."""
    middle_row, middle_column = np.rint(row).astype(np.int64), np.rint(column).astype(np.int64)
    offsets = np.arange(-size - 1, size + 2)
    for row_offset in offsets:
        pixel_row = middle_row + row_offset
        across = radius**2 - (pixel_row - row) ** 2
        for column_offset in offsets:
            pixel_column = middle_column + column_offset
            inside = (pixel_column - column) ** 2 <= across
            inside &= (pixel_row >= 0) & (pixel_row < mask.shape[0])
            inside &= (pixel_column >= 0) & (pixel_column < mask.shape[1])
            mask[pixel_row[inside], pixel_column[inside]] = True


def _prf_at(prf: PrfGrid, row: float, column: float) -> _Floats:
    """PRF samples at a place, (n_sample, n_sample)."""
    places, weights = prf.mixture(np.array([row]), np.array([column]))
    n_sample = prf.samples.shape[2]
    samples = prf.samples.reshape(-1, n_sample, n_sample)[places[0]]
    return np.asarray(np.tensordot(weights[0], samples, axes=1))


def _block_light(
    samples: _Floats, shape: tuple[int, int], margin: int, row: _Floats, column: _Floats, flux: _Floats
) -> _Floats:
    """Convolve the stars of a block and its margin with one PRF; positions in pixels of the block."""
    fine_shape = tuple((n + 2 * margin) * _PHASES for n in shape)
    fine = _shared_flux((row + margin) * _PHASES, (column + margin) * _PHASES, flux, fine_shape)
    step = PRF_SAMPLES_PER_PIXEL
    middle = samples.shape[0] // 2
    offsets = np.arange(-margin, margin + 1) * step
    # What comes round the edges of a transform of this size falls into the margin.
    size = [fft.next_fast_len(n + 2 * margin, real=True) for n in shape]
    spectrum = np.zeros((size[0], size[1] // 2 + 1), dtype=np.complex128)
    for row_phase in range(_PHASES):
        for column_phase in range(_PHASES):
            # A star at this phase is off its pixel's centre by so many samples; pixel - star is as much less.
            taken = [middle + offsets - phase * step // _PHASES for phase in (row_phase, column_phase)]
            points = fine[row_phase::_PHASES, column_phase::_PHASES]
            spectrum += fft.rfft2(points, size) * fft.rfft2(_cut(samples, *taken), size)
    # The kernels have their middle at `margin`.
    rows, columns = (slice(2 * margin, 2 * margin + n) for n in shape)
    return np.asarray(fft.irfft2(spectrum, size)[rows, columns])


def _shared_flux(row: _Floats, column: _Floats, flux: _Floats, shape: tuple[int, ...]) -> _Floats:
    """Share fluxes bilinearly between the four nearest places of a fine grid, (n_row, n_column)."""
    low_row, low_column = np.floor(row).astype(np.int64), np.floor(column).astype(np.int64)
    part_row, part_column = row - low_row, column - low_column
    fine = np.zeros(shape[0] * shape[1])
    for row_step, row_share in ((0, 1 - part_row), (1, part_row)):
        for step, share in ((0, 1 - part_column), (1, part_column)):
            at_row, at_column = low_row + row_step, low_column + step
            inside = (at_row >= 0) & (at_row < shape[0]) & (at_column >= 0) & (at_column < shape[1])
            place = at_row[inside] * shape[1] + at_column[inside]
            fine += np.bincount(place, (flux * row_share * share)[inside], len(fine))
    return fine.reshape(shape)


def _cut(samples: _Floats, rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64]) -> _Floats:
    """Return samples at rows and columns, 0 outside of them."""
    size = samples.shape[0]
    inside = ((rows >= 0) & (rows < size))[:, None] & ((columns >= 0) & (columns < size))[None, :]
    taken = samples[np.clip(rows, 0, size - 1)[:, None], np.clip(columns, 0, size - 1)[None, :]]
    return np.asarray(np.where(inside, taken, 0.0))
