"""Light curves and pixels of the targets of a tile, packed for the page."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from photometry.core.cube import CubeHeader
from photometry.core.geometry import Stamp
from photometry.core.quality import PIXEL_QUALITY, bit
from photometry.fit.tile_fit import TileFit
from photometry.lightcurve.corrections import NOT_ASKED_FOR, Correction, corrected
from photometry.lightcurve.expected_apertures import aperture_shares, expected_apertures
from photometry.lightcurve.light_curve import WINDOW
from photometry.pages.packing import Quantised, deflated, numbers, quantised, rounded, unpacked
from photometry.prf.prf_grid import PrfGrid

__all__ = ["ApertureComparison", "compare_apertures", "pack_tile", "star_alone", "window_images"]

#: Smallest step of a flux over its standard error, and of a residual in standard errors of the mean image.
_STEP_OF_ERROR, _STEP_OF_RESIDUAL = 0.05, 0.05
#: Stars that are worked on at once: bounds the memory.
_AT_ONCE = 256
#: Half of the window, pixels.
_HALF = WINDOW // 2
_PPM = 1e6
_NOT_FITTED = bit(PIXEL_QUALITY, "not_fitted")


@dataclass(frozen=True, slots=True)
class ApertureComparison:
    """How far PSF and aperture flux of stars are apart; every array is (n_star,), NaN where there is no flux.

    Parameters
    ----------
    level : float64
        Median aperture flux, neighbours subtracted, over median PSF flux, minus 1, ppm.
    scatter : float64
        Standard deviation of the difference of what a plain aperture sees, neighbours in it, and the PSF flux, each
        over its median, after running medians of three unflagged cadences, ppm: single cosmic rays do not count,
        eclipses and slow trends do.
    """

    level: npt.NDArray[np.float64]
    scatter: npt.NDArray[np.float64]


def compare_apertures(
    flux: npt.NDArray[np.float32],
    aperture_flux: npt.NDArray[np.float32],
    plain: npt.NDArray[np.float32],
    usable: npt.NDArray[np.bool_],
) -> ApertureComparison:
    """Compare PSF and aperture fluxes.

    Parameters
    ----------
    flux, aperture_flux, plain : (n_star, n_cadence)
        PSF flux; aperture flux less neighbours; what a plain aperture sees
        (`photometry.lightcurve.expected_apertures`), e-/s.
    usable : (n_cadence,) bool
        Cadences without a flag that makes them unusable.
    """
    all_three = np.isfinite(flux) & np.isfinite(aperture_flux) & np.isfinite(plain) & usable
    psf, aperture, seen = (
        np.where(all_three, each, np.nan)[:, usable].astype(np.float64) for each in (flux, aperture_flux, plain)
    )
    some = all_three.any(axis=1)
    level, scatter = np.full(len(flux), np.nan), np.full(len(flux), np.nan)
    medians = [np.nanmedian(each[some], axis=1, keepdims=True) for each in (psf, aperture, seen)]
    with np.errstate(divide="ignore", invalid="ignore"):
        level[some] = (medians[1] / medians[0] - 1)[:, 0] * _PPM
        difference = seen[some] / medians[2] - psf[some] / medians[0]
        if difference.shape[1] > 2:
            triples = np.stack([difference[:, :-2], difference[:, 1:-1], difference[:, 2:]])
            # A triple with a missing value has no median.
            difference = np.median(triples, axis=0)
        counted = np.isfinite(difference)
        number = np.maximum(counted.sum(axis=1), 1)
        square = np.where(counted, difference, 0.0) ** 2
        scatter[some] = np.sqrt(square.sum(axis=1) / number) * _PPM
    return ApertureComparison(level, scatter)


def window_images(
    image: npt.NDArray[np.floating[Any]], stamp: Stamp, row: npt.NDArray[np.float64], column: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Cut the pixels around stars out of an image.

    Parameters
    ----------
    image : (n_row, n_column)
        Image of a stamp.
    stamp : Stamp
        Its pixels.
    row, column : (n_star,) float64
        0-based CCD positions, which may lie outside.

    Returns
    -------
    (n_star, WINDOW, WINDOW) float64
        NaN outside of the image; the pixel of the star is in the middle.
    """
    padded = np.pad(np.asarray(image, dtype=np.float64), _HALF, constant_values=np.nan)
    rows, columns = (_first_pixel(row) - stamp.row_min + _HALF, _first_pixel(column) - stamp.col_min + _HALF)
    reach = np.arange(WINDOW)
    rows, columns = rows[:, None, None] + reach[:, None], columns[:, None, None] + reach
    inside = (rows >= 0) & (rows < padded.shape[0]) & (columns >= 0) & (columns < padded.shape[1])
    cut = padded[np.clip(rows, 0, padded.shape[0] - 1), np.clip(columns, 0, padded.shape[1] - 1)]
    return np.where(inside, cut, np.nan)


def _first_pixel(position: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    return np.rint(position).astype(np.int64) - _HALF


def pack_tile(
    fit: TileFit,
    header: CubeHeader,
    targets: npt.NDArray[np.int64],
    prf: PrfGrid,
    correction: Correction = NOT_ASKED_FOR,
) -> dict[str, Any]:
    """Pack the light curves and pixels of the targets of a tile.

    Parameters
    ----------
    fit : TileFit
        The fit of the tile.
    header : CubeHeader
        Header of the cube that was fitted.
    targets : (n_target,) int64
        TIC numbers of the targets that have a light curve file.
    prf : PrfGrid
        PRF of the fit.
    correction : Correction
        What is done for the corrected fluxes; stars whose flux it leaves as it is have no others.

    Returns
    -------
    dict
        ``n_cadence``, ``window`` (pixels), ``stars`` (places and magnitudes of all that were fitted), ``targets`` with
        ``level`` and ``scatter`` (`ApertureComparison`), ``background`` (median of the stars in each cadence, e-/s per
        pixel), ``prf_source`` and ``curves`` by TIC number. What each has is deflated as a whole: FLUX, SAP_FLUX,
        what a plain aperture sees, scaled to the median of FLUX, CORR_FLUX where it is another (``corr`` among the
        scales), and PIXEL_QUALITY (n_cadence), mean image, model, what it leaves in standard errors of the mean image,
        and the aperture (WINDOW, WINDOW).
    """
    chosen = np.flatnonzero(np.isin(fit.starid, targets))
    chosen = chosen[np.argsort(fit.starid[chosen], kind="stable")]
    curves: dict[str, Any] = {}
    compared: list[ApertureComparison] = []
    seen = expected_apertures(fit, aperture_shares(fit, prf), chosen)
    for start in range(0, len(chosen), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        some = fit.of_stars(chosen[part])
        compared.append(compare_apertures(some.flux, some.aperture_flux, seen[part], header.usable))
        curves |= _packed_curves(some, seen[part], header, corrected(some, header, correction).flux)
    return {
        "n_cadence": header.n_cadence,
        "window": WINDOW,
        "stars": {
            "starid": numbers(fit.starid, "f8"),
            "row": numbers(fit.row),
            "column": numbers(fit.column),
            "tmag": numbers(fit.tmag),
        },
        "targets": numbers(fit.starid[chosen], "f8"),
        "level": numbers(np.concatenate([np.empty(0), *(each.level for each in compared)])),
        "scatter": numbers(np.concatenate([np.empty(0), *(each.scatter for each in compared)])),
        "background": numbers(_median_of_stars(fit.background)),
        "prf_source": fit.prf_source,
        "curves": curves,
    }


def star_alone(tile: Mapping[str, Any], starid: int) -> dict[str, Any]:
    """Return what `pack_tile` packed of a tile, with the light curve of one star and the stars on its pixels."""
    curve, stars = tile["curves"][str(starid)], {name: unpacked(values) for name, values in tile["stars"].items()}
    distance = [stars[name] - first for name, first in zip(("row", "column"), curve["corner"], strict=True)]
    near = np.logical_and.reduce([(each >= -1) & (each <= tile["window"]) for each in distance])
    kept = {name: numbers(values[near], tile["stars"][name]["kind"]) for name, values in stars.items()}
    return {name: tile[name] for name in ("n_cadence", "window")} | {"stars": kept, "curves": {str(starid): curve}}


def _packed_curves(
    fit: TileFit, seen: npt.NDArray[np.float32], header: CubeHeader, corr_flux: npt.NDArray[np.float32]
) -> dict[str, Any]:
    """Pack some stars, what plain apertures see of them, and their corrected fluxes (n_star, n_cadence)."""
    usable = np.broadcast_to(header.usable, fit.flux.shape)
    finite = np.isfinite(fit.flux) & np.isfinite(fit.flux_err)
    flux = np.where(finite, fit.flux, np.nan)
    error = _STEP_OF_ERROR * _median_of_rows(np.where(finite & usable, fit.flux_err, np.nan))
    plain = _scaled_like(seen, flux, usable)
    corr = np.where(finite, corr_flux, np.nan)
    is_corrected = ~((corr == flux) | (np.isnan(corr) & np.isnan(flux))).all(axis=1)
    fluxes = {"flux": flux, "sap": fit.aperture_flux, "plain": plain, "corr": corr}
    series = {name: quantised(values, error, usable) for name, values in fluxes.items()}
    quality = np.where(finite, fit.pixel_quality, fit.pixel_quality | _NOT_FITTED).astype("<u2")
    image, model, sigma = _images(fit, header)
    flat = (len(image), WINDOW**2)
    images = {
        name: quantised(values.reshape(flat), np.full(len(image), finest))
        for name, values, finest in (("image", image, 0.0), ("model", model, 0.0), ("sigma", sigma, _STEP_OF_RESIDUAL))
    }
    aperture = _aperture_windows(fit).reshape(flat)
    packed: dict[str, Any] = {}
    for star, starid in enumerate(fit.starid.tolist()):
        own = {name: each for name, each in series.items() if name != "corr" or is_corrected[star]}
        parts = [*(each.integers[star] for each in own.values()), quality[star]]
        parts += [each.integers[star] for each in images.values()]
        packed[str(starid)] = {
            "corner": [int(_first_pixel(fit.row[star])), int(_first_pixel(fit.column[star]))],
            "scales": {name: _scale(each, star) for name, each in (own | images).items()},
            "packed": deflated([*parts, aperture[star]]),
        }
    return packed


def _scaled_like(
    values: npt.NDArray[np.float32], flux: npt.NDArray[np.float32], usable: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float32]:
    """Scale each row to the median of the flux in the usable cadences; NaN where that is not possible."""
    counts = usable & np.isfinite(values) & np.isfinite(flux)
    medians = [_median_of_rows(np.where(counts, each, np.nan)) for each in (flux, values)]
    factor = np.divide(medians[0], medians[1], out=np.full(len(values), np.nan), where=medians[1] > 0)
    return np.asarray(values * factor[:, None], dtype=np.float32)


def _scale(packed: Quantised, star: int) -> list[float | None]:
    """Zero and step of a star."""
    return [rounded(float(packed.zero[star])), rounded(float(packed.step[star]))]


def _median_of_rows(values: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float64]:
    """Median of each row without NaNs; 0 where there is nothing."""
    some = np.isfinite(values).any(axis=1)
    median = np.zeros(len(values))
    median[some] = np.nanmedian(values[some], axis=1)
    return median


def _median_of_stars(values: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float64]:
    """Median of each cadence over stars (n_star, n_cadence), NaN where there is nothing."""
    some = np.isfinite(values).any(axis=0)
    median = np.full(values.shape[1], np.nan)
    median[some] = np.nanmedian(values[:, some], axis=0)
    return median


def _images(fit: TileFit, header: CubeHeader) -> tuple[npt.NDArray[np.float64], ...]:
    """Mean image, model, and what it leaves in standard errors of the mean image, (n_star, WINDOW, WINDOW) each.

    The error is that of photons, of the model's light and of the background at the star, and of the readout.
    """
    image = window_images(fit.sum_image, fit.stamp, fit.row, fit.column)
    model = window_images(fit.model_image, fit.stamp, fit.row, fit.column)
    exposure, n_good = header.exposure, max(1, int(header.usable.sum()))
    columns = _first_pixel(fit.column)[:, None] + np.arange(WINDOW)
    read = exposure.read_variance(np.clip(columns, header.stamp.col_min, header.stamp.col_max - 1))
    sky = _median_of_rows(np.where(header.usable, fit.background, np.nan))
    light = np.maximum(model + sky[:, None, None], 0.0)
    error = np.sqrt((light / exposure.exposure_s + read[:, None, :]) / n_good)
    return image, model, (image - model) / error


def _aperture_windows(fit: TileFit) -> npt.NDArray[np.uint8]:
    """Apertures on the windows of the images: (n_star, WINDOW, WINDOW), 1 inside."""
    found = np.zeros((len(fit.starid), WINDOW, WINDOW), dtype=np.uint8)
    star, rows, columns = np.nonzero(fit.aperture)
    rows = rows + fit.window_row[star] - _first_pixel(fit.row)[star]
    columns = columns + fit.window_column[star] - _first_pixel(fit.column)[star]
    inside = (rows >= 0) & (rows < WINDOW) & (columns >= 0) & (columns < WINDOW)
    found[star[inside], rows[inside], columns[inside]] = 1
    return found
