"""Movement kernel: offset of the stars from their catalogue positions as a function of time and position.

    row shift    = offset_row    + a0 + a1 v + a2 u
    column shift = offset_column + b0 + b1 v + b2 u

with v, u = (row - center_row, column - center_column) / scale. What else changes the images of all stars alike comes
with it: the second moments m_rr, m_rc, m_cc of the PRF (focus, jitter within an exposure).
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

__all__ = [
    "LARGEST_SHIFT",
    "LINEAR",
    "N_AFFINE",
    "N_MOTION",
    "SHIFTS",
    "MovementKernel",
    "interpolated",
    "parameters_of_shifts",
]

#: Parameters of the affine motion: a0, a1, a2, b0, b1, b2; with the second moments m_rr, m_rc, m_cc after them.
N_AFFINE, N_MOTION = 6, 9
#: Index of the shifts and of the linear terms among them.
SHIFTS, LINEAR = [0, 3], [1, 2, 4, 5]
#: Error of moments that are held at zero, at most, pixels^2: they are known to 1e-5 at best.
_HELD_MOMENT = 1e-6
#: Largest credible shift of a cadence, pixels.
LARGEST_SHIFT = 2.0


@dataclass(frozen=True, slots=True)
class MovementKernel:
    """Affine motion of a region and change of its PRF's second moments, one set of parameters per cadence.

    Parameters
    ----------
    center : (row, column)
        0-based CCD position about which the motion is expanded, pixels.
    scale : float
        Length by which distances from the centre are divided, pixels.
    offset : (row, column)
        Constant distance between the pixels' stars and their catalogue positions through the WCS, pixels.
    parameters : (n_cadence, N_MOTION) float64
        a0, a1, a2 (row), b0, b1, b2 (column), in pixels, zero mean shift over the good cadences; m_rr, m_rc, m_cc, in
        pixels^2.
    covariance : (n_cadence, N_MOTION, N_MOTION) float64
        Covariance of the parameters.
    bad : (n_cadence,) bool
        Cadences whose motion could not be measured (interpolated there).
    source : str
        ``pixels``, ``pos_corr``, ``wcs`` or ``unchanged``.
    table_doubt : str
        Why the star table may not fit the pixels (`photometry.calibration.table_verdict`); empty where it does.
    """

    center: tuple[float, float]
    scale: float
    offset: tuple[float, float]
    parameters: npt.NDArray[np.float64]
    covariance: npt.NDArray[np.float64]
    bad: npt.NDArray[np.bool_]
    source: str
    table_doubt: str = ""

    def __post_init__(self) -> None:
        n_cadence = len(self.bad)
        shape = (n_cadence, N_MOTION)
        if self.parameters.shape != shape or self.covariance.shape != (*shape, N_MOTION):
            raise ValueError(
                f"{n_cadence} cadences need parameters {shape} and covariance {(*shape, N_MOTION)}, "
                f"got {self.parameters.shape} and {self.covariance.shape}"
            )

    @property
    def has_moments(self) -> bool:
        """Whether second moments were measured: they are held at zero otherwise."""
        of_moments = self.covariance[:, N_AFFINE:, N_AFFINE:]
        return bool((np.diagonal(of_moments, axis1=1, axis2=2) > _HELD_MOMENT**2).any())

    def of_cadences(self, which: npt.NDArray[np.int64]) -> "MovementKernel":
        """Return the motion of some cadences."""
        return replace(self, parameters=self.parameters[which], covariance=self.covariance[which], bad=self.bad[which])

    def shifts(
        self, row: npt.ArrayLike, column: npt.ArrayLike
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return the shifts of stars, without the constant offset.

        Parameters
        ----------
        row, column : (n_star,) float64
            0-based CCD positions, pixels.

        Returns
        -------
        row_shift, column_shift : (n_star, n_cadence) float64
            Pixels.
        """
        v = (np.atleast_1d(np.asarray(row, dtype=np.float64)) - self.center[0]) / self.scale
        u = (np.atleast_1d(np.asarray(column, dtype=np.float64)) - self.center[1]) / self.scale
        terms = np.stack([np.ones_like(v), v, u], axis=1)
        return terms @ self.parameters[:, :3].T, terms @ self.parameters[:, 3:N_AFFINE].T


def parameters_of_shifts(affine: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the parameters (n_cadence, N_MOTION) of an affine motion (n_cadence, N_AFFINE) with a constant PRF."""
    return np.pad(affine, ((0, 0), (0, N_MOTION - N_AFFINE)))


def interpolated(parameters: npt.NDArray[np.float64], bad: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Return parameters of the motion (n_cadence, n) with those of bad cadences interpolated between the others."""
    index, filled = np.arange(len(bad)), parameters.copy()
    for k in range(parameters.shape[1]):
        filled[bad, k] = np.interp(index[bad], index[~bad], parameters[~bad, k])
    return filled
