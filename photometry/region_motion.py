"""Motion of all cadences of a region, once its mean scene is known from a few of them.

Fluxes, offset and PRF are the same in all cadences: some hundred tell them as well as all do. The motion of the others
is then measured about the known mean scene. One step is enough from a place that is off by no more than jitter; flagged
excursions, which lie some tenths of a pixel from what is expected, take another one about the place found first.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from photometry.kernel_update import improved_kernel, with_mean_in_offset
from photometry.motion import MovementKernel
from photometry.motion_fit import N_MOTION, motion_step
from photometry.prf import PrfEvaluator
from photometry.region_tiles import Region, RegionTile, parameters_of_tile, placed_tile
from photometry.settings import MotionSettings

__all__ = ["OUTLIER_SIGMA", "motion_of_all"]

#: Pixels that disagree with the fit by more standard deviations are left out.
OUTLIER_SIGMA = 6.0
#: Steps to the motion of a cadence, at most.
_MOST_STEPS = 4
#: A step of more pixels calls for another one. Flagged cadences mostly are alone in their nodes, about which a step is
#: more accurate.
_SETTLED = 0.02
_SETTLED_FLAGGED = 0.06


def motion_of_all(
    region: Region, few: Region, which: npt.NDArray[np.int64], prf: PrfEvaluator, settings: MotionSettings
) -> MovementKernel:
    """Measure the motion of all cadences.

    Parameters
    ----------
    region : Region
        The region, with the motion to start from.
    few : Region
        The same region in a few of its cadences, mean scene and motion worked out.
    which : (n_few,) int64
        Which cadences these are.
    prf : PrfEvaluator
        PRF that the mean scene was measured with.
    settings : MotionSettings
        Mode.
    """
    kernel = _expected(region.kernel, few.kernel, which)
    if not region.measured or kernel.bad.all():
        return kernel
    tiles = [
        replace(tile, state=replace(known.state, motion=tile.state.motion))
        for tile, known in zip(region.tiles, few.tiles, strict=True)
    ]
    n_cadence = len(region.good)
    information, target = np.zeros((n_cadence, N_MOTION, N_MOTION)), np.zeros((n_cadence, N_MOTION))
    settled = np.where(region.good, _SETTLED, _SETTLED_FLAGGED)
    left = np.arange(n_cadence)
    for _ in range(_MOST_STEPS):
        information[left] = target[left] = 0
        for k, tile in enumerate(tiles):
            tiles[k] = _add_step(tile, kernel, prf, left, information, target)
        gradient = target - np.einsum("tij,tj->ti", information, kernel.parameters)
        improved = improved_kernel(kernel, information, gradient, region.good, settings.mode, static_mean=False)
        moved = np.abs(improved.parameters - kernel.parameters)
        kernel = improved
        far = np.maximum(moved[:, :3].sum(axis=1), moved[:, 3:].sum(axis=1)) > settled
        left = left[far[left] & ~kernel.bad[left]]
        if len(left) == 0:
            break
    return with_mean_in_offset(kernel, region.good)


def _expected(start: MovementKernel, few: MovementKernel, which: npt.NDArray[np.int64]) -> MovementKernel:
    """Motion of all cadences as a few tell it: what these changed, interpolated."""
    if few.bad.all():
        still = np.broadcast_to(few.parameters.mean(axis=0), start.parameters.shape).copy()
        return replace(start, offset=few.offset, parameters=still, bad=np.ones_like(start.bad))
    index, known = np.arange(len(start.bad)), which[~few.bad]
    change = few.parameters[~few.bad] - start.parameters[known]
    changes = np.stack([np.interp(index, known, change[:, k]) for k in range(N_MOTION)], axis=1)
    return replace(start, offset=few.offset, parameters=start.parameters + changes)


def _add_step(
    tile: RegionTile,
    kernel: MovementKernel,
    prf: PrfEvaluator,
    cadences: npt.NDArray[np.int64],
    information: npt.NDArray[np.float64],
    target: npt.NDArray[np.float64],
) -> RegionTile:
    """Add the normal equations of some cadences' motion, by a tile, to those of the region; keep what it finds."""
    model, state = placed_tile(tile, kernel, prf, cadences)
    rejected = np.zeros_like(tile.data.valid) if tile.rejected is None else tile.rejected
    step = motion_step(tile.data, model, state, rejected, OUTLIER_SIGMA)
    to_tile = parameters_of_tile(kernel, tile.data)
    own = (to_tile.T @ step.information @ to_tile)[cadences]
    change = np.einsum("ji,tjk,tk->ti", to_tile, step.information[cadences], step.change[cadences])
    information[cadences] += own
    target[cadences] += change + np.einsum("tij,tj->ti", own, kernel.parameters[cadences])
    motion = replace(state.motion, local=state.motion.local + step.local)
    rejected = rejected.copy()
    rejected[cadences] = step.outliers[cadences]
    return replace(tile, state=replace(state, motion=motion), rejected=rejected)
