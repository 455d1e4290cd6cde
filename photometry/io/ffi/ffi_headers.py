"""What the headers of a SPOC full-frame image (FFI) say, read without its pixels."""

import contextlib
import math
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from astropy.io import fits

from photometry.core.constants import FRAME_SHAPE
from photometry.core.cube import Exposure, Pointing
from photometry.core.datasources import FFI
from photometry.core.errors import InputFileError
from photometry.core.geometry import SCIENCE_AREA, Stamp
from photometry.core.times import MISSION_BTJD, SECONDS_PER_DAY, ffi_index
from photometry.frames.frame_series import Frame
from photometry.io.fits.damage import DAMAGED
from photometry.io.fits.fits_files import check_cards, header_value, real_number
from photometry.io.fits.gzip_files import is_gzipped, open_gzipped
from photometry.io.pixels.pixel_headers import (
    PixelHeaders,
    check_flux_unit,
    read_exposure,
    read_time_offset,
    says_simulated,
)
from photometry.io.pixels.pixel_wcs import image_wcs_cards
from photometry.io.pixels.time_systems import read_time_zero

__all__ = ["FfiName", "full_shape", "inspect_frame", "parse_name", "pointing_of_frame", "read_frame"]

#: SDPDD, section 2.1: start of the exposure (UTC), sector, camera, CCD, spacecraft configuration, cosmic rays.
_NAME = re.compile(r"tess(\d{13})-s(\d{4})-([1-4])-([1-4])-(\d{4})-[xsab]_ffic\.fits(?:\.gz)?", re.IGNORECASE)
#: Light time from beyond the aphelion of the Earth, d: 1.03 au with the Sun's own way about the barycentre.
_MOST_BARYCORR_D = 0.006
_AGAIN = "fetch it again"
#: Types of pixels (FITS Standard 4.0, table 8).
_BITPIX = (8, 16, 32, 64, -32, -64)
#: How every FITS file begins.
_MAGIC = b"SIMPLE  ="


@dataclass(frozen=True, slots=True)
class FfiName:
    """What the name of an FFI says; `clock_s` is the start of its exposure, s since 1970 (UTC), NaN for no date."""

    path: Path
    clock_s: float
    sector: int
    camera: int
    ccd: int


def parse_name(path: Path) -> FfiName | None:
    """Return what the name of an FFI says; None when the file has another name."""
    match = _NAME.fullmatch(path.name)
    if match is None:
        return None
    try:
        clock = datetime.strptime(match[1], "%Y%j%H%M%S").replace(tzinfo=UTC).timestamp()
    except ValueError:  # a day 400: its header may say when it was
        clock = math.nan
    return FfiName(path, clock, int(match[2]), int(match[3]), int(match[4]))


def full_shape(area: Stamp = SCIENCE_AREA) -> tuple[int, int]:
    """Return rows and columns of a frame with this science area: 2078 and 2136."""
    more_rows, more_columns = FRAME_SHAPE[0] - SCIENCE_AREA.row_max, FRAME_SHAPE[1] - SCIENCE_AREA.col_max
    return area.row_max + more_rows, area.col_max + more_columns


def read_frame(name: FfiName, area: Stamp = SCIENCE_AREA) -> Frame:
    """Read the headers of a frame; what is wrong with it becomes its status."""
    frame = Frame(name.path.name, name.clock_s, str(name.path))
    try:
        headers, size = _read_headers(name.path)
        found = (headers.integer("CAMERA", 1, 4), headers.integer("CCD", 1, 4))
        if found != (name.camera, name.ccd):
            reason = f"its header says camera {found[0]}, CCD {found[1]}, its name {name.camera}, {name.ccd}"
            return frame.failed("other_ccd", reason)
        shape = (headers.pixels.get("NAXIS2"), headers.pixels.get("NAXIS1"))
        if shape != full_shape(area):
            return frame.failed("wrong_shape", _shape_reason(shape, area))
        _check_size(name.path, headers.pixels, area, size)
        return _frame(frame, headers, area)
    except InputFileError as error:
        return frame.failed("unreadable", error.problem)


def inspect_frame(name: FfiName, area: Stamp = SCIENCE_AREA) -> tuple[Frame, Pointing]:
    """Read a frame's headers and where it points.

    Raises
    ------
    InputFileError
        When anything is wrong with the frame.
    """
    frame = read_frame(name, area)
    if frame.status != "ok":
        raise InputFileError(name.path, frame.reason)
    return frame, pointing_of_frame(name, frame)


def pointing_of_frame(where: FfiName | Pointing, frame: Frame) -> Pointing:
    """Return sector, camera, CCD and release of a frame."""
    return Pointing(
        datasource=FFI.name,
        sector=where.sector,
        camera=where.camera,
        ccd=where.ccd,
        data_rel=frame.release[0],
        procver=frame.release[1],
        starid=0,
        ra=math.nan,
        dec=math.nan,
        says_simulated=frame.says_simulated,
    )


def _frame(frame: Frame, headers: PixelHeaders, area: Stamp) -> Frame:
    """Fill in what the headers say."""
    barycorr = _barycorr(headers)
    zero = read_time_zero(headers)
    start, end = (time + zero for time in _times(headers, barycorr))
    if not MISSION_BTJD[0] <= start <= MISSION_BTJD[1]:
        raise InputFileError(
            headers.path, f"header key TSTART gives TJD {start:.10g}, before TESS was launched; {_AGAIN}"
        )
    check_flux_unit(headers, "BUNIT")
    exposure: Exposure = read_exposure(headers, area, FFI)
    return Frame(
        name=frame.name,
        clock_s=frame.clock_s,
        path=frame.path,
        index=_index(headers, exposure, (start + end) / 2),
        start=start,
        end=end,
        barycorr=math.nan if barycorr is None else barycorr,
        quality=headers.integer("DQUALITY", 0, 2**31 - 1) if headers.get("DQUALITY") is not None else 0,
        release=(headers.integer("DATA_REL", 0, 9999), str(headers.get("PROCVER") or "").strip()),
        exposure=exposure,
        wcs=(wcs := image_wcs_cards(headers.pixels)),
        offset=read_time_offset(headers, headers.integer("CAMERA", 1, 4), headers.integer("CCD", 1, 4), FFI),
        sky=(float(headers.pixels["CRVAL1"]), float(headers.pixels["CRVAL2"])) if wcs else (math.nan, math.nan),
        reason="" if wcs else "has no WCS that can be used",
        says_simulated=says_simulated(headers),
    )


def _barycorr(headers: PixelHeaders) -> float | None:
    """BARYCORR, d; None where the key is missing."""
    value = headers.get("BARYCORR")
    if value is None:
        return None
    number = real_number(value)
    if number is None or abs(number) >= _MOST_BARYCORR_D:
        raise InputFileError(headers.path, f"header key BARYCORR is {value!r}, expected -0.006 to 0.006 d; {_AGAIN}")
    return number


def _times(headers: PixelHeaders, barycorr: float | None) -> tuple[float, float]:
    """Start and end at the spacecraft, TJD: of the primary header, else the image's less its correction."""
    times = []
    for key in ("TSTART", "TSTOP"):
        value, correction = header_value(headers.primary, key), 0.0
        if value is None and barycorr is not None:
            value, correction = header_value(headers.pixels, key), barycorr
        time = real_number(value)
        if time is None or time <= 0:
            raise InputFileError(headers.path, f"header key {key} is {value!r}, expected a time (TJD); {_AGAIN}")
        times.append(time - correction)
    if not times[0] < times[1] < times[0] + 1:
        raise InputFileError(headers.path, f"TSTART = {times[0]}, TSTOP = {times[1]}: no exposure; {_AGAIN}")
    return times[0], times[1]


def _index(headers: PixelHeaders, exposure: Exposure, mid: float) -> int:
    """FFIINDEX; counted from the time where the first sectors, with 30 min frames, lack it."""
    if headers.get("FFIINDEX") is not None:
        return headers.integer("FFIINDEX", 0, 2**31 - 1)
    if exposure.cadence_s * 48 != SECONDS_PER_DAY:
        raise InputFileError(headers.path, f"header key FFIINDEX is missing; {_AGAIN}")
    return int(ffi_index(mid))


def _shape_reason(shape: tuple[Any, Any], area: Stamp) -> str:
    rows, columns = full_shape(area)
    return (
        f"its image has {shape[0]} rows and {shape[1]} columns, expected {rows} and {columns}: it is no whole frame "
        "(cut or binned?); fetch whole frames, or use datasource: tesscut for cutouts"
    )


def _check_size(path: Path, image: fits.Header, area: Stamp, size: int | None) -> None:
    """Refuse a plain file that is shorter than the image and the uncertainties of its science area."""
    bits = header_value(image, "BITPIX")
    if bits not in _BITPIX:
        raise InputFileError(path, f"header key BITPIX is {bits!r}, expected one of {_BITPIX}; {_AGAIN}")
    n_byte = abs(bits) // 8 * (image["NAXIS1"] * image["NAXIS2"] + area.n_pixel)
    if size is not None and size < n_byte:
        raise InputFileError(path, f"is truncated: {size} bytes where at least {n_byte} are expected; {_AGAIN}")


def _read_headers(path: Path) -> tuple[PixelHeaders, int | None]:
    """Read primary and image header, and the size of the file (None for a gzipped one)."""
    with _opened(path) as (file, size), warnings.catch_warnings():
        if size is not None and file.read(len(_MAGIC)) != _MAGIC:
            raise InputFileError(path, f"is no FITS file ({size} bytes); delete it and {_AGAIN}")
        file.seek(0)
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", fits.verify.VerifyWarning)
        try:
            primary = fits.Header.fromfile(file)
            image = fits.Header.fromfile(file)
            check_cards(primary)
            check_cards(image)
        except DAMAGED as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise InputFileError(path, f"its headers cannot be read ({reason}); delete it and {_AGAIN}") from error
    if primary.get("SIMPLE") is not True or image.get("XTENSION") != "IMAGE":
        raise InputFileError(path, f"is no FFI: its first extension is no image; {_AGAIN}")
    return PixelHeaders(path, primary, image, None), size


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[tuple[IO[bytes], int | None]]:
    try:
        with open(path, "rb") as file:
            size = file.seek(0, 2)
            file.seek(0)
            if is_gzipped(file):
                yield open_gzipped(path, file), None
            else:
                yield file, size
    except InputFileError:
        raise
    except OSError as error:  # a dangling link, a folder, no permission, a broken disk
        raise InputFileError(path, f"cannot be read ({error.strerror or error})") from error
