"""What the photometry of real pixels shows, each number beside what is wanted of it: one function per field."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from astropy.io import fits

from benchmarks.cutouts import Cutout, measure_cutout, read_cutout
from benchmarks.plain_fit import PlainFit
from benchmarks.series import depth_of, find_transit, point_to_point, slope_on

__all__ = ["FIELDS", "Number", "cutout_numbers", "lines_of"]

#: Transits of TOI-519 b: period and duration, d.
_TOI519_PERIOD, _TOI519_DURATION = 1.2652328, 0.05
#: Sector with the shorter cadences, which the shape of the transit is taken from.
_SHAPE_SECTOR = 34
_PPM = 1e6
_SECONDS_PER_DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Number:
    """A measured number and the range that is wanted of it.

    Parameters
    ----------
    name : str
        What it is, with its unit.
    value : float
        The number.
    low, high : float
        Range that is wanted; infinite where nothing is.
    """

    name: str
    value: float
    low: float = -np.inf
    high: float = np.inf

    def line(self) -> str:
        """Return it as a line."""
        wanted = ""
        if np.isfinite(self.low) and np.isfinite(self.high):
            wanted = f"{self.low:g} to {self.high:g}"
        elif np.isfinite(self.high):
            wanted = f"<= {self.high:g}"
        elif np.isfinite(self.low):
            wanted = f">= {self.low:g}"
        is_met = self.low <= self.value <= self.high
        return f"{self.name:<58} {self.value:>12.5g}  {wanted:<18}{'' if is_met or not wanted else 'MISSED'}".rstrip()


def _size(name: str, value: float, limit: float) -> Number:
    """Return a number whose size is limited."""
    return Number(name, value, -limit, limit)


def _only(folder: Path, pattern: str) -> Path:
    """Return the one file of a pattern."""
    (path,) = folder.glob(pattern)
    return path


def _status_lines(cutout: Cutout) -> list[str]:
    """Status of every row, and what was learnt."""
    rows = [
        f"star {starid}: T {tmag:.2f}, mean {mean:.1f} e-/s, chi2 {chi2:.2f}, misfit {misfit:.1%}, {status} {reason}"
        for starid, tmag, mean, chi2, misfit, status, reason in zip(
            cutout.fit.starid,
            cutout.fit.tmag,
            cutout.metrics.mean_flux,
            cutout.metrics.chi2,
            cutout.fit.mean_misfit,
            cutout.status,
            cutout.reason,
            strict=True,
        )
    ]
    seconds = ", ".join(f"{step} {value:.1f}" for step, value in cutout.seconds.items())
    return [*(row.rstrip() for row in rows[:10]), f"PRF: {cutout.prf.source}", f"CPU seconds: {seconds}"]


def lines_of(cutout: Cutout, numbers: list[Number]) -> list[str]:
    """Return the numbers of a cutout and what its rows say."""
    return [number.line() for number in numbers] + _status_lines(cutout)


def _residual(cutout: Cutout) -> npt.NDArray[np.float64]:
    """Mean image less model over the peak, (n_row, n_column), %."""
    fit = cutout.fit
    return 100 * (fit.sum_image - fit.model_image) / np.nanmax(fit.sum_image)


def _range(values: npt.NDArray[np.float64]) -> float:
    return float(np.ptp(values))


def _motion_numbers(cutout: Cutout, wanted: tuple[float, float] | None) -> list[Number]:
    """Range of the motion of the middle, and the largest difference of a corner's from it."""
    stamp, good = cutout.cube.stamp, cutout.good
    rows = [stamp.center[0], stamp.row_min, stamp.row_min, stamp.row_max - 1, stamp.row_max - 1]
    columns = [stamp.center[1], stamp.col_min, stamp.col_max - 1, stamp.col_min, stamp.col_max - 1]
    shifts = [axis[:, good] for axis in cutout.kernel.shifts(rows, columns)]
    corners = max(float(np.abs(axis[1:] - axis[0]).max()) for axis in shifts)
    limits = [(value - 0.01, value + 0.01) for value in wanted] if wanted else [(-np.inf, np.inf)] * 2
    return [
        Number("range of row motion, px", _range(shifts[0][0]), *limits[0]),
        Number("range of column motion, px", _range(shifts[1][0]), *limits[1]),
        Number("largest motion of a corner against the middle, px", corners),
    ]


def cutout_numbers(cutout: Cutout, plain: PlainFit, most: int = 8) -> list[Number]:
    """Compare a cutout with a plain least-squares fit of the same pixels: the brightest stars, residual and motion."""
    brightest, ratio = cutout.flux(int(plain.starid[0])), {}
    numbers = []
    time = cutout.cube.header.time[cutout.good]
    for k, starid in enumerate(plain.starid[:most].tolist()):
        if starid not in cutout.fit.starid:
            continue
        index, flux = cutout.index(starid), cutout.flux(starid)
        ratio[starid] = float(np.nanmean(flux)) / plain.flux[k]
        error = float(np.nanmedian(cutout.fit.flux_err[index, cutout.good]))
        numbers.append(
            Number(f"star {starid}: mean flux over the plain fit's ({plain.flux[k]:.0f} e-/s)", ratio[starid])
        )
        numbers.append(Number(f"star {starid}: point-to-point over error", point_to_point(flux) / error))
        if k:
            slope, (own, period) = slope_on(flux, brightest)[0], slope_on(flux, brightest, time)
            numbers.append(Number(f"star {starid}: slope on the brightest, %", 100 * slope))
            numbers.append(Number(f"star {starid}: the same beside its own period of {period:.2f} d, %", 100 * own))
    residual, of_plain = _residual(cutout), 100 * plain.residual / plain.peak
    return [
        *numbers,
        Number("residual of the mean image, rms over the peak, %", float(np.sqrt(np.nanmean(residual**2)))),
        Number("residual of the mean image, largest over the peak, %", float(np.nanmax(np.abs(residual)))),
        Number("  of the plain fit, rms", float(np.sqrt(np.nanmean(of_plain**2)))),
        Number("  of the plain fit, largest", float(np.nanmax(np.abs(of_plain)))),
        *_motion_numbers(cutout, None),
        Number("  of the plain fit, row", _range(plain.shift[0])),
        Number("  of the plain fit, column", _range(plain.shift[1])),
        Number("median chi2 of the tile", float(np.median(cutout.fit.cadence_chi2[cutout.good]))),
    ]


def _s19(data: Path) -> list[str]:
    """RY Tau's field in sector 19, second orbit."""
    folder = data / "sky/s19"
    cutout = measure_cutout(
        *read_cutout(_only(folder, "*.fits.gz"), folder / "stars.csv", data / "prf/start_s0004_cam1_ccd3")
    )
    time, bright = cutout.cube.header.time[cutout.good], cutout.flux(1)
    known = {2: (5100.0, 0.10, 0.5), 3: (2760.0, 0.15, 0.5), 4: (1750.0, 0.20, 1.0)}
    numbers = [
        Number("star 1: mean flux over 70,040 (this and the next by a plain fit)", float(np.nanmean(bright)) / 70040)
    ]
    for starid, (level, share, _) in known.items():
        mean = float(np.nanmean(cutout.flux(starid)))
        numbers.append(Number(f"star {starid}: mean flux over {level:g}", mean / level, 1 - share, 1 + share))
    residual = _residual(cutout)
    numbers.append(Number("residual, rms over the peak, %", float(np.sqrt(np.nanmean(residual**2))), high=0.6))
    numbers.append(Number("residual, largest over the peak, %", float(np.nanmax(np.abs(residual)))))
    for starid, (_, _, limit) in known.items():
        slope, (own, period) = slope_on(cutout.flux(starid), bright)[0], slope_on(cutout.flux(starid), bright, time)
        if starid == 2:
            numbers.append(Number("star 2: slope on star 1 with its own period, %", 100 * slope))
            numbers.append(_size(f"star 2: slope beside its own period of {period:.3f} d, %", 100 * own, limit))
        else:
            numbers.append(_size(f"star {starid}: slope on star 1, %", 100 * slope, limit))
    for starid in (3, 4):
        error = float(np.nanmedian(cutout.fit.flux_err[cutout.index(starid), cutout.good]))
        ratio = point_to_point(cutout.flux(starid)) / error
        numbers.append(Number(f"star {starid}: point-to-point over error", ratio, high=1.6))
    return lines_of(cutout, numbers + _motion_numbers(cutout, (0.14, 0.10)))


def _gj1243(data: Path) -> list[str]:
    """GJ 1243, target pixel file of 120 s, against SPOC's SAP flux."""
    folder = data / "tpf"
    cutout = measure_cutout(
        *read_cutout(folder / "tpf1.fits", folder / "tpf1_stars.csv", data / "prf/start_s0004_cam2_ccd3", "tpf")
    )
    spoc = fits.getdata(folder / "lcf2.fits", 1)
    spoc = spoc[np.isfinite(spoc["TIME"])]
    sap = np.asarray(spoc["SAP_FLUX"], dtype=np.float64)[cutout.good]
    flux, index = cutout.flux(273589987), cutout.index(273589987)
    common = np.isfinite(sap) & np.isfinite(flux)
    of_sap = point_to_point(sap[common]) / np.median(sap[common])
    scatter = point_to_point(flux[common]) / np.median(flux[common])
    error = float(np.median(cutout.fit.flux_err[index, cutout.good][common])) / np.median(flux[common])
    return lines_of(
        cutout,
        [
            Number("point-to-point of SAP_FLUX, ppm", _PPM * of_sap),
            Number("point-to-point of the PSF flux, ppm", _PPM * scatter, high=_PPM * of_sap),
            Number("error over point-to-point", error / scatter, low=0.85),
            *_motion_numbers(cutout, None),
        ],
    )


def _pimen(data: Path) -> list[str]:
    """Pi Men, saturated."""
    folder = data / "sky/pimen_s01"
    cutout = measure_cutout(
        *read_cutout(_only(folder, "*.fits.gz"), folder / "stars.csv", data / "prf/start_s0001_cam4_ccd2")
    )
    flux, index = cutout.flux(261136679), cutout.index(261136679)
    flagged = cutout.fit.flux_err[index, ~cutout.good]
    return lines_of(
        cutout,
        [
            Number("median flux over 1.465e6 e-/s", float(np.nanmedian(flux)) / 1.465e6, 0.98, 1.02),
            Number("median background, e-/s/px", float(cutout.metrics.background[index]), 45, 75),
            Number("point-to-point, ppm", _PPM * point_to_point(flux) / float(np.nanmedian(flux)), high=30),
            Number("median error, e-/s", float(np.nanmedian(cutout.fit.flux_err[index, cutout.good]))),
            Number("largest error of a flagged cadence, e-/s", float(np.nanmax(flagged, initial=0.0))),
        ],
    )


def _toi519(data: Path) -> list[str]:
    """TOI-519 in sectors 7 and 34: depths of the same transit, in e-/s, as neighbours' light is left in the pixels."""
    folder, lines, depths = data / "sky/toi519", [], []
    # As measured with the release of November 2026, and 1 %.
    now = {7: 6320e-6, 34: 9390e-6}
    for sector in (_SHAPE_SECTOR, 7):
        pixels = _only(folder, f"tess-s{sector:04d}*.fits.gz")
        cutout = measure_cutout(*read_cutout(pixels, folder / "stars.csv", data / "prf/start_s0004_cam2_ccd3"))
        flux, time = cutout.flux(218795833), cutout.cube.header.time[cutout.good]
        exposure = cutout.cube.exposure.cadence_s / _SECONDS_PER_DAY
        if sector == _SHAPE_SECTOR:
            transit = find_transit(time, flux, exposure, _TOI519_PERIOD, _TOI519_DURATION)
        depth, error, _ = depth_of(time, flux, exposure, transit)
        level = float(np.nanmedian(flux))
        depths.append((level * depth, level * error))
        scatter = point_to_point(flux) / level
        predicted = float(np.nanmedian(cutout.fit.flux_err[0, cutout.good])) / level
        numbers = [
            Number(f"S{sector}: point-to-point, ppm", _PPM * scatter, high=_PPM * now[sector]),
            Number(f"S{sector}: error over point-to-point", predicted / scatter),
            Number(f"S{sector}: depth of the transits, %", 100 * depth),
            Number(f"S{sector}: its error, %", 100 * error),
            Number(f"S{sector}: depth, e-/s", level * depth),
        ]
        lines += lines_of(cutout, numbers)
    away = (depths[0][0] - depths[1][0]) / np.hypot(depths[0][1], depths[1][1])
    shape = f"from S34: {24 * transit.duration:.2f} h, ingress {24 * transit.duration * transit.ingress:.2f} h"
    return [*lines, f"shape of the transit {shape}", _size("depths in e-/s differ, standard errors", away, 2.0).line()]


def _vela(data: Path) -> list[str]:
    """Crowded field in Vela, nine cadences."""
    folder = data / "sky/vela_s61"
    cutout = measure_cutout(
        *read_cutout(_only(folder, "*.fits.gz"), folder / "stars.csv", data / "prf/start_s0004_cam3_ccd1")
    )
    residual = _residual(cutout)
    return lines_of(
        cutout,
        [
            Number("residual, largest over the peak, %", float(np.nanmax(np.abs(residual))), high=2.0),
            Number("residual, rms over the peak, %", float(np.sqrt(np.nanmean(residual**2)))),
            *_motion_numbers(cutout, None),
        ],
    )


#: What is measured of each field, by its name.
FIELDS: dict[str, Callable[[Path], list[str]]] = {
    "s19": _s19,
    "gj1243": _gj1243,
    "pimen": _pimen,
    "toi519": _toi519,
    "vela": _vela,
}
