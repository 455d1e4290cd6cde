"""Background light of a whole CCD: sky, scattered light, corner glow, straps."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from photometry.core.constants import FIRST_SCIENCE_COLUMN, N_SCIENCE_COLUMNS, N_SCIENCE_ROWS
from photometry.core.geometry import camera_centre
from photometry.simulate.ccd_settings import CcdSettings
from photometry.simulate.field_motion import CCD_CENTER

__all__ = ["PATTERNS", "CcdLight", "draw_light"]

_Floats = npt.NDArray[np.float64]

#: Parts of the background, in the order of `CcdLight.amplitudes`.
PATTERNS = ("sky", "scattered", "glow", "glare", "glare_turned", "flash")
#: Distance from the camera axis at which the corner glow begins, pixels.
_GLOW_START_PIX = 2000.0
#: Orbital period of TESS, with which scattered light returns, d (TESS Instrument Handbook, section 3).
_ORBIT_D = 13.7
#: Shares of the glare that comes from another side, and that is there in some frames only.
_TURNED_SHARE, _FLASH_SHARE = 0.6, 0.3
#: Brightest change of the sky over a half CCD, as a share, in either direction; and the same squared term.
_SLOPE, _CURVATURE = 0.06, 0.03


@dataclass(frozen=True, slots=True)
class CcdLight:
    """Background light as a sum of patterns that can be evaluated on any part of the CCD.

    With ``v, u`` the distance from the middle of the CCD in half CCDs (rows, columns): sky ``1 + s_v v + s_u u +
    c (v^2 + u^2)``; scattered ``1 + 0.3 w``; glare, glare_turned and flash ``exp(w)``, with ``w = g_v v + g_u u``; glow
    ``((r - 2000) / (R - 2000))^2`` beyond a distance r of 2000 pixels from the camera axis, R that of the far corner.
    The sum is multiplied with ``1 + straps``.

    Parameters
    ----------
    amplitudes : (n_cadence, 6) float64
        Of `PATTERNS`, e-/s per pixel.
    gradients : (6, 2) float64
        s or g of the patterns, along rows and along columns; zero for the glow.
    curvature : float
        c of the sky.
    axis : (row, column)
        Camera axis, 0-based CCD pixels.
    straps : (N_SCIENCE_COLUMNS,) float64
        Excess of the background in each science column, as a share.
    """

    amplitudes: _Floats
    gradients: _Floats
    curvature: float
    axis: tuple[float, float]
    straps: _Floats

    def image(
        self,
        cadence: int,
        rows: slice = slice(0, N_SCIENCE_ROWS),
        columns: slice = slice(FIRST_SCIENCE_COLUMN, FIRST_SCIENCE_COLUMN + N_SCIENCE_COLUMNS),
    ) -> npt.NDArray[np.float32]:
        """Return the background of a cadence on 0-based CCD rows and columns, (n_row, n_column) float32, e-/s."""
        row, column = np.arange(rows.start, rows.stop), np.arange(columns.start, columns.stop)
        half = N_SCIENCE_ROWS / 2
        v, u = (row - CCD_CENTER[0]) / half, (column - CCD_CENTER[1]) / half
        sky, scattered, glow, *exponentials = self.amplitudes[cadence]
        along_row = sky * (1 + self.gradients[0, 0] * v + self.curvature * v**2)
        along_row += scattered * (1 + 0.3 * self.gradients[1, 0] * v)
        along_column = sky * (self.gradients[0, 1] * u + self.curvature * u**2)
        along_column += scattered * 0.3 * self.gradients[1, 1] * u
        image: npt.NDArray[np.float32] = along_row.astype(np.float32)[:, None] + along_column.astype(np.float32)
        for amplitude, (g_row, g_column) in zip(exponentials, self.gradients[3:], strict=True):
            if amplitude > 0:
                image += np.outer((amplitude * np.exp(g_row * v)).astype(np.float32), np.exp(g_column * u))
        if glow > 0:
            image += np.float32(glow) * self._glow(row, column)
        image *= (1 + self.straps[column - FIRST_SCIENCE_COLUMN]).astype(np.float32)
        return image

    def _glow(self, row: npt.NDArray[np.int64], column: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Pattern of the glow, 1 at the corner of the CCD that is farthest from the camera axis."""
        corners = np.hypot(
            np.subtract.outer([0, N_SCIENCE_ROWS - 1], [self.axis[0]]),
            np.array([FIRST_SCIENCE_COLUMN, FIRST_SCIENCE_COLUMN + N_SCIENCE_COLUMNS - 1]) - self.axis[1],
        )
        from_axis_row = (row - self.axis[0]).astype(np.float32)
        from_axis_column = (column - self.axis[1]).astype(np.float32)
        beyond: npt.NDArray[np.float32] = np.sqrt(from_axis_row[:, None] ** 2 + from_axis_column**2)
        beyond -= np.float32(_GLOW_START_PIX)
        np.maximum(beyond, 0, out=beyond)
        beyond *= np.float32(1 / (corners.max() - _GLOW_START_PIX))
        beyond *= beyond
        return beyond


def draw_light(settings: CcdSettings, time: _Floats, rng: np.random.Generator) -> CcdLight:
    """Draw the background of a CCD.

    The sky is constant, scattered light and glow change with the orbit. The glare lasts some frames, is not the same in
    two of them and turns its direction; the flash comes and goes from one frame to the next.
    """
    n_cadence = settings.n_cadence
    orbit = 2 * np.pi * (time / _ORBIT_D + rng.random())
    slow = 1 + 0.6 * np.sin(orbit) + 0.2 * np.sin(2 * np.pi * time)
    glow = 1 + 0.3 * np.cos(orbit)
    cadence = np.arange(n_cadence)
    width = max(0.03 * n_cadence, 1.0)
    middle = rng.uniform(0.3, 0.7) * (n_cadence - 1)
    flicker = np.clip(1 + settings.flicker * rng.normal(size=n_cadence), 0.2, None)
    episode = settings.glare * flicker * np.exp(-0.5 * ((cadence - middle) / width) ** 2)
    episode[episode < 1e-3 * settings.glare] = 0.0
    turned = np.clip(0.5 + (cadence - middle) / (4 * width), 0.0, 1.0)
    start = (middle + (n_cadence / 3 if middle < n_cadence / 2 else -n_cadence / 3)) // 1
    flash = (cadence >= start) & (cadence < start + max(n_cadence // 20, 1))
    steepness, angle = N_SCIENCE_ROWS / 2 / settings.glare_scale_pix, rng.uniform(0, 2 * np.pi)
    angles = angle + np.array([0.0, 0.0, 0.0, 1.0, 2.5])
    gradients = np.zeros((len(PATTERNS), 2))
    gradients[0] = rng.uniform(-_SLOPE, _SLOPE, 2)
    gradients[1] = steepness * np.sin(angles[0]), steepness * np.cos(angles[0])
    gradients[3:] = steepness * np.stack([np.sin(angles[2:]), np.cos(angles[2:])], axis=1)
    amplitudes = np.stack(
        [
            np.full(n_cadence, settings.sky),
            settings.scattered_light * slow,
            settings.corner_glow * glow,
            episode * (1 - turned),
            episode * turned * _TURNED_SHARE,
            settings.glare * _FLASH_SHARE * flash,
        ],
        axis=1,
    )
    curvature = rng.uniform(-_CURVATURE, _CURVATURE)
    return CcdLight(amplitudes, gradients, curvature, camera_centre(settings.ccd), _straps(settings, rng))


def _straps(settings: CcdSettings, rng: np.random.Generator) -> _Floats:
    """Excess in every science column: pairs of adjacent columns, each pair of its own strength."""
    straps = np.zeros(N_SCIENCE_COLUMNS)
    first = 2 * rng.permutation(N_SCIENCE_COLUMNS // 2)[: settings.n_straps // 2]
    strength = settings.strap_excess * rng.uniform(0.3, 1.7, len(first))
    straps[first], straps[first + 1] = strength, strength
    return straps
