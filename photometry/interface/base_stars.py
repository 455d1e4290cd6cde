"""Part of `photometry.BasePhotometry`: the stars around a target, and how they move."""

import logging
from configparser import ConfigParser
from functools import cached_property
from typing import Any

from astropy.table import Table
from astropy.wcs import WCS

from photometry.catalog.star_catalog import wcs_of
from photometry.interface.base_pixels import StampPixels
from photometry.interface.detector import Placement, given_prf
from photometry.interface.image_kernels import ImageMovementKernel, kernel_series
from photometry.interface.stamp_psf import PSF
from photometry.interface.stamps import moved_table, star_table
from photometry.interface.target_report import TargetReport
from photometry.prf.model import is_model
from photometry.prf.prf_grid import PrfGrid

__all__ = ["StampStars"]

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


class StampStars(StampPixels):
    """Stars and motion of a target's stamp; see `photometry.BasePhotometry`."""

    starid: int
    sector: int
    camera: int
    ccd: int
    settings: ConfigParser
    _entry: int
    _report: TargetReport
    _has_warned = False
    _OF_STAMP = (*StampPixels._OF_STAMP, "_catalog", "psf")

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

        starid, ra, dec (deg, at the observation), ra_J2000, decl_J2000 (deg), pm_ra, pm_decl (mas/yr), tmag (mag), teff
        (K).
        """
        catalog, entry = self._detector.catalog, self._entry
        names = {"ra_J2000": "ra_j2000", "decl_J2000": "decl_j2000", "dec": "decl"}
        return {"starid": self.starid} | {
            name: float(getattr(catalog, names.get(name, name))[entry])
            for name in ("ra", "dec", "ra_J2000", "decl_J2000", "pm_ra", "pm_decl", "tmag", "teff")
        }

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

    def catalog_attime(self, time: float) -> Table:
        """Return the catalogue with positions at a time, moved by the movement kernel.

        Parameters
        ----------
        time : float
            Time at the spacecraft, BTJD: ``time - timecorr`` of a light curve.

        Returns
        -------
        Table
            As `catalog`.
        """
        return moved_table(self._catalog, lambda xy: self.MovementKernel.interpolate(time, xy))

    @cached_property
    def MovementKernel(self) -> ImageMovementKernel:  # noqa: N802
        """Motion of the stars: as prepared, else measured from the pixels when it is first asked for.

        Its times are at the spacecraft, its positions are 0-based on the CCD.
        """
        header = self._detector.header
        return kernel_series(self._placement.kernel, header.time - header.timecorr)

    @cached_property
    def psf(self) -> PSF:
        """Light of stars in the stamp: the prepared effective PRF, else the PRF that the settings name."""
        place = self.sector, self.camera, self.ccd
        prf = self._detector.prepared_prf() or given_prf(self.settings, *place)
        self._warn_of_model(prf)
        return PSF(*place, self.stamp, prf=prf)

    @cached_property
    def _catalog(self) -> Table:
        return star_table(self._detector.stars(self._stamp, _MARGIN), self._detector.catalog, self._stamp)

    @property
    def _placement(self) -> Placement:
        placement = self._detector.placement(self.target_pos_row, self.target_pos_column, self.settings)
        self._warn_of_model(placement.prf)
        return placement

    def _warn_of_model(self, prf: PrfGrid) -> None:
        """Warn, once, that stars of real pixels have the PRF that is made for simulated ones."""
        if self._detector.header.pointing.is_simulated or not is_model(prf):
            return
        prepared = self._detector.prepared_prf() is not None
        text = f"TIC {self.starid}: {_MODEL_ON_REAL_PIXELS} {_CHANGE_OF_WORKFLOW if prepared else _CHANGE_OF_SETTING}"
        self._report.add_warning(text)
        if not self._has_warned:
            self._has_warned = True
            _log.warning(text)
