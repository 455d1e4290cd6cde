"""From the headers of a CCD's frames to its series of cadences: times, flags, reference WCS."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from photometry.catalog.star_catalog import stamp_on_sky
from photometry.core.barycentre import Ephemeris, barycentric_correction, position_with_correction
from photometry.core.constants import ARCSEC_PER_PIXEL
from photometry.core.cube import CubeHeader, Exposure, Pointing
from photometry.core.errors import InputFileError
from photometry.core.geometry import SCIENCE_AREA, Stamp, collected_flags
from photometry.core.quality import TESS_QUALITY, UNUSABLE, bit
from photometry.core.sky import unit_vectors
from photometry.core.times import SECONDS_PER_DAY
from photometry.frames.frame_series import FrameSeries, frame_series, merge_quality, sorted_frames, wrong_pointings
from photometry.frames.known_defects import defects_of, excluded_frames
from photometry.io.ffi.ffi_headers import parse_name, pointing_of_frame, read_frame
from photometry.io.pixels.pixel_wcs import wcs_problem
from photometry.io.pixels.tpf_quality import short_flags
from photometry.io.products.frame_lists import CcdFrames, FrameList
from photometry.io.reference.spacecraft import EARTH_ERROR_S, read_ephemeris

__all__ = ["make_frames"]

#: Difference of the barycentric corrections of headers and ephemeris that is worth a warning, s.
_WORTH_TELLING_S = 0.5
#: Frames near the middle that the reference is chosen from, and frames of the whole sector they are compared with; how
#: far the corners of the CCD may be from the median of all, pixels: TESS keeps its pointing to a fraction of a pixel.
_CANDIDATES, _COMPARED, _SAME_PLACE_PIX = 9, 18, 2.0
_log = logging.getLogger(__name__)


def make_frames(
    paths: Sequence[str | Path],
    pointing: Pointing,
    exposure: Exposure,
    target_files: Sequence[str | Path] = (),
    ephemeris: str = "earth",
    area: Stamp = SCIENCE_AREA,
    quality_bitmask: int = UNUSABLE,
) -> CcdFrames:
    """Read the headers of all frames of a CCD and make its series of cadences.

    Parameters
    ----------
    paths : sequence of path-like
        Files, in order of preference for duplicates.
    pointing, exposure
        Of the CCD (`photometry.io.ffi.ffi_files.FfiFolder`).
    target_files : sequence of path-like
        Target pixel files of the sector, for the flags of those on this CCD.
    ephemeris : str
        `photometry.io.reference.spacecraft.read_ephemeris`.
    area : Stamp
        Science area.
    quality_bitmask : int
        Bits of QUALITY that make a cadence unusable.

    Raises
    ------
    InputFileError
        When fewer than two frames can be used, or no frame has a WCS that can.
    """
    folder = Path(paths[0]).parent
    names = [name for path in paths if (name := parse_name(Path(path))) is not None]
    frames = wrong_pointings(sorted_frames([read_frame(name, area) for name in names], exposure.cadence_s))
    try:
        series = frame_series(frames)
        first = series.frames[int(np.argmax(series.good))]
    except ValueError as error:
        reasons = "; ".join(f"{frame.name}: {frame.reason}" for frame in frames if frame.reason)[:500]
        ccd = f"sector {pointing.sector}, camera {pointing.camera}, CCD {pointing.ccd}"
        raise InputFileError(folder, f"{ccd}: {error}" + (f" ({reasons})" if reasons else "")) from error
    _tell(series)
    quality = _quality(series, pointing, first.exposure, target_files)
    reference, wcs = _reference(folder, series, quality, area)
    mid = (series.start + series.end) / 2 + first.offset.mid_s / SECONDS_PER_DAY
    ra, dec, _, _ = stamp_on_sky(wcs, area)
    places = _places(ephemeris, mid, series, ra, dec)
    timecorr = barycentric_correction(places.position, ra, dec)
    _compare(timecorr, series)
    header = CubeHeader(
        pointing=replace(pointing_of_frame(pointing, first), ra=ra, dec=dec),
        exposure=first.exposure,
        stamp=area,
        time=mid + timecorr,
        timecorr=timecorr.astype(np.float32),
        cadenceno=series.cadenceno.astype(np.int32),
        quality=quality,
        wcs_header=wcs,
        aperture=collected_flags(area),
        ephemeris=places,
        offset=first.offset,
        quality_bitmask=quality_bitmask,
    )
    return CcdFrames(
        header=header,
        reference=reference,
        files=tuple(frame.path for frame in series.frames),
        listing=_listing(series),
        missing=series.missing,
    )


def _places(ephemeris: str, mid: npt.NDArray[np.float64], series: FrameSeries, ra: float, dec: float) -> Ephemeris:
    """Return the places of the spacecraft; the Earth's are moved so that they give the corrections of the frames."""
    places = read_ephemeris(ephemeris, mid)
    if ephemeris != "earth":
        return places
    trusted = _trusted(series, places.position, ra, dec)
    return replace(places, position=position_with_correction(places.position, ra, dec, trusted))


def _quality(
    series: FrameSeries, pointing: Pointing, exposure: Exposure, target_files: Sequence[str | Path]
) -> npt.NDArray[np.int32]:
    """Return the flags of the frames, of target pixel files of the CCD, and of known defects."""
    time, flags = short_flags(target_files, pointing.sector, pointing.camera, pointing.ccd)
    quality = merge_quality(series.start, series.end, series.quality, time, flags)
    defects = defects_of(pointing.sector, pointing.camera, pointing.ccd, exposure.cadence_s)
    quality[excluded_frames(defects, series.cadenceno)] |= bit(TESS_QUALITY, "manual_exclude")
    return quality


def _reference(folder: Path, series: FrameSeries, quality: npt.NDArray[np.int32], area: Stamp) -> tuple[int, str]:
    """Return the best frame whose WCS inverts and places the CCD where others like it do, and that WCS."""
    order = series.reference_order(quality).tolist()
    usable = _with_usable_wcs(series, order, area, _CANDIDATES)
    others = order[:: max(len(order) // _COMPARED, 1)]
    usable += [number for number in _with_usable_wcs(series, others, area, _COMPARED) if number not in usable]
    if not usable:
        raise InputFileError(folder, f"none of {len(series)} frames has a WCS that can be used; fetch them again")
    corners = np.array([unit_vectors(*stamp_on_sky(series.frames[number].wcs, area)[3].T) for number in usable])
    away = np.linalg.norm(corners - np.median(corners, axis=0), axis=-1).max(axis=1)
    away *= np.rad2deg(1) * 3600 / ARCSEC_PER_PIXEL
    best = int(np.flatnonzero(away <= max(_SAME_PLACE_PIX, float(away.min())))[0])
    for number, far in zip(usable[:best], away, strict=False):
        _log.warning("%s: its WCS is %.1f pixels off and no reference", series.frames[number].name, far)
    return usable[best], series.frames[usable[best]].wcs


def _with_usable_wcs(series: FrameSeries, order: Sequence[int], area: Stamp, most: int) -> list[int]:
    """Return the first of some frames whose WCS can be used."""
    usable: list[int] = []
    for number in order:
        frame = series.frames[number]
        problem = wcs_problem(frame.wcs, area)
        if problem:
            _log.warning("%s: its WCS cannot be used (%s)", frame.name, problem)
        else:
            usable.append(number)
        if len(usable) == most:
            break
    return usable


def _trusted(series: FrameSeries, position: npt.NDArray[np.float64], ra: float, dec: float) -> npt.NDArray[np.float64]:
    """Return the headers' corrections (n_cadence,), d, or what their neighbours say where they cannot be right.

    They differ from those for the Earth's place by the way from there to TESS, which changes slowly.
    """
    earth = barycentric_correction(position, ra, dec)
    away = series.barycorr - earth
    good = np.abs(away) * SECONDS_PER_DAY < EARTH_ERROR_S
    wrong = np.flatnonzero(~good & np.isfinite(away))
    if not good.any():
        if len(wrong):
            _log.warning("BARYCORR of all %d frames is off by more than %g s and left out", len(wrong), EARTH_ERROR_S)
        return np.full(len(series), np.nan)
    for number in wrong:
        name, seconds = series.frames[number].name, away[number] * SECONDS_PER_DAY
        _log.warning("%s: BARYCORR is %.1f s off and left out", name, seconds)
    return np.asarray(earth + np.interp(series.start, series.start[good], away[good]))


def _compare(timecorr: npt.NDArray[np.float64], series: FrameSeries) -> None:
    """Warn when headers and ephemeris disagree; BARYCORR is for the middle of the CCD (keys BTC_PIX1, BTC_PIX2)."""
    known = np.isfinite(series.barycorr)
    difference = np.median(np.abs(timecorr - series.barycorr)[known]) * SECONDS_PER_DAY if known.any() else 0.0
    if difference > _WORTH_TELLING_S:
        _log.warning("barycentric corrections differ from the headers' by %.2f s: is the ephemeris right?", difference)


def _tell(series: FrameSeries) -> None:
    """Log what is wrong with frames, one line each, and the gaps."""
    for frame in (*series.frames, *series.left_out):
        if frame.reason:
            _log.warning("%s: %s (%s)", frame.name, frame.reason, frame.status)
    if len(series.missing):
        gaps = np.split(series.missing, np.flatnonzero(np.diff(series.missing) > 1) + 1)
        text = ", ".join(f"{gap[0]}-{gap[-1]}" if len(gap) > 1 else str(gap[0]) for gap in gaps)
        _log.warning("%d cadences have no file: %s", len(series.missing), text)
    _log.info("%d cadences, %d without pixels", len(series), int((~series.good).sum()))


def _listing(series: FrameSeries) -> FrameList:
    frames = (*series.frames, *series.left_out)

    def column(name: str, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        return np.array([getattr(frame, name) for frame in frames], dtype=dtype)

    return FrameList(
        name=column("name", str),
        cadenceno=column("index", np.int64),
        start=column("start", np.float64),
        end=column("end", np.float64),
        barycorr=column("barycorr", np.float64),
        status=column("status", str),
        reason=column("reason", str),
        wcs=column("wcs", str),
    )
