"""A PRF for when no SPOC files are at hand: parametric, TESS-like, different at each place of the CCD.

The light before the pixel is a sum of round Gaussians: a core that widens with the distance from the camera axis, a
tail of blobs that points away from the axis (coma; in real PRFs it lies along that line, in some cameras towards the
axis), a short trail along the column (charge transfer), and wide, faint
wings. The integral of a Gaussian over a pixel is a product of error functions, so the samples are exact.
"""

import numpy as np
import numpy.typing as npt
from scipy import special

from photometry.core.constants import PRF_SAMPLES_PER_PIXEL
from photometry.core.geometry import camera_centre
from photometry.prf.prf_grid import PRF_COLUMNS, PRF_ROWS, PrfGrid

__all__ = ["is_model", "model_prf"]


_SOURCE = "model"
#: Samples per axis: 13 pixels.
_N_SAMPLE = 13 * PRF_SAMPLES_PER_PIXEL
#: Width of the core at the camera axis, and what the corner opposite to it adds, pixels.
_CORE_PIX, _CORE_GROWTH_PIX = 0.55, 0.16
#: Shares of the light and widths in units of the core's.
_TAIL_SHARES, _TAIL_WIDTHS = (0.13, 0.06), (1.25, 1.7)
#: Distance of the tail's blobs from the core at the axis and what the far corner adds, pixels.
_TAIL_PIX, _TAIL_GROWTH_PIX = (0.15, 0.3), (0.55, 1.1)
_TRAIL_SHARE, _TRAIL_PIX, _TRAIL_WIDTH_PIX = 0.025, 1.3, 0.7
_HALO_SHARE, _HALO_WIDTH_PIX = 0.07, 1.9
_WING_SHARE, _WING_WIDTH_PIX = 0.025, 4.2


def model_prf(ccd: int = 2) -> PrfGrid:
    """Return the built-in PRF at the 25 places of the SPOC files, in the same form.

    Parameters
    ----------
    ccd : int
        1 to 4: the camera axis is beyond the last column of CCDs 1 and 3, before the first one of CCDs 2 and 4.

    Returns
    -------
    PrfGrid
        Samples one pixel apart sum to 1 at every phase; uncertainties are zero.
    """
    axis = camera_centre(ccd)
    samples = np.array([[_samples_at(row, column, axis) for column in PRF_COLUMNS] for row in PRF_ROWS])
    return PrfGrid(
        rows=np.array(PRF_ROWS),
        columns=np.array(PRF_COLUMNS),
        samples=samples,
        errors=np.zeros_like(samples),
        source=_SOURCE,
    )


def is_model(prf: PrfGrid) -> bool:
    """Tell whether a PRF is the built-in one, or was learnt from it."""
    return prf.source.partition(",")[0] == _SOURCE


def _samples_at(row: float, column: float, axis: tuple[float, float]) -> npt.NDArray[np.float64]:
    """Pixel-integrated PRF at a place of the CCD: (n_sample, n_sample), axes row and column of ``pixel - star``."""
    away = np.array([row - axis[0], column - axis[1]])
    distance = float(np.hypot(*away))
    part = distance / max(np.hypot(axis[0] - PRF_ROWS[0], axis[1] - corner) for corner in PRF_COLUMNS)
    direction = away / distance
    core = _CORE_PIX + _CORE_GROWTH_PIX * part
    blobs = [
        (share, width * core, *((near + growth * part) * direction))
        for share, width, near, growth in zip(_TAIL_SHARES, _TAIL_WIDTHS, _TAIL_PIX, _TAIL_GROWTH_PIX, strict=True)
    ]
    blobs.append((_TRAIL_SHARE, _TRAIL_WIDTH_PIX, _TRAIL_PIX, 0.0))
    blobs.append((_HALO_SHARE, _HALO_WIDTH_PIX, 0.0, 0.0))
    blobs.append((_WING_SHARE, _WING_WIDTH_PIX, 0.0, 0.0))
    blobs.append((1 - sum(blob[0] for blob in blobs), core, 0.0, 0.0))
    total = np.zeros((_N_SAMPLE, _N_SAMPLE))
    for share, width, row_center, column_center in blobs:
        total += share * np.outer(_in_pixel(width, row_center), _in_pixel(width, column_center))
    return _normalised(total)


def _in_pixel(width: float, center: float) -> npt.NDArray[np.float64]:
    """Integral of a Gaussian at `center` over the pixel around each sample, (n_sample,)."""
    offset = (np.arange(_N_SAMPLE) - _N_SAMPLE // 2) / PRF_SAMPLES_PER_PIXEL - center
    edge = np.sqrt(2) * width
    integral: npt.NDArray[np.float64] = 0.5 * (special.erf((offset + 0.5) / edge) - special.erf((offset - 0.5) / edge))
    return integral


def _normalised(samples: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Scale samples so that those one pixel apart sum to 1: the light outside the 13 pixels is a smooth 0.3 %."""
    step = PRF_SAMPLES_PER_PIXEL
    phased = samples.reshape(_N_SAMPLE // step, step, _N_SAMPLE // step, step)
    scaled: npt.NDArray[np.float64] = phased / phased.sum(axis=(0, 2), keepdims=True)
    return scaled.reshape(samples.shape)
