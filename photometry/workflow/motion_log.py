"""What the log of a job says of a motion that was not measured."""

import logging

import numpy as np
import numpy.typing as npt

from photometry.calibration.kernel import MovementKernel

__all__ = ["log_motion"]

_log = logging.getLogger(__name__)


def log_motion(kernel: MovementKernel, usable: npt.NDArray[np.bool_]) -> None:
    """Warn of unflagged cadences whose motion was not measured.

    Parameters
    ----------
    kernel : MovementKernel
        Motion of a region.
    usable : (n_cadence,) bool
        Cadences without a flag that makes them unusable.
    """
    n_good, n_bad = int(usable.sum()), int((usable & kernel.bad).sum())
    if n_bad == n_good:
        _log.warning(
            "the motion was not measured in any unflagged cadence: too little light of stars that do not saturate; "
            "each cadence is fitted with what its pixels tell, and every row of the summary says so (motion_unknown)"
        )
    elif n_bad:
        _log.warning("the motion of %d of %d unflagged cadences was not measured but interpolated", n_bad, n_good)
