"""What is wrong with the frames of a CCD, as far as they tell among each other. A bad frame never stops a sector."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.ndimage import median_filter

from photometry.core.sky import unit_vectors
from photometry.core.times import SECONDS_PER_DAY
from photometry.frames.frame_series import LEFT_OUT, OK, Frame

__all__ = ["sorted_frames", "wrong_pointings"]

#: How far the WCS of frames of a sector differ at most, deg; the spacecraft keeps its pointing to arc minutes.
_SAME_SKY_DEG = 0.2
#: Frames among which one with a wrong time stands out.
_NEIGHBOURS = 11
#: A file whose name places it farther from all frames that can be read has a wrong date, d; gaps within a sector, for
#: the downlink of data, are of one or two days.
_FAR_D = 4.0


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
