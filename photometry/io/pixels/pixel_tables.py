"""Reading the table PIXELS of TESScut and target pixel files."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from astropy.io import fits

from photometry.core.constants import BTJD_OFFSET, LARGEST_E_S, LARGEST_TIMECORR_D, SATURATION_E_S
from photometry.core.errors import InputFileError
from photometry.core.geometry import science_part
from photometry.core.quality import PIXEL_FLAGS, TESS_QUALITY, bit, decode, is_usable
from photometry.core.times import MISSION_BTJD
from photometry.core.wording import number_of
from photometry.io.pixels.pixel_file import PixelFile

__all__ = ["PixelTable", "impossible_values", "pixel_flags", "read_pixel_table"]

_log = logging.getLogger(__name__)

#: By how much the time from one cadence to the next may differ from a multiple of the cadence: share of the cadence;
#: share of that time, by which barycentric times run fast or slow (30 km/s over c).
_SPACING_TOLERANCE, _BARYCENTRIC = 0.02, 1.0e-4
#: Share of the steps that may be odd.
_MOST_ODD = 0.1
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PixelTable:
    """The cadences of a pixel file that have a time.

    Parameters
    ----------
    flux, flux_err : (n_cadence, n_row, n_column) float32
        As in the file, e-/s; both NaN where not measured.
    time : (n_cadence,) float64
        BTJD.
    timecorr : (n_cadence,) float32
        d.
    cadenceno, quality : (n_cadence,) int32
        As in the file.
    quality_bitmask : int
        Bits of `quality` that make a cadence unusable.
    rows : (n_cadence,) int64
        Rows of the table that they come from.
    cut : (slice, slice)
        Rows and columns of the file's pixels that are in the science area.
    """

    flux: npt.NDArray[np.float32]
    flux_err: npt.NDArray[np.float32]
    time: npt.NDArray[np.float64]
    timecorr: npt.NDArray[np.float32]
    cadenceno: npt.NDArray[np.int32]
    quality: npt.NDArray[np.int32]
    quality_bitmask: int
    rows: npt.NDArray[np.int64]
    cut: tuple[slice, slice]

    def column(self, table: fits.FITS_rec, name: str) -> npt.NDArray[np.float32]:
        """Return another column of the same cadences."""
        return native(table[name], self.rows)

    def pixels(self, table: fits.FITS_rec, name: str) -> npt.NDArray[np.float32]:
        """Return another column of pixels of the same cadences and pixels, (n_cadence, n_row, n_column)."""
        return self.column(table, name)[:, *self.cut]


def native(
    column: npt.NDArray[np.float32], rows: npt.NDArray[np.int64], dtype: npt.DTypeLike = np.float32
) -> npt.NDArray[np.float32]:
    """Copy rows of a FITS column to this machine's byte order; what the type cannot hold becomes infinite."""
    with np.errstate(over="ignore"):
        values: npt.NDArray[np.float32] = np.asarray(column)[rows].astype(dtype)
    return values


def impossible_values(
    path: Path, name: str, values: npt.NDArray[np.floating[Any]], limit: float, unit: str
) -> npt.NDArray[np.bool_]:
    """Find finite values that are beyond a limit, above zero or below, and log how many there are.

    Parameters
    ----------
    path : Path
        The file.
    name : str
        The column.
    values : (n_cadence, ...) float32
        Its values.
    limit : float
        Largest absolute value that can be true.
    unit : str
        Unit of the column.

    Returns
    -------
    (n_cadence, ...) bool
    """
    found: npt.NDArray[np.bool_] = np.asarray((np.abs(values) > limit) & np.isfinite(values))
    if found.any():
        n_cadence = int(found.reshape(len(found), -1).any(axis=1).sum())
        _log.warning(
            "%s: %d values of %s in %d cadences are beyond +-%g %s, which no measurement gives: taken as not measured",
            *(path, int(found.sum()), name, n_cadence, limit, unit),
        )
    return found


def read_pixel_table(file: PixelFile, table: fits.FITS_rec, quality_bitmask: int) -> PixelTable:
    """Read the cadences that have a time, and check them.

    A cadence whose pixels are all exactly zero was not measured, nor was a pixel that is zero in all cadences. Values
    that no detector gives (`photometry.core.constants.LARGEST_E_S`) count as not measured.

    Parameters
    ----------
    file : PixelFile
        What its headers say. Pixels outside the CCD's science area, which saw no sky, are left out.
    table : FITS_rec
        Its table PIXELS.
    quality_bitmask : int
        Bits of QUALITY that make a cadence unusable.

    Raises
    ------
    InputFileError
        When there are fewer than two cadences, all are flagged, no pixel has a value in those that are not, or the
        times make no sense.
    """
    path, file_stamp = file.path, file.file_stamp
    all_times = np.asarray(table["TIME"], dtype=np.float64)
    rows = _rows_with_time(path, all_times, file.time_zero)
    if len(rows) < 2:
        raise InputFileError(path, f"has {number_of(len(rows), 'cadence')} with a time; a light curve needs at least 2")
    time = all_times[rows] + file.time_zero
    _check_times(path, time, file.exposure.cadence_s)
    quality = np.asarray(table["QUALITY"])[rows].astype(np.int32)
    usable = is_usable(quality, quality_bitmask)
    if not usable.any():
        raise InputFileError(path, _all_flagged(quality, quality_bitmask))
    flux, flux_err = native(table["FLUX"], rows), native(table["FLUX_ERR"], rows)
    if flux.shape != (len(rows), *file_stamp.shape) or flux_err.shape != flux.shape:
        raise InputFileError(path, f"FLUX and FLUX_ERR have shapes {flux.shape}, {flux_err.shape}; expected the same")
    cut = science_part(file_stamp).slices_in(file_stamp)
    flux, flux_err = flux[:, *cut], flux_err[:, *cut]
    missing = ~(np.isfinite(flux) & np.isfinite(flux_err))
    missing |= impossible_values(path, "FLUX", flux, LARGEST_E_S, "e-/s")
    missing |= impossible_values(path, "FLUX_ERR", flux_err, LARGEST_E_S, "e-/s")
    nothing = (flux == 0) | missing
    missing |= np.all(nothing, axis=(1, 2), keepdims=True) | np.all(nothing, axis=0)
    if missing.all():
        raise InputFileError(path, "no pixel has a value in any cadence (FLUX is NaN or zero); fetch the file again")
    if missing[usable].all():
        raise InputFileError(
            path,
            f"none of the {np.count_nonzero(usable)} unflagged cadences (by the bits of quality_bitmask) has a pixel "
            "with a value: there is nothing to take mean fluxes from",
        )
    flux[missing] = np.nan
    flux_err[missing] = np.nan
    timecorr = np.asarray(table["TIMECORR"], dtype=np.float64)[rows]
    timecorr[impossible_values(path, "TIMECORR", timecorr, LARGEST_TIMECORR_D, "d")] = np.nan
    return PixelTable(
        flux=flux,
        flux_err=flux_err,
        time=time,
        timecorr=_timecorr(path, timecorr, time),
        cadenceno=np.asarray(table["CADENCENO"])[rows].astype(np.int32),
        quality=quality,
        quality_bitmask=quality_bitmask,
        rows=rows,
        cut=cut,
    )


def _all_flagged(quality: npt.NDArray[np.int32], bitmask: int) -> str:
    """Say that no cadence is usable, which flags say so, and what changes that."""
    names = ", ".join(decode(TESS_QUALITY, int(np.bitwise_or.reduce(quality & bitmask))))
    return (
        f"all {len(quality)} cadences are flagged ({names} in QUALITY): there is nothing to fit; if the pixels are "
        "good, leave these bits out of quality_bitmask"
    )


def _rows_with_time(path: Path, times: npt.NDArray[np.float64], time_zero: float) -> npt.NDArray[np.int64]:
    """Rows whose time is one of TESS; a few others are left out with a warning, many are an error."""
    # Some files write 0 for no time.
    given = np.isfinite(times) & (times > 0)
    first, last = MISSION_BTJD
    of_tess = given & (times >= first - time_zero) & (times <= last - time_zero)
    strange = times[given & ~of_tess]
    if len(strange):
        problem = (
            f"{len(strange)} of {np.count_nonzero(given)} times are not those of TESS, as {strange[0]:.10g} from JD "
            f"{BTJD_OFFSET + time_zero:.10g} on"
        )
        if len(strange) > _MOST_ODD * np.count_nonzero(given):
            raise InputFileError(path, f"{problem}; fetch the file again")
        logging.getLogger(__name__).warning("%s: %s; these cadences are left out", path, problem)
    return np.flatnonzero(of_tess)


def _timecorr(path: Path, timecorr: npt.NDArray[np.float64], time: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Return the barycentric corrections (n_cadence,), d; where one is missing, what its neighbours say."""
    known = np.isfinite(timecorr)
    if not known.any():
        raise InputFileError(path, "no cadence has a TIMECORR; fetch the file again")
    if not known.all():
        _log.warning("%s: TIMECORR of %d cadences is missing and interpolated", path, np.count_nonzero(~known))
    return np.interp(time, time[known], timecorr[known]).astype(np.float32)


def _check_times(path: Path, time: npt.NDArray[np.float64], cadence_s: int) -> None:
    steps = np.diff(time) * 86400
    if np.any(steps <= 0):
        row = int(np.flatnonzero(steps <= 0)[0]) + 1
        raise InputFileError(path, f"TIME does not increase at the {row + 1}th cadence with a time; fetch it again")
    # Gaps are fine, of whatever length: there, too, the spacecraft counts cadences.
    away = np.abs(steps - np.maximum(np.rint(steps / cadence_s), 1) * cadence_s)
    odd = away > _SPACING_TOLERANCE * cadence_s + _BARYCENTRIC * steps
    if np.count_nonzero(odd) > _MOST_ODD * len(steps):
        raise InputFileError(
            path,
            f"the times are {np.median(steps):.1f} s apart, the header's cadence is {cadence_s} s (TIMEDEL, NUM_FRM); "
            f"{np.count_nonzero(odd)} of {len(steps)} steps are no multiple of it, as {steps[odd][0]:.1f} s",
        )


def pixel_flags(
    flux: npt.NDArray[np.float32], background: npt.NDArray[np.float32], used_for_background: npt.NDArray[np.bool_]
) -> npt.NDArray[np.uint8]:
    """Return `photometry.core.quality.PIXEL_FLAGS` of a cube.

    Parameters
    ----------
    flux : (n_cadence, n_row, n_column) float32
        Flux, NaN where not measured, e-/s.
    background : (n_cadence, n_row, n_column) float32
        What to add to restore what the pixel collected, e-/s.
    used_for_background : (n_row, n_column) bool
        Pixels that the background rests on.
    """
    missing = np.isnan(flux)
    flags = np.zeros(flux.shape, dtype=np.uint8)
    flags[missing] |= bit(PIXEL_FLAGS, "not_measured")
    dead = np.all(missing, axis=0)
    flags[:, dead] |= bit(PIXEL_FLAGS, "dead")
    flags[(flux + background) >= SATURATION_E_S] |= bit(PIXEL_FLAGS, "saturated")
    flags[:, used_for_background & ~dead] |= bit(PIXEL_FLAGS, "used_for_background")
    return flags
