"""Where the samples of a PRF end: a step in the wings of a star that no sky has.

The samples reach 6.5 px along each axis, and what they hold there, some 2e-4 of the light in a pixel, goes to zero
within a sample. A star that moves by a part of that changes a whole row of the model's pixels, or a column, by as much;
the light of the sky goes on beyond. Nobody knows what such a pixel holds, nor what it does when the star moves, so that
it gets the error.
"""

import numpy as np
import numpy.typing as npt

from photometry.core.constants import PRF_SAMPLES_PER_PIXEL
from photometry.core.stars import Stars
from photometry.prf.prf_grid import PrfGrid
from photometry.scene.tile_data import TileData
from photometry.scene.tile_state import TileMotion

__all__ = ["edge_variance", "static_edge_variance"]

#: The PRF falls from its last sample to zero within one; the spline through the samples rings up to two further on.
_STEP, _RINGING = 1 / PRF_SAMPLES_PER_PIXEL, 2 / PRF_SAMPLES_PER_PIXEL
#: Share of the light at the edge that is wrong whether a star moves or not.
_STATIC_SHARE = 0.25
#: Standard deviations of the movement that count for the place of the edge.
_REACH = 2.0
#: Stars whose edges have less light in a pixel matter to none, e-/s.
_LEAST_LIGHT = 0.05


def edge_variance(
    data: TileData,
    stars: Stars,
    flux: npt.NDArray[np.float64],
    prf: PrfGrid,
    motion: TileMotion,
    good: npt.NDArray[np.bool_],
) -> npt.NDArray[np.float64]:
    """Return the variance of the pixels at the edges of the stars' PRFs when the stars move, (n_pixel,), (e-/s)^2.

    Parameters
    ----------
    data : TileData
        The pixels.
    stars : Stars
        Free stars at zero movement.
    flux : (n_star,) float64
        Their mean fluxes, e-/s.
    prf : PrfGrid
        PRF of the CCD.
    motion : TileMotion
        Movement of the stars.
    good : (n_cadence,) bool
        Cadences that count, one at least.

    Notes
    -----
    The light of the edge times the movement over the width of the step, or all of it.
    """
    light = np.maximum(flux, 0.0) * _light_at_edge(prf)
    moved = [(float(shift[good].mean()), float(shift[good].std())) for shift in (motion.row_shift, motion.column_shift)]
    shares = [min(scatter / _STEP, 1.0) for _, scatter in moved]
    place = [axis + middle for axis, (middle, _) in zip((stars.row, stars.column), moved, strict=True)]
    reach = [_RINGING + _REACH * scatter for _, scatter in moved]
    return _variance(data, place, light, _half(prf), reach, shares)


def static_edge_variance(
    data: TileData, stars: Stars, flux: npt.NDArray[np.float64], prf: PrfGrid
) -> npt.NDArray[np.float64]:
    """Return the variance of the mean of the pixels at the edges of the stars' PRFs, (n_pixel,), (e-/s)^2.

    Parameters are those of `edge_variance`.
    """
    light = np.maximum(flux, 0.0) * _light_at_edge(prf)
    return _variance(data, [stars.row, stars.column], light, _half(prf), [_RINGING] * 2, [_STATIC_SHARE] * 2)


def _variance(
    data: TileData,
    place: list[npt.NDArray[np.float64]],
    light: npt.NDArray[np.float64],
    half: float,
    reach: list[float],
    shares: list[float],
) -> npt.NDArray[np.float64]:
    """Variance of the pixels, (n_pixel,), by shares of the light (n_star,) that are wrong at edges along each axis."""
    stamp = data.stamp
    rows, columns = np.arange(stamp.row_min, stamp.row_max), np.arange(stamp.col_min, stamp.col_max)
    variance = np.zeros(stamp.shape)
    for star in np.flatnonzero(light > _LEAST_LIGHT):
        row, column = np.abs(rows - place[0][star]) - half, np.abs(columns - place[1][star]) - half
        at_row = shares[0] ** 2 * np.outer(np.abs(row) < reach[0], column < reach[1])
        at_column = shares[1] ** 2 * np.outer(row < reach[0], np.abs(column) < reach[1])
        variance += light[star] ** 2 * (at_row + at_column)
    flat = variance.ravel()
    return flat if data.merge is None else np.asarray(data.merge @ flat, dtype=np.float64)


def _half(prf: PrfGrid) -> float:
    """Distance along an axis at which the samples end, pixels."""
    return float(prf.samples.shape[-1] * _STEP / 2)


def _light_at_edge(prf: PrfGrid) -> float:
    """Mean of the outermost samples of all places: light of a pixel, as a share of a star's."""
    samples = prf.samples
    edges = [samples[..., 0, :], samples[..., -1, :], samples[..., 0], samples[..., -1]]
    return max(float(np.mean(edges)), 0.0)
