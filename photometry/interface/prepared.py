"""Finding the prepared files of a target: cube or target pixel file, catalogue, movement kernel, PRF."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from photometry.core.datasources import TESSCUT, TPF
from photometry.core.errors import ConfigError, InputFileError, MissingFileError
from photometry.io.pixels.pixel_file import PixelFile
from photometry.io.pixels.pixel_files import inspect_pixel_file

__all__ = ["PreparedFiles", "TpfWanted", "find_ccd_cubes", "find_sector", "find_tpf", "input_folder_of"]

#: Folders of a workflow's output without prepared files: they may hold a million others.
_PASSED_OVER = {"lightcurves", "photometry", "plots", "report", "logs", "benchmarks", "targets", ".snakemake"}
#: Folder of the prepared files in a workflow's output.
_PREPARED = "prepared"
_TPF_CUBE = re.compile(rf"{TPF.name}_sector(\d{{3,4}})_camera(\d)_ccd(\d)_(\d{{11}})_c(\d{{4}})\.hdf5")
#: TIC number in the name of a target pixel file from MAST.
_TPF_NUMBER = re.compile(r"-s\d{4}-(\d{16})-")
_FITS = (".fits", ".fits.gz", ".fit", ".fit.gz")


@dataclass(frozen=True, slots=True)
class PreparedFiles:
    """The files of a region.

    Parameters
    ----------
    pixels : Path
        Cube, or target pixel file.
    catalog : Path
        Catalogue.
    kernel, prf : Path or None
        Movement kernel and effective PRF, where both were prepared.
    unlisted : Path or None
        Stars that the catalogue lacks, where they were looked for.
    ccd_cube : Path or None
        Of a target pixel file: the cube of its CCD, where there is one.
    trends : Path or None
        What the stars of the region share, where that was looked for.
    """

    pixels: Path
    catalog: Path
    kernel: Path | None = None
    prf: Path | None = None
    unlisted: Path | None = None
    ccd_cube: Path | None = None
    trends: Path | None = None

    @property
    def version(self) -> tuple[tuple[str, int, int], ...]:
        """Name, date and size of every file: whether anything has changed."""
        paths = (self.pixels, self.catalog, self.kernel, self.prf, self.unlisted, self.ccd_cube, self.trends)
        stats = [(path, path.stat()) for path in paths if path is not None]
        return tuple((str(path), stat.st_mtime_ns, stat.st_size) for path, stat in stats)


@dataclass(frozen=True, slots=True)
class TpfWanted:
    """Which target pixel file is wanted; None where any will do.

    Parameters
    ----------
    starid : int
        TIC number of its target.
    sector : int or None
        Sector.
    cadence : int or None
        s.
    """

    starid: int
    sector: int | None = None
    cadence: int | None = None

    def fits(self, sector: int, cadence: int) -> bool:
        """Tell whether a file of a sector and cadence (s) is wanted."""
        wishes = ((self.sector, sector), (self.cadence, cadence))
        return all(wish is None or wish == found for wish, found in wishes)

    def __str__(self) -> str:
        wishes = {"sector": self.sector, "cadence": self.cadence}
        return ", ".join([f"TIC {self.starid}", *(f"{name} {value}" for name, value in wishes.items() if value)])


def input_folder_of(path: str | Path) -> Path:
    """Return the folder of prepared files that a path means; of a file it is the folder that holds it.

    Raises
    ------
    MissingFileError
        When there is no such file or folder.
    """
    path = Path(path)
    if path.is_dir():
        return path
    if path.is_file():
        return path.parent
    raise MissingFileError(path, "no such file or folder; give the folder prepared/ of a workflow's output as input")


def find_sector(folder: Path, camera: int, ccd: int) -> int:
    """Find the one sector of which a folder holds cubes of a camera and CCD.

    Parameters
    ----------
    folder : Path
        As in `find_ccd_cubes`.
    camera, ccd : int
        The CCD.

    Raises
    ------
    MissingFileError
        When there is no cube.
    ConfigError
        When there are cubes of several sectors.
    """
    name = re.compile(rf"(?:{TESSCUT.name}_)?sector(\d{{3,4}})_camera{camera}_ccd{ccd}(?:_.*)?\.hdf5")
    sectors = sorted({int(match[1]) for path in _everything(folder) if (match := name.fullmatch(path.name))})
    if not sectors:
        raise MissingFileError(folder, f"no cube of camera {camera}, CCD {ccd}, of any sector; prepare it")
    if len(sectors) > 1:
        names = ", ".join(map(str, sectors))
        raise ConfigError(f"sector is missing: {folder} holds sectors {names} of camera {camera}, CCD {ccd}")
    return sectors[0]


def find_ccd_cubes(folder: Path, sector: int, camera: int, ccd: int) -> list[PreparedFiles]:
    """Find the cube of a CCD, or the cubes of the cutouts of it.

    Parameters
    ----------
    folder : Path
        A workflow's folder prepared/, its output folder, or any folder that holds such files, also in subfolders.
    sector, camera, ccd : int
        The CCD.

    Returns
    -------
    list of PreparedFiles
        The cube of the whole CCD alone where there is one, else those of all cutouts.

    Raises
    ------
    MissingFileError
        When there is no cube, or when one has no catalogue.
    """
    name = f"sector{sector:03d}_camera{camera}_ccd{ccd}"
    cube = _find(folder, f"{name}.hdf5")
    cubes = [cube] if cube else _cutouts(folder, f"{TESSCUT.name}_{name}_")
    if not cubes:
        raise MissingFileError(
            folder, f"no cube of sector {sector}, camera {camera}, CCD {ccd} ({name}.hdf5, or of cutouts); prepare it"
        )
    return [_region_files(folder, path, path.stem, name) for path in cubes]


def find_tpf(folder: Path, wanted: TpfWanted) -> PreparedFiles:
    """Find a target pixel file, or the cube that a workflow made of it.

    Parameters
    ----------
    folder : Path
        As in `find_ccd_cubes`; target pixel files may be in subfolders and may have any name.
    wanted : TpfWanted
        Which one.

    Raises
    ------
    MissingFileError
        When there is none, when several match, or when its catalogue is missing.
    """
    found: dict[tuple[int, int, int, int], list[tuple[Path, str]]] = {}
    for path in _everything(folder):
        if (match := _TPF_CUBE.fullmatch(path.name)) and int(match[4]) == wanted.starid:
            detector = int(match[1]), int(match[2]), int(match[3]), int(match[5])
            if wanted.fits(detector[0], detector[3]):
                found.setdefault(detector, []).append((path, path.stem))
    cubes = set(found)
    files, unreadable = _tpf_files(folder, wanted.starid)
    for file in files:
        pointing = file.pointing
        detector = pointing.sector, pointing.camera, pointing.ccd, file.exposure.cadence_s
        if detector not in cubes and wanted.fits(detector[0], detector[3]):
            found.setdefault(detector, []).append((file.path, file.region))
    matches = [match for group in found.values() for match in group]
    if not matches:
        damaged = f"; {len(unreadable)} FITS files cannot be read, as {unreadable[0]}" if unreadable else ""
        raise MissingFileError(folder, f"no target pixel file of {wanted}{damaged}; fetch it, or prepare its cube")
    if len(matches) > 1:
        names = ", ".join(sorted(path.name for path, _ in matches))
        raise MissingFileError(folder, f"several target pixel files match {wanted}: {names}; name sector and cadence")
    ((sector, camera, ccd, _),) = found
    name = f"sector{sector:03d}_camera{camera}_ccd{ccd}"
    return _region_files(folder, *matches[0], name, ccd_cube=_find(folder, f"{name}.hdf5"))


def _region_files(
    folder: Path, pixels: Path, region: str, ccd_name: str, ccd_cube: Path | None = None
) -> PreparedFiles:
    """Find what belongs to a region; its catalogue may be that of the CCD."""
    names = dict.fromkeys((f"catalog_{region}.sqlite", f"catalog_{ccd_name}.sqlite"))
    catalog = next((path for name in names if (path := _find(folder, name))), None)
    if catalog is None:
        raise MissingFileError(folder, f"no catalogue for {pixels.name} ({' or '.join(names)}); prepare it")
    kernel, prf = _find(folder, f"movement_refined_{region}.hdf5"), _find(folder, f"prf_{region}.hdf5")
    if kernel is None or prf is None:
        kernel, prf = None, None
    unlisted, trends = _find(folder, f"unlisted_stars_{region}.ecsv"), _find(folder, f"trends_{region}.fits")
    return PreparedFiles(pixels, catalog, kernel, prf, unlisted, ccd_cube, trends)


def _find(folder: Path, name: str) -> Path | None:
    """Find a file by its name: in the folder, in its folder prepared/, else anywhere below."""
    for path in (folder / name, folder / _PREPARED / name):
        if path.is_file():
            return path
    return next((path for path in _everything(folder) if path.name == name), None)


def _cutouts(folder: Path, start: str) -> list[Path]:
    return [path for path in _everything(folder) if path.name.startswith(start) and path.suffix == ".hdf5"]


def _tpf_files(folder: Path, starid: int) -> tuple[list[PixelFile], list[str]]:
    """Target pixel files of a star, and names of files that cannot be read; names tell, else headers."""
    candidates = [path for path in _everything(folder) if path.name.lower().endswith(_FITS)]
    numbers = {path: _TPF_NUMBER.search(path.name) for path in candidates}
    named = [path for path in candidates if (match := numbers[path]) and int(match[1]) == starid]
    named = [path for path in named if path.name.lower().split(".")[0].endswith("tp")]
    if named:
        return [inspect_pixel_file(path, TPF.name) for path in named], []
    files, unreadable = [], []
    for path in candidates:
        if numbers[path] is None and "_ffi" not in path.name:
            try:
                files.append(inspect_pixel_file(path, TPF.name))
            except InputFileError as error:
                unreadable.append(f"{path.name} ({error.problem})")
    return [file for file in files if file.pointing.starid == starid], unreadable


def _everything(folder: Path) -> tuple[Path, ...]:
    """All files of a folder and of those below it that may hold prepared files, sorted."""
    return tuple(path for place, date in _folders(folder) for path in _listed(place, date))


def _folders(folder: Path) -> Iterator[tuple[str, int]]:
    """Folders that may hold prepared files, with their dates."""
    waiting = [str(folder)]
    while waiting:
        place = waiting.pop()
        date = os.stat(place).st_mtime_ns
        yield place, date
        waiting += sorted(_subfolders(place, date), reverse=True)


@lru_cache(maxsize=256)
def _scan(place: str, date: int) -> tuple[tuple[str, ...], tuple[Path, ...]]:
    """Subfolders and files of a folder; the date makes a changed folder a new one."""
    del date
    with os.scandir(place) as entries:
        known = sorted((entry.path, entry.is_dir()) for entry in entries)
    folders = tuple(path for path, is_folder in known if is_folder and Path(path).name not in _PASSED_OVER)
    return folders, tuple(Path(path) for path, is_folder in known if not is_folder)


def _subfolders(place: str, date: int) -> tuple[str, ...]:
    return _scan(place, date)[0]


def _listed(place: str, date: int) -> tuple[Path, ...]:
    return _scan(place, date)[1]
