"""Backgrounds of the frames of a CCD, smoothed in time where nothing but noise is lost.

Scattered light may change from one frame to the next, so no filter of a fixed width will do. What a frame's neighbours
predict for it is averaged with its own measurement only if the two agree within the noise, all over the CCD; otherwise
the measurement stands. Jumps, steep rises and single odd frames so pass untouched, however short they are.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from photometry.background.cell_grid import BLOCK_CELLS, CELL_PIX, BackgroundGrid, block_means
from photometry.background.mesh import FrameBackground, background_cells
from photometry.background.splines import outstanding_columns
from photometry.core.quality import TESS_QUALITY, flagged
from photometry.core.statistics import MAD_TO_SIGMA

__all__ = ["smooth_backgrounds", "stack_backgrounds"]

_Floats = npt.NDArray[np.float64]
_Levels = npt.NDArray[np.float32]

#: Neighbours on either side that predict a frame, and how far they may be beyond that, in cadences: frames may miss.
_NEIGHBOURS, _SLACK = 3, 1
#: Degree of the polynomial in time through the neighbours.
_DEGREE = 2
#: A prediction with a larger variance than this, in units of a measurement's, is none: it would be extrapolated.
_MOST_VARIANCE = 2.0
#: Blocks of cells per axis of the regions in which prediction and measurement are compared, besides in each block.
_REGION_BLOCKS = 4
#: Disagreement that counts as noise: standard deviations, and e-/s, which a star of T=14 does not notice: over the
#: dozen pixels of its PRF it is 0.06 % of its light.
_SIGMAS, _TOLERANCE = 4.5, 0.02
#: Disagreement, in units of the largest that is noise, at which nothing is averaged any more.
_FULL_STOP = 1.5
#: Columns are known as straps by this quantile of their frames' factors.
_STRAP_QUANTILE = 0.9
#: Frames with one of these flags predict no others.
_ODD = (
    "safe_mode",
    "coarse_point",
    "earth_point",
    "argabrightening",
    "desaturation",
    "manual_exclude",
    "bad_calibration",
)
#: Frames that are compared at once: bounds the memory.
_FRAMES_AT_ONCE = 256


def stack_backgrounds(frames: Sequence[FrameBackground]) -> FrameBackground:
    """Stack the descriptions of frames along a new first axis; ValueError when there are none."""
    if len(frames) == 0:
        raise ValueError("no backgrounds to stack")
    return FrameBackground(
        mesh=np.stack([frame.mesh for frame in frames]),
        glow=np.stack([frame.glow for frame in frames]),
        straps=np.stack([frame.straps for frame in frames]),
        noise=np.stack([frame.noise for frame in frames]),
        used=np.stack([frame.used for frame in frames]),
    )


def smooth_backgrounds(
    backgrounds: FrameBackground,
    grid: BackgroundGrid,
    time: npt.NDArray[np.float64],
    quality: npt.NDArray[np.integer],
    cadence_s: float,
) -> FrameBackground:
    """Smooth descriptions in time, fill those that are missing, and keep the columns that are straps.

    Parameters
    ----------
    backgrounds : FrameBackground
        Of all frames, (n_frame,) on the leading axis, sorted by time: `stack_backgrounds`.
    grid : BackgroundGrid
        The grid they were described with.
    time : (n_frame,) float64
        Any time in d, increasing; only differences count.
    quality : (n_frame,) int
        `photometry.core.quality.TESS_QUALITY`. Flagged frames are smoothed as others but do not predict others.
    cadence_s : float
        Time from one frame to the next, s; neighbours farther than 4 of these are not looked at.

    Returns
    -------
    FrameBackground
        As given, but smoothed. Frames that could not be described get what their neighbours predict, with no pixel
        used; they stay NaN where there are too few neighbours. Factors of columns other than straps are zero.

    Raises
    ------
    ValueError
        When the lengths differ or the times do not increase.
    """
    n_frame = backgrounds.n_frame
    if len(time) != n_frame or len(quality) != n_frame:
        raise ValueError(f"{n_frame} backgrounds, but {len(time)} times and {len(quality)} quality flags")
    if np.any(np.diff(time) <= 0):
        raise ValueError("times of the frames do not increase; sort the frames by time")
    measured = backgrounds.is_known
    weights = _prediction_weights(
        np.asarray(time) * 86400 / cadence_s, measured & ~flagged(TESS_QUALITY, quality, *_ODD)
    )
    variance = (weights**2).sum(axis=1)
    predicted = (weights != 0).any(axis=1) & (variance <= _MOST_VARIANCE)
    # The mean of two independent values with the least variance; a missing frame is its prediction.
    share = np.where(measured, 1 / (1 + variance), 1.0) * predicted
    blocks = _block_levels(backgrounds, grid)
    share[measured] *= _agreement(backgrounds, grid, weights, blocks)[measured]
    straps = np.where(_strap_columns(backgrounds.straps, blocks), backgrounds.straps, np.float32(0))
    return FrameBackground(
        mesh=_averaged(backgrounds.mesh, weights, share, measured),
        glow=_averaged(backgrounds.glow, weights, share, measured),
        straps=_averaged(straps, weights, share, measured),
        noise=backgrounds.noise,
        used=backgrounds.used,
    )


def _prediction_weights(number: _Floats, serving: npt.NDArray[np.bool_]) -> _Floats:
    """Weights with which neighbours predict each frame; 0 where they cannot.

    Parameters
    ----------
    number : (n_frame,) float64
        Time in cadences.
    serving : (n_frame,) bool
        Frames that predict others.

    Returns
    -------
    (n_frame, 2 * _NEIGHBOURS) float64
        Of the frames `_steps` away: the value at the frame of the polynomial through its neighbours.
    """
    index = np.arange(len(number))[:, None] + _steps()
    inside = (index >= 0) & (index < len(number))
    index = np.clip(index, 0, len(number) - 1)
    distance = number[index] - number[:, None]
    valid = inside & serving[index] & (np.abs(distance) <= _NEIGHBOURS + _SLACK)
    both_sides = (valid & (distance < 0)).any(axis=1) & (valid & (distance > 0)).any(axis=1)
    degree = np.clip(valid.sum(axis=1) - 2, 0, _DEGREE)
    powers = distance[..., None] ** np.arange(_DEGREE + 1) * valid[..., None]
    powers *= np.arange(_DEGREE + 1) <= degree[:, None, None]
    # Unknowns that too few neighbours carry are left out by a 1 on the diagonal of their empty row.
    normal = np.einsum("fnp,fnq->fpq", powers, powers)
    normal += np.eye(_DEGREE + 1) * (np.arange(_DEGREE + 1) > degree[:, None])[:, None, :]
    normal[~both_sides] = np.eye(_DEGREE + 1)
    first = np.zeros((len(number), _DEGREE + 1, 1))
    first[:, 0] = 1
    weights: _Floats = np.einsum("fnp,fp->fn", powers, np.linalg.solve(normal, first)[..., 0])
    weights[~both_sides] = 0
    return weights


def _steps() -> npt.NDArray[np.int64]:
    """Distances of the neighbours in frames."""
    steps = np.arange(-_NEIGHBOURS, _NEIGHBOURS + 1)
    return np.asarray(steps[steps != 0], dtype=np.int64)


def _agreement(backgrounds: FrameBackground, grid: BackgroundGrid, weights: _Floats, blocks: _Levels) -> _Floats:
    """How well frames agree with their prediction, (n_frame,): 1 within the noise everywhere, 0 when they do not."""
    difference = blocks - _predicted(blocks, weights)
    variance = 1 + (weights**2).sum(axis=1)
    # A spline's value is as uncertain as the mean of the pixels that each coefficient has.
    per_coefficient = (
        grid.stamp.n_pixel / np.prod(grid.mesh_shape) * np.maximum(backgrounds.used.mean((1, 2)) / 255, 1e-3)
    )
    sigma = np.nan_to_num(backgrounds.noise) * np.sqrt(variance / per_coefficient)
    known = np.isfinite(difference).all(axis=(1, 2)) & (sigma > 0)
    if not known.any():
        return np.zeros(len(weights))
    # Edges are less certain than the middle, by no more than a factor of 3.
    usual = MAD_TO_SIGMA * np.median(np.abs(difference[known]), axis=0)
    edge = np.clip(usual / np.median(sigma[known]), 1.0, 3.0)
    worst = _excess(difference, sigma[:, None, None] * edge)
    size = _REGION_BLOCKS
    regions = block_means(difference, size)
    worst = np.maximum(worst, _excess(regions, sigma[:, None, None] * block_means(edge[None], size) / size))
    agreement: _Floats = np.clip((_FULL_STOP - worst) / (_FULL_STOP - 1), 0.0, 1.0)
    return agreement


def _excess(difference: npt.NDArray[np.floating], sigma: _Floats) -> _Floats:
    """Largest difference of each frame, in units of the largest that may be noise, (n_frame,)."""
    allowed = np.hypot(_SIGMAS * sigma, _TOLERANCE)
    return np.asarray(np.nan_to_num(np.abs(difference) / allowed, nan=np.inf).max(axis=(1, 2)))


def _block_levels(backgrounds: FrameBackground, grid: BackgroundGrid) -> _Levels:
    """Mean background of blocks of cells, (n_frame, n_block_row, n_block_column), e-/s."""
    parts = []
    for start in range(0, backgrounds.n_frame, _FRAMES_AT_ONCE):
        part = slice(start, start + _FRAMES_AT_ONCE)
        cells = background_cells(backgrounds.frame(part), grid)
        parts.append(block_means(cells, BLOCK_CELLS).astype(np.float32))
    return np.concatenate(parts)


def _predicted(values: npt.NDArray[np.floating], weights: _Floats) -> npt.NDArray[np.floating]:
    """Sum the neighbours of each frame with their weights, (n_frame, ...), in the type of `values`."""
    total = np.zeros_like(values)
    shape = (-1,) + (1,) * (values.ndim - 1)
    for step, weight in zip(_steps(), weights.T, strict=True):
        target = slice(max(-step, 0), len(values) - max(step, 0))
        source = slice(max(step, 0), len(values) - max(-step, 0))
        if target.stop <= target.start:
            continue
        # Frames that predict nothing have weight 0 and may be NaN.
        some = weight[target] != 0
        total[target][some] += weight[target][some].reshape(shape).astype(values.dtype) * values[source][some]
    return total


def _averaged(
    values: npt.NDArray[np.float32], weights: _Floats, share: _Floats, measured: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float32]:
    """Mix a share of the prediction with what was measured."""
    part = share.reshape((-1,) + (1,) * (values.ndim - 1)).astype(np.float32)
    own = np.where(measured.reshape(part.shape) | (part == 0), values, np.float32(0))
    return np.asarray((1 - part) * own + part * _predicted(values, weights), dtype=np.float32)


def _strap_columns(factors: npt.NDArray[np.float32], blocks: _Levels) -> npt.NDArray[np.bool_]:
    """Tell which columns (n_column,) stand out in some frames, or get brighter with the background more than others.

    In a crowded field, unresolved stars make columns differ by more than weak straps do, but not with the background.
    And a strap that went unnoticed into the static light shows only in frames whose background is not as usual.
    """
    some = np.isfinite(factors).all(axis=1) & np.isfinite(blocks).all(axis=(1, 2))
    if not some.any():
        return np.zeros(factors.shape[1], dtype=np.bool_)
    seen = factors[some]
    outstanding = outstanding_columns(np.quantile(np.abs(seen), _STRAP_QUANTILE, axis=0))
    levels = blocks[some].mean(axis=1)
    change = levels - levels.mean(axis=0)
    power = (change**2).sum(axis=0)
    block = np.arange(factors.shape[1]) // (BLOCK_CELLS * CELL_PIX)
    slopes = np.einsum("fc,fc->c", seen * levels[:, block], change[:, block]) / np.maximum(power, 1e-12)[block]
    return outstanding | outstanding_columns(slopes)
