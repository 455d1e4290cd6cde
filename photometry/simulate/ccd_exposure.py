"""From light to a full-frame image: noise, cosmic rays, saturation, and the pixels that see no sky."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from photometry.core.constants import (
    FIRST_SCIENCE_COLUMN,
    FRAME_SHAPE,
    INT_TIME_S,
    N_SCIENCE_COLUMNS,
    N_SCIENCE_ROWS,
    OUTPUTS,
    READ_TIME_S,
)
from photometry.simulate.ccd_settings import CcdSettings
from photometry.simulate.pixel_defects import COSMIC_RAY_E, COSMIC_RAY_LOG_SCATTER, bleed

__all__ = ["SMEAR_ROWS", "SimulatedFrame", "cosmic_rays", "expose"]

_Image = npt.NDArray[np.float32]

#: 0-based rows that collect light only while the image is moved away (keys SMROWS and SMROWE, less 1 and 0).
SMEAR_ROWS = slice(2058, 2068)
#: Virtual columns of each output before and behind the science area (keys LVCSA to LVCED).
_VIRTUAL_COLUMNS = 11


@dataclass(frozen=True, slots=True)
class SimulatedFrame:
    """A full-frame image.

    Parameters
    ----------
    cadence : int
        Index of the cadence.
    image : (2078, 2136) float32
        e-/s; the science area is rows 0 to 2047, columns 44 to 2091.
    errors : (2078, 2136) float32
        Errors of all pixels, e-/s; of those beside the science area the read noise.
    """

    cadence: int
    image: _Image
    errors: _Image


def expose(
    settings: CcdSettings,
    cadence: int,
    light: _Image,
    hits: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]],
    rng: np.random.Generator,
) -> SimulatedFrame:
    """Make a frame; photon noise is Gaussian, which counts of 1e4 and more electrons hardly tell from Poisson's.

    Parameters
    ----------
    settings : CcdSettings
        Exposure, noise, saturation.
    cadence : int
        Index of the cadence.
    light : (2048, 2048) float32
        Noiseless light of the science area, e-/s; used up.
    hits : (row, column, charge)
        Cosmic rays: places in the science area and charge, e-.
    rng : Generator
        Random numbers.
    """
    exposure = settings.exposure
    if settings.saturation:
        saturated = np.flatnonzero((light > settings.full_well_e_s).any(axis=0))
        full = light[:, saturated].astype(np.float64)[None]
        bleed(full, settings.full_well_e_s)
        light[:, saturated] = full[0]
    # A spline goes slightly below zero at the PRF's edge; the sum of all light does not in a real sky.
    np.maximum(light, 0, out=light)
    smear = light.mean(axis=0) * np.float32(READ_TIME_S / INT_TIME_S)
    columns = np.arange(FIRST_SCIENCE_COLUMN, FIRST_SCIENCE_COLUMN + N_SCIENCE_COLUMNS)
    read_variance = exposure.read_variance(columns).astype(np.float32)
    per_second = np.float32(1 / exposure.exposure_s)
    if settings.noise:
        sigma = np.sqrt(light * per_second + read_variance)
        sigma *= rng.standard_normal(light.shape, dtype=np.float32)
        light += sigma
    row, column, charge = hits
    np.add.at(light, (row, column), (charge / exposure.exposure_s).astype(np.float32))
    errors = np.sqrt(np.maximum(light, 0) * per_second + read_variance)
    return SimulatedFrame(cadence, _with_collateral(settings, light, smear, rng), _whole_errors(settings, errors))


def _with_collateral(settings: CcdSettings, science: _Image, smear: _Image, rng: np.random.Generator) -> _Image:
    """Put the science area between virtual columns and below buffer, smear and virtual rows."""
    first, last = FIRST_SCIENCE_COLUMN, FIRST_SCIENCE_COLUMN + N_SCIENCE_COLUMNS
    image = np.zeros(FRAME_SHAPE, dtype=np.float32)
    image[SMEAR_ROWS, first:last] = smear
    if settings.noise:
        sigma = _read_noise(settings)
        for part in (np.s_[:, :first], np.s_[:, last:], np.s_[N_SCIENCE_ROWS:, first:last]):
            image[part] += rng.standard_normal(image[part].shape, dtype=np.float32) * sigma[part[1]]
    image[:N_SCIENCE_ROWS, first:last] = science
    return image


def _read_noise(settings: CcdSettings) -> _Image:
    """Read noise of a frame's columns, virtual ones too, e-/s: (2136,)."""
    virtual = np.repeat(np.arange(len(OUTPUTS)), _VIRTUAL_COLUMNS)
    science_outputs = np.repeat(np.arange(len(OUTPUTS)), N_SCIENCE_COLUMNS // len(OUTPUTS))
    outputs = np.concatenate([virtual, science_outputs, virtual])
    exposure = settings.exposure
    sigma = np.sqrt(exposure.num_readouts) * np.asarray(exposure.read_noise_e)[outputs] / exposure.exposure_s
    return np.asarray(sigma, dtype=np.float32)


def _whole_errors(settings: CcdSettings, science: _Image) -> _Image:
    """Return the errors of all pixels of a frame."""
    errors = np.tile(_read_noise(settings), (FRAME_SHAPE[0], 1))
    errors[:N_SCIENCE_ROWS, FIRST_SCIENCE_COLUMN : FIRST_SCIENCE_COLUMN + N_SCIENCE_COLUMNS] = science
    return errors


def cosmic_rays(
    settings: CcdSettings, rng: np.random.Generator
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Draw the cosmic rays of a frame: row and column in the science area, charge in e-, (n_hit,) each."""
    n_hit = rng.poisson(settings.cosmic_ray_fraction * N_SCIENCE_ROWS * N_SCIENCE_COLUMNS)
    row = rng.integers(0, N_SCIENCE_ROWS, n_hit)
    column = rng.integers(0, N_SCIENCE_COLUMNS, n_hit)
    return row, column, COSMIC_RAY_E * np.exp(COSMIC_RAY_LOG_SCATTER * rng.normal(size=n_hit))
