"""Slopes of the local background of a small stamp, as the other cadences expect them.

In a stamp of a few pixels a slope of the background looks much like a star beside its middle: where every cadence has
slopes of its own, their noise goes into the fluxes. Backgrounds of TESS change slowly. What the other cadences say of a
slope counts where they know it better than the cadence does.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from photometry.calibration.motion_in_time import expected_from_others
from photometry.fit.cadence_fit import CHANGE_ACCURACY, FirstFit, TileScene
from photometry.prf.prf_grid import FOOTPRINT
from photometry.scene.node_model import NodeModel, main_node
from photometry.scene.tile_model import local_basis

__all__ = ["with_expected_slopes"]

#: Terms of a plane: a constant, which stays free, and two slopes.
_N_PLANE = 3
_SLOPES = slice(1, _N_PLANE)
#: Slopes that tremble by more than this share of the variance of their noise stay free.
_MOST_TREMBLING = 0.5


def with_expected_slopes(scene: TileScene, first: FirstFit, good: npt.NDArray[np.bool_]) -> tuple[TileScene, FirstFit]:
    """Return the scene with the slopes that its cadences are expected to have, and the first fit about them.

    Parameters
    ----------
    scene : TileScene
        The tile as the final fit sees it.
    first : FirstFit
        First fit, in which the slopes are free.
    good : (n_cadence,) bool
        Cadences that count. Others, and those that contradict the rest, are expected to have the slopes that they show.

    Notes
    -----
    The slopes are those of the whole background: what was split off the pixels may tremble by itself. A slope that
    trembles from cadence to cadence by more than its own noise stays free: it is something else than the sky. Nothing
    changes in stamps larger than a PRF, where slopes are known well.
    """
    model, data, motion = scene.model, scene.data, scene.state.motion
    if max(data.stamp.shape) > FOOTPRINT or scene.slope_width is not None:
        return scene, first
    every = np.arange(len(good))
    fitted = np.isin(every, np.concatenate([node.cadences for node in model.nodes]))
    which = np.flatnonzero(good & fitted)
    split = data.sky.astype(np.float64) @ np.linalg.pinv(local_basis(data.stamp))[_SLOPES].T
    rows = len(model.stars) + np.arange(_N_PLANE)[_SLOPES]
    own = first.unknowns[rows].T + motion.local[:, _SLOPES] + split
    n_common = len(first.unknowns) - len(model.stars)
    information = first.main.information_of_last(n_common, with_prior=True)
    noise = np.linalg.pinv(information, hermitian=True).diagonal()[_SLOPES]
    found = expected_from_others(own[which], np.tile(noise, (len(which), 1)), which) if noise.all() else None
    if found is None:
        return scene, first
    expected, variance = found
    expected = np.where(np.isfinite(variance), expected, own[which])
    slopes = np.stack([np.interp(every, which, of_one) for of_one in expected.T], axis=1)
    slopes[fitted & ~good] = own[fitted & ~good]
    width = np.sqrt(np.median(variance, axis=0))
    held = width**2 < _MOST_TREMBLING * noise
    change = slopes - split + _change_of_slopes(scene, first, main_node(model.nodes, good)) - motion.local[:, _SLOPES]
    change *= held
    local, unknowns = motion.local.copy(), first.unknowns.copy()
    local[:, _SLOPES] += change
    unknowns[rows] -= change.T.astype(np.float32)
    state = replace(scene.state, motion=replace(motion, local=local))
    return replace(scene, state=state, slope_width=np.where(held, width, np.inf)), replace(first, unknowns=unknowns)


def _change_of_slopes(scene: TileScene, first: FirstFit, main: NodeModel) -> npt.NDArray[np.float64]:
    """How the slopes change with the mean scene since the first fit, (2,), e-/s: in all cadences alike."""
    before, after = first.state, scene.state
    light = scene.model.mean_images(first.main_node, before.flux)[0] - scene.model.mean_images(main, after.flux)[0]
    residual = (light + before.mean_residual - after.mean_residual)[:, None].astype(np.float32)
    solution = first.main.solve_at_node(residual, scene.data.usable[:, None], accuracy=CHANGE_ACCURACY)
    return np.asarray(solution.common[_SLOPES, 0], dtype=np.float64)
