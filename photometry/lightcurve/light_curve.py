"""Light curve of one target: what the fit of a tile says about it, its time axis and the pixels around it."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from photometry.core.barycentre import Ephemeris, barycentric_correction
from photometry.core.cube import CubeHeader
from photometry.core.geometry import Stamp
from photometry.core.quality import APERTURE_FLAGS, PIXEL_QUALITY, STAR_FLAGS, bit, flagged
from photometry.core.status import STATUS
from photometry.fit.tile_fit import TileFit
from photometry.lightcurve.metrics import Metrics
from photometry.trends.corrected_fluxes import CorrectedFluxes

__all__ = [
    "APERTURE_USED",
    "WINDOW",
    "LightCurve",
    "light_curve",
    "statuses",
    "with_star_time",
]

#: Pixels per axis of the images that come with a light curve.
WINDOW = 15
#: Flag of the pixels that make the aperture flux.
APERTURE_USED = bit(APERTURE_FLAGS, "in_aperture")
#: Share of unflagged cadences that must have a flux.
_FINITE_REQUIRED = 0.999

_NOT_FITTED = bit(PIXEL_QUALITY, "not_fitted")


@dataclass(frozen=True, slots=True)
class LightCurve:
    """Light curve of one target; every array but the images is (n_cadence,).

    Parameters
    ----------
    starid : int
        TIC number.
    time : float64
        BTJD at mid exposure, TDB at the barycentre, d.
    timecorr : float32
        Barycentric correction in `time`, d.
    cadenceno : int32
        Cadence number.
    flux, flux_err : float32
        PSF flux and its standard error, e-/s; both NaN where, and only where, `pixel_quality` has ``not_fitted``.
    corr_flux, corr_flux_err : float32
        PSF flux without what the stars of the region share, and its standard error, e-/s.
    background : float32
        Background per pixel at the star, e-/s.
    aperture_flux, aperture_flux_err : float32
        Flux in a small aperture, neighbours subtracted, scaled to all of the star's light, e-/s.
    quality : int32
        TESS quality flags (`photometry.core.quality.TESS_QUALITY`).
    pixel_quality : int32
        Flags of this star (`photometry.core.quality.PIXEL_QUALITY`).
    centroid_row, centroid_column : float64
        Flux-weighted centroid, 0-based CCD pixels.
    row_shift, column_shift : float32
        Motion by the movement kernel, pixels.
    stamp : Stamp
        The pixels of the images: at most `WINDOW` x `WINDOW` around the star.
    sum_image : (n_row, n_column) float32
        Mean of the good images, large-scale background removed, e-/s.
    aperture : (n_row, n_column) int32
        Flags of the pixels: 1 collected, 2 in the aperture, 4 background, 32 to 256 output A to D.
    """

    starid: int
    time: npt.NDArray[np.float64]
    timecorr: npt.NDArray[np.float32]
    cadenceno: npt.NDArray[np.int32]
    flux: npt.NDArray[np.float32]
    flux_err: npt.NDArray[np.float32]
    corr_flux: npt.NDArray[np.float32]
    corr_flux_err: npt.NDArray[np.float32]
    background: npt.NDArray[np.float32]
    aperture_flux: npt.NDArray[np.float32]
    aperture_flux_err: npt.NDArray[np.float32]
    quality: npt.NDArray[np.int32]
    pixel_quality: npt.NDArray[np.int32]
    centroid_row: npt.NDArray[np.float64]
    centroid_column: npt.NDArray[np.float64]
    row_shift: npt.NDArray[np.float32]
    column_shift: npt.NDArray[np.float32]
    stamp: Stamp
    sum_image: npt.NDArray[np.float32]
    aperture: npt.NDArray[np.int32]


def light_curve(fit: TileFit, index: int, header: CubeHeader, fluxes: CorrectedFluxes | None = None) -> LightCurve:
    """Make the light curve of one star of a tile.

    Parameters
    ----------
    fit : TileFit
        The fit of the tile.
    index : int
        The star's place in the fit.
    header : CubeHeader
        Header of the cube that was fitted.
    fluxes : CorrectedFluxes, optional
        Corrected fluxes of the stars of the fit; without them those that were measured are taken for them.

    Returns
    -------
    LightCurve
        A flux or error that is not finite makes both NaN and sets ``not_fitted``.
    """
    flux, flux_err = fit.flux[index], fit.flux_err[index]
    finite = np.isfinite(flux) & np.isfinite(flux_err)
    corr_flux, corr_flux_err = (flux, flux_err) if fluxes is None else (fluxes.flux[index], fluxes.flux_err[index])
    nothing = np.float32(np.nan)
    pixel_quality = np.where(finite, fit.pixel_quality[index], fit.pixel_quality[index] | _NOT_FITTED)
    stamp = _window(fit, index)
    return LightCurve(
        starid=int(fit.starid[index]),
        time=header.time,
        timecorr=header.timecorr,
        cadenceno=header.cadenceno,
        flux=np.where(finite, flux, nothing),
        flux_err=np.where(finite, flux_err, nothing),
        corr_flux=np.where(finite, corr_flux, nothing),
        corr_flux_err=np.where(finite, corr_flux_err, nothing),
        background=fit.background[index],
        aperture_flux=fit.aperture_flux[index],
        aperture_flux_err=fit.aperture_flux_err[index],
        quality=header.quality,
        pixel_quality=pixel_quality.astype(np.int32),
        centroid_row=fit.centroid_row[index].astype(np.float64),
        centroid_column=fit.centroid_column[index].astype(np.float64),
        row_shift=fit.row_shift[index],
        column_shift=fit.column_shift[index],
        stamp=stamp,
        sum_image=fit.sum_image[stamp.slices_in(fit.stamp)].astype(np.float32),
        aperture=_aperture_flags(fit, index, header, stamp),
    )


def with_star_time(curve: LightCurve, ephemeris: Ephemeris | None, ra: float, dec: float) -> LightCurve:
    """Return the light curve with the barycentric correction of its own star in place of that of the CCD's middle.

    Parameters
    ----------
    curve : LightCurve
        Light curve of a star.
    ephemeris : Ephemeris or None
        Places of the spacecraft; None where the times are the star's already.
    ra, dec : float
        Its position, deg.
    """
    if ephemeris is None:
        return curve
    timecorr = barycentric_correction(ephemeris.position, ra, dec)
    return replace(curve, time=curve.time - curve.timecorr + timecorr, timecorr=timecorr.astype(np.float32))


def statuses(fit: TileFit, metrics: Metrics) -> tuple[list[STATUS], list[str]]:
    """Judge every star of a tile.

    Parameters
    ----------
    fit : TileFit
        The fit of the tile.
    metrics : Metrics
        Metrics of its stars.

    Returns
    -------
    status : list of STATUS
        OK, WARNING, ERROR or SKIPPED.
    reason : list of str
        Why it is not OK; empty where it is.
    """
    flags = {flag.name: flagged(STAR_FLAGS, fit.star_flags, flag.name) for flag in STAR_FLAGS}
    verdicts = [
        _verdict({name for name, is_set in flags.items() if is_set[star]}, fit, metrics, star)
        for star in range(len(fit.starid))
    ]
    return [status for status, _ in verdicts], [reason for _, reason in verdicts]


def _verdict(flags: set[str], fit: TileFit, metrics: Metrics, star: int) -> tuple[STATUS, str]:
    """Status and reason of one star."""
    n_finite, n_unflagged = int(metrics.n_finite[star]), int(metrics.n_unflagged[star])
    if "no_pixels" in flags:
        return STATUS.SKIPPED, "no pixel is measured in any cadence"
    if "not_measurable" in flags:
        if "saturated" in flags:
            return STATUS.SKIPPED, "saturated, and its trail was not measured whole"
        if "dead_pixels" in flags:
            return STATUS.SKIPPED, "in a dead region: too little of its light lies on live pixels"
        return STATUS.SKIPPED, "too little of its light lies on usable pixels"
    if n_unflagged == 0:
        return STATUS.ERROR, "every cadence is flagged"
    if n_finite == 0:
        return STATUS.ERROR, f"no finite flux in {n_unflagged} unflagged cadences"
    numbers = {
        "correlation": fit.blend_correlation[star],
        "misfit": fit.mean_misfit[star],
        "uncertainty": fit.mean_flux_syst[star] / abs(metrics.mean_flux[star]),
        "tmag": fit.unlisted_tmag[star],
        "distance": fit.unlisted_distance[star],
    }
    reasons = [text.format(**numbers) for name, text in _RESERVATIONS.items() if name in flags]
    if metrics.fraction_finite[star] < _FINITE_REQUIRED:
        reasons.append(f"only {n_finite} of {n_unflagged} unflagged cadences have a flux")
    return (STATUS.WARNING, "; ".join(reasons)) if reasons else (STATUS.OK, "")


#: What is said of a star that is measured with reservations, by its flag.
_RESERVATIONS = {
    "inseparable": "cannot be separated from a neighbour (correlation {correlation:.3f})",
    "saturated": "saturated: the flux rests on the sum of its bleed trail",
    "edge": "part of its light lies outside the pixels",
    "dead_pixels": "dead or never measured pixels under the star",
    "poor_model": "the pixels disagree with the model",
    "static_misfit": "the mean image disagrees with the model by {misfit:.1%} of the light under the star",
    "mean_uncertain": "the mean flux may be wrong by {uncertainty:.0%}",
    "motion_unknown": "the motion was not measured: too little light of stars that do not saturate",
    "unlisted_neighbour": "a star of T = {tmag:.1f} that the star table lacks is {distance:.1f} px away",
    "table_doubtful": "the star table may not fit the pixels (the log of movement_kernel says why)",
}


def _window(fit: TileFit, index: int) -> Stamp:
    """Pixels around a star, as far as the fit has them."""
    row, column = int(np.rint(fit.row[index])), int(np.rint(fit.column[index]))
    half = WINDOW // 2
    return Stamp(row - half, row + half + 1, column - half, column + half + 1).clipped(fit.stamp)


def _aperture_flags(fit: TileFit, index: int, header: CubeHeader, stamp: Stamp) -> npt.NDArray[np.int32]:
    """Return the flags of the pixels of a window, with the aperture of the star."""
    flags = header.aperture[stamp.slices_in(header.stamp)].astype(np.int32)
    rows, columns = np.nonzero(fit.aperture[index])
    rows = rows + int(fit.window_row[index]) - stamp.row_min
    columns = columns + int(fit.window_column[index]) - stamp.col_min
    inside = (rows >= 0) & (rows < stamp.shape[0]) & (columns >= 0) & (columns < stamp.shape[1])
    flags[rows[inside], columns[inside]] |= APERTURE_USED
    return flags
