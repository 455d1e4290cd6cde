"""State of a tile between the steps of its fit: motion, widths, local background, mean fluxes."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["MotionResidual", "TileMotion", "TileState"]


@dataclass(frozen=True, slots=True)
class TileMotion:
    """Motion, widths and local background of a tile's cadences.

    Parameters
    ----------
    row_shift, column_shift : (n_cadence,) float64
        Movement at the tile's centre, pixels.
    linear : (n_cadence, 4) float64
        a1, a2, b1, b2: change of the row and the column shift over `TileModel.scale` along rows and columns, pixels.
    widths : (n_cadence, 3) float64
        Change of the PRF's second moments along rows, crossed, and along columns, pixels^2.
    local : (n_cadence, n_local) float64
        Local background, e-/s, in terms of `local_basis`.
    """

    row_shift: npt.NDArray[np.float64]
    column_shift: npt.NDArray[np.float64]
    linear: npt.NDArray[np.float64]
    widths: npt.NDArray[np.float64]
    local: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MotionResidual:
    """What is wrong with the model of the pixels in proportion to the motion.

    Parameters
    ----------
    images : (n_pixel, n_direction) float64
        Per unit of the motion, e-/s.
    motion : (n_cadence, n_direction) float64
        Movement along its principal axes, its scatter the unit.
    flux_change, flux_error : (n_star, n_direction) float64
        By how much fluxes that were fitted without it are wrong, and what is not known of that, e-/s.
    """

    images: npt.NDArray[np.float64]
    motion: npt.NDArray[np.float64]
    flux_change: npt.NDArray[np.float64]
    flux_error: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TileState:
    """What is known of a tile so far.

    Parameters
    ----------
    flux : (n_star,) float64
        Mean fluxes of the free stars, e-/s.
    motion : TileMotion
        Motion and local background.
    mean_residual : (n_pixel,) float64
        Mean of the pixels less the mean scene, e-/s.
    model_error : (n_pixel,) float64
        What neither noise nor fixed stars explain of it, e-/s: such pixels have little weight in the mean fluxes.
    motion_residual : MotionResidual, optional
        What follows the motion beside, once it is known.
    """

    flux: npt.NDArray[np.float64]
    motion: TileMotion
    mean_residual: npt.NDArray[np.float64]
    model_error: npt.NDArray[np.float64]
    motion_residual: MotionResidual | None = None
