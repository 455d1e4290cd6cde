"""Targets of every kind that the Python interface opens: real and simulated, frames and target pixel files."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from astropy.io import fits
from cubes import with_header
from older_folder import older_folder
from prepared_folder import prepare_ccd, prepare_tpf, write_stars
from scipy import ndimage

from photometry import BasePhotometry, PSFPhotometry
from photometry.catalog.star_catalog import make_catalog, wcs_of
from photometry.core.constants import ZERO_POINT_TMAG
from photometry.core.cube import Cube, Pointing
from photometry.core.geometry import Stamp
from photometry.io.pixels.pixel_wcs import image_wcs_cards
from photometry.io.pixels.tesscut import read_tesscut
from photometry.io.pixels.tpf import read_tpf
from photometry.io.products.cube_files import write_cube
from photometry.io.stars.catalog_files import write_catalog
from photometry.io.stars.star_tables import read_star_table

#: Kinds of targets.
SIMULATED = ("simulated_frames", "simulated_older", "simulated_tpf")
REAL = ("flare_star", "quiet_star", "quiet_frames", "saturated_cutout", "older_frames")
QUIET_STAR = 25155310
#: Rows and columns of the real full-frame image that are taken.
_PART = 72


@dataclass(frozen=True)
class Case:
    """A target, and what its pixel file holds.

    Parameters
    ----------
    folder : Path
        Prepared files.
    starid : int
        TIC number.
    arguments : dict
        More arguments.
    measured : (n_cadence, n_row, n_column)
        Images with their background, e-/s, as the file has them.
    first : (row, column)
        The first pixel, 0-based on the CCD.
    quality : (n_cadence,)
        Flags of the cadences.
    prf : str
        Where the PRF is from.
    others : tuple of int
        More stars that can be targets.
    """

    folder: Path
    starid: int
    arguments: dict[str, Any]
    measured: np.ndarray
    first: tuple[int, int]
    quality: np.ndarray
    prf: str = "model"
    others: tuple[int, ...] = ()

    def open(self, output: Path, kind: type[BasePhotometry] = PSFPhotometry, **changes: object) -> Any:
        """Open the target."""
        values = {"starid": self.starid, "input_folder": self.folder, "output_folder": output}
        target = kind(**(values | self.arguments | changes))
        target.settings["prf"]["source"] = self.prf
        return target

    def part(self, stamp: tuple[int, int, int, int]) -> np.ndarray:
        """Return what was measured on a stamp: (n_row, n_column, n_cadence)."""
        row, column = self.first
        cut = self.measured[:, stamp[0] - row : stamp[1] - row, stamp[2] - column : stamp[3] - column]
        return np.moveaxis(cut, 0, -1)


def _place(cube: Cube) -> dict[str, Any]:
    return {
        "sector": cube.header.pointing.sector,
        "camera": cube.header.pointing.camera,
        "ccd": cube.header.pointing.ccd,
    }


def _ccd(cube: Cube) -> str:
    return "sector{sector:03d}_camera{camera}_ccd{ccd}".format(**_place(cube))


def simulated_frames(folder: Path, tess_data: Path | None, older: bool = False) -> Case:
    """Part of a CCD, prepared."""
    del tess_data
    prepared = prepare_ccd(folder / "prepared", n_cadence=20)
    cube, stars = prepared.cube, prepared.scene.population
    inside = (cube.stamp.border_distance(stars.row, stars.column) > 6) & (stars.tmag < 14)
    return Case(
        older_folder(folder / "older", prepared) if older else prepared.folder,
        prepared.starid,
        prepared.place,
        cube.images + cube.backgrounds,
        (cube.stamp.row_min, cube.stamp.col_min),
        cube.quality,
        others=tuple(int(starid) for starid in stars.starid[inside] if starid != prepared.starid)[:2],
    )


def simulated_older(folder: Path, tess_data: Path | None) -> Case:
    """The same in the older layout."""
    return simulated_frames(folder, tess_data, older=True)


def simulated_tpf(folder: Path, tess_data: Path | None) -> Case:
    """Target pixel file with a catalogue, not prepared."""
    del tess_data
    prepared = prepare_tpf(folder / "prepared", n_cadence=30)
    cube = prepared.cube
    return Case(
        prepared.folder,
        prepared.starid,
        {"datasource": "tpf"},
        cube.images + cube.backgrounds,
        (cube.stamp.row_min, cube.stamp.col_min),
        cube.quality,
    )


def _of_tpf(path: Path) -> tuple[np.ndarray, tuple[int, int], np.ndarray]:
    """Measured pixels, first pixel and flags of a target pixel file; cadences without a time are left out."""
    with fits.open(path) as hdus:
        table, header = hdus[1].data, hdus[1].header
        timed = np.isfinite(table["TIME"])
        collected = np.where(hdus[2].data & 1 > 0, 0.0, np.nan)
        measured = table["FLUX"] + np.nan_to_num(table["FLUX_BKG"]) + collected
        return measured[timed], (header["2CRV5P"] - 1, header["1CRV5P"] - 1), table["QUALITY"][timed]


def flare_star(folder: Path, tess_data: Path | None) -> Case:
    """Real 2-minute file of 100 cadences in a crowded field."""
    path = folder / "tpf1.fits"
    path.symlink_to(tess_data / "tpf/tpf1.fits")
    cube = read_tpf(path)
    write_stars(folder / f"catalog_{_ccd(cube)}.sqlite", tess_data / "tpf/tpf1_stars.csv", cube)
    prf = str(tess_data / "prf/start_s0004_cam2_ccd3")
    return Case(folder, cube.header.pointing.starid, {"datasource": "tpf"}, *_of_tpf(path), prf)


def _quiet_folder(folder: Path, tess_data: Path) -> Path:
    """Real 2-minute file of five cadences, its catalogue, and a small cube of the same pixels as that of the CCD."""
    path = folder / "tess25155310-s01-first-cadences.fits.gz"
    path.symlink_to(tess_data / "tpf" / path.name)
    cube = read_tpf(path)
    stars = folder / "stars.csv"
    stars.write_text(f"ID,ra,dec,Tmag\n{QUIET_STAR},{cube.header.pointing.ra},{cube.header.pointing.dec},10.56\n")
    write_stars(folder / f"catalog_{_ccd(cube)}.sqlite", stars, cube)
    frames = with_header(cube, pointing=replace(cube.header.pointing, datasource="ffi"), pos_corr=None)
    frames = frames.cut(replace(cube.stamp, row_min=cube.stamp.row_min + 1))
    write_cube(folder / f"{_ccd(cube)}.hdf5", frames, {"stars": stars})
    return path


def quiet_star(folder: Path, tess_data: Path | None) -> Case:
    """The target pixel file of five cadences."""
    path = _quiet_folder(folder, tess_data)
    return Case(folder, QUIET_STAR, {"datasource": "tpf"}, *_of_tpf(path))


def quiet_frames(folder: Path, tess_data: Path | None) -> Case:
    """Its small cube."""
    measured, (row, column), quality = _of_tpf(_quiet_folder(folder, tess_data))
    place = {"sector": 1, "camera": 4, "ccd": 1}
    return Case(folder, QUIET_STAR, place, measured[:, 1:], (row + 1, column), quality)


def saturated_cutout(folder: Path, tess_data: Path | None) -> Case:
    """Real cutout of full-frame images: 50 cadences of pi Men."""
    path = next((tess_data / "tesscut").glob("tess-s0001-4-2*.fits"))
    cube, header = read_tesscut(path), fits.getheader(path)
    stars, name = folder / "stars.csv", f"tesscut_{_ccd(cube)}_pimen"
    stars.write_text(f"ID,ra,dec,Tmag\n261136679,{header['RA_OBJ']},{header['DEC_OBJ']},5.1\n")
    write_stars(folder / f"catalog_{name}.sqlite", stars, cube)
    write_cube(folder / f"{name}.hdf5", cube, {"pixels": path})
    with fits.open(path) as hdus:
        table, header = hdus[1].data, hdus[1].header
        timed = np.isfinite(table["TIME"])
        measured, quality = table["FLUX"][timed].astype(np.float64), table["QUALITY"][timed]
        number = table.names.index("FLUX") + 1
        first = header[f"2CRV{number}P"] - 1, header[f"1CRV{number}P"] - 1
    prf = str(tess_data / "prf/start_s0001_cam4_ccd2")
    return Case(folder, 261136679, _place(cube), measured, first, quality, prf)


def older_frames(folder: Path, tess_data: Path | None) -> Case:
    """Part of a real full-frame image with its WCS, four times with little noise, in the older layout."""
    with fits.open(next((tess_data / "ffi").glob("*ffic.fits"))) as hdus:
        primary, header = hdus[0].header, hdus[1].header
        image = hdus[1].data[:_PART, 44 : 44 + _PART].astype(np.float32)
        error = hdus[2].data[:_PART, :_PART].astype(np.float32)
    sky, stamp = np.full_like(image, np.median(image)), Stamp(0, _PART, 44, 44 + _PART)
    noise = np.random.default_rng(1).normal(size=(4, *image.shape)) * np.sqrt(np.abs(image) / 1440)
    with h5py.File(folder / "sector001_camera1_ccd4.hdf5", "w") as file:
        for number in range(4):
            series = {"images": image - sky + noise[number], "images_err": error, "backgrounds": sky}
            for kind, values in (series | {"pixel_flags": np.zeros(image.shape, np.uint8)}).items():
                file.create_dataset(f"{kind}/{number:04d}", data=values.astype(np.float32), compression="gzip")
            file[f"wcs/{number:04d}"] = np.array([header.tostring(endcard=False).encode()])
        middle = (header["TSTART"] + header["TSTOP"]) / 2
        file["time"], file["cadenceno"] = middle + np.arange(4) / 48, np.arange(4)
        file["timecorr"], file["quality"] = np.full(4, header["BARYCORR"]), np.zeros(4, np.int32)
        file["sumimage"] = np.mean(image - sky + noise, axis=0)
        metadata = {key: primary[key] for key in ("CRMITEN", "CRBLKSZ", "DATA_REL", "PROCVER")}
        metadata |= {key: header[key] for key in ("NUM_FRM", *(f"{s}{x}" for s in ("GAIN", "READNOI") for x in "ABCD"))}
        file["images"].attrs.update(metadata | {"PIXEL_OFFSET_ROW": 0, "PIXEL_OFFSET_COLUMN": 44, "CADENCE": 1800})
    cards = image_wcs_cards(header)
    starid = _write_peaks(folder / "catalog_sector001_camera1_ccd4.sqlite", image - sky, cards, stamp, middle)
    prf, place = str(tess_data / "prf/start_s0001_cam1_ccd4"), {"sector": 1, "camera": 1, "ccd": 4}
    return Case(folder, starid, place, image + noise, (0, 44), np.zeros(4, np.int32), prf)


def _write_peaks(path: Path, image: np.ndarray, cards: str, stamp: Stamp, time: float) -> int:
    """Write a catalogue of the peaks of an image; return the brightest that is far from the edges and not saturated."""
    inner = image[1:-1, 1:-1]
    rows, columns = np.nonzero((ndimage.maximum_filter(image, 3)[1:-1, 1:-1] == inner) & (inner > 25))
    boxes = np.stack(
        [np.maximum(image[row : row + 3, column : column + 3], 0) for row, column in zip(rows, columns, strict=True)]
    )
    total = boxes.sum(axis=(1, 2))
    row = rows + (boxes.sum(axis=2) @ [0, 1, 2]) / total + stamp.row_min
    column = columns + (boxes.sum(axis=1) @ [0, 1, 2]) / total + stamp.col_min
    ra, dec = wcs_of(cards).all_pix2world(column, row, 0)
    tmag = ZERO_POINT_TMAG - 2.5 * np.log10(total / 0.85)
    lines = [f"{1000 + k},{r},{d},{t}" for k, (r, d, t) in enumerate(zip(ra, dec, tmag, strict=True))]
    stars = path.with_suffix(".csv")
    stars.write_text("\n".join(["ID,ra,dec,Tmag", *lines]) + "\n")
    pointing = Pointing("ffi", 1, 1, 4, 1, "", 0, float("nan"), float("nan"))
    write_catalog(path, make_catalog(read_star_table(stars).table, pointing, cards, stamp, time, 0.1))
    inside = (stamp.border_distance(row, column) > 20) & (boxes.max(axis=(1, 2)) < 3e4)
    return 1000 + int(np.flatnonzero(inside)[np.argmin(tmag[inside])])
