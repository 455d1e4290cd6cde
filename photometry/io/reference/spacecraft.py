"""Where TESS was: from a table of JPL Horizons, from SPICE kernels, or the Earth's place for want of better."""

import importlib.util
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from astropy.coordinates import get_body_barycentric, solar_system_ephemeris
from astropy.time import Time

from photometry.core.barycentre import Ephemeris, interpolated_positions
from photometry.core.constants import BTJD_OFFSET
from photometry.core.errors import ConfigError, InputFileError

__all__ = ["EARTH_ERROR_S", "check_ephemeris", "read_ephemeris"]

#: Largest error of the barycentric correction with the Earth in place of TESS, s: the apogee of 376,300 km (Horizons'
#: object page of TESS) and, in some orbits, 10 % more.
EARTH_ERROR_S = 1.4
#: Error with a table or kernels, s: SPOC's own TIMECORR differs by so much at most.
_TABLE_ERROR_S = 0.1
_KM_PER_AU = 149597870.7
_SECONDS_PER_DAY = 86400.0
_JD_2000 = 2451545.0
#: NAIF numbers of TESS and of the barycentre of the solar system.
_TESS, _BARYCENTRE = -95, 0
_KERNELS = (".bsp",)


def check_ephemeris(source: str) -> None:
    """Check that a setting `ephemeris` can be used.

    Raises
    ------
    ConfigError
        When it is no file or folder, or when SPICE is needed and not installed.
    InputFileError
        When a folder has no kernels, or a table is not from JPL Horizons.
    """
    if source == "earth":
        return
    path = Path(source)
    if path.is_dir():
        _kernels(path)
    elif path.is_file():
        _read_horizons(path)
    else:
        raise ConfigError(
            f"ephemeris: {source}: no such file or folder; give a table of JPL Horizons, a folder of SPICE kernels, "
            "or earth"
        )


def read_ephemeris(source: str, tjd: npt.NDArray[np.float64]) -> Ephemeris:
    """Return the places of the spacecraft.

    Parameters
    ----------
    source : str
        ``earth``, a table of JPL Horizons, or a folder of SPICE kernels.
    tjd : (n_cadence,) float64
        Times at the spacecraft: TDB, JD - 2457000.

    Raises
    ------
    ConfigError, InputFileError
        As `check_ephemeris`, and when the source does not cover the times.
    """
    if source == "earth":
        return _earth(tjd)
    path = Path(source)
    if path.is_dir():
        return _spice(path, tjd)
    check_ephemeris(source)
    time, position = _read_horizons(path)
    try:
        positions = interpolated_positions(tjd, time, position)
    except ValueError as error:
        raise InputFileError(
            path,
            f"covers TJD {time[0]:.2f} to {time[-1]:.2f}, the images {np.min(tjd):.2f} to {np.max(tjd):.2f}; ask "
            "Horizons for these dates",
        ) from error
    return Ephemeris(positions, f"Horizons table {path.name}", _TABLE_ERROR_S)


def _earth(tjd: npt.NDArray[np.float64]) -> Ephemeris:
    """Return the Earth's places by the series in ERFA (epv00), which needs no file and is right to 1e-4 s."""
    with solar_system_ephemeris.set("builtin"):
        body = get_body_barycentric("earth", Time(tjd + BTJD_OFFSET, format="jd", scale="tdb"))
    return Ephemeris(np.asarray(body.xyz.to_value("au").T), "place of the Earth", EARTH_ERROR_S)


def _read_horizons(path: Path) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Read a table of vectors in CSV form: times (n_row,) TJD and places (n_row, 3) au."""
    lines = [line.lstrip("#").strip() for line in path.read_text(errors="replace").splitlines()]
    if "$$SOE" not in lines or "$$EOE" not in lines:
        raise InputFileError(path, "is no table of JPL Horizons: it has no lines $$SOE and $$EOE")
    start, end = lines.index("$$SOE"), lines.index("$$EOE")
    metadata = _metadata(lines[:start])
    _check_metadata(path, metadata)
    # The header stands before $$SOE; some tools write it behind.
    header, rows = lines[start + 1], lines[start + 2 : end]
    if "JDTDB" not in header:
        header = next((line for line in reversed(lines[:start]) if "JDTDB" in line), "")
        rows = lines[start + 1 : end]
    names = [name.strip() for name in header.split(",")]
    try:
        columns = [names.index(name) for name in ("JDTDB", "X", "Y", "Z")]
        values = np.array([[float(row.split(",")[k]) for k in columns] for row in rows if row])
    except (ValueError, IndexError) as error:
        raise InputFileError(
            path, f"columns JDTDB, X, Y, Z cannot be read ({error}); ask Horizons for VECTORS with csv_format"
        ) from error
    if len(values) < 4 or np.any(np.diff(values[:, 0]) <= 0) or not np.isfinite(values).all():
        raise InputFileError(path, f"has {len(values)} rows; expected at least 4 with increasing times")
    scale = _KM_PER_AU if metadata.get("output units", "").upper().startswith("KM") else 1.0
    return values[:, 0] - BTJD_OFFSET, values[:, 1:] / scale


def _metadata(lines: list[str]) -> dict[str, str]:
    """Return what Horizons says of a table, keys in lower case."""
    pairs = (re.match(r"([A-Za-z][A-Za-z \-]*?)\s*:\s*(.*)", line) for line in lines)
    return {" ".join(pair.group(1).lower().split()): pair.group(2) for pair in pairs if pair}


def _check_metadata(path: Path, metadata: Mapping[str, str]) -> None:
    """Refuse tables of other bodies, centres and axes."""
    wanted = {
        "target body name": "(-95)",
        "center body name": "Solar System Barycenter",
        "output type": "GEOMETRIC",
        "reference frame": "ICRF",
    }
    for key, words in wanted.items():
        if key in metadata and words not in metadata[key]:
            raise InputFileError(path, f"{key} is {metadata[key]!r}, expected {words}; ask Horizons for another table")
    if "Ecliptic" in metadata.get("coordinate systm", ""):
        raise InputFileError(path, "has ecliptic axes, expected the Earth mean equator (ref_plane FRAME)")


def _kernels(folder: Path) -> list[str]:
    found = sorted(str(path) for path in folder.rglob("*") if path.suffix.lower() in _KERNELS)
    if not found:
        raise InputFileError(folder, "has no SPICE kernels (*.bsp); correct the key 'ephemeris'")
    if importlib.util.find_spec("spiceypy") is None:
        raise ConfigError(
            f"ephemeris: {folder} holds SPICE kernels, and spiceypy is not installed: pip install spiceypy, or use a "
            "table of JPL Horizons"
        )
    return found


def _spice(folder: Path, tjd: npt.NDArray[np.float64]) -> Ephemeris:
    kernels = _kernels(folder)
    import spiceypy

    seconds = (tjd + (BTJD_OFFSET - _JD_2000)) * _SECONDS_PER_DAY
    try:
        with spiceypy.KernelPool(kernels):
            places = [spiceypy.spkgps(_TESS, time, "J2000", _BARYCENTRE)[0] for time in seconds]
    except spiceypy.utils.exceptions.SpiceyError as error:
        reason = " ".join(str(error).split())[:300]
        raise InputFileError(
            folder, f"its kernels give no place of TESS (-95) from the barycentre at all times ({reason})"
        ) from error
    return Ephemeris(np.array(places).reshape(-1, 3) / _KM_PER_AU, f"SPICE kernels of {folder.name}", _TABLE_ERROR_S)
