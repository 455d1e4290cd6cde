"""Finding pixel files, looking at their headers, reading them: TESScut cutouts and target pixel files (TPFs)."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from photometry.core.cube import Exposure, Pointing
from photometry.core.datasources import DATASOURCES, DataSource
from photometry.core.errors import ConfigError, InputFileError
from photometry.core.geometry import Stamp, science_part
from photometry.core.wording import number_of
from photometry.io.fits.fits_archives import packed_files
from photometry.io.fits.fits_files import header_value
from photometry.io.fits.header_units import HeaderUnit, header_units
from photometry.io.pixels.file_memory import FileMemory
from photometry.io.pixels.file_places import BY_SETTINGS, FilePlace, PlaceNotes
from photometry.io.pixels.header_agreement import check_agreement, tell_wrong_camera
from photometry.io.pixels.pixel_file import PixelFile
from photometry.io.pixels.pixel_headers import (
    PixelHeaders,
    check_flux_unit,
    read_exposure,
    read_pointing,
    read_time_offset,
)
from photometry.io.pixels.pixel_wcs import read_place, read_wcs, stamp_of_file
from photometry.io.pixels.time_systems import read_time_zero

__all__ = [
    "check_datasource",
    "headers_of",
    "inspect_pixel_file",
    "inspect_pixel_files",
    "inspect_usable_files",
]

#: Kinds of files that are read here.
_SOURCES = {name: source for name, source in DATASOURCES.items() if not source.whole_ccd}
_log = logging.getLogger(__name__)
_AGAIN = "delete it and fetch it again"
_ENDINGS = (".fits", ".fits.gz", ".fit", ".fit.gz")
_NO_INPUT = "no such file or folder; correct the key 'input'"


def inspect_pixel_file(path: str | Path, datasource: str, place: FilePlace | None = None) -> PixelFile:
    """Read and check all that the headers of a pixel file say.

    Parameters
    ----------
    path : path-like
        The file.
    datasource : str
        Its kind.
    place : FilePlace, optional
        Where its pixels are on the CCD [default: where its headers, or else the sky, say].

    Raises
    ------
    InputFileError
        When the file is missing, damaged, of another kind, or when its headers lack something that is needed.
    """
    headers = headers_of(path)
    _check_kind(headers, datasource)
    return _inspect(headers, datasource, PlaceNotes(), place)


def inspect_pixel_files(path: str | Path, datasource: str) -> list[PixelFile]:
    """Find the pixel files of a path (file or folder) and inspect them all; two of the same region are an error."""
    return _unique(_inspect(headers, datasource, PlaceNotes()) for headers in _find(path, datasource))


def inspect_usable_files(
    path: str | Path,
    datasource: str,
    notes: PlaceNotes | None = None,
    first_pixel: tuple[int, int] | None = None,
    memory: FileMemory | None = None,
) -> tuple[list[PixelFile], list[InputFileError]]:
    """Find the pixel files of a path (file or folder); return those that can be used, and what is wrong with others.

    There may be none that can be used.

    Parameters
    ----------
    path : path-like
        File or folder.
    datasource : str
        Kind of the files.
    notes : PlaceNotes, optional
        What is known already of places by the sky.
    first_pixel : tuple of int, optional
        Row and column of the first pixel, 0-based on the CCD, of the only file, whatever its headers say.
    memory : FileMemory, optional
        What is known already of the headers; it learns what is new.

    Raises
    ------
    InputFileError
        When there is no such file or folder, a folder has no file of this kind, two have the same region, or
        `first_pixel` is given for several.
    """
    notes, memory = notes or PlaceNotes(), memory or FileMemory()
    if Path(path).is_file():
        place = None if first_pixel is None else FilePlace(*first_pixel, BY_SETTINGS)
        try:
            return [_known_file(Path(path), datasource, notes, place, memory)], []
        except InputFileError as error:
            return [], [error]
    if not Path(path).is_dir():
        raise InputFileError(path, _NO_INPUT)
    if first_pixel is not None:
        raise InputFileError(
            Path(path), "is a folder, and first_pixel is the place of one file; give that file as 'input'"
        )
    check_datasource(datasource)
    usable, problems = [], []
    candidates = _candidates(Path(path))
    if packed := packed_files(path):
        _log.warning("%s: %s", path, packed.rstrip("; "))
    for candidate in candidates:
        try:
            found = _known_candidate(candidate, datasource, notes, memory)
            if found is not None:
                usable.append(found)
        except InputFileError as error:
            problems.append(error)
    if not usable and not problems:
        raise _none_found(Path(path), datasource, len(candidates))
    return _unique(usable), problems


def _known_file(
    path: Path, datasource: str, notes: PlaceNotes, place: FilePlace | None, memory: FileMemory
) -> PixelFile:
    """Return what the headers of a file say that must be of a kind."""
    _, file = memory.recall(path, datasource, place)
    if file is None:
        with memory.learning(path, datasource, place) as learnt:
            file = _inspect(_find(path, datasource)[0], datasource, notes, place)
            learnt.append(file)
    return file


def _known_candidate(path: Path, datasource: str, notes: PlaceNotes, memory: FileMemory) -> PixelFile | None:
    """Return what the headers of a file say; None when it is of another kind."""
    is_known, file = memory.recall(path, datasource)
    if not is_known:
        with memory.learning(path, datasource) as learnt:
            headers = _of_kind(path, datasource)
            file = None if headers is None else _inspect(headers, datasource, notes)
            if file is not None:
                learnt.append(file)
    return file


def _unique(found: Iterable[PixelFile]) -> list[PixelFile]:
    files: dict[str, PixelFile] = {}
    for file in found:
        if file.region in files:
            raise InputFileError(
                file.path, f"has the same pixels of the same sector as {files[file.region].path}; remove one of them"
            )
        files[file.region] = file
    return list(files.values())


def headers_of(path: str | Path) -> PixelHeaders:
    """Read the headers of a FITS file; InputFileError when it has no table PIXELS."""
    return _headers_in(Path(path), header_units(path))


def _headers_in(path: Path, units: Sequence[HeaderUnit]) -> PixelHeaders:
    if _follows_a_target(units):
        raise InputFileError(
            path,
            "is a cutout of a moving target: its pixels follow the target over the sky, so no star stays on them; "
            "ask TESScut for a place in the sky",
        )
    _check_extensions(path, units)
    table = _table_of_pixels(units)
    if table is None:
        raise InputFileError(
            path, f"is no TESScut or target pixel file: it has no table PIXELS, only {_described(units)}"
        )
    return PixelHeaders(path, units[0].values, table.values, _aperture(units))


def _table_of_pixels(units: Sequence[HeaderUnit]) -> HeaderUnit | None:
    """Return the table PIXELS; None in files of other kinds, whose images may have that name."""
    return next((unit for unit in units if unit.is_table and unit.name == "PIXELS"), None)


def _aperture(units: Sequence[HeaderUnit]) -> Mapping[str, Any] | None:
    """Return the header of APERTURE; None where there is none."""
    return next((unit.values for unit in units if unit.name == "APERTURE"), None)


def _described(units: Sequence[HeaderUnit]) -> str:
    """Name the HDUs of a file; of those whose name alone would mislead, what they are."""
    names = [unit.name or "without name" for unit in units]
    return ", ".join(f"an image {name}" if name == "PIXELS" else name for name in names)


def _follows_a_target(units: Sequence[HeaderUnit]) -> bool:
    """Tell whether a file is a cutout of a moving target: each cadence has pixels of its own."""
    columns = [
        {str(unit.values[key]).strip() for key in unit.values if key.startswith("TTYPE")}
        for unit in units
        if "TFIELDS" in unit.values
    ]
    return any({"TGT_RA", "TGT_DEC"} <= names for names in columns)


def _check_extensions(path: Path, units: Sequence[HeaderUnit]) -> None:
    """Refuse a file that ends before the extensions which its primary header promises, or which its kind must have.

    Files of other kinds need not have these extensions; tools that cut target pixel files leave the last one out
    without counting anew.
    """
    primary, n_extension = units[0].values, len(units) - 1
    promised = header_value(primary, "NEXTEND")
    if n_extension == 0 and (promised or _kind_by_primary(path, units) is not None):
        what = f"its header promises {promised} (NEXTEND)" if promised else "its kind has PIXELS and APERTURE"
        raise InputFileError(path, f"is truncated: no extension follows the primary header, where {what}; {_AGAIN}")
    has_pixels = _table_of_pixels(units) is not None
    if has_pixels and _aperture(units) is None and isinstance(promised, int) and n_extension < promised:
        raise InputFileError(
            path, f"is truncated: its header promises {promised} extensions (NEXTEND), APERTURE is missing; {_AGAIN}"
        )


def _find(path: str | Path, datasource: str) -> list[PixelHeaders]:
    check_datasource(datasource)
    path = Path(path)
    if path.is_file():
        headers = headers_of(path)
        _check_kind(headers, datasource)
        return [headers]
    if not path.is_dir():
        raise InputFileError(path, _NO_INPUT)
    candidates = _candidates(path)
    found = [item for candidate in candidates if (item := _of_kind(candidate, datasource)) is not None]
    if not found:
        raise _none_found(path, datasource, len(candidates))
    return found


def _candidates(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.name.lower().endswith(_ENDINGS) and file.is_file())


def _of_kind(path: Path, datasource: str) -> PixelHeaders | None:
    """Read the headers of a FITS file; None when it is of another kind."""
    units = header_units(path)
    if _follows_a_target(units):
        of_kind = _kind_by_primary(path, units) in (datasource, None)
    else:
        _check_extensions(path, units)
        of_kind = _table_of_pixels(units) is not None
    if not of_kind:
        return None
    headers = _headers_in(path, units)
    if _kind(headers) is None:
        _check_kind(headers, datasource)  # says that it is neither kind
    return headers if _kind(headers) == datasource else None


def _none_found(folder: Path, datasource: str, n_other: int) -> InputFileError:
    packed = packed_files(folder)
    return InputFileError(
        folder,
        f"no {_SOURCES[datasource].title} in this folder ({n_other} other FITS files); {packed}"
        "correct the key 'input' or 'datasource'",
    )


def check_datasource(datasource: str) -> None:
    """Raise ConfigError unless it is a kind of pixel file."""
    if datasource not in _SOURCES:
        raise ConfigError(f"datasource is {datasource!r}, expected one of {', '.join(_SOURCES)}")


def _kind(headers: PixelHeaders) -> str | None:
    """Kind of a file with a table PIXELS: the first that it has a mark of; None when it has none."""
    return next((name for name, source in _SOURCES.items() if _has_mark(headers, source)), None)


def _kind_by_primary(path: Path, units: Sequence[HeaderUnit]) -> str | None:
    """Kind of a file by its primary header alone."""
    return _kind(PixelHeaders(path, units[0].values, {}, None))


def _has_mark(headers: PixelHeaders, source: DataSource) -> bool:
    """Tell whether a file has any of the marks of a kind."""
    creator = str(header_value(headers.primary, "CREATOR") or "").lower()
    return bool(
        (source.column_of_kind and source.column_of_kind in headers.columns)
        or (source.creator_of_kind and source.creator_of_kind in creator)
        or (source.key_of_kind and headers.get(source.key_of_kind) is not None)
    )


def _check_kind(headers: PixelHeaders, datasource: str) -> None:
    check_datasource(datasource)
    if str(headers.get("FFI_TYPE") or "").upper() == "TICA":
        raise InputFileError(headers.path, "is cut from TICA images, which are not in e-/s; ask TESScut for SPOC's")
    missing = [name for name in _SOURCES[datasource].columns if name not in headers.columns]
    if missing:
        raise InputFileError(
            headers.path, f"is no {_SOURCES[datasource].title}: its table PIXELS lacks {', '.join(missing)}"
        )
    kind = _kind(headers)
    if kind is None:
        raise InputFileError(
            headers.path,
            "is no TESScut or target pixel file: no column FFI_FILE, CREATOR is not astrocut, and no TICID",
        )
    if kind != datasource:
        raise InputFileError(
            headers.path, f"is a {_SOURCES[kind].title}, not a {_SOURCES[datasource].title}; set datasource: {kind}"
        )


def _inspect(headers: PixelHeaders, datasource: str, notes: PlaceNotes, place: FilePlace | None = None) -> PixelFile:
    _check_kind(headers, datasource)
    check_flux_unit(headers, f"TUNIT{headers.columns['FLUX']}")
    source = _SOURCES[datasource]
    pointing = read_pointing(headers, source)
    place = place or read_place(headers, pointing, notes)
    file_stamp = stamp_of_file(headers, place)
    check_agreement(headers, file_stamp)
    if place.source != BY_SETTINGS:
        tell_wrong_camera(headers.path, pointing)
    stamp = science_part(file_stamp)
    exposure = read_exposure(headers, stamp, source)
    n_cadence = int(headers.pixels["NAXIS2"])
    if n_cadence < 2:
        raise InputFileError(headers.path, f"has {number_of(n_cadence, 'cadence')}; a light curve needs at least 2")
    return PixelFile(
        path=headers.path,
        region=_region(pointing, exposure, stamp),
        pointing=pointing,
        exposure=exposure,
        stamp=stamp,
        n_cadence=n_cadence,
        wcs_header=read_wcs(headers, file_stamp, pointing),
        offset=read_time_offset(headers, pointing.camera, pointing.ccd, source),
        time_zero=read_time_zero(headers),
        file_stamp=file_stamp,
        placed_by=place.source,
    )


def _region(pointing: Pointing, exposure: Exposure, stamp: Stamp) -> str:
    """Name that tells a region from all others; letters that every file system takes."""
    ccd = f"sector{pointing.sector:03d}_camera{pointing.camera}_ccd{pointing.ccd}"
    source = _SOURCES[pointing.datasource]
    if source.has_target:
        return f"{source.name}_{ccd}_{pointing.starid:011d}_c{exposure.cadence_s:04d}"
    position = f"ra{pointing.ra:.4f}_dec{pointing.dec:.4f}_" if pointing.ra == pointing.ra else ""
    n_row, n_column = stamp.shape
    return f"{source.name}_{ccd}_{position}r{stamp.row_min:04d}_c{stamp.col_min:04d}_{n_row}x{n_column}"
