"""Cramer-Rao bound of the joint fit: what no unbiased estimate can beat, PRF, motion and background known.

The Fisher matrix of the fluxes is F = A^T W A, with the pixels' exact PRF values A and inverse variances W; the bound
is sqrt(diag(F^-1)) (Kay 1993, Fundamentals of Statistical Signal Processing, section 3.7).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from benchmarks.fields import Field
from photometry.geometry import Stamp, tiles_of
from photometry.normal import inverse
from photometry.prf import FOOTPRINT, PrfEvaluator
from photometry.region_tiles import PRF_REACH
from photometry.settings import FitSettings
from photometry.stars import Stars

__all__ = ["Bound", "cramer_rao_bound", "design_matrix"]

#: Largest number of stars per pixel for which fluxes without any prior can be told.
_MOST_STARS_PER_PIXEL = 0.5


@dataclass(frozen=True, slots=True)
class Bound:
    """Bounds of the standard error of stars' fluxes in the mean unflagged cadence.

    Parameters
    ----------
    starid : (n_star,) int64
        The stars.
    free : (n_star,) float64
        Without priors, e-/s; NaN where there are too many stars for the pixels.
    held : (n_star,) float64
        With the fit's weak priors on all other stars, e-/s.
    """

    starid: npt.NDArray[np.int64]
    free: npt.NDArray[np.float64]
    held: npt.NDArray[np.float64]


def design_matrix(stars: Stars, prf: PrfEvaluator, stamp: Stamp) -> sparse.csr_matrix:
    """Return the share of each star's light in each pixel of a stamp, (n_pixel, n_star) float64."""
    first_row, first_column, values = prf.evaluate(stars.row, stars.column)
    n_row, n_column = stamp.shape
    row = (first_row - stamp.row_min)[:, None, None] + np.arange(FOOTPRINT)[:, None]
    column = (first_column - stamp.col_min)[:, None, None] + np.arange(FOOTPRINT)
    inside = (row >= 0) & (row < n_row) & (column >= 0) & (column < n_column)
    pixel = (row * n_column + column)[inside]
    star = np.broadcast_to(np.arange(len(stars))[:, None, None], inside.shape)[inside]
    return sparse.csr_matrix((values[:, 0, 0][inside], (pixel, star)), shape=(stamp.n_pixel, len(stars)))


def cramer_rao_bound(field: Field) -> Bound:
    """Work out the bound tile by tile, for the stars and the pixels that the fit has."""
    settings, prf = FitSettings(), PrfEvaluator(field.true)
    tiles = tiles_of(field.cube.stamp, settings.joint_size, settings.tile_margin)
    parts = [_bound_of_tile(field, tile.core, tile.stamp, prf) for tile in tiles]
    return Bound(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def _bound_of_tile(
    field: Field, core: Stamp, stamp: Stamp, prf: PrfEvaluator
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Star numbers in the core and their bounds, without and with priors."""
    settings, scene, stars = FitSettings(), field.scene, field.scene.stars
    near = stamp.border_distance(stars.row, stars.column) > -PRF_REACH
    stars, flux = stars.select(near), scene.flux[near].mean(axis=1, dtype=np.float64)
    light = design_matrix(stars, prf, stamp)
    cube = field.true_cube.cut(stamp)
    sky = cube.backgrounds[field.good].mean(axis=0, dtype=np.float64).ravel()
    read = np.tile(cube.exposure.read_variance(np.arange(stamp.col_min, stamp.col_max)), stamp.shape[0])
    variance = np.maximum(light @ flux + sky, 0.0) / cube.exposure.exposure_s + read
    is_free = stars.tmag < settings.tmag_limit
    design, flux, stars = light[:, is_free], flux[is_free], stars.select(is_free)
    fisher = (design.T @ sparse.diags(1 / variance) @ design).toarray()
    in_core = core.contains(stars.row, stars.column)
    free = np.full(len(stars), np.nan)
    if len(stars) < _MOST_STARS_PER_PIXEL * stamp.n_pixel:
        free = np.sqrt(np.diag(inverse(fisher)))
    precision = 1 / (settings.prior_width * flux) ** 2
    posterior = np.diag(inverse(fisher + np.diag(precision)))
    held = np.sqrt(posterior / (1 - precision * posterior))
    return stars.starid[in_core], free[in_core], held[in_core]
