"""Motion that was not measured, as an unknown of every cadence.

Where no star shows how the pixels move, the motion of a cadence is unknown but for how much a spacecraft moves. The
light of saturated stars moves with it: a flux that is fitted with all stars at rest follows the jitter. With the motion
among the unknowns, its prior that of the kernel, the pixels say as much of it as they know, and the rest is in the
errors of the fluxes.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from photometry.calibration.kernel import N_AFFINE
from photometry.fit.cadence_fit import TileScene

__all__ = ["with_unmeasured_motion"]

#: Share of the good cadences without a measurement beyond which the motion is an unknown of the fit.
_MOST = 0.5
#: Parameters that are known better than this are no unknowns, pixels.
_LEAST_WIDTH = 1e-4
#: Width of the prior of second moments, pixels^2: a tenth of those of a sharp PRF.
_MOMENT_WIDTH = 0.05
#: Width of the prior of slopes of the background that are none, e-/s.
_HELD = 1e-3


def with_unmeasured_motion(scene: TileScene, good: npt.NDArray[np.bool_]) -> TileScene:
    """Return the scene with the motion among its unknowns, if most good cadences (n_cadence,) have not measured it.

    Notes
    -----
    What the fit finds of the motion is in the covariance of its unknowns: that of the kernel would count it twice.

    Second moments are unknown as well where a star saturates: its flux is the sum of a trail, and its other pixels tell
    a change of the PRF from its own variation. No other star alone can (`photometry.fit.moment_widths`).

    Wings of a star that saturates fill a stamp no larger than a PRF, and where they move, they change it by something
    like a slope, many times what the sky does. Slopes are no unknowns there, as they are none of the mean scene
    (`TileModel.mean_basis`); those of the sky were split off, by the darkest pixels.

    Charge of a trail that leaves the pixels is lost when it moves, by nobody knows how much: nothing is changed then.
    """
    kernel, model = scene.kernel, scene.model
    unknown = good & kernel.bad
    if np.count_nonzero(unknown) <= _MOST * np.count_nonzero(good) or scene.data.cut_off.any():
        return scene
    width = np.sqrt(np.median(np.diagonal(kernel.covariance[unknown], axis1=1, axis2=2), axis=0))
    width[width < _LEAST_WIDTH] = 0.0
    if width.any() and not model.unsaturated.all():
        width[N_AFFINE:] = _MOMENT_WIDTH
    covariance, found = kernel.covariance.copy(), np.flatnonzero(width)
    covariance[:, found] = 0.0
    covariance[:, :, found] = 0.0
    n_slope = model.local_basis.shape[1] - model.n_mean_local
    slope_width = np.full(n_slope, _HELD) if n_slope and len(found) else None
    return replace(scene, kernel=replace(kernel, covariance=covariance), motion_width=width, slope_width=slope_width)
