"""Which pixels and which catalogue entry a target of the Python interface has."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from photometry.catalog.star_catalog import ccd_positions
from photometry.core.constants import MOST_SECTOR
from photometry.core.datasources import DATASOURCES
from photometry.core.errors import ConfigError, TargetError
from photometry.interface.detector import Detector, detector_of
from photometry.interface.prepared import TpfWanted, find_ccd_cubes, find_sector, find_tpf, input_folder_of

__all__ = ["TargetChoice", "TargetPlace", "choose_target", "whole_number"]

_NUMBERS = (int, float, np.integer, np.floating)
#: Largest sector, number of cameras and of CCDs, and largest product version: names of files have so many digits.
_LARGEST = {"sector": MOST_SECTOR, "camera": 4, "ccd": 4, "version": 99}
#: What a user can name: images of a CCD, which cutouts are parts of, or files that belong to one target.
_KINDS = tuple(name for name, source in DATASOURCES.items() if source.whole_ccd or source.has_target)[::-1]
_WITH_TARGET = tuple(name for name in _KINDS if DATASOURCES[name].has_target)


def whole_number(name: str, value: Any) -> int:
    """Return an argument that is a whole number, of any type, also as text.

    Raises
    ------
    ConfigError
        When it is not a whole number, or sector, camera, ccd or version are out of range.
    """
    plain: Any = value.item() if isinstance(value, np.ndarray) and value.ndim == 0 else value
    if isinstance(plain, str):
        text = plain.strip()
        number = text[3:].strip() if name == "starid" and text[:3].upper() == "TIC" else text
        plain = int(number) if number.isdecimal() else plain
    if isinstance(plain, bool) or not isinstance(plain, _NUMBERS) or plain != plain // 1:
        expected = "a TIC number such as 261136679" if name == "starid" else "a whole number"
        raise ConfigError(f"{name} is {value!r}, expected {expected}")
    if name in _LARGEST and not 1 <= plain <= _LARGEST[name]:
        raise ConfigError(f"{name} is {value!r}, expected 1 to {_LARGEST[name]}")
    return int(plain)


@dataclass(frozen=True, slots=True)
class TargetChoice:
    """What a user says of a target.

    Parameters
    ----------
    starid : int or str
        TIC number.
    datasource : str
        ``ffi``, ``tpf`` or ``tpf:<starid>``.
    sector : int or None
        None where the files tell.
    camera, ccd : int or None
        Needed for ``ffi``; not used for ``tpf``.
    cadence : int or None
        s; not used for ``ffi``.

    Raises
    ------
    ConfigError
        When the data source is not known, what it needs is missing or out of range, or a number is not whole.
    """

    starid: int | str
    datasource: str
    sector: int | None
    camera: int | None
    ccd: int | None
    cadence: int | None

    def __post_init__(self) -> None:
        kind, _, host = str(self.datasource).partition(":")
        if self.datasource not in _KINDS and not (kind in _WITH_TARGET and host.isdecimal() and int(host) > 0):
            expected = ", ".join(map(repr, _KINDS)) + "".join(f" or '{name}:<TIC number>'" for name in _WITH_TARGET)
            raise ConfigError(f"datasource is {self.datasource!r}, expected {expected}")
        for name in ("starid", "sector", "camera", "ccd", "cadence"):
            value = getattr(self, name)
            if name in (("cadence",) if self.whole_ccd else ("camera", "ccd")):
                value = None
            elif value is None and name in ("camera", "ccd"):
                raise ConfigError(f"{name} is missing: datasource {kind!r} needs camera and ccd")
            elif value is not None or name == "starid":
                value = whole_number(name, value)
            object.__setattr__(self, name, value)

    @property
    def kind(self) -> str:
        """``ffi`` or ``tpf``."""
        return self.datasource.partition(":")[0]

    @property
    def whole_ccd(self) -> bool:
        """Whether the pixels are those of a CCD, or cut from them."""
        return DATASOURCES[self.kind].whole_ccd

    @property
    def host(self) -> int:
        """Target of the target pixel file."""
        return int(self.datasource.partition(":")[2] or self.starid)

    @property
    def number(self) -> int:
        """TIC number."""
        return int(self.starid)


@dataclass(frozen=True, slots=True)
class TargetPlace:
    """Where a target is.

    Parameters
    ----------
    detector : Detector
        Its pixels and catalogue.
    entry : int
        Its place in the catalogue.
    row, column : float
        Mean place on the CCD, 0-based.
    """

    detector: Detector
    entry: int
    row: float
    column: float


def choose_target(choice: TargetChoice, input_folder: str | Path, cache: str) -> TargetPlace:
    """Find the pixels of a target and the target on them; of several cutouts the one where it is farthest inside.

    Parameters
    ----------
    choice : TargetChoice
        What the user says.
    input_folder : path-like
        Prepared files; the path of a file means the folder that holds it.
    cache : str
        `photometry.interface.detector.CACHE_MODES`.

    Raises
    ------
    MissingFileError
        When files are missing, or several target pixel files match.
    ConfigError
        When the sector is not said, and the folder holds several.
    TargetError
        When the star is in no catalogue, or not on the pixels.
    """
    folder = input_folder_of(input_folder)
    if choice.camera is not None and choice.ccd is not None:
        sector = choice.sector or find_sector(folder, choice.camera, choice.ccd)
        regions = find_ccd_cubes(folder, sector, choice.camera, choice.ccd)
    else:
        regions = [find_tpf(folder, TpfWanted(choice.host, choice.sector, choice.cadence))]
    best: TargetPlace | None = None
    inside = -np.inf
    for detector in (detector_of(files, cache) for files in regions):
        place = _place_on(detector, choice.number)
        if place is None:
            continue
        distance = float(detector.header.stamp.border_distance(place.row, place.column))
        if best is None or distance > inside:
            best, inside = place, distance
    if best is None:
        names = ", ".join(sorted({files.catalog.name for files in regions})[:3])
        raise TargetError(f"TIC {choice.starid} is not in the catalogue ({names}, in {folder})")
    if not best.detector.header.stamp.contains(best.row, best.column):
        raise TargetError(
            f"TIC {choice.starid} is not on the pixels of {best.detector.files.pixels.name}: it is at row "
            f"{best.row:.1f}, column {best.column:.1f}, the pixels are {best.detector.header.stamp}"
        )
    return best


def _place_on(detector: Detector, starid: int) -> TargetPlace | None:
    catalog = detector.catalog
    entry = int(np.searchsorted(catalog.starid, starid))
    if entry == len(catalog) or catalog.starid[entry] != starid:
        return None
    row, column = ccd_positions(catalog.ra[entry], catalog.decl[entry], detector.header.wcs_header)
    return TargetPlace(detector, entry, float(row[0]), float(column[0]))
