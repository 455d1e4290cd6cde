"""SPOC PRF files: 25 FITS files of a CCD, or the MATLAB structure of the same content."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from astropy.io import fits

from photometry.core.constants import PRF_SAMPLES_PER_PIXEL
from photometry.core.errors import InputFileError, PrfError
from photometry.io.fits.fits_files import open_fits
from photometry.prf.prf_grid import PRF_COLUMNS, PRF_ROWS, PrfGrid

__all__ = ["check_prf_file", "check_prf_folder", "first_sector_of_prf", "read_spoc_prf"]

#: Where MAST keeps the PRF files.
_MAST_PRF_URL = "https://archive.stsci.edu/missions/tess/models/prf_fitsfiles"
#: 1-based rows and columns of the 25 places (README of the files at MAST).
_ROWS = tuple(int(row) + 1 for row in PRF_ROWS)
_COLUMNS = tuple(int(column) + 1 for column in PRF_COLUMNS)
#: Samples per axis: 13 pixels.
_N_SAMPLE = 117
#: Largest deviation of the samples' sum from 9 x 9.
_SUM_TOLERANCE = 0.05
#: First sector of the second epoch; dates in the names of the two.
_SECOND_EPOCH = 4
_EPOCH_STARTS = {1: "tess2018243", 4: "tess2019107"}
_FITS_NAME = re.compile(r"(tess\d{7})\d{6}-prf-(\d)-(\d)-row(\d{4})-col(\d{4})\.fits(\.gz)?", re.IGNORECASE)
_MAT_NAME = re.compile(r"(tess\d{7})\d{6}-\d+_\d+-(\d)-(\d)-characterized-prf\.mat", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Name:
    """What the name of a PRF file says; row and column are 0 for a MATLAB file."""

    path: Path
    epoch: str
    camera: int
    ccd: int
    row: int
    column: int


def _names(folder: Path) -> list[_Name]:
    """All PRF files in a folder and its subfolders; hidden ones hold what a killed process left."""
    found = []
    for path in sorted(folder.rglob("*")):
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        if match := _FITS_NAME.fullmatch(path.name):
            epoch, camera, ccd, row, column, _ = match.groups()
            found.append(_Name(path, epoch.lower(), int(camera), int(ccd), int(row), int(column)))
        elif match := _MAT_NAME.fullmatch(path.name):
            epoch, camera, ccd = match.groups()
            found.append(_Name(path, epoch.lower(), int(camera), int(ccd), 0, 0))
    return found


def first_sector_of_prf(sector: int) -> int:
    """First sector of the epoch that a sector belongs to: names MAST's folders."""
    return _SECOND_EPOCH if sector >= _SECOND_EPOCH else 1


def check_prf_folder(folder: str | Path, sector: int, camera: int, ccd: int) -> list[Path]:
    """Find the PRF files of a CCD by their names.

    Parameters
    ----------
    folder : path-like
        Folder that is searched with its subfolders.
    sector, camera, ccd : int
        What the PRF is for: files of 2018 serve sectors 1 to 3, files of 2019 all later ones.

    Returns
    -------
    list of Path
        25 FITS files by row and column, or one MATLAB file.

    Raises
    ------
    PrfError
        When there are none, or those of another CCD or epoch, or fewer than 25, or one of them twice.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise PrfError(folder, "no such folder; correct the key 'prf' (a folder, 'model' or 'mast')")
    everything = _names(folder)
    if not everything:
        raise PrfError(
            folder,
            "has no PRF file (names like tess2019107181901-prf-2-3-row0001-col0045.fits); "
            f"get them from {_MAST_PRF_URL}, or set prf: mast or prf: model",
        )
    of_ccd = [name for name in everything if (name.camera, name.ccd) == (camera, ccd)]
    if not of_ccd:
        others = ", ".join(sorted({f"camera {name.camera} CCD {name.ccd}" for name in everything}))
        raise PrfError(folder, f"has PRF files of {others}; the pixels are of camera {camera} CCD {ccd}")
    start = _EPOCH_STARTS[first_sector_of_prf(sector)]
    chosen = [name for name in of_ccd if name.epoch == start]
    if not chosen:
        others = ", ".join(sorted({name.epoch for name in of_ccd}))
        served = "1 to 3" if first_sector_of_prf(sector) == 1 else "4 and later"
        raise PrfError(
            folder, f"has PRF files of another epoch ({others}); sector {sector} needs {start}..., for sectors {served}"
        )
    return _complete(folder, chosen)


def _complete(folder: Path, names: list[_Name]) -> list[Path]:
    wanted = [(row, column) for row in _ROWS for column in _COLUMNS]
    files: dict[tuple[int, int], Path] = {}
    for name in names:
        place = (name.row, name.column)
        if place != (0, 0) and place not in wanted:
            raise PrfError(name.path, f"row {name.row}, column {name.column} is none of the 25 places of a PRF")
        if place in files:
            raise PrfError(name.path, f"is the same PRF as {files[place]}; remove one of them")
        files[place] = name.path
    missing = [place for place in wanted if place not in files]
    if missing and (0, 0) in files:
        return [files[0, 0]]
    if missing:
        listed = ", ".join(f"row{row:04d}-col{column:04d}" for row, column in missing[:6])
        more = f" and {len(missing) - 6} more" if len(missing) > 6 else ""
        raise PrfError(folder, f"has {25 - len(missing)} of the 25 PRF files; missing: {listed}{more}")
    return [files[place] for place in wanted]


def read_spoc_prf(folder: str | Path, sector: int, camera: int, ccd: int) -> PrfGrid:
    """Read the PRF of a CCD.

    Parameters
    ----------
    folder : path-like
        Folder that is searched with its subfolders.
    sector, camera, ccd : int
        What the PRF is for.

    Raises
    ------
    PrfError
        As `check_prf_folder`; and when a file is damaged or holds something else than its name says.
    """
    paths = check_prf_folder(folder, sector, camera, ccd)
    if len(paths) == 1:
        return _read_mat(paths[0])
    shape = (len(_ROWS), len(_COLUMNS), _N_SAMPLE, _N_SAMPLE)
    samples, errors = np.empty(shape), np.empty(shape)
    places = [(i, j) for i in range(len(_ROWS)) for j in range(len(_COLUMNS))]
    for (i, j), path in zip(places, paths, strict=True):
        samples[i, j], errors[i, j] = _read_one(path, camera, ccd, _ROWS[i], _COLUMNS[j])
    return _grid(samples, errors, re.sub(r"-row\d{4}-col\d{4}\.fits(\.gz)?$", "", paths[0].name))


def check_prf_file(path: Path, camera: int, ccd: int) -> None:
    """Make sure that a FITS file holds the PRF that its name promises.

    Raises
    ------
    PrfError
        When it is damaged, or of another place or CCD.
    """
    name = _FITS_NAME.search(path.name)
    if name is None:
        raise PrfError(path, "has not the name of a PRF file")
    _read_one(path, camera, ccd, int(name[4]), int(name[5]))


def _grid(samples: npt.NDArray[np.float64], errors: npt.NDArray[np.float64], name: str) -> PrfGrid:
    rows, columns = np.array(_ROWS, dtype=np.float64) - 1, np.array(_COLUMNS, dtype=np.float64) - 1
    return PrfGrid(rows, columns, samples, errors, f"spoc {name}")


def _read_one(
    path: Path, camera: int, ccd: int, row: int, column: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    try:
        with open_fits(path) as hdus:
            header = hdus[0].header
            data = [np.array(hdu.data, dtype=np.float64) for hdu in hdus[:2] if hdu.data is not None]
    except PrfError:
        raise
    except InputFileError as error:
        raise PrfError(path, error.problem) from error
    _check_header(path, header, {"CAM": camera, "CCD": ccd, "CCD_RREF": row, "CCD_CREF": column})
    if len(data) != 2:
        raise PrfError(path, "has no second image with the uncertainties; fetch it again")
    return _checked(path, data[0]), _checked_errors(path, data[1])


def _check_header(path: Path, header: fits.Header, expected: dict[str, int]) -> None:
    for key, value in {**expected, "NSAMP": PRF_SAMPLES_PER_PIXEL}.items():
        found = header.get(key)
        if found != value:
            raise PrfError(path, f"header key {key} is {found!r}, expected {value}; fetch the file again")


def _checked(path: Path, samples: npt.NDArray[np.float64], where: str = "") -> npt.NDArray[np.float64]:
    if samples.shape != (_N_SAMPLE, _N_SAMPLE):
        raise PrfError(path, f"{where}has samples of shape {samples.shape}, expected ({_N_SAMPLE}, {_N_SAMPLE})")
    total = float(samples.sum()) / PRF_SAMPLES_PER_PIXEL**2
    if not abs(total - 1) <= _SUM_TOLERANCE:
        raise PrfError(path, f"{where}its samples add up to {total:.4g} of the light, expected 1; fetch it again")
    return samples


def _checked_errors(path: Path, errors: npt.NDArray[np.float64], where: str = "") -> npt.NDArray[np.float64]:
    if errors.shape != (_N_SAMPLE, _N_SAMPLE) or not np.all(np.isfinite(errors) & (errors >= 0)):
        raise PrfError(path, f"{where}its uncertainties are no {_N_SAMPLE}x{_N_SAMPLE} numbers from 0; fetch it again")
    return errors


def _read_mat(path: Path) -> PrfGrid:
    """Read ``prfStruct``: 25 elements with ccdRow, ccdColumn (1-based), values and uncertainties [row, column]."""
    from scipy.io import loadmat

    try:
        content = loadmat(path, struct_as_record=False, squeeze_me=True)
        elements = np.atleast_1d(content["prfStruct"])
    except (ValueError, TypeError, KeyError, OSError, NotImplementedError, IndexError) as error:
        raise PrfError(path, f"cannot be read as MATLAB file with prfStruct ({error}); fetch it again") from error
    shape = (len(_ROWS), len(_COLUMNS), _N_SAMPLE, _N_SAMPLE)
    samples, errors = np.full(shape, np.nan), np.zeros(shape)
    for element in elements:
        row, column = (_field(path, element, name) for name in ("ccdRow", "ccdColumn"))
        if row not in _ROWS or column not in _COLUMNS:
            raise PrfError(path, f"row {row}, column {column} is none of the 25 places of a PRF")
        place = (_ROWS.index(row), _COLUMNS.index(column))
        where = f"row {row}, column {column}: "
        samples[place] = _checked(path, np.asarray(_field(path, element, "values"), dtype=np.float64), where)
        uncertainties = np.asarray(_field(path, element, "uncertainties"), dtype=np.float64)
        errors[place] = _checked_errors(path, uncertainties, where)
    n_missing = int(np.isnan(samples[..., 0, 0]).sum())
    if n_missing:
        raise PrfError(path, f"prfStruct has {25 - n_missing} of the 25 places of a PRF; fetch it again")
    return _grid(samples, errors, path.stem)


def _field(path: Path, element: Any, name: str) -> Any:
    value = getattr(element, name, None)
    if value is None:
        raise PrfError(path, f"prfStruct has no field {name}; fetch it again")
    return value
