"""What several jobs need of a region: the PRF that is given for it, and the stars on and around its pixels."""

from pathlib import Path

from photometry.catalog import stars_near
from photometry.cube import Pointing
from photometry.geometry import Stamp
from photometry.io.catalogs import read_catalog
from photometry.io.cubes import CUBE_VERSION, CubeHeader, read_cube_header
from photometry.io.frames import CcdFrames, read_frames
from photometry.io.prf_files import read_spoc_prf
from photometry.io.provenance import open_product
from photometry.prf import FOOTPRINT, PrfGrid
from photometry.prf_model import model_prf
from photometry.stars import Stars

__all__ = ["load_prf", "load_stars", "pixel_provenance", "placed_pixels"]


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
        return model_prf()
    return read_spoc_prf(given, pointing.sector, pointing.camera, pointing.ccd)


def load_stars(path: str | Path, wcs_header: str, stamp: Stamp) -> Stars:
    """Return the stars of a catalogue whose PRF can reach the pixels.

    Parameters
    ----------
    path : path-like
        Catalogue of the region.
    wcs_header : str
        `photometry.cube.Cube.wcs_header`.
    stamp : Stamp
        The pixels.
    """
    return stars_near(read_catalog(path), wcs_header, stamp, margin=FOOTPRINT // 2 + 1)


def placed_pixels(path: str | Path, datasource: str) -> CubeHeader | CcdFrames:
    """Return place, WCS and times of the pixels of a region.

    Parameters
    ----------
    path : path-like
        Frames of a CCD, whose cube is made later and needs the stars; else the cube.
    datasource : str
        ``ffi`` for frames.
    """
    return read_frames(path) if datasource == "ffi" else read_cube_header(path)


def pixel_provenance(path: str | Path) -> dict[str, str]:
    """Return names and digests of the files that a cube was made from, by role."""
    with open_product(path, "cube", CUBE_VERSION) as file:
        return {
            name.removeprefix("input_"): str(value) for name, value in file.attrs.items() if name.startswith("input_")
        }
