"""What is wrong with real pixels: saturation, cosmic rays, missing and dead pixels."""

import numpy as np
import numpy.typing as npt

from photometry.simulate.scene_settings import SceneSettings

__all__ = ["COSMIC_RAY_E", "COSMIC_RAY_LOG_SCATTER", "bleed", "deface"]

#: Charge of a cosmic ray: median, e-, and scatter of its natural logarithm.
COSMIC_RAY_E, COSMIC_RAY_LOG_SCATTER = 3000.0, 1.0


def bleed(images: npt.NDArray[np.float64], full_well: float) -> None:
    """Let charge above full well flow along the columns, half each way, in place.

    Parameters
    ----------
    images : (n_cadence, n_row, n_column) float64
        e-/s; charge that flows beyond the first or last row is lost.
    full_well : float
        Flux of a full pixel, e-/s.
    """
    for cadence, column in np.argwhere((images > full_well).any(axis=1)):
        line = images[cadence, :, column]
        for row in np.flatnonzero(line > full_well):
            excess = (line[row] - full_well) / 2
            line[row] = full_well
            _pour(line[row + 1 :], excess, full_well)
            _pour(line[:row][::-1], excess, full_well)


def _pour(line: npt.NDArray[np.float64], charge: float, full_well: float) -> None:
    """Fill pixels one after the other, in place; pixels that are still to bleed themselves are passed."""
    for k in range(len(line)):
        taken = min(max(full_well - line[k], 0.0), charge)
        line[k] += taken
        charge -= taken
        if charge <= 0:
            return


def deface(
    settings: SceneSettings,
    pixels: npt.NDArray[np.float32],
    errors: npt.NDArray[np.float32],
    rng: np.random.Generator,
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Add cosmic rays, NaNs, dead pixels and rows without a time, in place.

    Parameters
    ----------
    settings : SceneSettings
        How many of each.
    pixels, errors : (n_cadence, n_row, n_column) float32
        e-/s.
    rng : Generator
        Random numbers.

    Returns
    -------
    untimed : (n_cadence,) bool
        Cadences without a time; their pixels are NaN.
    cosmic_rays : (n_hit, 3) int64
        Cadence, row and column of the hits.
    dead : (n_row, n_column) bool
        Pixels without response (even ones in the order of drawing) or without any value (odd ones).
    """
    exposure_s = settings.exposure.exposure_s
    hits = rng.random(pixels.shape, dtype=np.float32) < settings.cosmic_ray_fraction
    cosmic_rays = np.argwhere(hits)
    charge = COSMIC_RAY_E * np.exp(COSMIC_RAY_LOG_SCATTER * rng.normal(size=len(cosmic_rays)))
    pixels[hits] += (charge / exposure_s).astype(np.float32)
    errors[hits] = np.sqrt(errors[hits] ** 2 + charge / exposure_s**2)
    missing = rng.random(pixels.shape, dtype=np.float32) < settings.nan_fraction
    pixels[missing], errors[missing] = np.nan, np.nan
    dead = np.zeros(pixels.shape[1:], dtype=bool)
    for k, flat in enumerate(rng.permutation(dead.size)[: settings.dead_pixels]):
        row, column = np.unravel_index(flat, dead.shape)
        dead[row, column] = True
        if k % 2:
            pixels[:, row, column], errors[:, row, column] = np.nan, np.nan
        else:
            noise = settings.read_noise_e[0] * np.sqrt(settings.exposure.num_readouts) / exposure_s
            pixels[:, row, column] = rng.normal(0, noise, len(pixels))
            errors[:, row, column] = noise
    untimed = rng.random(len(pixels)) < settings.untimed_fraction
    pixels[untimed], errors[untimed] = np.nan, np.nan
    return untimed, cosmic_rays, dead
