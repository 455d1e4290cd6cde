"""What the headers of TESScut and target pixel files say of pointing and exposure (pixels and WCS: `pixel_wcs`).

Every value is checked: a key that is missing or makes no sense is an error that names it.
"""

import logging
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from photometry.core.constants import (
    FRAME_TIME_S,
    INT_TIME_S,
    MOST_SECTOR,
    OUTPUTS,
)
from photometry.core.cube import Exposure, Pointing
from photometry.core.datasources import DataSource
from photometry.core.errors import ConfigError, InputFileError
from photometry.core.geometry import SCIENCE_AREA, Stamp, output_index
from photometry.core.times import NO_OFFSET, TimeOffset, time_offset
from photometry.io.fits.fits_files import header_value, real_number

__all__ = ["PixelHeaders", "check_flux_unit", "read_exposure", "read_pointing", "read_time_offset", "says_simulated"]

#: Cadences of TESS products, s (SDPDD, section 2.1; 200 s and 20 s since the extended missions).
_CADENCES_S = (20, 120, 200, 600, 1800)
#: Columns of a table (FITS Standard 4.0, section 7.3.1).
_MOST_COLUMNS = 999
#: Right ascension and declination, deg.
_RA_RANGE, _DEC_RANGE = (-360.0, 360.0), (-90.0, 90.0)
#: What the clock of the CCDs fixes, s: 1.98 + 0.02 = 2.00 (IH, section 5).
_INT_TIME_RANGE, _FRAME_TIME_RANGE = (1.9, 2.0), (1.99, 2.01)
#: Readouts in a block of the cosmic-ray mitigation: two of them are left out (IH, section 5.1).
_BLOCK_RANGE = (3, 1000)
#: Gain, e-/ADU, and read noise, e-, of CCDs like TESS's, whose values are 5 to 6 and 7 to 12 (IH, section 4.1).
_GAIN_RANGE, _READ_NOISE_RANGE = (1.0, 20.0), (1.0, 100.0)
#: Share of a cadence that is exposed, at least: 0.8 where cosmic rays are mitigated in blocks of ten, else all.
_LEAST_EXPOSED = 0.4
#: Units that are e-/s.
_FLUX_UNIT = re.compile(r"e(lectrons?|-)?(/s(ec(ond)?)?|s\^?-1)")


@dataclass(frozen=True)
class PixelHeaders:
    """Headers of a pixel file.

    Parameters
    ----------
    path : Path
        The file.
    primary, pixels : mapping of str to object
        Of the primary HDU and the table PIXELS: a header of astropy, or a dict.
    aperture : mapping of str to object or None
        Of the image APERTURE.
    """

    path: Path
    primary: Mapping[str, Any]
    pixels: Mapping[str, Any]
    aperture: Mapping[str, Any] | None

    def get(self, key: str) -> Any:
        """Return a value from the table's or else the primary header; None where it is in neither."""
        value = header_value(self.pixels, key)
        return header_value(self.primary, key) if value is None else value

    def number(self, key: str, limits: tuple[float, float] | None = None, unit: str = "") -> float | None:
        """Return a positive number, between two limits if they are given, or None where the key is missing."""
        value = self.get(key)
        if value is None:
            return None
        number = real_number(value)
        if number is None or number <= 0:
            raise InputFileError(self.path, f"header key {key} is {value!r}, expected a number above zero")
        if limits is not None and not limits[0] <= number <= limits[1]:
            expected = f"{limits[0]:g} to {limits[1]:g} {unit}".strip()
            raise InputFileError(self.path, f"header key {key} is {value!r}, expected {expected}; fetch the file again")
        return number

    def angle(self, key: str, low: float, high: float) -> float:
        """Return an angle of the primary header, deg; NaN where the key is missing."""
        value = header_value(self.primary, key)
        number = math.nan if value is None else real_number(value)
        if number is None or number < low or number > high:
            raise InputFileError(
                self.path, f"header key {key} is {value!r}, expected {low:g} to {high:g} deg; fetch the file again"
            )
        return number

    def integer(self, key: str, low: int, high: int) -> int:
        """Return a whole number that must be there and between two limits."""
        value = self.get(key)
        if value is None:
            raise InputFileError(self.path, f"header key {key} is missing or blank; fetch the file again")
        number = real_number(value)
        if number is None or not number.is_integer() or not low <= value <= high:
            raise InputFileError(self.path, f"header key {key} is {value!r}, expected {low} to {high}")
        return int(value)

    @cached_property
    def columns(self) -> dict[str, int]:
        """Numbers of the table's columns (from 1) by their names."""
        count = header_value(self.pixels, "TFIELDS") or 0
        if not isinstance(count, int) or not 0 <= count <= _MOST_COLUMNS:
            raise InputFileError(self.path, f"header key TFIELDS is {count!r}, expected 0 to {_MOST_COLUMNS}")
        return {str(self.pixels.get(f"TTYPE{n}", "")).strip(): n for n in range(1, count + 1)}


def read_pointing(headers: PixelHeaders, source: DataSource) -> Pointing:
    """Return sector, camera, CCD, data release and the file's position."""
    sector = headers.integer("SECTOR", 1, MOST_SECTOR)
    camera, ccd = headers.integer("CAMERA", 1, 4), headers.integer("CCD", 1, 4)
    release = headers.integer("DATA_REL", 0, 9999) if headers.get("DATA_REL") is not None else 0
    starid = headers.integer("TICID", 1, 2**63 - 1) if source.has_target else 0
    return Pointing(
        datasource=source.name,
        sector=sector,
        camera=camera,
        ccd=ccd,
        data_rel=release,
        procver=str(headers.get("PROCVER") or ""),
        starid=starid,
        ra=headers.angle("RA_OBJ", *_RA_RANGE),
        dec=headers.angle("DEC_OBJ", *_DEC_RANGE),
        tmag=_target_magnitude(headers) if source.has_target else None,
        says_simulated=says_simulated(headers),
    )


def says_simulated(headers: PixelHeaders) -> bool:
    """Tell whether a file says that its pixels are simulated, in the words of MAST or of SPOC."""
    return any(headers.get(key) is True for key in ("SIMULATD", "SIMDATA"))


def _target_magnitude(headers: PixelHeaders) -> float | None:
    """Return TESSMAG; None where it is blank or no magnitude of a star."""
    tmag = real_number(headers.get("TESSMAG"))
    return tmag if tmag is not None and -5 <= tmag <= 50 else None


def read_time_offset(headers: PixelHeaders, camera: int, ccd: int, source: DataSource) -> TimeOffset:
    """Return what has to be added to the times of a file: of early releases; nothing to those of simulated files.

    Where files do not name the pipeline, nobody can tell which of the two releases 27 and 29 they are: their times are
    taken as they are, and this is logged.

    Raises
    ------
    InputFileError
        When PROCVER is needed and missing.
    """
    if headers.get("DATA_REL") is None or says_simulated(headers):
        return NO_OFFSET
    release, version = headers.integer("DATA_REL", 0, 9999), str(headers.get("PROCVER") or "")
    if not source.names_pipeline and release in (27, 29) and not version.startswith("spoc"):
        logging.getLogger(__name__).warning(
            "%s: release %d was released twice, first with times 2 s late; taken as right", headers.path, release
        )
        version = "unknown"
    try:
        return time_offset(release, version, camera, ccd, full_frame=source.full_frame_times)
    except ConfigError as error:
        raise InputFileError(headers.path, str(error)) from error


def check_flux_unit(headers: PixelHeaders, key: str) -> None:
    """Raise InputFileError unless a header names e-/s, or nothing, as the unit of the pixels."""
    value = headers.get(key)
    if value is not None and not _FLUX_UNIT.fullmatch(re.sub(r"[\s.*]+", "", str(value)).lower()):
        raise InputFileError(headers.path, f"header key {key} is {value!r}, expected e-/s; fetch calibrated pixels")


def read_exposure(headers: PixelHeaders, stamp: Stamp, source: DataSource) -> Exposure:
    """Return cadence, exposure, readouts, gain and read noise."""
    int_time = headers.number("INT_TIME", _INT_TIME_RANGE, "s") or INT_TIME_S
    headers.number("FRAMETIM", _FRAME_TIME_RANGE, "s")
    cadence = _cadence(headers)
    readouts = _readouts(headers, int_time, source)
    if readouts * FRAME_TIME_S > 1.02 * cadence:
        raise InputFileError(
            headers.path, f"{readouts} readouts do not fit into a cadence of {cadence} s (NREADOUT, EXPOSURE, TIMEDEL)"
        )
    if readouts * FRAME_TIME_S < _LEAST_EXPOSED * cadence:
        raise InputFileError(
            headers.path, f"{readouts} readouts expose only {readouts * int_time:.6g} s of a cadence of {cadence} s"
        )
    columns = np.clip(np.arange(stamp.col_min, stamp.col_max), SCIENCE_AREA.col_min, SCIENCE_AREA.col_max - 1)
    needed = sorted({OUTPUTS[index] for index in output_index(columns)})
    return Exposure(
        cadence_s=cadence,
        exposure_s=readouts * int_time,
        num_readouts=readouts,
        gain_e_per_adu=_per_output(headers, "GAIN", needed, _GAIN_RANGE, "e-/ADU"),
        read_noise_e=_per_output(headers, "READNOI", needed, _READ_NOISE_RANGE, "e-"),
    )


def _cadence(headers: PixelHeaders) -> int:
    """Return the cadence in s from TIMEDEL (d), else from the number of frames."""
    timedel, frames = headers.number("TIMEDEL"), headers.number("NUM_FRM")
    if timedel is None and frames is None:
        raise InputFileError(headers.path, "header keys TIMEDEL and NUM_FRM are missing: the cadence is not known")
    seconds = timedel * 86400 if timedel is not None else (frames or 0) * FRAME_TIME_S
    known = min(_CADENCES_S, key=lambda cadence: abs(cadence - seconds))
    if abs(known - seconds) > 0.02 * known:
        raise InputFileError(
            headers.path,
            f"header key {'TIMEDEL' if timedel is not None else 'NUM_FRM'} gives a cadence of {seconds:.6g} s, "
            f"expected one of {', '.join(map(str, _CADENCES_S))} s",
        )
    if frames is not None and abs(frames * FRAME_TIME_S - known) > 0.02 * known:
        raise InputFileError(
            headers.path, f"header keys disagree: NUM_FRM = {frames:.0f} frames of 2 s, TIMEDEL says {known} s"
        )
    return known


def _readouts(headers: PixelHeaders, int_time: float, source: DataSource) -> int:
    """Return the readouts of a cadence: from NREADOUT, else the frames; EXPOSURE must agree.

    EXPOSURE is the time of one cadence in images and cutouts, of the whole series in TPFs (SDPDD, table 30).
    """
    said: dict[str, float] = {}
    readouts, frames = headers.number("NREADOUT"), headers.number("NUM_FRM")
    if readouts is not None:
        said["NREADOUT"] = readouts
    if source.exposure_of_cadence and (exposure := headers.number("EXPOSURE")) is not None:
        said["EXPOSURE/INT_TIME"] = exposure * 86400 / int_time
    mitigated = headers.get("CRMITEN")
    block = headers.number("CRBLKSZ", _BLOCK_RANGE, "readouts") if mitigated else None
    if readouts is None and frames is not None and mitigated is not None and not (mitigated and block is None):
        # On-board cosmic ray mitigation leaves out the highest and the lowest of each block (IH, section 5.1).
        said["NUM_FRM, CRMITEN, CRBLKSZ"] = frames * (block - 2) / block if block is not None else frames
    if not said:
        wanted = "NREADOUT, EXPOSURE" if source.exposure_of_cadence else "NREADOUT"
        raise InputFileError(
            headers.path, f"header keys {wanted}, or NUM_FRM, CRMITEN and CRBLKSZ, are missing: exposure is not known"
        )
    first = next(iter(said.values()))
    if any(abs(value - first) > 0.01 * first for value in said.values()) or round(first) < 1:
        listed = "; ".join(f"{key}: {value:.6g}" for key, value in said.items())
        raise InputFileError(headers.path, f"header keys disagree about the number of readouts ({listed})")
    return round(first)


def _per_output(
    headers: PixelHeaders, stem: str, needed: list[str], limits: tuple[float, float], unit: str
) -> tuple[float, float, float, float]:
    """Values of the outputs A to D; NaN for outputs that are neither described nor needed.

    Files that describe one output only, describe that of their pixels.
    """
    said = {name: headers.number(f"{stem}{name}", limits, unit) for name in OUTPUTS}
    found = {name: value for name, value in said.items() if value is not None}
    if not found:
        raise InputFileError(headers.path, f"header keys {stem}A to {stem}D are missing")
    if len(found) == 1:
        ((name, value),) = found.items()
        if needed != [name]:
            logging.getLogger(__name__).warning(
                "%s: %s%s counts for the outputs of all pixels: it is the only one given", headers.path, stem, name
            )
        return (value, value, value, value)
    missing = [f"{stem}{name}" for name in needed if name not in found]
    if missing:
        raise InputFileError(headers.path, f"header key {', '.join(missing)} is missing: pixels lie on that output")
    a, b, c, d = (found.get(name, math.nan) for name in OUTPUTS)
    return a, b, c, d
