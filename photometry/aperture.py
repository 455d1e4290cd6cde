"""Small apertures, with the neighbours subtracted: a cross-check of the PSF flux, and centroids.

The flux in an aperture is what the fit says of the star plus what the fit leaves over in the aperture, so that
neighbours are subtracted with their own flux of every cadence.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from photometry.geometry import Stamp
from photometry.prf import FOOTPRINT

__all__ = ["Apertures", "aperture_photometry", "choose_apertures", "windows_of"]

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
        part = slice(by_star.indptr[star], by_star.indptr[star + 1])
        index, light = by_star.indices[part], by_star.data[part] * np.where(usable[by_star.indices[part]], 1.0, 0.0)
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


def aperture_photometry(
    apertures: Apertures,
    matrices: tuple[sparse.csr_matrix, ...],
    terms: npt.NDArray[np.float64],
    flux: npt.NDArray[np.float64],
    rest: npt.NDArray[np.float32],
    variance: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], ...]:
    """Return aperture fluxes and centroids of some cadences of a node.

    Parameters
    ----------
    apertures : Apertures
        The apertures.
    matrices : tuple of N_TERM sparse (n_pixel, n_star)
        Expansion of the PRF.
    terms : (n_cadence, N_TERM) float64
        Monomials of the movement.
    flux : (n_star, n_cadence) float64
        Flux of the stars in the model that `rest` is left from, e-/s.
    rest : (n_pixel, n_cadence) float32
        Pixels less the model, e-/s; 0 where not valid.
    variance : (n_pixel,) float64
        Variance of a cadence, (e-/s)^2.

    Returns
    -------
    aperture_flux, aperture_flux_err : (n_star, n_cadence) float64
        Divided by the fraction of the PRF inside, e-/s; NaN for stars without aperture.
    centroid_row, centroid_column : (n_star, n_cadence) float64
        Flux-weighted centroid of the star in its aperture, 0-based CCD pixels; NaN where its light there is not
        positive.
    """
    inside = apertures.pixels
    row_center = _mean_position(inside, apertures.rows)
    column_center = _mean_position(inside, apertures.columns)
    by_row = sparse.csr_matrix(inside.multiply(apertures.rows[None, :]) - sparse.diags(row_center) @ inside)
    by_column = sparse.csr_matrix(inside.multiply(apertures.columns[None, :]) - sparse.diags(column_center) @ inside)

    def moment(weights: sparse.csr_matrix) -> npt.NDArray[np.float64]:
        """PRF and what is left over, summed with weights: per unit flux (n_star, n_cadence), and left over."""
        per_term = np.stack([np.asarray(weights.multiply(matrix.T).sum(axis=1)).ravel() for matrix in matrices])
        return np.asarray(per_term.T @ terms.T, dtype=np.float64)

    enclosed = moment(inside)
    enclosed = np.where(enclosed > 0, enclosed, np.nan)
    left = inside @ rest
    light = flux * enclosed + left
    positive = np.where(light > 0, light, np.nan)
    error = np.sqrt(inside @ variance)[:, None] / enclosed
    centroid_row = row_center[:, None] + (flux * moment(by_row) + by_row @ rest) / positive
    centroid_column = column_center[:, None] + (flux * moment(by_column) + by_column @ rest) / positive
    return light / enclosed, error, centroid_row, centroid_column


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


def _mean_position(inside: sparse.csr_matrix, position: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Middle of each aperture: centroids are summed about it, which keeps them exact."""
    count = np.maximum(np.asarray(inside.sum(axis=1)).ravel(), 1.0)
    return np.asarray(inside @ position) / count
