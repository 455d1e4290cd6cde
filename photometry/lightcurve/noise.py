"""Noise that is expected of an isolated star, for comparison with what is measured."""

import numpy as np
import numpy.typing as npt

from photometry.core.cube import Exposure
from photometry.core.stars import flux_of_tmag

__all__ = ["BOUND_PPM", "NOISE_PIXELS", "expected_noise"]

#: Pixels whose sky and read noise a PRF fit collects: 1 / sum of the squared PRF. Mean over places and phases: 7.7 with
#: the SPOC PRF of camera 4, CCD 2 (sector 1), 10.0 with that of camera 2, CCD 3 (sector 4 on).
NOISE_PIXELS = 9.0
#: Cramer-Rao bound of the joint fit with the true PRF and motion: Tmag and noise of one hour in ppm, isolated star
#: on a sky of 100 e-/s per pixel (docs/architecture.md).
BOUND_PPM = ((8.0, 64.0), (10.0, 174.0), (12.0, 541.0), (14.0, 2249.0), (16.0, 12390.0))

_SECONDS_PER_HOUR = 3600.0
_PPM = 1e6


def expected_noise(
    tmag: npt.ArrayLike, exposure: Exposure, sky: float, hours: float | None = None
) -> npt.NDArray[np.float64]:
    """Return the noise by photons of star and sky and by read noise.

    Parameters
    ----------
    tmag : array_like
        TESS magnitudes.
    exposure : Exposure
        Exposure and readout of a cadence; the read noise is the mean of the outputs.
    sky : float
        Background per pixel, e-/s.
    hours : float, optional
        Time over which cadences are averaged, h [default: one cadence].

    Returns
    -------
    array of float64
        Relative standard deviation, ppm.
    """
    flux = flux_of_tmag(tmag)
    read = exposure.num_readouts * np.mean(np.square(exposure.read_noise_e)) / exposure.exposure_s**2
    variance = flux / exposure.exposure_s + NOISE_PIXELS * (max(sky, 0.0) / exposure.exposure_s + read)
    n_cadence = 1.0 if hours is None else max(1.0, hours * _SECONDS_PER_HOUR / exposure.cadence_s)
    noise: npt.NDArray[np.float64] = _PPM * np.sqrt(variance / n_cadence) / flux
    return noise
