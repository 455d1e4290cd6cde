"""How far the stars of an image are from where a catalogue has them: tells a wrong WCS."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft

__all__ = ["StarOffset", "star_offset"]

#: Light from which pixels count by its logarithm, e-/s: a bright star tells no more than others.
_SOFT_E_S = 10.0
#: Stars are said to be as far from their places as this, pixels: catalogue, WCS and motion are that good.
_HERE_PIX = 2
#: Correlation that is no accident, in standard deviations over all shifts; of a million shifts the largest reaches 5.
_SIGNIFICANT = 10.0


@dataclass(frozen=True, slots=True)
class StarOffset:
    """Where an image agrees best with a catalogue.

    Parameters
    ----------
    rows, columns : int
        Stars are so many pixels after their places; up to half of the image.
    there, here : float
        Agreement for this shift, and the best within two pixels of none, in standard deviations over all shifts.
    """

    rows: int
    columns: int
    there: float
    here: float

    @property
    def is_known(self) -> bool:
        """Whether image and catalogue agree anywhere."""
        return self.there > _SIGNIFICANT

    @property
    def is_wrong(self) -> bool:
        """Whether the stars are elsewhere than the catalogue says."""
        return self.is_known and self.here < self.there / 2


def star_offset(found: npt.NDArray[np.float32], expected: npt.NDArray[np.float32]) -> StarOffset:
    """Find the shift by which an image agrees best with the light that the catalogue says.

    Parameters
    ----------
    found : (n_row, n_column) float32
        Light of stars, e-/s; NaN where not measured.
    expected : (n_row, n_column) float32
        Light of the catalogue's stars, e-/s.

    Notes
    -----
    The cyclic correlation of both, by fast Fourier transforms; pixels count by arsinh of their light.
    """
    one, other = (fft.rfft2(_compressed(image), workers=1) for image in (found, expected))
    agreement: npt.NDArray[np.float32] = fft.irfft2(one * np.conj(other), s=found.shape, workers=1)
    agreement /= max(float(agreement.std()), float(np.finfo(np.float32).tiny))
    row, column = np.unravel_index(int(np.argmax(agreement)), agreement.shape)
    near = np.arange(-_HERE_PIX, _HERE_PIX + 1)
    return StarOffset(
        rows=_signed(int(row), found.shape[0]),
        columns=_signed(int(column), found.shape[1]),
        there=float(agreement[row, column]),
        here=float(agreement[np.ix_(near, near)].max()),
    )


def _compressed(image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    light = np.arcsinh(np.nan_to_num(image, nan=0.0, posinf=0.0, neginf=0.0) / np.float32(_SOFT_E_S))
    return np.asarray(light - light.mean(), dtype=np.float32)


def _signed(shift: int, size: int) -> int:
    return shift - size if shift > size // 2 else shift
