"""What the attributes of cubes in the older layout say: pixels, exposure, origin."""

import logging
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from photometry.core.constants import FRAME_SHAPE, FRAME_TIME_S, INT_TIME_S, OUTPUTS
from photometry.core.cube import Exposure, Pointing
from photometry.core.datasources import FFI
from photometry.core.errors import InputFileError
from photometry.core.geometry import SCIENCE_AREA, Stamp

__all__ = ["older_exposure", "older_metadata", "older_pointing", "older_stamp"]

_log = logging.getLogger(__name__)
#: What counts where a file does not tell: typical gain (e-/ADU) and read noise (e- per readout) of all outputs (IH,
#: section 4.1); frames of a block of the cosmic-ray mitigation (IH, section 5.1; key CRBLKSZ).
_GAIN, _READ_NOISE, _BLOCK = 5.2, 10.0, 10.0
_NAME = re.compile(r"sector(\d+)_camera(\d)_ccd(\d)")
#: Words for what is not known, and for yes and no.
_NOTHING, _YES, _NO = ("", "none", "nan", "null"), ("t", "true", "1"), ("f", "false", "0")


def older_metadata(file: h5py.File) -> dict[str, Any]:
    """Return the attributes of a file and of its groups, by upper-case names; those without a value are left out."""
    found: dict[str, Any] = {}
    holders = [file[name] for name in ("wcs", "images") if name in file]
    for holder in (*holders, file):
        for key, value in holder.attrs.items():
            plain = _plain(value)
            if plain is not None:
                found[str(key).upper()] = plain
    return found


def older_stamp(path: Path, metadata: Mapping[str, Any], shape: tuple[int, ...]) -> Stamp:
    """Return the pixels of images of a shape (n_row, n_column); that of a full frame tells where they are."""
    known: dict[tuple[int, ...], tuple[int, int]] = {
        SCIENCE_AREA.shape: (SCIENCE_AREA.row_min, SCIENCE_AREA.col_min),
        FRAME_SHAPE: (0, 0),
    }
    first = []
    for key, usual in zip(("PIXEL_OFFSET_ROW", "PIXEL_OFFSET_COLUMN"), known.get(shape, (None, None)), strict=True):
        value = _number(path, metadata, key)
        if value is None and usual is None:
            raise InputFileError(
                path, f"has no attribute {key}, and images of {shape} pixels are no full frame; add it"
            )
        first.append(int(usual if value is None else value))  # type: ignore[arg-type]
    return Stamp(first[0], first[0] + int(shape[0]), first[1], first[1] + int(shape[1]))


def older_pointing(path: Path, metadata: Mapping[str, Any]) -> Pointing:
    """Return sector, camera, CCD and origin; sector, camera and CCD may be in the file's name alone."""
    match = _NAME.search(path.name)
    in_name = dict(zip(("SECTOR", "CAMERA", "CCD"), match.groups(), strict=True)) if match else {}
    place: dict[str, Any] = {}
    for key in ("SECTOR", "CAMERA", "CCD"):
        value, named = _number(path, metadata, key), _number(path, in_name, key)
        if value is None and named is None:
            raise InputFileError(path, f"has no attribute {key}; name it sector001_camera1_ccd1.hdf5 or add it")
        if value is not None and named is not None and value != named:
            raise InputFileError(path, f"its attribute {key} is {value:g}; correct the name of the file")
        place[key.lower()] = int(named if value is None else value)  # type: ignore[arg-type]
    return Pointing(
        datasource=FFI.name,
        **place,
        data_rel=int(_number(path, metadata, "DATA_REL") or 0),
        procver=str(metadata.get("PROCVER") or ""),
        starid=0,
        ra=math.nan,
        dec=math.nan,
    )


def older_exposure(path: Path, metadata: Mapping[str, Any], at_spacecraft: npt.NDArray[np.float64]) -> Exposure:
    """Return the exposure; the cadence is from CADENCE, else from NUM_FRM, else from the times (n_cadence,), d."""
    frames = _number(path, metadata, "NUM_FRM")
    cadence = _number(path, metadata, "CADENCE") or (frames or 0) * FRAME_TIME_S
    if not cadence and len(at_spacecraft) > 1:
        cadence = round(float(np.median(np.diff(at_spacecraft))) * 86400 / 20) * 20.0
    if not cadence > 0:
        raise InputFileError(path, "has no attribute CADENCE or NUM_FRM: its cadence is not known; add one")
    frames = frames or cadence / FRAME_TIME_S
    assumed: list[str] = []
    # On-board cosmic ray mitigation leaves out the highest and the lowest of each block (IH, section 5.1).
    mitigated = _yes_or_no(path, metadata, "CRMITEN", assumed)
    block = _number_or(path, metadata, "CRBLKSZ", _BLOCK, assumed) if mitigated else math.inf
    if block <= 2:
        raise InputFileError(path, f"attribute CRBLKSZ is {block:g}, expected more than 2 frames; correct it")
    readouts = round(frames * (1 - 2 / block))
    gains = [_number_or(path, metadata, f"GAIN{name}", _GAIN, assumed) for name in OUTPUTS]
    noises = [_number_or(path, metadata, f"READNOI{name}", _READ_NOISE, assumed) for name in OUTPUTS]
    if assumed:
        _log.warning("%s: lacks attributes; typical values count: %s", path, ", ".join(assumed))
    return Exposure(
        cadence_s=round(cadence),
        exposure_s=readouts * INT_TIME_S,
        num_readouts=readouts,
        gain_e_per_adu=(gains[0], gains[1], gains[2], gains[3]),
        read_noise_e=(noises[0], noises[1], noises[2], noises[3]),
    )


def _plain(value: Any) -> Any:
    """Return an attribute as a plain value; None when it holds nothing."""
    if isinstance(value, h5py.Empty):
        return None
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.reshape(-1)[0]
    plain = value.item() if isinstance(value, np.generic) else value
    plain = plain.decode("utf-8", "replace") if isinstance(plain, bytes) else plain
    if isinstance(plain, str) and plain.strip().lower() in _NOTHING:
        return None
    return None if isinstance(plain, float) and math.isnan(plain) else plain


def _number(path: Path, metadata: Mapping[str, Any], key: str) -> float | None:
    value = metadata.get(key)
    if value is None:
        return None
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise InputFileError(path, f"attribute {key} is {value!r}, expected a number; correct it") from error


def _number_or(path: Path, metadata: Mapping[str, Any], key: str, typical: float, assumed: list[str]) -> float:
    value = _number(path, metadata, key)
    if value is None:
        assumed.append(f"{key} = {typical:g}")
        return typical
    return value


def _yes_or_no(path: Path, metadata: Mapping[str, Any], key: str, assumed: list[str]) -> bool:
    """Return whether something was done; it usually is."""
    if key not in metadata:
        assumed.append(f"{key} = True")
        return True
    word = f"{metadata[key]:g}" if isinstance(metadata[key], float) else str(metadata[key]).strip().lower()
    if word not in (*_YES, *_NO):
        raise InputFileError(path, f"attribute {key} is {metadata[key]!r}, expected True or False; correct it")
    return word in _YES
