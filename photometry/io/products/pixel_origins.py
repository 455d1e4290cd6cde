"""Where the pixels of a region lie and which files they came from."""

from pathlib import Path

from photometry.core.cube import CubeHeader
from photometry.core.datasources import DATASOURCES
from photometry.io.products.cube_files import CUBE_VERSION, read_cube_header
from photometry.io.products.frame_lists import read_frames
from photometry.io.store.provenance import open_product

__all__ = ["pixel_provenance", "placed_pixels"]


def placed_pixels(path: str | Path, datasource: str) -> CubeHeader:
    """Return place, WCS and times of the pixels of a region.

    Parameters
    ----------
    path : path-like
        Frames of a CCD, whose cube is made later and needs the stars; else the cube.
    datasource : str
        Kind of the pixels (`photometry.core.datasources`).
    """
    return read_frames(path).header if DATASOURCES[datasource].whole_ccd else read_cube_header(path)


def pixel_provenance(path: str | Path) -> dict[str, str]:
    """Return names and digests of the files that a cube was made from, by role."""
    with open_product(path, "cube", CUBE_VERSION) as file:
        return {
            name.removeprefix("input_"): str(value) for name, value in file.attrs.items() if name.startswith("input_")
        }
