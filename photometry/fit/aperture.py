"""Small apertures, with the neighbours subtracted: a cross-check of the PSF flux, and centroids.

The flux in an aperture is the fitted flux of the star plus the residuals of the fit in the aperture, so that neighbours
are subtracted with their own fluxes of every cadence.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from photometry.core.geometry import Stamp
from photometry.prf.prf_grid import FOOTPRINT

__all__ = ["ApertureSeries", "Apertures", "aperture_photometry", "choose_apertures", "light_in_apertures", "windows_of"]

#: Largest number of pixels in an aperture.
_MOST_PIXELS = 25


@dataclass(frozen=True, slots=True)
class Apertures:
    """One aperture per star.

    Parameters
    ----------
    pixels : sparse (n_star, n_pixel) float32
        1 for the pixels of the star's aperture.
    rows, columns : (n_pixel,) float64
        0-based CCD position of the pixels.
    """

    pixels: sparse.csr_matrix
    rows: npt.NDArray[np.float64]
    columns: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ApertureSeries:
    """Fluxes and centroids in the apertures of some stars in some cadences.

    Parameters
    ----------
    flux, flux_err : (n_star, n_cadence) float64
        Divided by the fraction of the PRF inside, e-/s; NaN for stars without aperture.
    centroid_row, centroid_column : (n_star, n_cadence) float64
        Flux-weighted centroid of the star in its aperture, 0-based CCD pixels; NaN where its light there is not
        positive.
    """

    flux: npt.NDArray[np.float64]
    flux_err: npt.NDArray[np.float64]
    centroid_row: npt.NDArray[np.float64]
    centroid_column: npt.NDArray[np.float64]


def choose_apertures(
    design: sparse.csr_matrix,
    flux: npt.NDArray[np.float64],
    variance: npt.NDArray[np.float64],
    usable: npt.NDArray[np.bool_],
    stamp: Stamp,
) -> Apertures:
    """Choose for each star the pixels that give the best signal-to-noise ratio, brightest PRF pixels first.

    Parameters
    ----------
    design : sparse (n_pixel, n_star)
        PRF of the stars.
    flux : (n_star,) float64
        Mean fluxes, e-/s.
    variance : (n_pixel,) float64
        Variance of a cadence, (e-/s)^2.
    usable : (n_pixel,) bool
        Pixels that may be used.
    stamp : Stamp
        The pixels.
    """
    by_star = sparse.csc_matrix(design)
    stars, pixels = [], []
    for star in range(design.shape[1]):
        lit = slice(by_star.indptr[star], by_star.indptr[star + 1])
        index, light = by_star.indices[lit], by_star.data[lit] * np.where(usable[by_star.indices[lit]], 1.0, 0.0)
        order = np.argsort(-light, kind="stable")[:_MOST_PIXELS]
        order = order[light[order] > 0]
        if len(order) == 0:
            continue
        ratio = np.cumsum(light[order]) / np.sqrt(np.cumsum(variance[index[order]]))
        chosen = index[order[: int(np.argmax(ratio)) + 1]]
        pixels.append(chosen)
        stars.append(np.full(len(chosen), star))
    row, column = np.divmod(np.arange(stamp.n_pixel), stamp.shape[1])
    chosen_pixels = np.concatenate(pixels) if pixels else np.empty(0, dtype=np.int64)
    chosen_stars = np.concatenate(stars) if stars else np.empty(0, dtype=np.int64)
    ones = np.ones(len(chosen_pixels), dtype=np.float32)
    matrix = sparse.csr_matrix((ones, (chosen_stars, chosen_pixels)), shape=(len(flux), stamp.n_pixel))
    return Apertures(matrix, row + float(stamp.row_min), column + float(stamp.col_min))


def light_in_apertures(
    apertures: Apertures, transposed: tuple[sparse.csr_matrix, ...], which: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Return the stars' own light in their apertures, (n_term, n_value) in the order of `Apertures.pixels`.

    Parameters
    ----------
    apertures : Apertures
        The apertures.
    transposed : tuple of n_term sparse (n_all_stars, n_pixel)
        Expansion of the PRF of all stars.
    which : (n_star,) int64
        The stars that have the apertures.
    """
    inside = apertures.pixels
    if inside.nnz == 0:
        return np.zeros((len(transposed), 0))
    star = which[np.repeat(np.arange(len(which)), np.diff(inside.indptr))]
    return np.stack([np.asarray(matrix[star, inside.indices], dtype=np.float64).ravel() for matrix in transposed])


def aperture_photometry(
    apertures: Apertures,
    light: npt.NDArray[np.float64],
    terms: npt.NDArray[np.float64],
    flux: npt.NDArray[np.float64],
    residual: npt.NDArray[np.float32],
    variance: npt.NDArray[np.float64],
) -> ApertureSeries:
    """Return aperture fluxes and centroids of some cadences of a node.

    Parameters
    ----------
    apertures : Apertures
        The apertures.
    light : (n_term, n_value) float64
        From `light_in_apertures`.
    terms : (n_cadence, n_term) float64
        Monomials of the movement.
    flux : (n_star, n_cadence) float64
        Flux of the stars in the model, e-/s.
    residual : (n_pixel, n_cadence) float32
        Pixels less the model, e-/s; 0 where not valid.
    variance : (n_pixel,) float64
        Variance of a cadence, (e-/s)^2.
    """
    inside = apertures.pixels
    # Centroids are summed about the middle of each aperture, which keeps them exact.
    star = np.repeat(np.arange(inside.shape[0]), np.diff(inside.indptr))
    count = np.maximum(np.diff(inside.indptr), 1)
    middle_row, middle_column = (
        np.bincount(star, place[inside.indices], len(count)) / count for place in (apertures.rows, apertures.columns)
    )

    def moment(weights: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Sum PRF and residuals with weights (n_value,): per unit flux, and in e-/s."""
        per_term = np.stack([np.bincount(star, weights * term, len(count)) for term in light], axis=1)
        summed = sparse.csr_matrix((weights.astype(np.float32), inside.indices, inside.indptr), shape=inside.shape)
        return np.asarray(per_term @ terms.T), np.asarray(summed @ residual, dtype=np.float64)

    enclosed, left = moment(inside.data.astype(np.float64))
    enclosed = np.where(enclosed > 0, enclosed, np.nan)
    in_all = flux * enclosed + left
    positive = np.where(in_all > 0, in_all, np.nan)
    error = np.sqrt(inside @ variance)[:, None] / enclosed
    row_moment, row_left = moment(apertures.rows[inside.indices] - middle_row[star])
    column_moment, column_left = moment(apertures.columns[inside.indices] - middle_column[star])
    return ApertureSeries(
        flux=in_all / enclosed,
        flux_err=error,
        centroid_row=middle_row[:, None] + (flux * row_moment + row_left) / positive,
        centroid_column=middle_column[:, None] + (flux * column_moment + column_left) / positive,
    )


def windows_of(
    apertures: Apertures, row: npt.NDArray[np.float64], column: npt.NDArray[np.float64], stamp: Stamp
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return apertures as small images around the stars: (n_star, FOOTPRINT, FOOTPRINT), and their first pixels."""
    first_row = np.rint(row).astype(np.int64) - FOOTPRINT // 2
    first_column = np.rint(column).astype(np.int64) - FOOTPRINT // 2
    image = np.zeros((len(row), FOOTPRINT, FOOTPRINT), dtype=bool)
    star, pixel = apertures.pixels.nonzero()
    pixel_row, pixel_column = np.divmod(pixel, stamp.shape[1])
    in_row = pixel_row + stamp.row_min - first_row[star]
    in_column = pixel_column + stamp.col_min - first_column[star]
    inside = (in_row >= 0) & (in_row < FOOTPRINT) & (in_column >= 0) & (in_column < FOOTPRINT)
    image[star[inside], in_row[inside], in_column[inside]] = True
    return image, first_row, first_column
