"""Some tiles of a CCD as the workflow has them when it starts to fit: cube, motion and PRF; stars are on all of it."""

import os
import re
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from photometry.calibration.kernel import N_AFFINE, N_MOTION, MovementKernel
from photometry.core.barycentre import Ephemeris
from photometry.core.constants import ARCSEC_PER_PIXEL, FRAME_SHAPE
from photometry.core.cube import CubeHeader, Pointing
from photometry.core.geometry import SCIENCE_AREA, Stamp, Tile, collected_flags, tiles_of
from photometry.core.settings import FitSettings
from photometry.core.stars import NO_STARS, flux_of_tmag
from photometry.frames.pixel_rounding import rounded_background, rounded_errors
from photometry.io.products.cube_files import CUBE_VERSION, PIXEL_SETS, create_pixels, write_ephemeris, write_metadata
from photometry.io.products.frame_lists import CcdFrames, FrameList, write_frames
from photometry.io.products.product_files import write_kernel, write_prf
from photometry.io.stars.unlisted_files import write_unlisted
from photometry.io.store.provenance import write_product
from photometry.prf.model import model_prf
from photometry.prf.prf_grid import PrfGrid
from photometry.simulate import CcdSettings, SimulatedCcd, simulate_ccd
from photometry.simulate.ccd_exposure import SimulatedFrame
from photometry.simulate.ccd_motion import like_motion
from photometry.simulate.frame_cards import utc_of
from photometry.simulate.frame_files import ffi_name, write_frame
from photometry.simulate.rendered_stars import REACH, StarStamps, expand

__all__ = ["SimulatedTiles", "tiles_with", "write_tiles"]

#: Light beside the pixels that reaches them, pixels.
_STAR_MARGIN = 12
#: Headers of a frame, bytes; its pixels are a hole in the file.
_HEADERS = 8 * 2880
#: e-/s per pixel.
_BACKGROUND = np.float32(120.0)
#: Error of second moments by a few hundred stars, pixels^2.
_MOMENT_ERROR = 1e-5
#: Cadences that are written at once: those of a chunk.
_CADENCES_AT_ONCE = 64


@dataclass(frozen=True)
class SimulatedTiles:
    """A CCD of which some tiles have pixels.

    Parameters
    ----------
    ccd : SimulatedCcd
        Its truth.
    tiles : tuple of Tile
        Those with pixels, side by side.
    others : tuple of Tile
        All others.
    """

    ccd: SimulatedCcd
    tiles: tuple[Tile, ...]
    others: tuple[Tile, ...]

    @property
    def region(self) -> str:
        """Name of the region."""
        settings = self.ccd.settings
        return f"sector{settings.sector:03d}_camera{settings.camera}_ccd{settings.ccd}"

    @property
    def stamp(self) -> Stamp:
        """The pixels of all tiles with their margins."""
        stamps = [tile.stamp for tile in self.tiles]
        return Stamp(stamps[0].row_min, stamps[0].row_max, stamps[0].col_min, stamps[-1].col_max)


def tiles_with(
    n_target: int, tmag_limit: float, n_tile: int, n_cadence: int, fit: FitSettings, cadence_s: int = 1800
) -> SimulatedTiles:
    """Draw a CCD with constant stars.

    Parameters
    ----------
    n_target : int
        Stars brighter than `tmag_limit` on a tile.
    tmag_limit : float
        Faintest target, mag.
    n_tile : int
        Tiles that get pixels: in the middle of the CCD, in one row of tiles.
    n_cadence : int
        Number of cadences.
    fit : FitSettings
        Size of tiles and margin.
    cadence_s : int
        Length of a cadence, s.
    """
    square_deg = (fit.tile_size * ARCSEC_PER_PIXEL / 3600) ** 2
    density = n_target / square_deg * 10 ** (CcdSettings().magnitude_slope * (16 - tmag_limit))
    settings = CcdSettings(n_cadence=n_cadence, cadence_s=cadence_s, density=density, n_pairs=0, variable_fraction=0.0)
    tiles = tiles_of(SCIENCE_AREA, fit.tile_size, fit.tile_margin)
    per_row = -(-SCIENCE_AREA.shape[1] // fit.tile_size)
    if n_tile > per_row:
        raise SystemExit(f"{n_tile} tiles are asked for, a row of the CCD has {per_row}")
    first = len(tiles) // 2 + (per_row - n_tile) // 2
    last = first + n_tile
    ccd = simulate_ccd(settings, model_prf())
    return SimulatedTiles(ccd, tuple(tiles[first:last]), (*tiles[:first], *tiles[last:]))


def write_tiles(field: SimulatedTiles, folder: Path) -> None:
    """Write what the workflow needs: names of frames, star table, and all products up to the fit."""
    prf, prepared = model_prf(), folder / "results" / "prepared"
    (folder / "ffi").mkdir(parents=True)
    _write_names(field.ccd, folder / "ffi")
    _write_stars(field.ccd, folder / "stars.csv")
    frames = _frames_of(field.ccd)
    write_frames(prepared / f"frames_{field.region}.hdf5", frames, {})
    _write_cube(prepared / f"{field.region}.hdf5", field, frames, prf)
    kernel = _with_moments(field.ccd.motion.kernel((0.0, 0.0)))
    for name in ("movement", "movement_refined"):
        write_kernel(prepared / f"{name}_{field.region}.hdf5", kernel, {})
    write_prf(prepared / f"prf_{field.region}.hdf5", prf, {})
    write_unlisted(prepared / f"unlisted_stars_{field.region}.ecsv", NO_STARS, field.region, {})


def _with_moments(kernel: MovementKernel) -> MovementKernel:
    """Return a kernel whose second moments count as measured, as those of every CCD are."""
    covariance = kernel.covariance.copy()
    moments = np.arange(N_AFFINE, N_MOTION)
    covariance[:, moments, moments] = _MOMENT_ERROR**2
    return replace(kernel, covariance=covariance)


def _write_names(ccd: SimulatedCcd, folder: Path) -> None:
    """Write the headers of the first frame under the names of all; there are no pixels."""
    nothing = np.zeros(FRAME_SHAPE, dtype=np.float32)
    (first,) = write_frame(ccd, SimulatedFrame(0, nothing, nothing), folder)
    size, headers = first.stat().st_size, first.read_bytes()[:_HEADERS]
    first.unlink()
    start = utc_of(2457000.0 + ccd.tjd[0])
    for cadence in range(ccd.settings.n_cadence):
        clock = start + timedelta(seconds=cadence * ccd.settings.cadence_s)
        path = folder / re.sub(r"tess\d+", f"{clock:tess%Y%j%H%M%S}", ffi_name(ccd, 0))
        path.write_bytes(headers)
        os.truncate(path, size)


def _write_stars(ccd: SimulatedCcd, path: Path) -> None:
    """Write the star table of the whole CCD, as `photometry.simulate.truth_tables` does, in seconds."""
    catalogue = ccd.catalogue
    table = pd.DataFrame(
        {
            "ID": ccd.population.starid,
            "ra": catalogue.ra,
            "dec": catalogue.dec,
            "pmRA": catalogue.pm_ra,
            "pmDEC": catalogue.pm_decl,
            "Tmag": np.round(catalogue.stars.tmag, 4),
            "Teff": catalogue.teff,
        }
    )
    table.to_csv(path, index=False)


def _frames_of(ccd: SimulatedCcd) -> CcdFrames:
    """Return what the workflow reads from headers."""
    n_cadence, settings = ccd.settings.n_cadence, ccd.settings
    pointing = Pointing("ffi", settings.sector, settings.camera, settings.ccd, settings.data_rel, "simulated", 0, 0, 0)
    wcs = ccd.wcs.to_header(relax=True).tostring()
    unknown, nothing = np.full(n_cadence, np.nan), np.full(n_cadence, "")
    listing = FrameList(
        name=np.array([f"frame{number}" for number in range(n_cadence)]),
        cadenceno=ccd.cadenceno.astype(np.int64),
        start=ccd.tjd,
        end=ccd.tjd,
        barycorr=unknown,
        status=np.full(n_cadence, "ok"),
        reason=nothing,
        wcs=nothing,
    )
    header = CubeHeader(
        pointing=pointing,
        exposure=settings.exposure,
        stamp=SCIENCE_AREA,
        time=ccd.time,
        timecorr=ccd.timecorr.astype(np.float32),
        cadenceno=ccd.cadenceno,
        quality=ccd.quality,
        wcs_header=wcs,
        aperture=collected_flags(SCIENCE_AREA),
        ephemeris=Ephemeris(np.tile([0.6, -0.7, -0.3], (n_cadence, 1)), "simulated", 0.0),
    )
    return CcdFrames(
        header=header,
        reference=n_cadence // 2,
        files=tuple(listing.name),
        listing=listing,
        missing=np.empty(0, dtype=np.int64),
    )


def _write_cube(path: Path, field: SimulatedTiles, frames: CcdFrames, prf: PrfGrid) -> None:
    """Write a cube of the size of a CCD with the pixels of the tiles; nothing is stored of all others."""
    stamp, n_cadence = field.stamp, field.ccd.settings.n_cadence
    rows, columns = stamp.slices_in(SCIENCE_AREA)
    light = _light(field.ccd, stamp, prf)
    rng = np.random.default_rng(field.ccd.settings.seed)
    with write_product(path, "cube", CUBE_VERSION, {}) as file:
        write_metadata(file, frames.header)
        write_ephemeris(file, frames.ephemeris)
        file.attrs["REFERENCE"] = frames.reference
        file.attrs["digest"] = "0" * 64
        for name in PIXEL_SETS:
            create_pixels(file, name, (n_cadence, *SCIENCE_AREA.shape))
        for start in range(0, n_cadence, _CADENCES_AT_ONCE):
            part = slice(start, min(start + _CADENCES_AT_ONCE, n_cadence))
            for name, values in _exposed(field.ccd, light[part], rng).items():
                file[name][part, rows, columns] = values
        sumimage = np.full(SCIENCE_AREA.shape, np.nan, dtype=np.float32)
        sumimage[rows, columns] = light.mean(axis=0)
        for name in ("time", "timecorr", "cadenceno", "quality"):
            file.create_dataset(name, data=getattr(frames.header, name))
        file.create_dataset("sumimage", data=sumimage)
        file.create_dataset("aperture", data=frames.header.aperture)
        file.create_dataset("wcs", data=np.bytes_(frames.header.wcs_header))


def _light(ccd: SimulatedCcd, stamp: Stamp, prf: PrfGrid) -> npt.NDArray[np.float32]:
    """Light of the stars, (n_cadence, n_row, n_column), e-/s."""
    population = ccd.population
    near = stamp.border_distance(population.row, population.column) > -_STAR_MARGIN
    stamps = StarStamps(prf, population.row[near], population.column[near])
    flux = flux_of_tmag(population.tmag[near]).astype(np.float32)
    light = np.empty((ccd.settings.n_cadence, *stamp.shape), dtype=np.float32)
    for group in like_motion(ccd.motion, stamp, REACH):
        expansion = expand(stamps, flux, stamp, _STAR_MARGIN, ccd.motion, group)
        for cadence in group.tolist():
            light[cadence] = expansion.image(ccd.motion, cadence)
    return light


def _exposed(
    ccd: SimulatedCcd, light: npt.NDArray[np.float32], rng: np.random.Generator
) -> dict[str, npt.NDArray[np.generic]]:
    """Pixel series of a cube from the light of the stars in some cadences."""
    exposure = ccd.settings.exposure
    background = _BACKGROUND + np.float32(0.1) * rng.standard_normal(light.shape, dtype=np.float32)
    read = exposure.read_noise_e[0] ** 2 * exposure.num_readouts / exposure.exposure_s**2
    errors = np.sqrt((light + _BACKGROUND) / exposure.exposure_s + np.float32(read))
    images = light + errors * rng.standard_normal(light.shape, dtype=np.float32)
    flags = np.zeros(light.shape, dtype=np.uint8)
    return {
        "images": images,
        "images_err": rounded_errors(errors),
        "backgrounds": rounded_background(background),
        "pixel_flags": flags,
    }
