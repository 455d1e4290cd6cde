"""Cubes in the older layout: one 2-D dataset for each cadence, in groups.

Groups ``images``, ``images_err``, ``backgrounds``, ``pixel_flags`` and ``wcs`` hold datasets ``0000``, ``0001``, ...;
``time``, ``timecorr``, ``cadenceno``, ``quality``, ``sumimage`` and ``backgrounds_pixels_used`` are as in cubes of
today. Facts are attributes of the file or of a group.
"""

import logging
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np
import numpy.typing as npt
from astropy.io import fits

from photometry.constants import FIRST_SCIENCE_COLUMN, INT_TIME_S, OUTPUTS
from photometry.cube import Cube, Exposure, Pointing
from photometry.errors import InputFileError
from photometry.geometry import Stamp, output_index
from photometry.io.cubes import PIXEL_SETS, SERIES, CubeHeader
from photometry.io.pixel_wcs import image_wcs_cards

__all__ = ["is_older_cube", "read_older_cube", "read_older_facts", "read_older_header", "read_older_wcs"]

_log = logging.getLogger(__name__)
#: Filters of newer HDF5 files are registered by importing this.
_FILTERS = hdf5plugin.FILTERS
#: Time of a frame, readout included, s (IH, section 5; key FRAMETIM).
_FRAME_TIME_S = 2.0
#: Typical gain (e-/ADU) and read noise (e- per readout) of all outputs, for files that name none (IH, section 4.1).
_GAIN, _READ_NOISE = 5.2, 10.0
#: Flags of `Cube.aperture` (SDPDD, table 22).
_COLLECTED, _BACKGROUND, _OUTPUT_A = 1, 4, 32
_NAME = re.compile(r"sector(\d+)_camera(\d)_ccd(\d)")


def is_older_cube(path: str | Path) -> bool:
    """Tell whether a file is a cube in the older layout; InputFileError when it is missing or no HDF5 file."""
    with _opened(path) as file:
        return "kind" not in file.attrs and isinstance(file.get("images"), h5py.Group)


def read_older_facts(path: str | Path) -> dict[str, Any]:
    """Return the attributes of a file and of its groups, by upper-case names."""
    with _opened(path) as file:
        return _facts(file)


def read_older_header(path: str | Path) -> CubeHeader:
    """Read everything of a cube but its pixel series.

    Raises
    ------
    InputFileError
        When the file is missing, damaged, or lacks something that is needed.
    """
    with _opened(path) as file:
        return _header(Path(path), file)


def read_older_cube(path: str | Path, stamp: Stamp) -> Cube:
    """Read the pixels of a stamp in all cadences; errors as of `read_older_header`."""
    with _opened(path) as file:
        header = _header(Path(path), file)
        try:
            rows, columns = stamp.slices_in(header.stamp)
        except ValueError as error:
            raise InputFileError(path, f"{stamp} is not inside its pixels {header.stamp}") from error
        names = _cadence_names(file)
        series: dict[str, Any] = {}
        for kind, dtype in PIXEL_SETS.items():
            series[kind] = np.zeros((len(names), *stamp.shape), dtype=dtype)
            group = file[kind]
            for number, name in enumerate(names):
                series[kind][number] = group[name][rows, columns]
    return Cube(
        pointing=header.pointing,
        exposure=header.exposure,
        stamp=stamp,
        **series,
        **{name: getattr(header, name) for name in SERIES},
        pos_corr=None,
        wcs_header=header.wcs_header,
        aperture=header.aperture[rows, columns],
    )


def read_older_wcs(path: str | Path) -> tuple[str, ...]:
    """Return the WCS of every cadence, empty where there is none: (n_cadence,)."""
    with _opened(path) as file:
        return tuple(_wcs_cards(file["wcs"][name]) if name in file["wcs"] else "" for name in _cadence_names(file))


@contextmanager
def _opened(path: str | Path) -> Iterator[h5py.File]:
    """Open a file; what it lacks is told with its name."""
    if not Path(path).is_file():
        raise InputFileError(path, "no such file")
    try:
        with h5py.File(path, "r") as file:
            yield file
    except InputFileError:
        raise
    except (KeyError, OSError) as error:
        raise InputFileError(path, f"is no cube, or damaged ({error}); prepare it again") from error


def _cadence_names(file: h5py.File) -> list[str]:
    names: list[str] = sorted(file["images"])
    return names


def _facts(file: h5py.File) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for holder in (file["wcs"], file["images"], file):
        for key, value in holder.attrs.items():
            plain = value.decode() if isinstance(value, bytes) else value
            found[str(key).upper()] = plain.item() if isinstance(plain, np.generic) else plain
    return found


def _header(path: Path, file: h5py.File) -> CubeHeader:
    facts, names = _facts(file), _cadence_names(file)
    times: dict[str, Any] = {
        "time": np.asarray(file["time"], dtype=np.float64),
        "timecorr": np.asarray(file["timecorr"], dtype=np.float32),
        "cadenceno": np.asarray(file["cadenceno"], dtype=np.int32),
        "quality": np.asarray(file["quality"], dtype=np.int32),
    }
    for name, values in times.items():
        if values.shape != (len(names),):
            raise InputFileError(path, f"{name} has shape {values.shape}, images has {len(names)} cadences")
    n_row, n_column = file["images"][names[0]].shape
    row, column = int(facts.get("PIXEL_OFFSET_ROW", 0)), int(facts.get("PIXEL_OFFSET_COLUMN", FIRST_SCIENCE_COLUMN))
    stamp = Stamp(row, row + n_row, column, column + n_column)
    return CubeHeader(
        pointing=_pointing(path, facts),
        exposure=_exposure(path, facts, times["time"] - times["timecorr"]),
        stamp=stamp,
        **times,
        pos_corr=None,
        wcs_header=_reference_wcs(path, file, facts, times["quality"]),
        aperture=_aperture(file, stamp),
        sumimage=np.asarray(file["sumimage"], dtype=np.float32),
    )


def _pointing(path: Path, facts: Mapping[str, Any]) -> Pointing:
    match = _NAME.search(path.name)
    in_name = dict(zip(("SECTOR", "CAMERA", "CCD"), match.groups(), strict=True)) if match else {}
    place = {}
    for key in ("SECTOR", "CAMERA", "CCD"):
        value = facts.get(key, in_name.get(key))
        if value is None:
            raise InputFileError(path, f"has no attribute {key}; name it sector001_camera1_ccd1.hdf5 or add it")
        place[key.lower()] = int(value)
    return Pointing(
        datasource="ffi",
        **place,
        data_rel=int(facts.get("DATA_REL") or 0),
        procver=str(facts.get("PROCVER") or ""),
        starid=0,
        ra=math.nan,
        dec=math.nan,
    )


def _exposure(path: Path, facts: Mapping[str, Any], at_spacecraft: npt.NDArray[np.float64]) -> Exposure:
    """Exposure from NUM_FRM, CRMITEN and CRBLKSZ; the cadence from CADENCE, else the frames, else the times."""
    frames = float(facts["NUM_FRM"]) if facts.get("NUM_FRM") else None
    cadence = float(facts["CADENCE"]) if facts.get("CADENCE") else (frames or 0) * _FRAME_TIME_S
    if not cadence and len(at_spacecraft) > 1:
        cadence = round(float(np.median(np.diff(at_spacecraft))) * 86400 / 20) * 20.0
    if not cadence:
        raise InputFileError(path, "has no attribute CADENCE or NUM_FRM: its cadence is not known; add one")
    frames = frames or cadence / _FRAME_TIME_S
    # On-board cosmic ray mitigation leaves out the highest and the lowest of each block (IH, section 5.1).
    block = float(facts.get("CRBLKSZ") or 10) if facts.get("CRMITEN", True) else math.inf
    readouts = round(frames * (1 - 2 / block))
    per_output: dict[str, tuple[float, float, float, float]] = {}
    for stem, typical in (("GAIN", _GAIN), ("READNOI", _READ_NOISE)):
        if not all(f"{stem}{name}" in facts for name in OUTPUTS):
            _log.warning("%s: no attributes %sA to %sD; %g counts for all outputs", path, stem, stem, typical)
        a, b, c, d = (float(facts.get(f"{stem}{name}", typical)) for name in OUTPUTS)
        per_output[stem] = a, b, c, d
    return Exposure(
        cadence_s=round(cadence),
        exposure_s=readouts * INT_TIME_S,
        num_readouts=readouts,
        gain_e_per_adu=per_output["GAIN"],
        read_noise_e=per_output["READNOI"],
    )


def _reference_wcs(path: Path, file: h5py.File, facts: Mapping[str, Any], quality: npt.NDArray[np.int32]) -> str:
    """Cards of the WCS of the reference cadence: attribute REF_FRAME, else the unflagged one next to the middle."""
    names = sorted(file["wcs"])
    good = np.flatnonzero(quality[: len(names)] == 0)
    middle = len(names) // 2
    best = int(good[np.argmin(np.abs(good - middle))]) if len(good) else middle
    wanted = f"{int(facts['REF_FRAME']):04d}" if "REF_FRAME" in facts else names[best]
    cards = _wcs_cards(file["wcs"][wanted if wanted in names else names[best]])
    if not cards:
        raise InputFileError(path, f"wcs/{wanted} is no celestial WCS; prepare the file again")
    return cards


def _wcs_cards(dataset: h5py.Dataset) -> str:
    """Cards of a celestial WCS; empty when the text is none."""
    value = dataset[()]
    text = value.item() if isinstance(value, np.ndarray) else value
    text = text.decode() if isinstance(text, bytes) else str(text)
    return image_wcs_cards(fits.Header.fromstring(text, sep="\n" if "\n" in text else ""))


def _aperture(file: h5py.File, stamp: Stamp) -> npt.NDArray[np.int32]:
    outputs = _OUTPUT_A << output_index(np.arange(stamp.col_min, stamp.col_max))
    flags = np.broadcast_to(_COLLECTED + outputs, stamp.shape).astype(np.int32)
    if "backgrounds_pixels_used" in file:
        used = np.asarray(file["backgrounds_pixels_used"]).astype(bool)
        flags[used] |= _BACKGROUND
    return flags
