"""Cramer-Rao bound of the joint fit: what no unbiased estimate can beat, PRF and background known.

The Fisher matrix of the fluxes is F = A^T W A, with the pixels' exact PRF values A and inverse variances W; the bound
is sqrt(diag(F^-1)) (Kay 1993, Fundamentals of Statistical Signal Processing, section 3.7). When the motion of the
cadence is not known either, it has to come from the same pixels: with their change M by the six parameters of an affine
motion, the bound's square grows by diag(R S^-1 R^T), where R = F^-1 A^T W M and S = M^T W M - M^T W A R.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import sparse

from benchmarks.fields import Field
from photometry.calibration.region_tiles import PRF_REACH
from photometry.core.geometry import Stamp
from photometry.core.linalg import inverse
from photometry.core.settings import FitSettings
from photometry.core.stars import Stars
from photometry.fit.subtiles import tile_parts
from photometry.prf.prf_grid import FOOTPRINT, PrfEvaluator

__all__ = ["Bound", "cramer_rao_bound", "design_matrix"]

#: Largest number of stars per pixel for which fluxes are constrained without any prior.
_MOST_STARS_PER_PIXEL = 0.5
#: Step of the derivatives of the PRF, pixels.
_STEP = 0.01


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
    moving : (n_star,) float64
        As `held`, when the cadence's motion has to be measured from the same pixels, e-/s.
    """

    starid: npt.NDArray[np.int64]
    free: npt.NDArray[np.float64]
    held: npt.NDArray[np.float64]
    moving: npt.NDArray[np.float64]


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
    """Compute the bound tile by tile, for the stars and the pixels of the fit; all tiles constrain the motion."""
    settings, prf = FitSettings(), PrfEvaluator(field.true)
    whole = field.cube.stamp
    cores = tile_parts(whole, whole, field.scene.stars, field.cube.n_cadence, settings)
    parts = [_bound_of_tile(field, core, core.grown(settings.tile_margin).clipped(whole), prf) for core in cores]
    starid, free, held, response = (np.concatenate([part[k] for part in parts]) for k in range(4))
    motion = inverse(np.sum([part[4] for part in parts], axis=0))
    moving = np.sqrt(held**2 + np.einsum("sj,jk,sk->s", response, motion, response))
    return Bound(starid, free, held, moving)


def _bound_of_tile(field: Field, core: Stamp, stamp: Stamp, prf: PrfEvaluator) -> tuple[npt.NDArray[np.generic], ...]:
    """Star numbers in the core, their bounds without and with priors, R of them, and S of the core's pixels."""
    settings, scene, stars = FitSettings(), field.scene, field.scene.stars
    near = stamp.border_distance(stars.row, stars.column) > -PRF_REACH
    stars, flux = stars.select(near), scene.flux[near].mean(axis=1, dtype=np.float64)
    light = design_matrix(stars, prf, stamp)
    cube = field.true_cube.cut(stamp)
    sky = cube.backgrounds[field.good].mean(axis=0, dtype=np.float64).ravel()
    read = np.tile(cube.exposure.read_variance(np.arange(stamp.col_min, stamp.col_max)), stamp.shape[0])
    weights = 1 / (np.maximum(light @ flux + sky, 0.0) / cube.exposure.exposure_s + read)
    moving = _change_by_motion(field, stars, flux, prf, stamp)
    is_free = stars.tmag < settings.tmag_limit
    design, flux, stars = light[:, is_free], flux[is_free], stars.select(is_free)
    fisher = _product(design, weights, design)
    in_core = core.contains(stars.row, stars.column)
    free = np.full(len(stars), np.nan)
    if len(stars) < _MOST_STARS_PER_PIXEL * stamp.n_pixel:
        free = np.sqrt(np.diag(inverse(fisher)))
    precision = 1 / (settings.prior_width * flux) ** 2
    covariance = inverse(fisher + np.diag(precision))
    without_prior = 1 - precision * np.diag(covariance)
    held = np.sqrt(np.diag(covariance) / without_prior)
    response = covariance @ _product(design, weights, moving) / without_prior[:, None]
    # A pixel counts once for the motion, whatever the margins.
    weights = weights * core.contains(*_places(stamp))
    cross = _product(design, weights, moving)
    of_motion = inverse(_product(design, weights, design) + np.diag(precision)) @ cross
    information = _product(moving, weights, moving) - cross.T @ of_motion
    return stars.starid[in_core], free[in_core], held[in_core], response[in_core], information


def _product(
    one: sparse.csr_matrix | npt.NDArray[np.float64],
    weights: npt.NDArray[np.float64],
    other: sparse.csr_matrix | npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """A^T W B as a dense matrix."""
    product = one.T @ sparse.diags(weights) @ other
    return np.asarray(product.toarray() if sparse.issparse(product) else product)


def _places(stamp: Stamp) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Row and column of the pixels of a stamp, (n_pixel,) each."""
    row, column = np.divmod(np.arange(stamp.n_pixel), stamp.shape[1])
    return row + float(stamp.row_min), column + float(stamp.col_min)


def _change_by_motion(
    field: Field, stars: Stars, flux: npt.NDArray[np.float64], prf: PrfEvaluator, stamp: Stamp
) -> npt.NDArray[np.float64]:
    """Change of the pixels with an affine motion of the field: (n_pixel, 6), e-/s per pixel."""
    row, column = field.cube.stamp.center
    scale = max(field.cube.stamp.shape) / 2
    parts = np.stack([np.ones(len(stars)), (stars.row - row) / scale, (stars.column - column) / scale], axis=1)
    changes = []
    for move in ((_STEP, 0.0), (0.0, _STEP)):
        ahead, behind = (
            design_matrix(replace(stars, row=stars.row + k * move[0], column=stars.column + k * move[1]), prf, stamp)
            for k in (1, -1)
        )
        changes.append((ahead - behind) @ (flux[:, None] * parts) / (2 * _STEP))
    return np.concatenate(changes, axis=1)
