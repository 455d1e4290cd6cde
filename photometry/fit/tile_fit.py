"""Result of the joint fit of a tile."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from photometry.core.geometry import Stamp, bounding_stamp

__all__ = ["SERIES", "TileFit", "joined"]

#: Fields of `TileFit` without an entry for each star.
_OF_PIXELS = ("stamp", "cadence_chi2", "prf_source", "fit_tmag_limit", "sum_image", "model_image")
#: Fields of `TileFit` with an entry for each star and cadence: nearly all of its memory.
SERIES = (
    *("flux", "flux_err", "aperture_flux", "aperture_flux_err", "background", "centroid_row", "centroid_column"),
    *("row_shift", "column_shift", "pixel_quality", "chi2"),
)


@dataclass(frozen=True, slots=True)
class TileFit:
    """Flux of every star of a tile in every cadence.

    Stars are those in the tile's core, brighter than the fit limit. Per cadence arrays are (n_star, n_cadence) float32.

    Parameters
    ----------
    stamp : Stamp
        The pixels that were fitted.
    starid : (n_star,) int64
        TIC numbers.
    tmag : (n_star,) float64
        Catalogue magnitude.
    row, column : (n_star,) float64
        0-based CCD position, mean over the cadences, astrometric offset applied.
    flux, flux_err : (n_star, n_cadence)
        PSF flux and its standard error, e-/s; both NaN where the cadence could not be fitted.
    aperture_flux, aperture_flux_err : (n_star, n_cadence)
        Flux in a small aperture, neighbours subtracted, divided by the fraction of the PRF inside, e-/s.
    background : (n_star, n_cadence)
        Background per pixel at the star, large-scale and local, e-/s.
    centroid_row, centroid_column : (n_star, n_cadence)
        Flux-weighted centroid in the aperture, neighbours subtracted, 0-based CCD pixels.
    row_shift, column_shift : (n_star, n_cadence)
        Motion by the movement kernel, pixels.
    pixel_quality : (n_star, n_cadence) int32
        `photometry.core.quality.PIXEL_QUALITY`.
    chi2 : (n_star, n_cadence)
        Reduced chi-squared of the pixels under the star, weighted by its PRF.
    cadence_chi2 : (n_cadence,) float32
        Reduced chi-squared of the tile.
    star_flags : (n_star,) int32
        `photometry.core.quality.STAR_FLAGS`.
    contamination : (n_star,) float64
        Share of other stars' light in the star's PRF-weighted pixels, 0 to 1.
    blend_correlation : (n_star,) float64
        Largest absolute correlation of the flux with another star's flux, 0 to 1.
    chi2_mean : (n_star,) float64
        Reduced chi-squared of the mean image under the star, weighted by its PRF: what is wrong in all cadences alike.
    mean_misfit : (n_star,) float64
        Error of the mean image's model as a share of the light under the star (`photometry.fit.static_misfit`).
    mean_flux_syst : (n_star,) float64
        By how much the mean flux may be wrong for that reason, e-/s.
    unlisted_tmag, unlisted_distance : (n_star,) float64
        Magnitude and distance in pixels of a star beside it that the star table lacks; NaN where there is none
        (`photometry.fit.unlisted_neighbours`).
    prf_source : str
        Which PRF was used.
    fit_tmag_limit : float
        Faintest magnitude of stars whose flux was free.
    sum_image, model_image : (n_row, n_column) float64
        Mean of the good images and mean of the model of the same cadences, e-/s, large-scale background removed; NaN
        where nothing was measured. The model leaves outliers out and is NaN in bleed trails, whose sums are fitted.
    aperture : (n_star, n_row_window, n_column_window) bool
        Pixels of the aperture in a window whose first pixel is `window_row`, `window_column`.
    window_row, window_column : (n_star,) int64
        0-based CCD row and column of the window's first pixel (it may lie outside the stamp).
    """

    stamp: Stamp
    starid: npt.NDArray[np.int64]
    tmag: npt.NDArray[np.float64]
    row: npt.NDArray[np.float64]
    column: npt.NDArray[np.float64]
    flux: npt.NDArray[np.float32]
    flux_err: npt.NDArray[np.float32]
    aperture_flux: npt.NDArray[np.float32]
    aperture_flux_err: npt.NDArray[np.float32]
    background: npt.NDArray[np.float32]
    centroid_row: npt.NDArray[np.float32]
    centroid_column: npt.NDArray[np.float32]
    row_shift: npt.NDArray[np.float32]
    column_shift: npt.NDArray[np.float32]
    pixel_quality: npt.NDArray[np.int32]
    chi2: npt.NDArray[np.float32]
    cadence_chi2: npt.NDArray[np.float32]
    star_flags: npt.NDArray[np.int32]
    contamination: npt.NDArray[np.float64]
    blend_correlation: npt.NDArray[np.float64]
    chi2_mean: npt.NDArray[np.float64]
    mean_misfit: npt.NDArray[np.float64]
    mean_flux_syst: npt.NDArray[np.float64]
    unlisted_tmag: npt.NDArray[np.float64]
    unlisted_distance: npt.NDArray[np.float64]
    prf_source: str
    fit_tmag_limit: float
    sum_image: npt.NDArray[np.float64]
    model_image: npt.NDArray[np.float64]
    aperture: npt.NDArray[np.bool_]
    window_row: npt.NDArray[np.int64]
    window_column: npt.NDArray[np.int64]

    def of_stars(self, which: npt.NDArray[np.int64]) -> "TileFit":
        """Return the fit of some stars."""
        names = [field.name for field in fields(TileFit) if field.name not in _OF_PIXELS]
        chosen: dict[str, Any] = {name: getattr(self, name)[which] for name in names}
        return replace(self, **chosen)

    def without_series(self) -> "TileFit":
        """Return the fit with series of no cadences, whose memory is free."""
        empty: dict[str, Any] = {
            name: np.empty((len(self.starid), 0), dtype=getattr(self, name).dtype) for name in SERIES
        }
        return replace(self, **empty)


def joined(fits: Sequence[TileFit], cores: Sequence[Stamp]) -> TileFit:
    """Join the fits of the parts of a tile.

    Parameters
    ----------
    fits : sequence of TileFit
        Of the parts, with the same cadences, PRF and limit.
    cores : sequence of Stamp
        The part of each fit's pixels whose stars it has: images are taken from there, from the margins elsewhere.
    """
    if len(fits) == 1:
        return fits[0]
    stamp = bounding_stamp([fit.stamp for fit in fits])
    n_pixel = [core.n_pixel for core in cores]
    changes: dict[str, Any] = {
        name: np.concatenate([getattr(fit, name) for fit in fits])
        for name in (field.name for field in fields(TileFit))
        if name not in _OF_PIXELS
    }
    return replace(
        fits[0],
        **changes,
        stamp=stamp,
        cadence_chi2=np.average([fit.cadence_chi2 for fit in fits], axis=0, weights=n_pixel).astype(np.float32),
        sum_image=_mosaic(fits, cores, stamp, "sum_image"),
        model_image=_mosaic(fits, cores, stamp, "model_image"),
    )


def _mosaic(fits: Sequence[TileFit], cores: Sequence[Stamp], stamp: Stamp, name: str) -> npt.NDArray[np.float64]:
    """Image of all parts: the margins first, the cores over them."""
    image = np.full(stamp.shape, np.nan)
    for part, fit in (*((fit.stamp, fit) for fit in fits), *zip(cores, fits, strict=True)):
        image[part.slices_in(stamp)] = getattr(fit, name)[part.slices_in(fit.stamp)]
    return image
