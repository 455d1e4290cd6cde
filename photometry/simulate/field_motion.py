"""How the field moves: drift, jitter, roll and excursions; how its focus drifts."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from photometry.core.constants import FIRST_SCIENCE_COLUMN, N_SCIENCE_COLUMNS, N_SCIENCE_ROWS
from photometry.simulate.scene_settings import SceneSettings

__all__ = ["CCD_CENTER", "FieldMotion", "focus_drift", "move_field", "slow_curve"]

_Floats = npt.NDArray[np.float64]

#: Middle of the science area, 0-based row and column, pixels.
CCD_CENTER = ((N_SCIENCE_ROWS - 1) / 2, FIRST_SCIENCE_COLUMN + (N_SCIENCE_COLUMNS - 1) / 2)
#: Jitter of the roll as a share of its slow part.
_ROLL_JITTER = 0.1


@dataclass(frozen=True, slots=True)
class FieldMotion:
    """Motion of the CCD's middle and roll about it, per cadence; their means over unflagged cadences are zero.

    Parameters
    ----------
    row_shift, column_shift : (n_cadence,) float64
        Pixels.
    roll : (n_cadence,) float64
        From column to row, rad: a star at larger column moves to larger row.
    """

    row_shift: _Floats
    column_shift: _Floats
    roll: _Floats

    def shifts_at(self, row: float, column: float) -> tuple[_Floats, _Floats]:
        """Row and column shift of a place of the CCD in every cadence, (n_cadence,) float64, pixels."""
        return (
            self.row_shift + self.roll * (column - CCD_CENTER[1]),
            self.column_shift - self.roll * (row - CCD_CENTER[0]),
        )

    def part(self, cadences: slice) -> "FieldMotion":
        """Return the motion in some of the cadences."""
        return FieldMotion(self.row_shift[cadences], self.column_shift[cadences], self.roll[cadences])


def move_field(
    settings: SceneSettings, rng: np.random.Generator
) -> tuple[FieldMotion, npt.NDArray[np.int32], tuple[float, float]]:
    """Draw the motion of a field.

    Returns
    -------
    motion : FieldMotion
        Motion in every cadence.
    quality : (n_cadence,) int32
        TESS quality: 4 (coarse point) where the field is far away.
    offset : (row, column)
        Constant distance of the stars from their catalogue places through the WCS that is written, pixels.
    """
    n_cadence = settings.n_cadence
    angle = rng.uniform(0, 2 * np.pi)
    offset = (settings.wcs_offset_pix * float(np.sin(angle)), settings.wcs_offset_pix * float(np.cos(angle)))
    slow = [slow_curve(n_cadence, rng) for _ in range(3)]
    jitter = rng.normal(size=(3, n_cadence))
    excursion = rng.random(n_cadence) < settings.excursion_fraction
    excursion[n_cadence // 2] = False
    away = rng.uniform(0.7, 1.3, n_cadence) * settings.excursion_pix * excursion
    direction = rng.uniform(0, 2 * np.pi, n_cadence)
    good = ~excursion

    def centered(values: _Floats) -> _Floats:
        return values - float(values[good].mean())

    # Drift and jitter are those of the field's middle: the roll about the CCD's middle must not add to them.
    roll = centered(settings.roll_rad * (slow[2] + _ROLL_JITTER * jitter[2]))
    row, column = settings.stamp.center
    row_shift = centered(settings.drift_pix * slow[0] + settings.jitter_pix * jitter[0])
    column_shift = centered(settings.drift_pix * slow[1] + settings.jitter_pix * jitter[1])
    motion = FieldMotion(
        row_shift=row_shift + away * np.sin(direction) - roll * (column - CCD_CENTER[1]),
        column_shift=column_shift + away * np.cos(direction) + roll * (row - CCD_CENTER[0]),
        roll=roll,
    )
    return motion, np.where(excursion, 4, 0).astype(np.int32), offset


def focus_drift(settings: SceneSettings) -> _Floats:
    """Return the share of the light that the blurred PRF has: a saw-tooth in each half, (n_cadence,) float64."""
    n_first = (settings.n_cadence + 1) // 2
    halves = [np.linspace(0, 1, n) for n in (n_first, settings.n_cadence - n_first)]
    return settings.focus_share * np.concatenate(halves)


def slow_curve(n_cadence: int, rng: np.random.Generator) -> _Floats:
    """Smooth curve of range 1: a trend and two slow waves, (n_cadence,) float64."""
    phase = np.linspace(0, 1, n_cadence) if n_cadence > 1 else np.zeros(1)
    curve = rng.choice([-1.0, 1.0]) * phase
    for waves in (rng.uniform(0.7, 1.5), rng.uniform(1.8, 3.5)):
        curve = curve + rng.uniform(0.1, 0.25) * np.sin(2 * np.pi * (waves * phase + rng.random()))
    span = float(np.ptp(curve))
    return curve / span if span > 0 else np.zeros(n_cadence)
