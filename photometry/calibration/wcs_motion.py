"""Motion of a CCD by the WCS of its full-frame images."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from astropy.wcs import NoConvergence

from photometry.calibration.kernel import N_AFFINE, N_MOTION, MovementKernel, interpolated, parameters_of_shifts
from photometry.catalog.star_catalog import wcs_of
from photometry.core.errors import FitError
from photometry.core.geometry import Stamp

__all__ = ["kernel_of_wcs"]

#: Places along each axis at which the frames' WCS are compared.
_N_PLACE = 7


def kernel_of_wcs(headers: Sequence[str], reference: str, stamp: Stamp, good: npt.NDArray[np.bool_]) -> MovementKernel:
    """Return the movement kernel by the WCS of all cadences.

    Parameters
    ----------
    headers : sequence of str
        WCS of each cadence in CCD pixels, as `photometry.core.cube.CubeHeader.wcs_header`; empty where it is missing.
        The cadence is bad where it is missing, cannot be used, or gives no pixel for some place of the reference.
    reference : str
        WCS by which stars are placed.
    stamp : Stamp
        The pixels.
    good : (n_cadence,) bool
        Cadences whose mean motion is zero.

    Raises
    ------
    FitError
        When no good cadence has a WCS.
    """
    rows, columns = np.meshgrid(
        np.linspace(stamp.row_min, stamp.row_max - 1, _N_PLACE),
        np.linspace(stamp.col_min, stamp.col_max - 1, _N_PLACE),
        indexing="ij",
    )
    places = np.stack([columns.ravel(), rows.ravel()], axis=1)
    sky = wcs_of(reference).all_pix2world(places, 0)
    scale = max(stamp.shape) / 2
    v, u = (places[:, 1] - stamp.center[0]) / scale, (places[:, 0] - stamp.center[1]) / scale
    terms = np.linalg.pinv(np.stack([np.ones_like(v), v, u], axis=1))
    bad = np.zeros(len(headers), dtype=bool)
    parameters = np.zeros((len(headers), N_AFFINE))
    for cadence, header in enumerate(headers):
        moved = _moved(header, sky, places)
        if moved is None:
            bad[cadence] = True
        else:
            parameters[cadence] = np.concatenate([terms @ moved[:, 1], terms @ moved[:, 0]])
    if not (good & ~bad).any():
        raise FitError("motion: mode wcs needs full-frame images with a WCS, and no unflagged cadence has one")
    parameters = interpolated(parameters, bad)
    parameters -= parameters[good & ~bad].mean(axis=0)
    covariance = np.zeros((len(headers), N_MOTION, N_MOTION))
    return MovementKernel(stamp.center, scale, (0.0, 0.0), parameters_of_shifts(parameters), covariance, bad, "wcs")


def _moved(
    header: str, sky: npt.NDArray[np.float64], places: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64] | None:
    """Return the shifts of places (n, 2: column, row) at `sky` (n, 2) by a WCS; None if it is missing or unusable."""
    if not header:
        return None
    try:
        moved = np.asarray(wcs_of(header).all_world2pix(sky, 0) - places)
    except (ValueError, TypeError, ArithmeticError, np.linalg.LinAlgError, NoConvergence):
        return None
    return moved if np.isfinite(moved).all() else None
