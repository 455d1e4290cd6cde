"""Times of TESS products: what early data releases have wrong, and the cadence numbers that early images lack."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from photometry.core.errors import ConfigError

__all__ = [
    "MISSION_BTJD",
    "NO_OFFSET",
    "SECONDS_PER_DAY",
    "TimeOffset",
    "ffi_index",
    "readout_stagger",
    "release_offset",
    "time_offset",
]

SECONDS_PER_DAY = 86400.0
#: From the launch of TESS (2018 April 18) to the end of the century, BTJD: other times are none of its own.
MISSION_BTJD = (1226.0, 31000.0)

#: Off-by-one error in counting cadences, s; start and end are to be put later by 0.031 and 0.011 s (Data Release Notes,
#: DRN, 27 and 29). The middle is their mean.
_CADENCE_ERROR_S = -2.000
_START_S, _MID_S, _END_S = 0.031, 0.021, 0.011
#: The last release before the correction (sector 19).
_LAST_WRONG_RELEASE = 26
#: Releases that came twice under one number; the first, wrong one is known by PROCVER alone.
_WRONG_VERSIONS = {
    27: ("spoc-4.0.14-20200108", "spoc-4.0.15-20200114", "spoc-4.0.17-20200130"),
    29: ("spoc-4.0.17-20200130", "spoc-4.0.20-20200220", "spoc-4.0.21-20200227"),
}
#: The last release whose images leave out that cameras and CCDs are read one after the other (DRN 29).
_LAST_WITHOUT_STAGGER = 27
#: Start of a camera's readout after camera 1's, s (DRN 25; key TMOFST41 = 1.0 of sector 1).
_CAMERA_STAGGER_S = {1: 0.0, 2: 1.5, 3: 0.5, 4: 1.0}
#: The same from one CCD of a camera to the next, s (DRN 29; key TMOFST14 = 0.06 of sector 1).
_CCD_STAGGER_S = 0.02

#: A real image that has an index: FFIINDEX of tess2018206192942-s0001-4-2, release 42 (TESScut), and the middle of the
#: same exposure at the spacecraft, TJD, from the header of tess2018206192942-s0001-1-4, release 1.
_FIRST_INDEX, _FIRST_MID = 4697, 1325.3235172674146
_FRAME_D = 1800.0 / SECONDS_PER_DAY


@dataclass(frozen=True, slots=True)
class TimeOffset:
    """What has to be added to the times of a file, s."""

    start_s: float
    mid_s: float
    end_s: float

    def shifted(self, seconds: float) -> "TimeOffset":
        """Return the offset with `seconds` more."""
        return TimeOffset(self.start_s + seconds, self.mid_s + seconds, self.end_s + seconds)


NO_OFFSET = TimeOffset(0.0, 0.0, 0.0)


def release_offset(data_rel: int, procver: str) -> TimeOffset:
    """Return what is wrong with the times of a data release.

    Parameters
    ----------
    data_rel : int
        Data release (DATA_REL).
    procver : str
        Version of the pipeline (PROCVER), which tells the two versions of releases 27 and 29 apart.

    Raises
    ------
    ConfigError
        When the version is needed and not known.

    References
    ----------
    Data Release Notes 27 (sector 20) and 29 (sector 21). Real times of sector 1 agree: the first cadences of release 42
    are 1.969 s earlier than those of release 1, whose spacecraft clock is another one besides.
    """
    if data_rel in _WRONG_VERSIONS and not procver.strip():
        raise ConfigError(
            f"DATA_REL = {data_rel} was released twice, first with wrong times; header key PROCVER, which tells which "
            "it is, is missing or blank; fetch the file again"
        )
    if data_rel <= _LAST_WRONG_RELEASE or procver.strip() in _WRONG_VERSIONS.get(data_rel, ()):
        return TimeOffset(_CADENCE_ERROR_S + _START_S, _CADENCE_ERROR_S + _MID_S, _CADENCE_ERROR_S + _END_S)
    return NO_OFFSET


def readout_stagger(camera: int, ccd: int) -> float:
    """Return how much later than CCD 1 of camera 1 a CCD is read, s."""
    return _CAMERA_STAGGER_S[camera] + _CCD_STAGGER_S * (ccd - 1)


def time_offset(data_rel: int, procver: str, camera: int, ccd: int, *, full_frame: bool) -> TimeOffset:
    """Return what has to be added to the times of an image or target pixel file.

    Parameters
    ----------
    data_rel, procver
        As in `release_offset`.
    camera, ccd : int
        1 to 4.
    full_frame : bool
        Full-frame images and cutouts of them lack the stagger of the readout; target pixel files never did.

    Raises
    ------
    ConfigError
        As `release_offset`.
    """
    offset = release_offset(data_rel, procver)
    if full_frame and data_rel <= _LAST_WITHOUT_STAGGER:
        return offset.shifted(readout_stagger(camera, ccd))
    return offset


def ffi_index(mid_tjd: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Return the cadence numbers of 30 min images from the middle of their exposures at the spacecraft, TJD.

    The images of the first sectors have no key FFIINDEX. Cadences are counted by the spacecraft's clock, through gaps
    and from sector to sector; it gained 0.04 s a day on TJD in sector 1, a hundredth of a cadence in a year.
    """
    steps = (np.asarray(mid_tjd, dtype=np.float64) - _FIRST_MID) / _FRAME_D
    return np.asarray(np.rint(steps), dtype=np.int64) + _FIRST_INDEX
