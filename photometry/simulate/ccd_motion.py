"""How a whole CCD moves: shift, roll, breathing of scale and shears, as an affine function of the place."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from photometry.calibration.kernel import N_AFFINE, N_MOTION, MovementKernel, parameters_of_shifts
from photometry.core.geometry import Stamp
from photometry.simulate.ccd_settings import CcdSettings
from photometry.simulate.field_motion import CCD_CENTER, move_field, slow_curve

__all__ = ["AffineMotion", "draw_motion", "like_motion", "shift_ranges"]

_Floats = npt.NDArray[np.float64]

#: TESS quality of cadences that are away from the others, in turns: coarse point, desaturation.
_AWAY_FLAGS = (4, 32)


@dataclass(frozen=True, slots=True)
class AffineMotion:
    """Motion about the middle of the CCD.

    Parameters
    ----------
    parameters : (n_cadence, 2, 3) float64
        Of row and column: shift at the middle in pixels, its change per row and per column from there.
    """

    parameters: _Floats

    def shifts_at(self, row: float, column: float) -> tuple[_Floats, _Floats]:
        """Row and column shift of a place in every cadence, (n_cadence,) float64, pixels."""
        shift = self.parameters @ np.array([1.0, row - CCD_CENTER[0], column - CCD_CENTER[1]])
        return shift[:, 0], shift[:, 1]

    def shifts_in(self, cadence: int, row: _Floats, column: _Floats) -> tuple[_Floats, _Floats]:
        """Row and column shift of places in one cadence, of the shape of `row`, pixels."""
        of_row, of_column = self.parameters[cadence]
        v, u = row - CCD_CENTER[0], column - CCD_CENTER[1]
        return of_row[0] + of_row[1] * v + of_row[2] * u, of_column[0] + of_column[1] * v + of_column[2] * u

    def about(self, row: float, column: float) -> _Floats:
        """Return the parameters for another middle, (n_cadence, 2, 3)."""
        moved = self.parameters.copy()
        moved[:, :, 0] = np.stack(self.shifts_at(row, column), axis=1)
        return moved

    def kernel(self, offset: tuple[float, float]) -> MovementKernel:
        """Return the motion as a movement kernel for stars at their catalogue places."""
        scale, n_cadence = 1000.0, len(self.parameters)
        return MovementKernel(
            center=CCD_CENTER,
            scale=scale,
            offset=offset,
            parameters=parameters_of_shifts((self.parameters * [1.0, scale, scale]).reshape(n_cadence, N_AFFINE)),
            covariance=np.zeros((n_cadence, N_MOTION, N_MOTION)),
            bad=np.zeros(n_cadence, dtype=bool),
            source="pixels",
        )


def draw_motion(
    settings: CcdSettings, rng: np.random.Generator
) -> tuple[AffineMotion, npt.NDArray[np.int32], tuple[float, float]]:
    """Draw the motion of a CCD.

    Returns
    -------
    motion : AffineMotion
        Motion in every cadence; the mean over unflagged cadences is zero.
    quality : (n_cadence,) int32
        TESS quality: 4 (coarse point) and 32 (desaturation), in turns, where the field is far away.
    offset : (row, column)
        Constant distance of the stars from their catalogue places through the WCS that is written, pixels.
    """
    field, quality, offset = move_field(settings, rng)
    away = np.flatnonzero(quality)
    quality[away] = np.resize(_AWAY_FLAGS, len(away))
    good = quality == 0

    def breath() -> _Floats:
        curve = settings.breathing * slow_curve(settings.n_cadence, rng)
        return curve - float(curve[good].mean())

    scale, stretch, shear = breath(), breath(), breath()
    of_row = [field.row_shift, scale + stretch, shear + field.roll]
    of_column = [field.column_shift, shear - field.roll, scale - stretch]
    return AffineMotion(np.stack([np.stack(of_row, axis=1), np.stack(of_column, axis=1)], axis=1)), quality, offset


def like_motion(motion: AffineMotion, stamp: Stamp, reach: float) -> list[npt.NDArray[np.int64]]:
    """Group cadences so that within a group no place moves farther than `reach` from the middle of its range.

    Parameters
    ----------
    motion : AffineMotion
        The motion.
    stamp : Stamp
        The pixels: an affine motion is extreme at their corners.
    reach : float
        Pixels. A cadence whose own range is wider makes a group of its own.

    Returns
    -------
    list of (n,) int64
        Every cadence is in one group.
    """
    low, high = shift_ranges(motion, stamp)
    groups: list[tuple[list[int], _Floats, _Floats]] = []
    for cadence in range(len(low)):
        for members, group_low, group_high in groups:
            wide_low, wide_high = np.minimum(group_low, low[cadence]), np.maximum(group_high, high[cadence])
            if (wide_high - wide_low).max() <= 2 * reach:
                members.append(cadence)
                group_low[:], group_high[:] = wide_low, wide_high
                break
        else:
            groups.append(([cadence], low[cadence].copy(), high[cadence].copy()))
    return [np.array(members) for members, _, _ in groups]


def shift_ranges(motion: AffineMotion, stamp: Stamp) -> tuple[_Floats, _Floats]:
    """Return the least and greatest row and column shift on a stamp, (n_cadence, 2) each, pixels."""
    corners = [
        np.stack(motion.shifts_at(row, column), axis=1)
        for row in (stamp.row_min - 0.5, stamp.row_max - 0.5)
        for column in (stamp.col_min - 0.5, stamp.col_max - 0.5)
    ]
    return np.min(corners, axis=0), np.max(corners, axis=0)
