"""Reading SPOC target pixel files (TPFs)."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from astropy.io import fits

from photometry.core.constants import FRAME_SHAPE, LARGEST_E_S
from photometry.core.cube import Cube, CubeHeader
from photometry.core.datasources import TPF
from photometry.core.errors import InputFileError
from photometry.core.quality import APERTURE_FLAGS, UNUSABLE, flagged
from photometry.core.times import SECONDS_PER_DAY
from photometry.io.fits.fits_files import open_fits, table_data, verify_checksums
from photometry.io.pixels.file_places import FilePlace
from photometry.io.pixels.pixel_file import PixelFile
from photometry.io.pixels.pixel_files import inspect_pixel_file
from photometry.io.pixels.pixel_tables import PixelTable, impossible_values, pixel_flags, read_pixel_table
from photometry.io.pixels.starless_frames import without_starless_frames

__all__ = ["read_tpf"]


def read_tpf(path: str | Path, place: FilePlace | None = None, quality_bitmask: int = UNUSABLE) -> Cube:
    """Read a target pixel file.

    FLUX has its background removed; FLUX_BKG, which restores it, becomes `backgrounds`. Pixels that were not collected
    (APERTURE without bit 1) are NaN. So are those from which a background was taken that no detector gives: what they
    held is not known. Cadences on which the stars are not are flagged.

    Parameters
    ----------
    path : path-like
        The file.
    place : FilePlace, optional
        Where its pixels are on the CCD [default: where its headers, or else the sky, say].
    quality_bitmask : int
        Bits of QUALITY that make a cadence unusable.

    Raises
    ------
    InputFileError
        When the file is missing, damaged, no target pixel file, or lacks something that is needed.
    """
    file = inspect_pixel_file(path, TPF.name, place)
    with open_fits(path) as hdus:
        verify_checksums(path, hdus)
        if "APERTURE" not in hdus:
            raise InputFileError(path, "is no target pixel file: it has no image APERTURE")
        aperture = np.asarray(hdus["APERTURE"].data).astype(np.int32)
        data = table_data(path, hdus, "PIXELS")
        table = read_pixel_table(file, data, quality_bitmask)
        backgrounds = table.column(data, "FLUX_BKG")
        if backgrounds.shape[1:] != file.file_stamp.shape:
            expected = (len(table.rows), *file.file_stamp.shape)
            raise InputFileError(path, f"FLUX_BKG has shape {backgrounds.shape}, FLUX {expected}; fetch it again")
        backgrounds = backgrounds[:, *table.cut]
        pos_corr = _pos_corr(file.path, table, data)
    return without_starless_frames(file.path, _cube(file, table, backgrounds, pos_corr, aperture))


def _cube(
    file: PixelFile,
    table: PixelTable,
    backgrounds: npt.NDArray[np.float32],
    pos_corr: npt.NDArray[np.float32] | None,
    aperture: npt.NDArray[np.int32],
) -> Cube:
    aperture = aperture[table.cut]
    images, images_err = table.flux, table.flux_err
    images[:, ~flagged(APERTURE_FLAGS, aperture, "collected")] = np.nan
    images[impossible_values(file.path, "FLUX_BKG", backgrounds, LARGEST_E_S, "e-/s")] = np.nan
    backgrounds[np.abs(backgrounds) > LARGEST_E_S] = np.nan
    images_err[np.isnan(images)] = np.nan
    if np.isnan(images).all():
        raise InputFileError(file.path, "no collected pixel has a value in any cadence; fetch the file again")
    backgrounds = np.nan_to_num(backgrounds, nan=0.0)
    header = CubeHeader(
        pointing=file.pointing,
        exposure=file.exposure,
        stamp=file.stamp,
        time=table.time + file.offset.mid_s / SECONDS_PER_DAY,
        timecorr=table.timecorr,
        cadenceno=table.cadenceno,
        quality=table.quality,
        pos_corr=pos_corr,
        wcs_header=file.wcs_header,
        aperture=aperture,
        offset=file.offset,
        placed_by=file.placed_by,
        quality_bitmask=table.quality_bitmask,
    )
    return Cube(
        header=header,
        images=images,
        images_err=images_err,
        backgrounds=backgrounds,
        pixel_flags=pixel_flags(images, backgrounds, flagged(APERTURE_FLAGS, aperture, "background")),
    )


def _pos_corr(path: Path, table: PixelTable, data: fits.FITS_rec) -> npt.NDArray[np.float32] | None:
    """POS_CORR1 and POS_CORR2 (n_cadence, 2); None where the file has none."""
    if not {"POS_CORR1", "POS_CORR2"} <= set(data.names):
        return None
    values = np.stack([table.column(data, "POS_CORR1"), table.column(data, "POS_CORR2")], axis=1)
    values[impossible_values(path, "POS_CORR", values, max(FRAME_SHAPE), "px")] = np.nan
    return values if np.isfinite(values).all(axis=1).any() and np.any(values[np.isfinite(values)] != 0) else None
