"""What the stars of a CCD share and no fit can know: sensitivity, thermal ramps, jumps, rests of scattered light.

Relative changes are smooth in place, rests of scattered light are added per pixel and so count for more in faint stars.
Each star has its own share besides, as real ones do (Smith et al. 2012, PASP 124, 1000, section 3).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["SharedLight", "SharedSystematics", "shared_light"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedSystematics:
    """Sizes of shared systematics.

    Parameters
    ----------
    sensitivity, ramp, jump : float
        Standard deviation of the slow change of sensitivity, height of the ramp at the begin of an orbit, height of a
        jump: shares of the flux.
    scattered : float
        Rest of scattered light at the ends of the orbits, e-/s in the light of a star.
    gradient : float
        How much these differ from one side of the field to the other, as a share of themselves.
    own : float
        Standard deviation of a star's own share in each, about that of its place.
    pause : float
        Pause between the orbits, in the middle, d.
    """

    sensitivity: float = 0.001
    ramp: float = 0.002
    jump: float = 0.001
    scattered: float = 2.0
    gradient: float = 0.5
    own: float = 0.05
    pause: float = 1.0

    @classmethod
    def of_size(cls, size: float) -> "SharedSystematics":
        """Return systematics whose ramp is so large, as a share of the flux, and all others in proportion."""
        return cls(sensitivity=0.7 * size, ramp=size, jump=0.5 * size, scattered=1000 * size)


@dataclass(frozen=True, slots=True)
class SharedLight:
    """What shared systematics add to the fluxes of stars, as shares in a few series.

    Parameters
    ----------
    shares : (n_star, 4) float64
        What each star has of sensitivity, ramp, jump and scattered light, e-/s.
    series : (4, n_cadence) float64
        These.
    """

    shares: Array
    series: Array

    def total(self) -> Array:
        """Return what is added to all stars in all cadences, (n_star, n_cadence), e-/s."""
        return np.asarray(self.shares @ self.series)

    def in_cadence(self, cadence: int) -> Array:
        """Return what is added to all stars in a cadence, (n_star,), e-/s."""
        return np.asarray(self.shares @ self.series[:, cadence])


def shared_light(
    time: Array, row: Array, column: Array, flux: Array, settings: SharedSystematics, rng: np.random.Generator
) -> SharedLight:
    """Draw shared systematics.

    Parameters
    ----------
    time : (n_cadence,) float64
        Times, d, increasing.
    row, column : (n_star,) float64
        Places, pixels.
    flux : (n_star,) float64
        Mean fluxes, e-/s.
    settings : SharedSystematics
        Sizes.
    rng : Generator
        Source of random numbers.
    """
    series = _series(time, settings, rng)
    sizes = np.array([settings.sensitivity, settings.ramp, settings.jump, settings.scattered])
    places = np.stack([_across(row), _across(column)])
    slopes = settings.gradient * rng.uniform(-1, 1, (len(sizes), 2))
    share = sizes * (1 + (slopes @ places).T) * (1 + settings.own * rng.standard_normal((len(row), len(sizes))))
    share[:, :3] *= flux[:, None]
    return SharedLight(share, series)


def _across(values: Array) -> Array:
    """Place from -1/2 to 1/2 over the field."""
    width = max(np.ptp(values), 1.0)
    return np.asarray((values - values.min()) / width - 0.5)


def _series(time: Array, settings: SharedSystematics, rng: np.random.Generator) -> Array:
    """Series of sensitivity, ramp, jump and scattered light, (4, n_cadence)."""
    span = max(time[-1] - time[0], 1e-9)
    phase = (time - time[0]) / span
    modes = np.arange(1, 9)
    waves = np.cos(np.pi * np.outer(modes, phase) + rng.uniform(0, 2 * np.pi, (len(modes), 1)))
    sensitivity = (rng.standard_normal(len(modes)) / modes) @ waves
    sensitivity = (sensitivity - sensitivity.mean()) / max(sensitivity.std(), 1e-12)
    middle = time[0] + span / 2 + settings.pause / 2 * np.array([-1, 1])
    second = time > middle.mean()
    since = np.where(second, time - middle[1], time - time[0])
    ramp = np.exp(-np.maximum(since, 0.0) / rng.uniform(1.0, 3.0)) * np.where(second, rng.uniform(0.5, 1.5), 1.0)
    jump = (time > time[0] + span * rng.uniform(0.15, 0.85)).astype(np.float64)
    left = np.where(second, time[-1] - time, middle[0] - time)
    scattered = np.exp(-0.5 * (np.maximum(left, 0.0) / rng.uniform(0.7, 1.5)) ** 2)
    return np.stack([sensitivity, ramp, jump, scattered])
