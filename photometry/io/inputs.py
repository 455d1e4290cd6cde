"""What several jobs need of a region: the PRF that is given for it, and the stars on and around its pixels."""

from pathlib import Path

from photometry.catalog import stars_near
from photometry.cube import Pointing
from photometry.geometry import Stamp
from photometry.io.catalogs import read_catalog
from photometry.io.prf_files import read_spoc_prf
from photometry.prf import FOOTPRINT, PrfGrid
from photometry.prf_model import model_prf
from photometry.stars import Stars

__all__ = ["load_prf", "load_stars"]


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


def load_stars(path: str | Path, wcs_header: str, stamp: Stamp, margin: int = FOOTPRINT // 2 + 1) -> Stars:
    """Return the stars of a catalogue whose PRF can reach the pixels, or those within another margin.

    Parameters
    ----------
    path : path-like
        Catalogue of the region.
    wcs_header : str
        `photometry.cube.Cube.wcs_header`.
    stamp : Stamp
        The pixels.
    margin : int
        Pixels around them.
    """
    return stars_near(read_catalog(path), wcs_header, stamp, margin)
