"""Motion of all cadences of a region, once its mean scene is known from a few of them.

Fluxes, offset and PRF are the same in all cadences: a few hundred are enough to measure them. The motion of the others
is then measured about the known mean scene. One step is enough from a position that is off by no more than the jitter;
flagged excursions, which lie a few tenths of a pixel away, take another one about the position found first. The
pixels of one tile are in memory at a time.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from photometry.calibration.kernel import N_AFFINE, N_MOTION, MovementKernel
from photometry.calibration.kernel_update import improved_kernel, unmeasured, with_mean_in_offset
from photometry.calibration.motion_fit import motion_step
from photometry.calibration.region_tiles import (
    Region,
    RegionSeries,
    RegionTile,
    parameters_of_tile,
    placed_tile,
    still_motion,
)
from photometry.core.settings import MotionSettings
from photometry.core.stages import counted
from photometry.prf.prf_grid import PrfEvaluator
from photometry.scene.tile_data import TileData

__all__ = ["OUTLIER_SIGMA", "motion_of_all"]

#: Pixels that disagree with the fit by more standard deviations are left out.
OUTLIER_SIGMA = 6.0
#: Steps to the motion of a cadence, at most.
_MOST_STEPS = 4
#: A larger step is followed by another one, pixels. Flagged cadences are mostly alone in their nodes, about which a
#: step is more accurate.
_SETTLED = 0.02
_SETTLED_FLAGGED = 0.06


@dataclass(frozen=True, slots=True)
class _Known:
    """A tile without the pixels of all cadences.

    Parameters
    ----------
    tile : RegionTile
        The tile in a few cadences: its stars and its mean scene.
    local : (n_cadence, n_local) float64
        Local background of all cadences, e-/s.
    rejected : (n_cadence, n_byte) uint8 or None
        Pixels that disagree with the fit, one bit each: as bytes a sixteenth of a CCD would take 45 MB.
    """

    tile: RegionTile
    local: npt.NDArray[np.float64]
    rejected: npt.NDArray[np.uint8] | None = None


def motion_of_all(series: RegionSeries, few: Region, prf: PrfEvaluator, settings: MotionSettings) -> MovementKernel:
    """Measure the motion of all cadences.

    Parameters
    ----------
    series : RegionSeries
        All cadences, with the motion to start from.
    few : Region
        The region in a few of them, with mean scene and motion.
    prf : PrfEvaluator
        PRF that the mean scene was measured with.
    settings : MotionSettings
        Mode.
    """
    kernel = _expected(series.kernel, few.kernel, series.which)
    if not few.measured or kernel.bad.all():
        return kernel
    n_cadence = len(series.good)
    tiles = [_Known(tile, _usual_background(tile, n_cadence)) for tile in few.tiles]
    information, target = np.zeros((n_cadence, N_MOTION, N_MOTION)), np.zeros((n_cadence, N_MOTION))
    settled = np.where(series.good, _SETTLED, _SETTLED_FLAGGED)
    # Those of the few cadences are known.
    information[series.which], target[series.which] = few.information, few.target
    left = np.setdiff1d(np.arange(n_cadence), series.which[~few.kernel.bad])
    for _ in counted(range(_MOST_STEPS), "motion of all cadences", "steps"):
        information[left] = target[left] = 0
        for k, tile in enumerate(counted(tiles if len(left) else (), "pixels", "tiles")):
            tiles[k] = _add_step(tile, series.pixels(k), kernel, prf, left, information, target)
        gradient = target - np.einsum("tij,tj->ti", information, kernel.parameters)
        improved = improved_kernel(
            kernel,
            information,
            gradient,
            series.good,
            settings.mode,
            moments=few.moments,
            static_mean=False,
            in_time=True,
        )
        moved = np.abs(improved.parameters - kernel.parameters)
        kernel = improved
        far = np.maximum(moved[:, :3].sum(axis=1), moved[:, 3:N_AFFINE].sum(axis=1)) > settled
        left = left[far[left] & ~kernel.bad[left]]
        if len(left) == 0:
            break
    return with_mean_in_offset(kernel, series.good)


def _usual_background(tile: RegionTile, n_cadence: int) -> npt.NDArray[np.float64]:
    """Return the local background of a few cadences, their median, for all cadences, (n_cadence, n_local), e-/s."""
    return np.tile(np.median(tile.state.motion.local, axis=0), (n_cadence, 1))


def _expected(start: MovementKernel, few: MovementKernel, which: npt.NDArray[np.int64]) -> MovementKernel:
    """Motion expected of all cadences: the change of a few of them, interpolated."""
    if few.bad.all():
        return unmeasured(replace(start, offset=few.offset), few.parameters)
    index, known = np.arange(len(start.bad)), which[~few.bad]
    change = few.parameters[~few.bad] - start.parameters[known]
    changes = np.stack([np.interp(index, known, change[:, k]) for k in range(N_MOTION)], axis=1)
    return replace(start, offset=few.offset, parameters=start.parameters + changes)


def _add_step(
    known: _Known,
    data: TileData,
    kernel: MovementKernel,
    prf: PrfEvaluator,
    cadences: npt.NDArray[np.int64],
    information: npt.NDArray[np.float64],
    target: npt.NDArray[np.float64],
) -> _Known:
    """Add the normal equations of some cadences' motion in a tile to the region's; return the improved tile."""
    state = replace(known.tile.state, motion=replace(still_motion(data), local=known.local))
    model, state = placed_tile(replace(known.tile, data=data, state=state), kernel, prf, cadences)
    n_pixel = data.stamp.n_pixel
    if known.rejected is None:
        rejected = np.zeros(data.valid.shape, dtype=bool)
    else:
        rejected = np.unpackbits(known.rejected, axis=1, count=n_pixel).view(bool)
    step = motion_step(data, model, state, rejected, OUTLIER_SIGMA)
    to_tile = parameters_of_tile(kernel, data)
    own = (to_tile.T @ step.information @ to_tile)[cadences]
    information[cadences] += own
    target[cadences] += step.gradient[cadences] @ to_tile + np.einsum("tij,tj->ti", own, kernel.parameters[cadences])
    rejected[cadences] = step.outliers[cadences]
    return _Known(known.tile, known.local + step.local, np.packbits(rejected, axis=1))
