"""Simulated frames of part of a CCD, with all that a background is made of."""

import numpy as np

from photometry.background.cell_grid import background_grid
from photometry.background.starlight import catalogue_light, star_mask
from photometry.core.geometry import Stamp, camera_centre
from photometry.prf.model import model_prf

#: The outer quarter of CCD 2: rows from 0, away from the camera's centre.
CORNER = Stamp(0, 1024, 1068, 2092)
#: A 200-s frame: 158.4 s of light, 80 readouts with 10 e- of noise each.
EXPOSURE_S, READ_VARIANCE = 158.4, 80 * 10**2 / 158.4**2
STRAPS = np.array([40, 41, 300, 301, 720])
STRAP_EXCESS = 0.02


def grid_of(stamp=CORNER):
    return background_grid(stamp, camera_centre(2))


def true_background(stamp=CORNER, sky=150.0, glow=400.0, scattered=0.0, angle=0.5, straps=False):
    """Zodiacal light with a gentle slope, the glow of the corner, scattered light from one side, straps; e-/s."""
    row, column = np.mgrid[stamp.row_min : stamp.row_max, stamp.col_min : stamp.col_max].astype(float)
    radius = np.hypot(row - camera_centre(2)[0], column - camera_centre(2)[1])
    light = sky * (1 + 1e-4 * (row - 500) - 5e-5 * (column - 1500) + 5e-8 * (row - 900) ** 2)
    light += glow * np.exp((radius - 2970) / 90)
    light += scattered * np.exp(-(row * np.sin(angle) + (column - 1068) * np.cos(angle)) / 500)
    if straps:
        light[:, STRAPS] *= 1 + STRAP_EXCESS
    return light


def star_field(stamp=CORNER, density=300.0, tmag_limit=17.0, seed=5):
    """Rows, columns and magnitudes of stars; `density` counts those brighter than T=16 in a square degree."""
    rng = np.random.default_rng(seed)
    n_star = int(density * stamp.n_pixel / (3600 / 21) ** 2 * 10 ** (0.33 * (tmag_limit - 16)))
    tmag = np.maximum(tmag_limit + np.log10(rng.uniform(1e-12, 1, n_star)) / 0.33, 5.0)
    row = rng.uniform(stamp.row_min - 10, stamp.row_max + 10, n_star)
    return row, rng.uniform(stamp.col_min - 10, stamp.col_max + 10, n_star), tmag


def starlight(stars, stamp=CORNER):
    """Light of stars and their mask."""
    return catalogue_light(model_prf(), stamp, *stars), star_mask(stamp, *stars)


def frame(light, seed=1):
    """What is measured of noiseless light: with photon and read noise, at most full well."""
    noise = np.random.default_rng(seed).normal(size=light.shape) * np.sqrt(light / EXPOSURE_S + READ_VARIANCE)
    return np.minimum(light + noise, 1e5).astype(np.float32)
