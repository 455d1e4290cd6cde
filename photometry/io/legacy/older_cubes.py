"""Cubes in the older layout: one 2-D dataset for each cadence, in groups.

Groups ``images``, ``images_err``, ``backgrounds``, ``pixel_flags`` and ``wcs`` hold datasets ``0000``, ``0001``, ...;
``time``, ``timecorr``, ``cadenceno``, ``quality``, ``sumimage`` and ``backgrounds_pixels_used`` are as in cubes of
today. Metadata are attributes of the file or of a group (`photometry.io.legacy.older_metadata`).
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np
import numpy.typing as npt
from astropy.io import fits

from photometry.core.constants import LARGEST_E_S
from photometry.core.cube import Cube, CubeHeader
from photometry.core.errors import InputFileError
from photometry.core.geometry import Stamp, collected_flags
from photometry.core.quality import APERTURE_FLAGS, bit
from photometry.io.legacy.older_metadata import older_exposure, older_metadata, older_pointing, older_stamp
from photometry.io.pixels.pixel_tables import impossible_values
from photometry.io.pixels.pixel_wcs import image_wcs_cards, wcs_problem
from photometry.io.products.cube_files import PIXEL_SETS

__all__ = [
    "is_older_cube",
    "read_older_cube",
    "read_older_header",
    "read_older_metadata",
    "read_older_sum_image",
    "read_older_wcs",
]

_log = logging.getLogger(__name__)
#: Filters of newer HDF5 files are registered by importing this.
_FILTERS = hdf5plugin.FILTERS
#: Groups of images, WCS included, of which those marked True have to be there.
_GROUPS = {"images": True, "backgrounds": True, "wcs": True, "images_err": False, "pixel_flags": False}
_SERIES_TYPES = {"time": np.float64, "timecorr": np.float32, "cadenceno": np.int32, "quality": np.int32}
#: Values of the pixels of a group that is missing.
_MISSING = {"images_err": np.nan, "pixel_flags": 0}
_LARGEST_FLAGS = 255
#: Characters of a FITS card.
_CARD = 80


def is_older_cube(path: str | Path) -> bool:
    """Tell whether a file is a cube in the older layout; InputFileError when it is missing or no HDF5 file."""
    with _opened(path) as file:
        return "kind" not in file.attrs and any(isinstance(file.get(name), h5py.Group) for name in _GROUPS)


def read_older_metadata(path: str | Path) -> dict[str, Any]:
    """Return the attributes of a file and of its groups, by upper-case names."""
    with _opened(path) as file:
        return older_metadata(file)


def read_older_header(path: str | Path) -> CubeHeader:
    """Read everything of a cube but its pixel series; cadences without a time are left out.

    Raises
    ------
    InputFileError
        When the file is missing, damaged, or lacks something that is needed.
    """
    with _opened(path) as file:
        return _header(Path(path), file)


def read_older_cube(path: str | Path, stamp: Stamp, header: CubeHeader | None = None) -> Cube:
    """Read the pixels of a stamp in all cadences that have a time.

    Errors of the pixels are NaN, and flags 0, where the file has none.

    Parameters
    ----------
    path : path-like
        The file.
    stamp : Stamp
        Pixels wanted.
    header : CubeHeader, optional
        What `read_older_header` said of the same file, which then is not read again.

    Raises
    ------
    InputFileError
        As of `read_older_header`, and when the file does not cover the stamp.
    """
    with _opened(path) as file:
        header = _header(Path(path), file) if header is None else header
        try:
            rows, columns = stamp.slices_in(header.stamp)
        except ValueError as error:
            raise InputFileError(path, f"{stamp} is not inside its pixels {header.stamp}") from error
        names = _timed_names(Path(path), file)
        series: dict[str, Any] = {}
        for kind, dtype in PIXEL_SETS.items():
            series[kind] = np.full((len(names), *stamp.shape), _MISSING.get(kind, 0), dtype=dtype)
            if kind in file:
                for number, name in enumerate(names):
                    series[kind][number] = _part(Path(path), file[kind], name, header.stamp.shape, (rows, columns))
            if np.issubdtype(dtype, np.floating):
                series[kind][impossible_values(Path(path), kind, series[kind], LARGEST_E_S, "e-/s")] = np.nan
    return Cube(header.cut(stamp), **series)


def read_older_sum_image(path: str | Path) -> npt.NDArray[np.float32]:
    """Return the mean of the good images, e-/s: (n_row, n_column); InputFileError as of `read_older_header`."""
    with _opened(path) as file:
        return _image(Path(path), file, "sumimage", _header(Path(path), file).stamp).astype(np.float32)


def read_older_wcs(path: str | Path) -> tuple[str, ...]:
    """Return the WCS of every cadence that has a time, empty where there is none: (n_cadence,)."""
    with _opened(path) as file:
        return tuple(_wcs_cards(file["wcs"], name) for name in _timed_names(Path(path), file))


@contextmanager
def _opened(path: str | Path) -> Iterator[h5py.File]:
    """Open a file; errors name it."""
    if not Path(path).is_file():
        raise InputFileError(path, "no such file")
    try:
        with h5py.File(path, "r") as file:
            yield file
    except InputFileError:
        raise
    except (KeyError, OSError) as error:
        raise InputFileError(path, f"is no cube, or damaged ({error}); prepare it again") from error


def _header(path: Path, file: h5py.File) -> CubeHeader:
    names = _checked_names(path, file)
    times = {name: np.asarray(file[name]) for name in _SERIES_TYPES}
    for name, values in times.items():
        if values.shape != (len(names),):
            raise InputFileError(path, f"{name} has shape {values.shape}, images has {len(names)} cadences")
    timed = np.isfinite(times["time"])
    if not timed.any():
        raise InputFileError(path, "no cadence has a time; prepare it again")
    series: dict[str, Any] = {name: values[timed].astype(_SERIES_TYPES[name]) for name, values in times.items()}
    metadata, shape = older_metadata(file), file["images"][names[0]].shape
    if len(shape) != 2:
        raise InputFileError(path, f"images/{names[0]} has shape {shape}, expected rows and columns")
    stamp = older_stamp(path, metadata, shape)
    _check_shape(path, file["sumimage"], stamp.shape)
    chosen = [name for name, is_timed in zip(names, timed, strict=True) if is_timed]
    return CubeHeader(
        pointing=older_pointing(path, metadata),
        exposure=older_exposure(path, metadata, series["time"] - series["timecorr"]),
        stamp=stamp,
        **series,
        wcs_header=_reference_wcs(path, file, metadata.get("REF_FRAME"), chosen, series["quality"], stamp),
        aperture=_aperture(path, file, stamp),
    )


def _checked_names(path: Path, file: h5py.File) -> list[str]:
    """Return the names of the cadences in their order, after a look at what the file holds."""
    lacking = [f"group {name}" for name, is_needed in _GROUPS.items() if is_needed and not _is_group(file, name)]
    wanted = (*_SERIES_TYPES, "sumimage")
    lacking += [f"dataset {name}" for name in wanted if not isinstance(file.get(name), h5py.Dataset)]
    if lacking:
        raise InputFileError(
            path, f"lacks {', '.join(lacking)}: its preparation did not come to its end; prepare it again"
        )
    names = list(file["images"])
    wrong = [name for name in names if not name.isdecimal()]
    if wrong or not names:
        raise InputFileError(path, f"images holds {wrong[0] if wrong else 'nothing'}, expected 0000, 0001, ...")
    for kind in PIXEL_SETS:
        missing = sorted(set(names) - set(file[kind])) if kind in file else []
        if missing:
            text = (
                f"{kind} lacks {len(missing)} of the {len(names)} cadences of images, as {missing[0]}; prepare it again"
            )
            raise InputFileError(path, text)
        if kind not in file:
            _log.warning("%s: has no group %s; %g counts", path, kind, _MISSING[kind])
    return sorted(names, key=int)


def _is_group(file: h5py.File, name: str) -> bool:
    return isinstance(file.get(name), h5py.Group)


def _timed_names(path: Path, file: h5py.File) -> list[str]:
    """Names of the cadences that have a time."""
    names = sorted(file["images"], key=int)
    timed = np.isfinite(np.asarray(file["time"]))
    if len(timed) != len(names):
        raise InputFileError(path, f"time has {len(timed)} cadences, images {len(names)}; prepare it again")
    return [name for name, is_timed in zip(names, timed, strict=True) if is_timed]


def _part(path: Path, group: h5py.Group, name: str, shape: tuple[int, int], where: tuple[slice, slice]) -> Any:
    """Read a part of an image."""
    dataset = group[name]
    _check_shape(path, dataset, shape)
    part = dataset[where]
    if group.name == "/pixel_flags" and part.max(initial=0) > _LARGEST_FLAGS:
        raise InputFileError(path, f"{dataset.name[1:]} holds {part.max()}, expected flags of 8 bits; prepare it again")
    return part


def _check_shape(path: Path, dataset: h5py.Dataset, shape: tuple[int, int]) -> None:
    if dataset.shape != shape:
        raise InputFileError(path, f"{dataset.name[1:]} has shape {dataset.shape}, expected {shape}; prepare it again")


def _image(path: Path, file: h5py.File, name: str, stamp: Stamp) -> npt.NDArray[Any]:
    return np.asarray(_part(path, file, name, stamp.shape, (slice(None), slice(None))))


def _reference_wcs(
    path: Path, file: h5py.File, reference: Any, names: list[str], quality: npt.NDArray[np.int32], stamp: Stamp
) -> str:
    """Cards of the WCS of the reference cadence: attribute REF_FRAME, else the unflagged one next to the middle.

    Where that has no WCS, or one that cannot be used, the next one counts.
    """
    distance = np.abs(np.arange(len(names)) - len(names) // 2) + len(names) * (quality != 0)
    order = [names[number] for number in np.argsort(distance, kind="stable")]
    if reference is not None and str(reference).isdecimal():
        order = [*(name for name in names if int(name) == int(reference)), *order]
    problem = ""
    for name in order:
        cards = _wcs_cards(file["wcs"], name)
        found = wcs_problem(cards, stamp) if cards else ""
        if cards and not found:
            return cards
        problem = problem or found
    raise InputFileError(
        path, f"wcs holds no celestial WCS that can be used{problem and f' ({problem})'}; prepare it again"
    )


def _wcs_cards(group: h5py.Group, name: str) -> str:
    """Cards of a celestial WCS, stored as one text or as its cards; empty when there is none."""
    dataset = group.get(name)
    if not isinstance(dataset, h5py.Dataset) or dataset.shape is None:
        return ""
    parts = [_text(value) for value in np.asarray(dataset[()], dtype=object).ravel()]
    text = parts[0] if len(parts) == 1 else "".join(part.ljust(_CARD) for part in parts)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return image_wcs_cards(fits.Header.fromstring(text, sep="\n" if "\n" in text else ""))
    except (ValueError, fits.VerifyError):
        return ""


def _text(value: Any) -> str:
    return value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)


def _aperture(path: Path, file: h5py.File, stamp: Stamp) -> npt.NDArray[np.int32]:
    flags = collected_flags(stamp)
    if "backgrounds_pixels_used" in file:
        used = np.nan_to_num(_image(path, file, "backgrounds_pixels_used", stamp)).astype(bool)
        flags[used] |= bit(APERTURE_FLAGS, "background")
    return flags
