"""What the headers of TESScut and target pixel files say of pointing and exposure (pixels and WCS: `pixel_wcs`).

Every value is checked: a key that is missing or makes no sense is an error that names it.
"""

import logging
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

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
from photometry.io.fits.fits_files import header_value

__all__ = ["PixelHeaders", "read_exposure", "read_pointing", "read_time_offset"]

#: Cadences of TESS products, s (SDPDD, section 2.1; 200 s and 20 s since the extended missions).
_CADENCES_S = (20, 120, 200, 600, 1800)


@dataclass(frozen=True, slots=True)
class PixelHeaders:
    """Headers of a pixel file.

    Parameters
    ----------
    path : Path
        The file.
    primary, pixels : Header
        Of the primary HDU and the table PIXELS.
    aperture : Header or None
        Of the image APERTURE.
    """

    path: Path
    primary: fits.Header
    pixels: fits.Header
    aperture: fits.Header | None

    def get(self, key: str) -> Any:
        """Return a value from the table's or else the primary header; None where it is in neither."""
        value = header_value(self.pixels, key)
        return header_value(self.primary, key) if value is None else value

    def number(self, key: str) -> float | None:
        """Return a positive number, or None where the key is missing."""
        value = self.get(key)
        if value is None:
            return None
        if isinstance(value, (bool, str)) or not math.isfinite(value) or value <= 0:
            raise InputFileError(self.path, f"header key {key} is {value!r}, expected a number above zero")
        return float(value)

    def integer(self, key: str, low: int, high: int) -> int:
        """Return a whole number that must be there and between two limits."""
        value = self.get(key)
        if value is None:
            raise InputFileError(self.path, f"header key {key} is missing or blank; fetch the file again")
        if isinstance(value, (bool, str)) or value != int(value) or not low <= value <= high:
            raise InputFileError(self.path, f"header key {key} is {value!r}, expected {low} to {high}")
        return int(value)

    @property
    def columns(self) -> dict[str, int]:
        """Numbers of the table's columns (from 1) by their names."""
        count = header_value(self.pixels, "TFIELDS") or 0
        return {str(self.pixels.get(f"TTYPE{n}", "")).strip(): n for n in range(1, count + 1)}


def read_pointing(headers: PixelHeaders, source: DataSource) -> Pointing:
    """Return sector, camera, CCD, data release and the file's position."""
    sector = headers.integer("SECTOR", 1, MOST_SECTOR)
    camera, ccd = headers.integer("CAMERA", 1, 4), headers.integer("CCD", 1, 4)
    release = headers.integer("DATA_REL", 0, 9999) if headers.get("DATA_REL") is not None else 0
    ra, dec = (header_value(headers.primary, key) for key in ("RA_OBJ", "DEC_OBJ"))
    starid = headers.integer("TICID", 1, 2**63 - 1) if source.has_target else 0
    return Pointing(
        datasource=source.name,
        sector=sector,
        camera=camera,
        ccd=ccd,
        data_rel=release,
        procver=str(headers.get("PROCVER") or ""),
        starid=starid,
        ra=math.nan if ra is None else float(ra),
        dec=math.nan if dec is None else float(dec),
    )


def read_time_offset(headers: PixelHeaders, camera: int, ccd: int, source: DataSource) -> TimeOffset:
    """Return what has to be added to the times of a file: of early releases; nothing to those of simulated files.

    Where files do not name the pipeline, nobody can tell which of the two releases 27 and 29 they are: their times are
    taken as they are, and this is logged.

    Raises
    ------
    InputFileError
        When PROCVER is needed and missing.
    """
    if headers.get("DATA_REL") is None or headers.get("SIMDATA") is True:
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


def read_exposure(headers: PixelHeaders, stamp: Stamp, source: DataSource) -> Exposure:
    """Return cadence, exposure, readouts, gain and read noise."""
    int_time = headers.number("INT_TIME") or INT_TIME_S
    cadence = _cadence(headers)
    readouts = _readouts(headers, int_time, source)
    if readouts * FRAME_TIME_S > 1.02 * cadence:
        raise InputFileError(
            headers.path, f"{readouts} readouts do not fit into a cadence of {cadence} s (NREADOUT, EXPOSURE, TIMEDEL)"
        )
    columns = np.clip(np.arange(stamp.col_min, stamp.col_max), SCIENCE_AREA.col_min, SCIENCE_AREA.col_max - 1)
    needed = sorted({OUTPUTS[index] for index in output_index(columns)})
    return Exposure(
        cadence_s=cadence,
        exposure_s=readouts * int_time,
        num_readouts=readouts,
        gain_e_per_adu=_per_output(headers, "GAIN", needed),
        read_noise_e=_per_output(headers, "READNOI", needed),
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
    block = headers.number("CRBLKSZ") if mitigated else None
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


def _per_output(headers: PixelHeaders, stem: str, needed: list[str]) -> tuple[float, float, float, float]:
    """Values of the outputs A to D; NaN for outputs that are neither described nor needed.

    Files that describe one output only, describe that of their pixels.
    """
    found = {name: value for name in OUTPUTS if (value := headers.number(f"{stem}{name}")) is not None}
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
