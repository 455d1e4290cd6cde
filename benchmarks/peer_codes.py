"""Two peers on the pixels of a simulated field: TGLC's own ePSF algebra, where it is installed, and an aperture sum.

TGLC 0.8 asks for numpy below 2, which is ours no more, and its ePSF algebra does not need that: an environment of
its own with this package and `pip install --no-deps tglc wotan numba llvmlite` has both.
"""

import importlib.util
import warnings
from time import process_time
from types import SimpleNamespace

import numpy as np
import numpy.typing as npt
from astropy.table import Table
from scipy import sparse

from benchmarks.bound import design_matrix
from benchmarks.fields import Field, Fluxes
from photometry.core.geometry import Stamp
from photometry.core.stars import Stars
from photometry.prf.prf_grid import PrfEvaluator
from photometry.simulate import true_kernel

__all__ = ["aperture_fluxes", "has_tglc", "tglc_fluxes"]

#: Settings of TGLC's command: pixels of its PSF, samples a pixel, faintest star, weight of bright stars, edges.
_PSF_SIZE, _FACTOR, _FAINTEST, _POWER, _EDGE_COMPRESSION = 11, 2, 16.0, 1.4, 1e-4
#: TGLC measures no star so near to the edge, pixels.
_EDGE = 2
#: Half the side of the aperture, pixels.
_HALF_APERTURE = 1


def has_tglc() -> bool:
    """Tell whether TGLC's ePSF algebra can be imported."""
    return all(importlib.util.find_spec(name) is not None for name in ("tglc", "wotan", "numba"))


def tglc_fluxes(field: Field, ours: Fluxes, cadences: npt.NDArray[np.int64]) -> tuple[float, int, Fluxes]:
    """Fit some cadences by TGLC: an ePSF for each, then star after star with all others as the catalogue has them.

    It is given the true places, moved by the mean motion, the catalogue's magnitudes, and the pixels with their
    background, which it fits. What it does afterwards, a constant for each star that brings it to its catalogue
    magnitude, is left out.

    Parameters
    ----------
    field : Field
        The field.
    ours : Fluxes
        Which stars are wanted, and their flags.
    cadences : (n_chosen,) int64
        Cadences to fit; the others become NaN.

    Returns
    -------
    seconds : float
        CPU time.
    n_star : int
        Stars fitted in each cadence.
    fluxes : Fluxes
        Of the stars of `ours`; TGLC has no error of a cadence.
    """
    from tglc.effective_psf import fit_lc, fit_psf, get_psf

    cube, stars = field.cube, _mean_places(field, cadences)
    magnitude = field.scene.full_catalogue.stars.tmag
    inside = cube.stamp.border_distance(stars.row, stars.column) > 0
    stars, magnitude = stars.select(inside & (magnitude < _FAINTEST)), magnitude[inside & (magnitude < _FAINTEST)]
    x, y = stars.column - cube.stamp.col_min, stars.row - cube.stamp.row_min
    ratio = 10 ** (-0.4 * (magnitude - magnitude.min()))
    size = cube.stamp.shape[0]
    source = SimpleNamespace(
        size=size,
        sector=1,
        gaia=Table({"tess_flux_ratio": ratio, "sector_1_x": x, "sector_1_y": y}),
        flux=(cube.images + cube.backgrounds)[cadences].astype(np.float64),
        time=cadences.astype(np.float64),
        mask=np.ma.zeros(cube.stamp.shape),
    )
    start = process_time()
    matrix, info, over_size, near_x, near_y = get_psf(source, _FACTOR, _PSF_SIZE, _EDGE_COMPRESSION)
    psf = np.array([fit_psf(matrix, source, over_size, _POWER, time) for time in range(len(cadences))])
    flux = np.full((len(stars), cube.n_cadence), np.nan, dtype=np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        for star in range(len(stars)):
            place = near_x[star], near_y[star]
            is_near = min(*place, *(size - 1 - axis for axis in place)) < _EDGE
            found = fit_lc(matrix, source, info, *place, star, _FACTOR, _PSF_SIZE, psf, is_near)
            flux[star, cadences] = found[1]
    return process_time() - start, len(stars), _of_stars(stars, flux, ours)


def aperture_fluxes(field: Field, ours: Fluxes, cadences: npt.NDArray[np.int64]) -> tuple[float, int, Fluxes]:
    """Sum 3x3 pixels around each star; parameters and results as of `tglc_fluxes`.

    Background, PRF and places are the true ones, these moved by the mean motion. The neighbours' light in the aperture,
    by the catalogue's magnitudes, is subtracted, and the sum divided by the star's share in it.
    """
    cube, stars = field.true_cube, _mean_places(field, cadences)
    stars = Stars(stars.starid, stars.row, stars.column, field.scene.full_catalogue.stars.tmag)
    on_pixels = cube.stamp.border_distance(stars.row, stars.column) > _HALF_APERTURE
    light = design_matrix(stars, PrfEvaluator(field.true), cube.stamp)
    start = process_time()
    aperture = _apertures(stars.select(on_pixels), cube.stamp)
    in_aperture = (aperture @ light).toarray()
    own = np.flatnonzero(on_pixels)
    share = in_aperture[np.arange(len(own)), own]
    others = in_aperture @ stars.flux - share * stars.flux[own]
    images, errors = (
        np.nan_to_num(values[cadences].reshape(len(cadences), -1)).T for values in (cube.images, cube.images_err)
    )
    flux, error = (np.full((len(own), cube.n_cadence), np.nan, dtype=np.float32) for _ in range(2))
    flux[:, cadences] = (aperture @ images - others[:, None]) / share[:, None]
    error[:, cadences] = np.sqrt(aperture @ errors**2) / share[:, None]
    return process_time() - start, len(own), _of_stars(stars.select(on_pixels), flux, ours, error)


def _mean_places(field: Field, cadences: npt.NDArray[np.int64]) -> Stars:
    """Return the stars where they are on average in some cadences."""
    stars = field.scene.stars
    rows, columns = (
        shift[:, cadences].mean(axis=1) for shift in true_kernel(field.scene).shifts(stars.row, stars.column)
    )
    return Stars(stars.starid, stars.row + rows, stars.column + columns, stars.tmag)


def _apertures(stars: Stars, stamp: Stamp) -> sparse.csr_matrix:
    """Return which pixels each star's aperture has, (n_star, n_pixel)."""
    offset = np.arange(-_HALF_APERTURE, _HALF_APERTURE + 1)
    row = np.round(stars.row - stamp.row_min).astype(np.int64)[:, None, None] + offset[:, None]
    column = np.round(stars.column - stamp.col_min).astype(np.int64)[:, None, None] + offset
    pixel = (row * stamp.shape[1] + column).reshape(len(stars), -1)
    star = np.repeat(np.arange(len(stars)), pixel.shape[1])
    return sparse.csr_matrix((np.ones(pixel.size), (star, pixel.ravel())), shape=(len(stars), stamp.n_pixel))


def _of_stars(
    stars: Stars, flux: npt.NDArray[np.float32], ours: Fluxes, error: npt.NDArray[np.float32] | None = None
) -> Fluxes:
    """Return the fluxes of the stars of `ours`, NaN for those that were not measured."""
    index = {int(starid): number for number, starid in enumerate(stars.starid)}
    which = np.array([index.get(int(starid), -1) for starid in ours.starid])
    found, errors = (np.full((len(which), flux.shape[1]), np.nan, dtype=np.float32) for _ in range(2))
    found[which >= 0] = flux[which[which >= 0]]
    if error is not None:
        errors[which >= 0] = error[which[which >= 0]]
    return Fluxes(ours.starid, found, errors, np.ones_like(ours.pixel_quality), ours.star_flags)
