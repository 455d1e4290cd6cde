"""Simulated scenes as the files that TESS has: TESScut cutouts and target pixel files.

The headers are those of real files of 2021 (TESScut) and 2020 (SPOC); SIMDATA is true, and SIMULATD,
which MAST asks for. What real files leave blank is left out or counted. Equal scenes give equal bytes.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from astropy.io import fits
from astropy.wcs import WCS

from photometry.core.constants import BTJD_OFFSET
from photometry.core.errors import ConfigError
from photometry.core.geometry import Stamp, collected_flags, output_index
from photometry.core.quality import APERTURE_FLAGS, bit
from photometry.io.store.provenance import atomic_path
from photometry.simulate.scene_cards import (
    column_wcs_cards,
    epoch_cards,
    ffi_cards,
    image_wcs_cards,
    object_cards,
    pixel_cards,
    primary_cards,
    utc_of,
)
from photometry.simulate.scene_settings import SceneSettings
from photometry.simulate.scenes import Scene
from photometry.simulate.truth_tables import Truth, read_truth, write_prf_folder, write_star_table, write_truth

__all__ = [
    "Truth",
    "read_truth",
    "tesscut_name",
    "tpf_name",
    "write_pixels",
    "write_prf_folder",
    "write_star_table",
    "write_tesscut",
    "write_tpf",
    "write_truth",
]

#: Offset of raw counts, ADU (key FXDOFF of 2-min files).
_FIXED_OFFSET = 209_700
#: Pixels of which a background is the mean, for its error.
_BACKGROUND_PIXELS = 100
#: Longest cadence of target pixel files, s, and how far from their middle the target is, pixels.
_LONGEST_TPF_S, _TARGET_PIX = 120, 2.0
#: Radius of the optimal aperture of a target, pixels.
_APERTURE_PIX = 1.6


@dataclass(frozen=True, slots=True)
class _Pixels:
    """What the table of a pixel file holds."""

    scene: Scene
    stamp: Stamp
    flux: npt.NDArray[np.float32]
    background: npt.NDArray[np.float32]
    raw_counts: npt.NDArray[np.int32]
    pos_corr: npt.NDArray[np.float32]
    cadenceno: npt.NDArray[np.int32]

    @property
    def cut(self) -> tuple[slice, ...]:
        """Slices of the scene's pixel arrays."""
        return (slice(None), *self.stamp.slices_in(self.scene.settings.stamp))


def tesscut_name(settings: SceneSettings) -> str:
    """Return the name that TESScut gives to a cutout."""
    return (
        f"tess-s{settings.sector:04d}-{settings.camera}-{settings.ccd}_{settings.ra:.6f}_{settings.dec:.6f}"
        f"_{settings.n_column}x{settings.n_row}_astrocut.fits"
    )


def tpf_name(settings: SceneSettings, starid: int) -> str:
    """Return the name of the target pixel file of a star; files of 20-s cadence are called fast."""
    kind = "a_fast-tp" if settings.cadence_s <= 20 else "s_tp"
    return f"tess2018206045859-s{settings.sector:04d}-{starid:016d}-0120-{kind}.fits"


def write_tesscut(scene: Scene, path: str | Path) -> None:
    """Write a scene as a TESScut cutout; the flux carries its background.

    Parameters
    ----------
    scene : Scene
        The scene.
    path : path-like
        The file; `tesscut_name` is what TESScut would call it.
    """
    settings = scene.settings
    blank = np.zeros(scene.pixels.shape, dtype=np.float32)
    content = _Pixels(
        scene=scene,
        stamp=settings.stamp,
        flux=scene.pixels,
        background=blank,
        raw_counts=np.full(scene.pixels.shape, -1, dtype=np.int32),
        pos_corr=np.zeros((len(scene.time), 2), dtype=np.float32),
        cadenceno=np.zeros(len(scene.time), dtype=np.int32),
    )
    ffi_names = [
        f"{utc_of(time):tess%Y%j%H%M%S}-s{settings.sector:04d}-{settings.camera}-{settings.ccd}-0120-s_ffi"
        for time in BTJD_OFFSET + _at_spacecraft(scene) + settings.cadence_s / 2 / 86400
    ]
    columns = [*_columns(content, blank), fits.Column("FFI_FILE", "38A", array=np.array(ffi_names))]
    primary = fits.PrimaryHDU(header=fits.Header([("NEXTEND", 2), *primary_cards(scene)]))
    primary.header.extend(ffi_cards(scene), strip=False)
    table = _table(content, columns, [*epoch_cards(scene), *pixel_cards(scene, is_tpf=False)])
    aperture = fits.ImageHDU(np.ones(settings.stamp.shape, dtype=np.int32), name="APERTURE")
    aperture.header.extend(image_wcs_cards(_wcs_in(scene, settings.stamp)), strip=False)
    aperture.header["NPIXMISS"] = (0, "Number of op. aperture pixels not collected")
    aperture.header["NPIXSAP"] = (0, "Number of pixels in optimal aperture")
    _write(fits.HDUList([primary, table, aperture]), path, scene)


def write_tpf(scene: Scene, path: str | Path, starid: int, size: int | None = None) -> None:
    """Write pixels around a star as a SPOC target pixel file: background removed, motion of the target given.

    Parameters
    ----------
    scene : Scene
        The scene, of 20 or 120 s cadence as a rule.
    path : path-like
        The file; `tpf_name` is what SPOC would call it.
    starid : int
        The target.
    size : int, optional
        Rows and columns to cut out, as far as the scene has them; all pixels by default.
    """
    settings, target = scene.settings, _index_of(scene, starid)
    row, column = float(scene.population.row[target]), float(scene.population.column[target])
    stamp = settings.stamp
    if size is not None:
        first_row, first_column = round(row) - size // 2, round(column) - size // 2
        stamp = Stamp(first_row, first_row + size, first_column, first_column + size).clipped(stamp)
    cut = (slice(None), *stamp.slices_in(settings.stamp))
    background = scene.background.images().astype(np.float32)[cut]
    background[np.isnan(scene.time)] = np.nan
    row_shift, column_shift = scene.motion.shifts_at(row, column)
    content = _Pixels(
        scene=scene,
        stamp=stamp,
        flux=scene.pixels[cut] - background,
        background=background,
        raw_counts=_raw_counts(scene, stamp),
        pos_corr=np.stack([column_shift, row_shift], axis=1).astype(np.float32),
        cadenceno=scene.cadenceno,
    )
    background_err = np.sqrt(background / settings.exposure.exposure_s / _BACKGROUND_PIXELS)
    target_cards = object_cards(scene, target)
    primary = fits.PrimaryHDU(header=fits.Header([("NEXTEND", 3), *primary_cards(scene, is_tpf=True)]))
    primary.header.extend(target_cards, strip=False)
    cards = [*target_cards[:2], *epoch_cards(scene), *pixel_cards(scene, is_tpf=True)]
    table = _table(content, _columns(content, background_err), cards)
    aperture = fits.ImageHDU(_aperture(stamp, row, column), name="APERTURE")
    aperture.header.extend(image_wcs_cards(_wcs_in(scene, stamp), stamp), strip=False)
    aperture.header["NPIXSAP"] = (int((aperture.data & 2 > 0).sum()), "Number of pixels in optimal aperture")
    aperture.header["NPIXMISS"] = (0, "Number of op. aperture pixels not collected")
    _write(fits.HDUList([primary, table, aperture, _no_cosmic_rays()]), path, scene)


def write_pixels(scene: Scene, path: str | Path) -> None:
    """Write a target pixel file for cadences up to 120 s, else a cutout.

    The target is the brightest star of the catalogue within two pixels of the middle, or the one nearest to the middle.
    """
    if scene.settings.cadence_s > _LONGEST_TPF_S:
        write_tesscut(scene, path)
        return
    population, (row, column) = scene.population, scene.settings.stamp.center
    distance = np.where(scene.listed, np.hypot(population.row - row, population.column - column), np.inf)
    near = np.flatnonzero(distance < _TARGET_PIX)
    target = near[np.argmin(population.tmag[near])] if len(near) else int(np.argmin(distance))
    write_tpf(scene, path, int(population.starid[target]))


def _index_of(scene: Scene, starid: int) -> int:
    found = np.flatnonzero(scene.population.starid == starid)
    if len(found) == 0:
        raise ConfigError(f"the simulated scene has no star {starid}; its stars are {_range_of(scene)}")
    target = int(found[0])
    if not scene.settings.stamp.contains(scene.population.row[target], scene.population.column[target]):
        raise ConfigError(f"star {starid} of the simulated scene is outside its pixels; choose another target")
    return target


def _range_of(scene: Scene) -> str:
    return f"{scene.population.starid.min()} to {scene.population.starid.max()}"


def _at_spacecraft(scene: Scene) -> npt.NDArray[np.float64]:
    """Mid-exposure times at the spacecraft, also of rows without a time, (n_cadence,) d."""
    steps = np.arange(len(scene.time)) * scene.settings.cadence_s / 86400
    return steps + float(np.nanmedian(scene.time - scene.timecorr - steps))


def _raw_counts(scene: Scene, stamp: Stamp) -> npt.NDArray[np.int32]:
    """Return counts as read, ADU; -1 where there is no value."""
    exposure = scene.settings.exposure
    pixels = scene.pixels[(slice(None), *stamp.slices_in(scene.settings.stamp))]
    gain = np.asarray(exposure.gain_e_per_adu)[output_index(np.arange(stamp.col_min, stamp.col_max))]
    counts = np.rint(pixels * (exposure.exposure_s / gain) + _FIXED_OFFSET)
    return np.where(np.isfinite(counts), counts, -1).astype(np.int32)


def _aperture(stamp: Stamp, row: float, column: float) -> npt.NDArray[np.int32]:
    """Return flags of the pixels: all are collected, those around the target make its aperture and its centroid."""
    rows, columns = np.mgrid[stamp.row_min : stamp.row_max, stamp.col_min : stamp.col_max]
    inside = np.hypot(rows - row, columns - column) <= _APERTURE_PIX
    of_target = bit(APERTURE_FLAGS, "in_aperture") | bit(APERTURE_FLAGS, "flux_centroid")
    return (collected_flags(stamp) | np.where(inside, of_target, 0)).astype(np.int32)


def _wcs_in(scene: Scene, stamp: Stamp) -> WCS:
    """WCS in pixels of the file, the first pixel being 1."""
    header = fits.Header.fromstring(scene.wcs_header)
    for key, first in (("CRPIX1", stamp.col_min), ("CRPIX2", stamp.row_min)):
        header[key] -= first
    return WCS(header)


def _columns(content: _Pixels, background_err: npt.NDArray[np.float32]) -> list[fits.Column]:
    """Columns that cutouts and target pixel files have."""
    scene, n_pixel = content.scene, content.stamp.n_pixel
    dim = f"({content.stamp.shape[1]},{content.stamp.shape[0]})"
    scalars = {"D": {"unit": "BJD - 2457000, days", "disp": "D14.7"}, "d": {"unit": "d", "disp": "E14.7"}}
    cube: dict[str, Any] = {"format": f"{n_pixel}E", "unit": "e-/s", "disp": "E14.7", "dim": dim}
    motion: dict[str, Any] = {"format": "E", "unit": "pixel", "disp": "E14.7"}
    return [
        fits.Column("TIME", "D", array=scene.time, **scalars["D"]),
        fits.Column("TIMECORR", "E", array=scene.timecorr, **scalars["d"]),
        fits.Column("CADENCENO", "J", disp="I10", array=content.cadenceno),
        fits.Column("RAW_CNTS", f"{n_pixel}J", unit="count", null=-1, disp="I8", dim=dim, array=content.raw_counts),
        fits.Column("FLUX", array=content.flux, **cube),
        fits.Column("FLUX_ERR", array=scene.errors[content.cut], **cube),
        fits.Column("FLUX_BKG", array=content.background, **cube),
        fits.Column("FLUX_BKG_ERR", array=background_err, **cube),
        fits.Column("QUALITY", "J", disp="B16.16", array=scene.quality),
        fits.Column("POS_CORR1", array=content.pos_corr[:, 0], **motion),
        fits.Column("POS_CORR2", array=content.pos_corr[:, 1], **motion),
    ]


def _table(content: _Pixels, columns: list[fits.Column], cards: list[tuple[Any, ...]]) -> fits.BinTableHDU:
    """Table PIXELS with its WCS keys for every pixel column."""
    table = fits.BinTableHDU.from_columns(columns, name="PIXELS")
    wcs = _wcs_in(content.scene, content.stamp)
    for number in range(4, 9):
        table.header.extend(column_wcs_cards(number, wcs, content.stamp), strip=False)
    table.header.extend(cards, strip=False)
    return table


def _no_cosmic_rays() -> fits.BinTableHDU:
    """Table of removed cosmic rays: empty, as with mitigation on board."""
    columns = [
        fits.Column("CADENCENO", "J", disp="I10"),
        fits.Column("RAWX", "I", unit="pixel", disp="I4"),
        fits.Column("RAWY", "I", unit="pixel", disp="I4"),
        fits.Column("COSMIC_RAY", "E", unit="e-/s", disp="E14.7"),
    ]
    return fits.BinTableHDU.from_columns(columns, nrows=0, name="TARGET COSMIC RAY")


def _write(hdus: fits.HDUList, path: str | Path, scene: Scene) -> None:
    """Write HDUs with checksums whose comments name the time of the last cadence, so that bytes do not vary."""
    when = f"{utc_of(BTJD_OFFSET + _at_spacecraft(scene)[-1]):%Y-%m-%dT%H:%M:%S}"
    for hdu in hdus:
        hdu.header["EXTVER"] = (1, "extension version number (not format version)")
        hdu.header["SIMDATA"] = (True, "file is based on simulated data")
        if hdu is hdus[0]:
            hdu.header["SIMULATD"] = (True, "file is based on simulated data")
        hdu.add_checksum(when=f"HDU checksum updated {when}")
    hdus.verify("exception")
    with atomic_path(path) as temporary:
        hdus.writeto(temporary, overwrite=True, output_verify="exception")
