"""What belongs to simulated pixels: star table, truth, PRF files."""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from astropy.io import fits
from astropy.table import Table

from photometry.core.constants import PRF_SAMPLES_PER_PIXEL
from photometry.core.errors import ConfigError
from photometry.io.store.provenance import atomic_path, open_product, write_product
from photometry.prf.prf_grid import PrfGrid
from photometry.simulate.ccd import SimulatedCcd
from photometry.simulate.scenes import Scene

__all__ = ["Truth", "read_truth", "write_prf_folder", "write_star_table", "write_truth"]

_KIND, _LAYOUT = "truth", 1
_FORMATS = {".csv": "ascii.csv", ".ecsv": "ascii.ecsv", ".fits": "fits", ".vot": "votable", ".xml": "votable"}
#: First number of the rows that the TIC would mark as no stars.
_FIRST_ARTEFACT = 990_000_001
#: Time stamps in the names of SPOC PRF files of camera 1: sectors 1 to 3, and later.
_PRF_STAMPS = (2018243163600, 2019107181900)


@dataclass(frozen=True, slots=True)
class Truth:
    """What is true of a simulated scene, as read from its truth file.

    Parameters
    ----------
    tic : (n_star,) int64
        Star numbers.
    tmag, row, col : (n_star,) float64
        True magnitude and 0-based CCD position without motion.
    flux : (n_star, n_cadence) float32
        True flux, e-/s.
    kind : (n_star,) str
        ``const``, ``sine``, ``transit``, ``eb``.
    pairs : (n_pair, 3) float64
        Index of a constant star, of its eclipsing neighbour, separation in pixels.
    drow, dcol, roll : (n_cadence,) float64
        Motion of the CCD's middle, pixels, and roll about it, rad.
    time : (n_cadence,) float64
        BTJD; NaN in rows without a time.
    quality : (n_cadence,) int32
        TESS quality.
    offset : (row, column)
        Distance of the stars from their catalogue places through the written WCS, pixels.
    """

    tic: npt.NDArray[np.int64]
    tmag: npt.NDArray[np.float64]
    row: npt.NDArray[np.float64]
    col: npt.NDArray[np.float64]
    flux: npt.NDArray[np.float32]
    kind: npt.NDArray[np.str_]
    pairs: npt.NDArray[np.float64]
    drow: npt.NDArray[np.float64]
    dcol: npt.NDArray[np.float64]
    roll: npt.NDArray[np.float64]
    time: npt.NDArray[np.float64]
    quality: npt.NDArray[np.int32]
    offset: tuple[float, float]


def write_star_table(scene: Scene | SimulatedCcd, path: str | Path, n_artefact: int = 0) -> None:
    """Write the catalogue of a scene or CCD with MAST's column names.

    Parameters
    ----------
    scene : Scene or SimulatedCcd
        What has the stars.
    path : path-like
        Table; its extension tells the format: csv, ecsv, fits, vot or xml.
    n_artefact : int
        Rows to add that are no stars: marked ARTIFACT and DUPLICATE in turns, a few arcsec beside real ones.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in _FORMATS:
        raise ConfigError(f"{path}: star tables are written as {', '.join(_FORMATS)}, not as {suffix or 'nothing'}")
    catalogue, n_star = scene.catalogue, len(scene.catalogue.stars)
    fake = np.arange(min(n_artefact, n_star))
    which = np.concatenate([np.arange(n_star), fake])
    marks = np.where(fake % 2, "DUPLICATE", "ARTIFACT")
    table = Table(
        {
            "ID": np.concatenate([catalogue.stars.starid, _FIRST_ARTEFACT + fake]),
            "ra": catalogue.ra[which],
            "dec": catalogue.dec[which] - np.where(np.arange(len(which)) < n_star, 0, 1e-3),
            "pmRA": catalogue.pm_ra[which],
            "pmDEC": catalogue.pm_decl[which],
            "Tmag": np.round(catalogue.stars.tmag[which], 4),
            "e_Tmag": np.full(len(which), scene.settings.tmag_error),
            "Teff": catalogue.teff[which],
            "objType": np.full(len(which), "STAR"),
            "disposition": np.concatenate([np.full(n_star, "", dtype="U9"), marks.astype("U9")]),
        }
    )
    with atomic_path(path) as temporary:
        table.write(temporary, format=_FORMATS[suffix], overwrite=True)


def write_truth(scene: Scene, path: str | Path) -> None:
    """Write what is true of a scene as HDF5; `read_truth` and docs/products.md tell what is in it."""
    settings, population = scene.settings, scene.population
    with write_product(path, _KIND, _LAYOUT, {}, asdict(settings)) as file:
        for name, values in {
            "tic": population.starid,
            "tmag": population.tmag,
            "row": population.row,
            "col": population.column,
            "kind": population.kind.astype("S8"),
            "pairs": np.column_stack([population.pairs.astype(np.float64), scene.population.separation]),
            "ra": scene.full_catalogue.ra,
            "decl": scene.full_catalogue.dec,
            "listed": scene.listed,
            "drow": scene.motion.row_shift,
            "dcol": scene.motion.column_shift,
            "roll": scene.motion.roll,
            "blurred_share": scene.blurred_share,
            "time": scene.time,
            "timecorr": scene.timecorr,
            "cadenceno": scene.cadenceno,
            "quality": scene.quality,
            "background_amplitudes": scene.background.amplitudes,
            "background_patterns": scene.background.patterns,
            "cosmic_rays": scene.cosmic_rays,
            "dead": scene.dead,
        }.items():
            file[name] = values
        file.create_dataset("flux", data=scene.flux, compression="lzf", shuffle=True)
        for name in ("sector", "camera", "ccd", "n_row", "n_column", "cadence_s", "seed", "density"):
            file.attrs[name] = getattr(settings, name)
        file.attrs["origin"] = (settings.row_min, settings.col_min)
        file.attrs["exposure_s"] = settings.exposure.exposure_s
        file.attrs["num_readouts"] = settings.exposure.num_readouts
        file.attrs["read_noise_e"] = settings.read_noise_e
        file.attrs["offset"] = scene.offset
        file.attrs["prf"] = scene.prf_source
        file.attrs["positions"] = "row, col: 0-based full-frame CCD pixels without motion"


def read_truth(path: str | Path) -> Truth:
    """Read a truth file that `write_truth` wrote; InputFileError when it is not one."""
    with open_product(path, _KIND, _LAYOUT) as file:
        return Truth(
            **{
                name: file[name][()]
                for name in ("tic", "tmag", "row", "col", "flux", "pairs", "drow", "dcol", "roll", "time", "quality")
            },
            kind=file["kind"][()].astype(str),
            offset=(float(file.attrs["offset"][0]), float(file.attrs["offset"][1])),
        )


def write_prf_folder(grid: PrfGrid, folder: str | Path, sector: int, camera: int, ccd: int) -> None:
    """Write a PRF as SPOC does: one FITS file for each place, 1-based row and column in its name.

    Parameters
    ----------
    grid : PrfGrid
        Samples and their uncertainties.
    folder : path-like
        Where the files go.
    sector, camera, ccd : int
        What the files are said to belong to.
    """
    later = sector > 3
    stamp = _PRF_STAMPS[later] + (camera - 1 if later else (camera - 1) // 2)
    for i, j in np.ndindex(len(grid.rows), len(grid.columns)):
        row, column = round(float(grid.rows[i])) + 1, round(float(grid.columns[j])) + 1
        name = f"tess{stamp}-prf-{camera}-{ccd}-row{row:04d}-col{column:04d}.fits"
        hdus = fits.HDUList([fits.PrimaryHDU(grid.samples[i, j]), fits.ImageHDU(grid.errors[i, j])])
        for hdu, what in zip(hdus, ("PRF", "Uncertainties"), strict=True):
            hdu.header.extend(_prf_cards(what, camera, ccd, row, column, grid.samples.shape[-1]), strip=False)
        hdus[0].header["SIMULATD"] = (True, "no PRF of a real camera")
        with atomic_path(Path(folder) / name) as temporary:
            hdus.writeto(temporary, overwrite=True, output_verify="exception")


def _prf_cards(what: str, camera: int, ccd: int, row: int, column: int, n_sample: int) -> list[tuple[object, ...]]:
    """Cards of a PRF file; numbers are real, as in SPOC's files, but for the one that FITS wants whole."""
    cards: list[tuple[object, ...]] = [
        ("ORIGIN", "simulation", "organization that generated this file"),
        ("DATATYPE", what, "PRF or Uncertainties"),
        ("TELESCOP", "TESS"),
        ("CAM", float(camera)),
        ("CCD", float(ccd)),
        ("CCD_RREF", float(row), "CCD row coordinate reference of center PRF pixe"),
        ("CCD_CREF", float(column), "CCD column reference of center PRF pixel"),
        ("NSAMP", float(PRF_SAMPLES_PER_PIXEL), "Number of PRF pixels per TESS pixel"),
        ("PRF_RES", 2.35, "resolution of super-sampled PRF (arcseconds)"),
        ("WCSNAMEP", "PHYSICAL"),
        ("WCSAXESP", 2),
    ]
    for axis, (ctype, center) in enumerate((("RAWX", column), ("RAWY", row)), start=1):
        cards += [
            (f"CTYPE{axis}P", ctype),
            (f"CUNIT{axis}P", "PIXEL"),
            (f"CRPIX{axis}P", float(n_sample // 2 + 1)),
            (f"CRVAL{axis}P", float(center)),
            (f"CDELT{axis}P", 1 / PRF_SAMPLES_PER_PIXEL),
        ]
    return cards
