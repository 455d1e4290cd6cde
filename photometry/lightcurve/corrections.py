"""Corrections of light curves between the fit of a tile and the export: arrays of all its stars in, the same out.

A correction is a function of `TileLightCurves`. It is registered under a name in `CORRECTIONS`; the workflow and the
Python class both apply it by `corrected`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from photometry.core.cube import CubeHeader
from photometry.fit.tile_fit import TileFit

__all__ = ["CORRECTIONS", "Correction", "TileLightCurves", "corrected", "identity"]


@dataclass(frozen=True, slots=True)
class TileLightCurves:
    """Light curves of the stars of a tile that were fitted together; arrays are read, never changed in place.

    Parameters
    ----------
    starid : (n_star,) int64
        TIC numbers.
    tmag : (n_star,) float64
        TESS magnitude.
    row, column : (n_star,) float64
        Mean place, 0-based CCD pixels.
    time : (n_cadence,) float64
        BTJD at mid exposure, d; of full-frame images that of the middle of the CCD.
    cadenceno, quality : (n_cadence,) int32
        Cadence numbers and flags (`photometry.core.quality.TESS_QUALITY`).
    centroid_row, centroid_column : (n_star, n_cadence) float32
        Flux-weighted centroids, 0-based CCD pixels.
    row_shift, column_shift : (n_star, n_cadence) float32
        Motion by the movement kernel, pixels.
    background : (n_star, n_cadence) float32
        Background per pixel at the star, e-/s.
    flux, flux_err : (n_star, n_cadence) float32
        PSF flux and its standard error, e-/s; NaN where the cadence could not be fitted.
    aperture_flux, aperture_flux_err : (n_star, n_cadence) float32
        The same in a small aperture, e-/s.
    pixel_quality : (n_star, n_cadence) int32
        `photometry.core.quality.PIXEL_QUALITY`.
    """

    starid: npt.NDArray[np.int64]
    tmag: npt.NDArray[np.float64]
    row: npt.NDArray[np.float64]
    column: npt.NDArray[np.float64]
    time: npt.NDArray[np.float64]
    cadenceno: npt.NDArray[np.int32]
    quality: npt.NDArray[np.int32]
    centroid_row: npt.NDArray[np.float32]
    centroid_column: npt.NDArray[np.float32]
    row_shift: npt.NDArray[np.float32]
    column_shift: npt.NDArray[np.float32]
    background: npt.NDArray[np.float32]
    flux: npt.NDArray[np.float32]
    flux_err: npt.NDArray[np.float32]
    aperture_flux: npt.NDArray[np.float32]
    aperture_flux_err: npt.NDArray[np.float32]
    pixel_quality: npt.NDArray[np.int32]


#: What a correction may change; everything else it only reads.
_CORRECTED = ("flux", "flux_err", "aperture_flux", "aperture_flux_err", "pixel_quality")
_OF_CADENCES = ("time", "cadenceno", "quality")


class Correction(Protocol):
    """Corrects the light curves of a tile."""

    def __call__(self, curves: TileLightCurves) -> TileLightCurves:
        """Return the light curves with corrected fluxes, errors and flags; same stars, same cadences."""
        ...


def identity(curves: TileLightCurves) -> TileLightCurves:
    """Return the light curves as they are."""
    return curves


#: All corrections, by name.
CORRECTIONS: Mapping[str, Correction] = {"identity": identity}


def corrected(fit: TileFit, header: CubeHeader, name: str = "identity") -> TileFit:
    """Return the fit of a tile with its light curves corrected.

    Parameters
    ----------
    fit : TileFit
        All stars that were fitted, whether they are targets or not.
    header : CubeHeader
        Header of the cube that was fitted.
    name : str
        One of `CORRECTIONS`.

    Raises
    ------
    ValueError
        When a correction returns arrays of other shapes.
    """
    names = [field.name for field in fields(TileLightCurves)]
    series = {item: getattr(header if item in _OF_CADENCES else fit, item) for item in names}
    after = CORRECTIONS[name](TileLightCurves(**series))
    changed = {item: getattr(after, item) for item in _CORRECTED}
    for item, values in changed.items():
        if values.shape != series[item].shape:
            raise ValueError(f"correction {name}: {item} has shape {values.shape}, expected {series[item].shape}")
    return replace(fit, **{item: values.astype(series[item].dtype, copy=False) for item, values in changed.items()})
