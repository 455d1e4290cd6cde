"""The frames of a CCD: what is wrong with them, as far as they tell among each other, and the series that they make.

A bad frame never stops a sector.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from photometry.core.quality import FFI_RELEVANT, TESS_QUALITY, bit
from photometry.core.sky import unit_vectors
from photometry.core.times import NO_OFFSET, SECONDS_PER_DAY, TimeOffset

__all__ = [
    "LEFT_OUT",
    "OK",
    "STATUSES",
    "Frame",
    "FrameSeries",
    "frame_series",
    "merge_quality",
    "sorted_frames",
    "wrong_pointings",
]

OK = "ok"
#: What can be wrong with a frame, and what happens to it.
STATUSES = {
    OK: "used",
    "unreadable": "cadence without pixels, flagged manual_exclude",
    "other_ccd": "cadence without pixels, flagged manual_exclude",
    "wrong_shape": "cadence without pixels, flagged manual_exclude",
    "other_exposure": "cadence without pixels, flagged manual_exclude",
    "wrong_time": "cadence without pixels, flagged manual_exclude",
    "no_pixels": "cadence without pixels, flagged manual_exclude",
    "no_background": "cadence without pixels, flagged manual_exclude",
    "wrong_name": "left out",
    "duplicate": "left out",
    "other_release": "left out",
}
#: Statuses of frames that make no cadence.
LEFT_OUT = ("duplicate", "other_release", "wrong_name")
#: How far the WCS of frames of a sector differ at most, deg; the spacecraft keeps its pointing to arc minutes.
_SAME_SKY_DEG = 0.2
#: Frames among which one with a wrong time stands out.
_NEIGHBOURS = 11
#: A file whose name places it farther from all frames that can be read has a wrong date, d; gaps within a sector, for
#: the downlink of data, are of one or two days.
_FAR_D = 4.0


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame by its name and header.

    Parameters
    ----------
    name : str
        Name of the file.
    clock_s : float
        Time in the name, s after any fixed moment: all that is known of a file that cannot be read. NaN for no date.
    path : str
        Where the file is; files of the same name may lie in several folders.
    status : str
        One of `STATUSES`.
    reason : str
        Why the status is not ok.
    index : int
        FFIINDEX; -1 where not known.
    start, end : float
        Start and end of the exposure at the spacecraft as the file has them, TJD (TDB); NaN where not known.
    barycorr : float
        Barycentric correction of the file, d; NaN where not known.
    quality : int
        DQUALITY.
    release : tuple of int and str
        DATA_REL and PROCVER.
    exposure : object
        What all frames of a series have in common (`photometry.core.cube.Exposure`).
    wcs : str
        Cards of the WCS; empty where it cannot be used.
    offset : TimeOffset
        What has to be added to its times, s.
    sky : tuple of 2 floats
        Position of its reference pixel, deg.
    says_simulated : bool
        Whether the file says that its pixels are simulated.
    """

    name: str
    clock_s: float
    path: str = ""
    status: str = OK
    reason: str = ""
    index: int = -1
    start: float = np.nan
    end: float = np.nan
    barycorr: float = np.nan
    quality: int = 0
    release: tuple[int, str] = (0, "")
    exposure: Any = None
    wcs: str = ""
    offset: TimeOffset = NO_OFFSET
    sky: tuple[float, float] = (np.nan, np.nan)
    says_simulated: bool = False

    def failed(self, status: str, reason: str) -> "Frame":
        """Return the frame with something wrong."""
        return replace(self, status=status, reason=reason)


@dataclass(frozen=True, slots=True)
class FrameSeries:
    """Cadences of a CCD, increasing in time.

    Parameters
    ----------
    frames : tuple of Frame
        The frame of each cadence.
    left_out : tuple of Frame
        Frames that make no cadence.
    cadenceno : (n_cadence,) int64
        FFIINDEX.
    start, end : (n_cadence,) float64
        As in the files, TJD; interpolated for files that cannot be read.
    barycorr : (n_cadence,) float64
        d; interpolated likewise.
    quality : (n_cadence,) int32
        `photometry.core.quality.TESS_QUALITY`: DQUALITY, and manual_exclude for cadences without pixels.
    missing : (n_missing,) int64
        Cadence numbers between the first and the last of which there is no file.
    """

    frames: tuple[Frame, ...]
    left_out: tuple[Frame, ...]
    cadenceno: npt.NDArray[np.int64]
    start: npt.NDArray[np.float64]
    end: npt.NDArray[np.float64]
    barycorr: npt.NDArray[np.float64]
    quality: npt.NDArray[np.int32]
    missing: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def good(self) -> npt.NDArray[np.bool_]:
        """Which cadences (n_cadence,) have pixels."""
        return np.array([frame.status == OK for frame in self.frames], dtype=np.bool_)

    def reference_order(self, quality: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
        """Return the numbers of good cadences with a WCS, the best reference first: unflagged, near the middle."""
        usable = np.flatnonzero(self.good & np.array([bool(frame.wcs) for frame in self.frames]))
        mid = self.start + self.end
        distance = np.abs(mid[usable] - (mid[0] + mid[-1]) / 2)
        return usable[np.lexsort((distance, quality[usable] != 0))]


def frame_series(frames: Sequence[Frame]) -> FrameSeries:
    """Make the series of cadences of frames in the order of `photometry.frames.frame_checks.sorted_frames`.

    Raises
    ------
    ValueError
        When fewer than two frames can be used, or when their times do not increase.
    """
    cadences = tuple(frame for frame in frames if frame.status not in LEFT_OUT)
    good = np.array([frame.status == OK for frame in cadences], dtype=np.bool_)
    if good.sum() < 2:
        raise ValueError(f"{int(good.sum())} of {len(frames)} frames can be used; a light curve needs at least 2")
    index = np.array([frame.index for frame in cadences], dtype=np.int64)
    start, end, barycorr = (
        _filled(index, np.array([getattr(frame, name) for frame in cadences]), good)
        for name in ("start", "end", "barycorr")
    )
    if np.any(np.diff(start) <= 0):
        first = int(np.flatnonzero(np.diff(start) <= 0)[0]) + 1
        raise ValueError(f"the time of {cadences[first].name} is not later than that of {cadences[first - 1].name}")
    quality = np.array([frame.quality for frame in cadences], dtype=np.int32)
    quality[~good] |= bit(TESS_QUALITY, "manual_exclude")
    return FrameSeries(
        frames=cadences,
        left_out=tuple(frame for frame in frames if frame.status in LEFT_OUT),
        cadenceno=index,
        start=start,
        end=end,
        barycorr=barycorr,
        quality=quality,
        missing=np.setdiff1d(np.arange(index[0], index[-1] + 1), index),
    )


def _filled(
    index: npt.NDArray[np.int64], values: npt.NDArray[np.float64], good: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """Interpolate by cadence number what is not known, linear, beyond the ends along the mean slope."""
    known = good & np.isfinite(values)
    if known.sum() < 2:
        return values
    slope = (values[known][-1] - values[known][0]) / (index[known][-1] - index[known][0])
    trend = slope * index
    filled = trend + np.interp(index, index[known], values[known] - trend[known])
    return np.where(known, values, filled)


def merge_quality(
    start: npt.NDArray[np.float64],
    end: npt.NDArray[np.float64],
    quality: npt.NDArray[np.int32],
    short_time: npt.NDArray[np.float64],
    short_quality: npt.NDArray[np.int32],
) -> npt.NDArray[np.int32]:
    """Add the flags of shorter cadences of the same CCD that concern the whole spacecraft or camera.

    Parameters
    ----------
    start, end : (n_cadence,) float64
        Exposures at the spacecraft, TJD.
    quality : (n_cadence,) int32
        Flags of the frames.
    short_time : (n_short,) float64
        Middle of the short cadences at the spacecraft, TJD; those that are not finite are left out.
    short_quality : (n_short,) int32
        Their flags.

    Returns
    -------
    (n_cadence,) int32
        Flags of each frame, and those of `photometry.core.quality.FFI_RELEVANT` that any short cadence in it has.
    """
    mask = sum(bit(TESS_QUALITY, name) for name in FFI_RELEVANT)
    merged = quality.copy()
    flagged = np.isfinite(short_time) & ((short_quality & mask) != 0)
    number = np.searchsorted(start, short_time[flagged], side="right") - 1
    inside = (number >= 0) & (short_time[flagged] <= end[np.maximum(number, 0)])
    np.bitwise_or.at(merged, number[inside], (short_quality[flagged][inside] & mask).astype(np.int32))
    return merged


def sorted_frames(frames: Sequence[Frame], cadence_s: float) -> list[Frame]:
    """Give every frame its status among the others.

    The release and the exposure of most frames count (of equally many, those of the latest release); versions of the
    pipeline within a release count as one as long as their times are right or wrong alike. Of frames with the same
    cadence number the first one without fault counts. Files that cannot be read, and those whose number does not fit
    their time, are numbered by the time in their names; where that is no date, or one far from all other frames, they
    are left out: they would stretch the series by weeks.

    Parameters
    ----------
    frames : sequence of Frame
        In order of preference for duplicates.
    cadence_s : float
        Time from one cadence to the next, s.

    Returns
    -------
    list of Frame
        By number, then as given.
    """
    good = [frame for frame in frames if frame.status == OK]
    releases = Counter(_release(frame) for frame in good)
    release = max(releases, key=lambda key: (releases[key], key)) if releases else (0, 0.0)
    checked = [_among(frame, release) for frame in frames]
    exposures = Counter(frame.exposure for frame in checked if frame.status == OK)
    if exposures:
        usual = max(exposures, key=lambda key: exposures[key])
        checked = [
            frame.failed("other_exposure", "gain, readouts or cadence are not those of the other frames")
            if frame.status == OK and frame.exposure != usual
            else frame
            for frame in checked
        ]
    numbers = _Numbers.of([frame for frame in checked if frame.status == OK], cadence_s)
    numbered = [numbers.given_to(frame) if frame.index < 0 else frame for frame in checked]
    right = [
        numbers.given_to(frame) if frame.status == "wrong_time" else frame
        for frame in _with_right_times(_by_number(numbered), cadence_s)
    ]
    return _without_duplicates(_by_number(right))


def _release(frame: Frame) -> tuple[int, float]:
    """Release of a frame, and what is wrong with its times, s: two releases came twice."""
    return frame.release[0], frame.offset.mid_s


def _among(frame: Frame, release: tuple[int, float]) -> Frame:
    if frame.status == OK and _release(frame) != release:
        number, version = frame.release
        return frame.failed("other_release", f"is of data release {number} ({version}), most are of {release[0]}")
    return frame


@dataclass(frozen=True, slots=True)
class _Numbers:
    """How the times in names become cadence numbers.

    Parameters
    ----------
    cadence_s : float
        Time from one cadence to the next, s.
    zero : float
        Number at the clock's zero.
    known : (n_frame,) int64
        Numbers of the frames that can be read.
    """

    cadence_s: float
    zero: float
    known: npt.NDArray[np.int64]

    @classmethod
    def of(cls, frames: Sequence[Frame], cadence_s: float) -> "_Numbers":
        zeros = [frame.index - frame.clock_s / cadence_s for frame in frames if np.isfinite(frame.clock_s)]
        known = np.array([frame.index for frame in frames], dtype=np.int64)
        return cls(cadence_s, float(np.median(zeros)) if zeros else 0.0, known)

    def given_to(self, frame: Frame) -> Frame:
        """Return a frame with the number that the time in its name says."""
        if not np.isfinite(frame.clock_s):
            return frame.failed("wrong_name", f"{frame.reason}; its name has no date either")
        index = round(frame.clock_s / self.cadence_s + self.zero)
        away = np.abs(self.known - index).min() * self.cadence_s / SECONDS_PER_DAY if len(self.known) else 0.0
        if away > _FAR_D:
            text = f"{frame.reason}; the date in its name is {away:.1f} d from the frames that can be read"
            return frame.failed("wrong_name", text)
        return replace(frame, index=index)


def _by_number(frames: Sequence[Frame]) -> list[Frame]:
    """Sort by number; of the same, those without fault first, else as given."""
    return sorted(frames, key=lambda frame: (frame.index, frame.status != OK))


def _without_duplicates(frames: list[Frame]) -> list[Frame]:
    found: dict[int, str] = {}
    result = []
    for frame in frames:
        if frame.status in LEFT_OUT:
            result.append(frame)
        elif frame.index in found:
            result.append(frame.failed("duplicate", f"is the same cadence as {found[frame.index]}"))
        else:
            found[frame.index] = frame.name
            result.append(frame)
    return result


def _with_right_times(frames: list[Frame], cadence_s: float) -> list[Frame]:
    """Find frames whose time is not that of their number, as their neighbours have it."""
    from scipy.ndimage import median_filter  # here, since every start of Snakemake reads headers of frames

    good = [k for k, frame in enumerate(frames) if frame.status == OK]
    if not good:
        return frames
    late = np.array([frames[k].start - frames[k].index * cadence_s / SECONDS_PER_DAY for k in good])
    # Mirrored at the ends, so that the first and the last frame are not compared with copies of themselves.
    wrong = np.abs(late - median_filter(late, _NEIGHBOURS, mode="mirror")) > cadence_s / SECONDS_PER_DAY / 2
    result = list(frames)
    for k in np.array(good)[wrong]:
        reason = f"its time, TJD {frames[k].start:.4f}, does not fit its number {frames[k].index}"
        result[k] = replace(frames[k], start=np.nan, end=np.nan, barycorr=np.nan).failed("wrong_time", reason)
    return result


def wrong_pointings(frames: Sequence[Frame]) -> list[Frame]:
    """Blank the WCS of frames that place the CCD elsewhere in the sky than most frames; the reason says so."""
    known = [k for k, frame in enumerate(frames) if frame.status == OK and frame.wcs]
    result = list(frames)
    if known:
        vectors = unit_vectors(*np.array([frames[k].sky for k in known]).T)
        usual = np.median(vectors, axis=0)
        distance = np.rad2deg(np.linalg.norm(vectors - usual, axis=-1))
        for k, far in zip(known, distance, strict=True):
            if far > _SAME_SKY_DEG:
                result[k] = replace(frames[k], wcs="", reason=f"its WCS is {far:.1f} deg off and left out")
    return result
