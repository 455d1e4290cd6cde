"""What several jobs need of a region: the PRF that is given for it, and the stars on and around its pixels."""

from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from photometry.catalog.region_stars import RegionStars, catalog_around
from photometry.catalog.star_catalog import stars_near
from photometry.core.cube import Pointing
from photometry.core.geometry import Stamp
from photometry.core.sky import mid_time
from photometry.core.stars import LIGHT_REACH, Stars
from photometry.io.reference.prf_files import read_spoc_prf
from photometry.io.stars.catalog_files import read_catalog
from photometry.prf.model import model_prf
from photometry.prf.prf_grid import PrfGrid

__all__ = ["Located", "load_prf", "load_stars", "placed_stars"]


class Located(Protocol):
    """Place and times of pixels: of a cube's header, of the frames of a CCD."""

    @property
    def pointing(self) -> Pointing: ...  # noqa: D102
    @property
    def wcs_header(self) -> str: ...  # noqa: D102
    @property
    def time(self) -> npt.NDArray[np.float64]: ...  # noqa: D102


def load_prf(given: str | Path, pointing: Pointing) -> PrfGrid:
    """Return the PRF that the settings name.

    Parameters
    ----------
    given : path-like
        Folder of SPOC PRF files, or ``model`` for the built-in PRF.
    pointing : Pointing
        The CCD.
    """
    if str(given) == "model":
        return model_prf(pointing.ccd)
    return read_spoc_prf(given, pointing.sector, pointing.camera, pointing.ccd)


def load_stars(path: str | Path, wcs_header: str, stamp: Stamp, margin: int = LIGHT_REACH) -> Stars:
    """Return the stars of a catalogue whose PRF can reach the pixels, or those within another margin.

    Parameters
    ----------
    path : path-like
        Catalogue of the region.
    wcs_header : str
        `photometry.core.cube.CubeHeader.wcs_header`.
    stamp : Stamp
        The pixels.
    margin : int
        Pixels around them.
    """
    return stars_near(read_catalog(path), wcs_header, stamp, margin)


def placed_stars(stars: RegionStars, header: Located, stamp: Stamp, margin: int = LIGHT_REACH) -> Stars:
    """Place the stars of a region whose PRF can reach the pixels of a stamp.

    Parameters
    ----------
    stars : RegionStars
        Stars of the region.
    header : Located
        Header of the cube, or frames of the CCD.
    stamp : Stamp
        The pixels.
    margin : int
        Pixels around them.
    """
    near = catalog_around(stars, header.pointing, header.wcs_header, stamp, mid_time(header.time), margin)
    return stars_near(near, header.wcs_header, stamp, margin)
