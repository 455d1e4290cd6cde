"""The fit of a tile none of whose pixels is measured: a dead output, a part of a CCD masked in all cadences."""

from dataclasses import fields

import numpy as np
from scipy import sparse

from photometry.calibration.kernel import MovementKernel
from photometry.core.cube import Cube
from photometry.core.quality import PIXEL_QUALITY, STAR_FLAGS, bit
from photometry.core.stars import Stars
from photometry.fit.aperture import choose_apertures, windows_of
from photometry.fit.star_series import StarSeries
from photometry.fit.tile_fit import TileFit

__all__ = ["without_pixels"]

_STAR_FLAGS = bit(STAR_FLAGS, "dead_pixels") | bit(STAR_FLAGS, "not_measurable") | bit(STAR_FLAGS, "no_pixels")
_PIXEL_QUALITY = bit(PIXEL_QUALITY, "not_fitted") | bit(PIXEL_QUALITY, "masked_pixels")


def without_pixels(cube: Cube, stars: Stars, kernel: MovementKernel, prf_source: str, tmag_limit: float) -> TileFit:
    """Return the fit of a tile without pixels: its stars without flux, flagged as such.

    Parameters
    ----------
    cube : Cube
        The pixels.
    stars : Stars
        The stars that are asked for, at their mean places on the pixels.
    kernel : MovementKernel
        Motion of the region.
    prf_source : str
        Which PRF was given.
    tmag_limit : float
        Faintest star with a free flux, mag.
    """
    n_star, stamp = len(stars), cube.stamp
    of_star, of_pixel = np.full(n_star, np.nan), np.full(stamp.shape, np.nan)
    of_cadence = np.full((n_star, cube.n_cadence), np.nan, dtype=np.float32)
    row_shift, column_shift = kernel.shifts(stars.row, stars.column)
    dark, usable = sparse.csr_matrix((stamp.n_pixel, n_star)), np.zeros(stamp.n_pixel, dtype=bool)
    apertures = choose_apertures(dark, of_star, np.ones(stamp.n_pixel), usable, stamp)
    window, window_row, window_column = windows_of(apertures, stars.row, stars.column, stamp)
    return TileFit(
        stamp=stamp,
        starid=stars.starid,
        tmag=stars.tmag,
        row=stars.row,
        column=stars.column,
        row_shift=row_shift.astype(np.float32),
        column_shift=column_shift.astype(np.float32),
        pixel_quality=np.full(of_cadence.shape, _PIXEL_QUALITY, dtype=np.int32),
        cadence_chi2=np.zeros(cube.n_cadence, dtype=np.float32),
        star_flags=np.full(n_star, _STAR_FLAGS, dtype=np.int32),
        contamination=of_star,
        blend_correlation=of_star,
        chi2_mean=of_star,
        mean_misfit=of_star,
        mean_flux_syst=of_star,
        unlisted_tmag=of_star,
        unlisted_distance=of_star,
        prf_source=prf_source,
        fit_tmag_limit=tmag_limit,
        sum_image=of_pixel,
        model_image=of_pixel,
        aperture=window,
        window_row=window_row,
        window_column=window_column,
        **{field.name: of_cadence for field in fields(StarSeries)},
    )
