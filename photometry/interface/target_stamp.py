"""A target's stamp, pixels and stars, and how the stars move: what `photometry.BasePhotometry` builds on."""

import logging
from collections.abc import Iterator
from configparser import ConfigParser
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from astropy.table import Table
from astropy.time import Time
from astropy.wcs import WCS

from photometry.calibration.kernel import MovementKernel
from photometry.catalog.star_catalog import wcs_of
from photometry.catalog.star_columns import NUMBERS, TABLE_NAMES
from photometry.core.cube import Cube
from photometry.core.datasources import DATASOURCES
from photometry.core.geometry import Stamp
from photometry.interface.detector import Detector, Placement, given_prf
from photometry.interface.given_times import spacecraft_time
from photometry.interface.image_kernels import ImageMovementKernel, kernel_series
from photometry.interface.stamp_psf import PSF
from photometry.interface.stamps import (
    changed_stamp,
    default_size,
    ffi_aperture,
    moved_mask,
    moved_table,
    pixel_grid,
    plain_aperture,
    stamp_around,
    star_table,
)
from photometry.interface.target_report import TargetReport
from photometry.io.products.cube_files import mean_image
from photometry.prf.model import is_model
from photometry.prf.prf_grid import PrfGrid

__all__ = ["TargetStamp"]

Edges = tuple[int, int, int, int]
Floats = npt.NDArray[np.float32]

_log = logging.getLogger(__name__)
#: What is wrong, and what to do.
_MODEL_ON_REAL_PIXELS = (
    "real pixels with the built-in PRF, which is made for simulated ones: fluxes are 10 % off, and more in blends;"
)
_CHANGE_OF_SETTING = "set settings['prf']['source'] to 'mast' or to a folder of SPOC PRF files"
_CHANGE_OF_WORKFLOW = (
    "it was prepared so: set prf of the observation in the workflow's settings to mast or to a folder of SPOC PRF files"
)
#: Stars so far around the stamp are in `catalog`, pixels.
_MARGIN = 5


class TargetStamp:
    """Stamp of a target, its pixels, its stars; see `photometry.BasePhotometry`."""

    starid: int
    sector: int
    camera: int
    ccd: int
    settings: ConfigParser
    _entry: int
    _report: TargetReport
    _has_warned = False
    _moved: tuple[MovementKernel, ImageMovementKernel] | None = None
    datasource: str
    cache: str
    target_pos_row: float
    target_pos_column: float
    final_phot_mask: npt.NDArray[np.bool_] | None
    final_position_mask: npt.NDArray[np.bool_] | None
    _detector: Detector
    _stamp: Stamp
    _tmag: float
    #: What depends on the stamp and is worked out when it is asked for.
    _OF_STAMP: tuple[str, ...] = (
        *("_cube", "images_cube", "images_err_cube", "backgrounds_cube", "pixelflags_cube"),
        *("_flag_cube", "aperture", "sumimage", "_catalog", "psf"),
    )

    def __getstate__(self) -> dict[str, Any]:
        """Return what is copied or sent to another process: all but what is read again when it is asked for."""
        return {name: value for name, value in self.__dict__.items() if name not in (*self._OF_STAMP, "_moved")}

    @property
    def stamp(self) -> Edges:
        """Pixels of the stamp: (row_min, row_max, col_min, col_max), 0-based on the CCD, half open."""
        return _edges(self._stamp)

    def default_stamp(self) -> tuple[int, int]:
        """Return the size of the stamp that a target has at first; subclasses may define another.

        At least 15x15 pixels, more for stars brighter than T=10, and more rows for stars that bleed. The stamp is that
        of so many rows and columns around the target, as far as there are pixels. For full-frame images alone: of a
        target pixel file the stamp is all there is, whatever this says.

        Returns
        -------
        n_row, n_column : int
            Number of rows, number of columns.
        """
        if DATASOURCES[self.datasource].has_target:
            return self._detector.header.stamp.shape
        return default_size(self._tmag)

    def _first_stamp(self) -> Stamp:
        """Stamp that the target has at first."""
        region = self._detector.header.stamp
        if DATASOURCES[self.datasource].has_target:
            return region
        return stamp_around(self.target_pos_row, self.target_pos_column, self.default_stamp(), region)

    def resize_stamp(
        self,
        down: int | None = None,
        up: int | None = None,
        left: int | None = None,
        right: int | None = None,
        width: int | None = None,
        height: int | None = None,
    ) -> bool:
        """Change the stamp, as far as there are pixels; everything that depends on it follows.

        Parameters
        ----------
        down, up : int, optional
            Rows to add below and above; negative ones are taken away.
        left, right : int, optional
            Columns to add at lower and at higher columns; negative ones are taken away.
        width, height : int, optional
            Columns and rows around the target, in place of left and right, down and up.

        Returns
        -------
        bool
            Whether the stamp has changed.

        Raises
        ------
        ValueError
            When nothing would be left of the stamp, or a number is not whole; the stamp then stays as it is.
        """
        new = changed_stamp(
            self._stamp,
            self._detector.header.stamp,
            (self.target_pos_row, self.target_pos_column),
            (down or 0, up or 0, left or 0, right or 0),
            (height, width),
        )
        if new == self._stamp:
            return False
        for name in ("final_phot_mask", "final_position_mask"):
            if (mask := getattr(self, name)) is not None:
                setattr(self, name, moved_mask(mask, self._stamp, new))
        self._stamp = new
        self._forget_stamp()
        return True

    def get_pixel_grid(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return the 1-based CCD columns and rows of the pixels.

        Returns
        -------
        cols, rows : (n_row, n_column) int
            As FITS headers count; `stamp` is 0-based.
        """
        return pixel_grid(self._stamp)

    @property
    def images(self) -> Iterator[Floats]:
        """Images of the stamp, one cadence after the other: (n_row, n_column) float32, e-/s, without background."""
        return (image.copy() for image in self._cube.images)

    @property
    def images_err(self) -> Iterator[Floats]:
        """Errors of `images` as they came with the pixels, e-/s."""
        return (image.copy() for image in self._cube.images_err)

    @property
    def backgrounds(self) -> Iterator[Floats]:
        """Large-scale backgrounds, e-/s: an image and its background add up to what was measured."""
        return (image.copy() for image in self._cube.backgrounds)

    @property
    def pixelflags(self) -> Iterator[npt.NDArray[np.uint8]]:
        """Images of the flags of the pixels, one for each cadence: (n_row, n_column) uint8.

        Of a target pixel file beside the cube of its CCD each is that of the frame nearest in time.
        """
        if self._detector.files.ccd_cube is None:
            return (image.copy() for image in self._flag_cube)
        return (self._flag_cube[frame].copy() for frame in self._detector.ccd_frames())

    @cached_property
    def images_cube(self) -> Floats:
        """All of `images`: (n_row, n_column, n_cadence) float32, e-/s; made once for each stamp."""
        return _times_last(self._cube.images)

    @cached_property
    def images_err_cube(self) -> Floats:
        """All of `images_err`: (n_row, n_column, n_cadence) float32, e-/s."""
        return _times_last(self._cube.images_err)

    @cached_property
    def backgrounds_cube(self) -> Floats:
        """All of `backgrounds`: (n_row, n_column, n_cadence) float32, e-/s."""
        return _times_last(self._cube.backgrounds)

    @cached_property
    def pixelflags_cube(self) -> npt.NDArray[np.uint8]:
        """Flags of the pixels at the times of the full-frame images: (n_row, n_column, n_time) uint8.

        `photometry.core.quality.PIXEL_FLAGS`; flags of files in the older layout are given as they are. So too for
        target pixel files, where the prepared files hold the cube of the CCD; without it, at the times of the target
        pixel file.
        """
        return np.ascontiguousarray(np.moveaxis(self._flag_cube, 0, -1))

    @cached_property
    def sumimage(self) -> Floats:
        """Mean of the usable images, e-/s: (n_row, n_column) float32; as prepared for full-frame images."""
        detector = self._detector
        if DATASOURCES[self.datasource].has_target:
            return mean_image(self._cube)
        return detector.source.sum_image[self._stamp.slices_in(detector.header.stamp)].copy()

    @cached_property
    def aperture(self) -> npt.NDArray[np.int32]:
        """Flags of the pixels as in the TESS data product manual: (n_row, n_column) int32.

        1 collected; 4 used for the background (in most cadences); 32, 64, 128, 256 read by CCD output A, B, C, D. Of
        target pixel files as in the file, without the bits of SPOC's own masks.
        """
        header = self._detector.header
        flags = header.aperture[self._stamp.slices_in(header.stamp)]
        if DATASOURCES[self.datasource].has_target:
            return plain_aperture(flags)
        return ffi_aperture(flags, self._stamp, None if self._detector.source.older else self._cube.pixel_flags)

    @property
    def target_pos_row_stamp(self) -> float:
        """Row of the target in the stamp, 0-based."""
        return self.target_pos_row - self._stamp.row_min

    @property
    def target_pos_column_stamp(self) -> float:
        """Column of the target in the stamp, 0-based."""
        return self.target_pos_column - self._stamp.col_min

    @cached_property
    def target(self) -> dict[str, Any]:
        """What the catalogue says of the target, by names.

        starid, ra, dec and decl (deg, at the observation), ra_J2000, decl_J2000 (deg), pm_ra, pm_decl (mas/yr), tmag
        (mag), teff (K).
        """
        catalog, entry = self._detector.catalog, self._entry
        fields = {"ra": "ra", "dec": "decl", "decl": "decl"} | {TABLE_NAMES[number]: number for number in NUMBERS}
        return {"starid": self.starid} | {name: float(getattr(catalog, field)[entry]) for name, field in fields.items()}

    @cached_property
    def wcs(self) -> WCS:
        """WCS in CCD pixels: with origin 0, ``wcs.all_world2pix`` gives the 0-based (column, row) on the CCD."""
        return wcs_of(self._detector.header.wcs_header)

    @property
    def catalog(self) -> Table:
        """Stars in the stamp and 5 pixels around it, at the mean place that WCS and catalogue give.

        Columns: starid, tmag, ra, dec (deg, at the observation), row, column (0-based on the CCD), row_stamp,
        column_stamp (0-based in the stamp). Without stars the table is empty, with the same columns.
        """
        return self._catalog.copy()

    def catalog_attime(self, time: float | Time) -> Table:
        """Return the catalogue with positions at a time, moved by the movement kernel.

        Parameters
        ----------
        time : float or Time
            Time at the spacecraft (TDB): MJD (above 50,000), BTJD (below 20,000: ``time - timecorr`` of a light
            curve), JD (above 2,000,000), or an `astropy.time.Time`.

        Returns
        -------
        Table
            As `catalog`.

        Raises
        ------
        ValueError
            When the time is in none of the scales, or outside the cadences by more than one.
        """
        at = spacecraft_time(time, self._spacecraft_times, self._detector.header.exposure.cadence_s)
        return moved_table(self._catalog, lambda xy: self.MovementKernel.interpolate(at, xy))

    @property
    def MovementKernel(self) -> ImageMovementKernel:  # noqa: N802
        """Motion of the stars: as prepared, else measured from the pixels when it is first asked for.

        Its times are at the spacecraft, its positions are 0-based on the CCD. Before `photometry` it is measured with
        the PRF that the settings name; the photometry learns the PRF, and the motion is that of its fit from then on.
        """
        kernel = self._detector.motion(self.settings)
        if self._moved is None or self._moved[0] is not kernel:
            self._warn_of_model(self._detector.prepared_prf() or self._given_prf())
            self._moved = kernel, kernel_series(kernel, self._spacecraft_times)
        return self._moved[1]

    @cached_property
    def psf(self) -> PSF:
        """Light of stars in the stamp: the prepared effective PRF, else the PRF that the settings name."""
        prf = self._detector.prepared_prf() or self._given_prf()
        self._warn_of_model(prf)
        return PSF(self.sector, self.camera, self.ccd, self.stamp, prf=prf)

    def _given_prf(self) -> PrfGrid:
        return given_prf(self.settings, self.sector, self.camera, self.ccd)

    @cached_property
    def _cube(self) -> Cube:
        return self._detector.pixels(self._stamp, keep=self.cache == "full")

    @cached_property
    def _flag_cube(self) -> npt.NDArray[np.uint8]:
        if self._detector.files.ccd_cube is None:
            return self._cube.pixel_flags
        return self._detector.ccd_flags(self._stamp)

    @cached_property
    def _catalog(self) -> Table:
        return star_table(self._detector.stars(self._stamp, _MARGIN), self._detector.catalog, self._stamp)

    @property
    def _spacecraft_times(self) -> npt.NDArray[np.float64]:
        """Times of the cadences at the spacecraft, BTJD, (n_cadence,)."""
        return self._detector.header.time - self._detector.header.timecorr

    def _known_motion(self) -> npt.NDArray[np.float64] | None:
        """Motion of the target as prepared or as the pixels brought it, (n_cadence, 2): column, row; None without."""
        kernel = self._detector.prepared_kernel()
        if kernel is not None:
            row_shift, column_shift = kernel.shifts(self.target_pos_row, self.target_pos_column)
            return np.stack([column_shift[0], row_shift[0]], axis=1)
        moved = self._detector.header.pos_corr
        return None if moved is None else moved.astype(np.float64)

    @property
    def _placement(self) -> Placement:
        placement = self._detector.placement(self.target_pos_row, self.target_pos_column, self.settings)
        self._warn_of_model(placement.prf)
        return placement

    def _warn_of_model(self, prf: PrfGrid) -> None:
        """Warn, once, that stars of real pixels have the PRF that is made for simulated ones."""
        if self._detector.header.pointing.simulated_here or not is_model(prf):
            return
        prepared = self._detector.prepared_prf() is not None
        text = f"TIC {self.starid}: {_MODEL_ON_REAL_PIXELS} {_CHANGE_OF_WORKFLOW if prepared else _CHANGE_OF_SETTING}"
        self._report.add_warning(text)
        if not self._has_warned:
            self._has_warned = True
            _log.warning(text)

    def _forget_stamp(self) -> None:
        """Drop what depends on the stamp."""
        for name in self._OF_STAMP:
            self.__dict__.pop(name, None)


def _edges(stamp: Stamp) -> Edges:
    return stamp.row_min, stamp.row_max, stamp.col_min, stamp.col_max


def _times_last(series: Floats) -> Floats:
    return np.ascontiguousarray(np.moveaxis(series, 0, -1))
