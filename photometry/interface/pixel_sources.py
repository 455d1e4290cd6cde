"""Where the pixels of a target come from: a cube, a cube in the older layout, or a target pixel file."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from photometry.core.constants import FRAME_TIME_S
from photometry.core.cube import Cube, CubeHeader
from photometry.core.errors import ConfigError
from photometry.core.geometry import Stamp
from photometry.io.fits.fits_files import header_value, open_fits
from photometry.io.legacy.older_cubes import (
    is_older_cube,
    read_older_cube,
    read_older_header,
    read_older_metadata,
    read_older_sum_image,
    read_older_wcs,
)
from photometry.io.pixels.tpf import read_tpf
from photometry.io.products.cube_files import CUBE_VERSION, mean_image, read_cube, read_cube_header, read_sum_image
from photometry.io.products.frame_lists import read_frame_wcs
from photometry.io.products.pixel_origins import pixel_provenance
from photometry.io.store.provenance import open_product, provenance_of

__all__ = ["PixelSource", "open_pixels"]

#: Cadence of the pixels that SPOC cleans of cosmic rays on the ground, s.
_CLEANED_BY_SPOC_S = 20


class PixelSource(ABC):
    """Pixels of a region; no file stays open.

    Attributes
    ----------
    path : Path
        The file.
    header : CubeHeader
        Everything but the pixel series.
    sum_image : (n_row, n_column) float32
        Mean of the usable images, e-/s; NaN where never measured.
    metadata : mapping
        Attributes or primary header of the file.
    older : bool
        Whether it has the older layout.
    """

    path: Path
    header: CubeHeader
    sum_image: npt.NDArray[np.float32]
    metadata: Mapping[str, Any]
    older = False

    @abstractmethod
    def read(self, stamp: Stamp) -> Cube:
        """Read the pixels of a stamp in all cadences."""

    def provenance(self) -> dict[str, str]:
        """Return names and digests of the files that the pixels were made from, by role."""
        return {"pixels": provenance_of(self.path)}

    def frame_wcs(self) -> tuple[str, ...]:
        """Return the WCS of every cadence, (n_cadence,); ConfigError when there is one for all."""
        return read_frame_wcs(self.path)


class _CubeSource(PixelSource):
    def __init__(self, path: Path) -> None:
        self.path, self.header, self.sum_image = path, read_cube_header(path), read_sum_image(path)
        with open_product(path, "cube", CUBE_VERSION) as file:
            self.metadata = {
                name: value.item() if isinstance(value, np.generic) else value for name, value in file.attrs.items()
            }
        self.metadata |= _readout_metadata(self.header)

    def read(self, stamp: Stamp) -> Cube:
        return read_cube(self.path, stamp, header=self.header)

    def provenance(self) -> dict[str, str]:
        return pixel_provenance(self.path)


class _OlderSource(PixelSource):
    older = True

    def __init__(self, path: Path) -> None:
        self.path, self.header, self.sum_image = path, read_older_header(path), read_older_sum_image(path)
        self.metadata = read_older_metadata(path)

    def read(self, stamp: Stamp) -> Cube:
        return read_older_cube(self.path, stamp, self.header)

    def provenance(self) -> dict[str, str]:
        """Name alone: a digest would read all of the pixels."""
        return {"pixels": self.path.name}

    def frame_wcs(self) -> tuple[str, ...]:
        return read_older_wcs(self.path)


class _TpfSource(PixelSource):
    def __init__(self, path: Path) -> None:
        self.path = path
        cube = read_tpf(path)
        self._spare: Cube | None = cube
        self.header, self.sum_image = cube.header, mean_image(cube)
        with open_fits(path) as hdus:
            primary = hdus[0].header
            self.metadata = {
                key: header_value(primary, key) for key in primary if key not in ("", "COMMENT", "HISTORY")
            }

    def read(self, stamp: Stamp) -> Cube:
        """Read the pixels of a stamp; the first time they are those that were read with the header."""
        cube, self._spare = self._spare, None
        return (cube or read_tpf(self.path)).cut(stamp)

    def frame_wcs(self) -> tuple[str, ...]:
        raise ConfigError(f"motion: mode wcs needs full-frame images, and {self.path} is a target pixel file")


def open_pixels(path: Path) -> PixelSource:
    """Return the pixels of a file; its content tells what it is, HDF5 by its name.

    Raises
    ------
    InputFileError
        When it is missing, damaged, or none of the kinds that are known.
    """
    if path.suffix != ".hdf5":
        return _TpfSource(path)
    return _OlderSource(path) if is_older_cube(path) else _CubeSource(path)


def _readout_metadata(header: CubeHeader) -> dict[str, Any]:
    """Return how the frames of a cadence were summed, by the keywords of SPOC's files.

    The mitigation of cosmic rays on board leaves out two frames of every block; SPOC cleans pixels of 20 s instead.
    """
    n_frame, n_readout = round(header.exposure.cadence_s / FRAME_TIME_S), header.exposure.num_readouts
    mitigated = n_readout < n_frame
    return {
        "NUM_FRM": n_frame,
        "CRMITEN": mitigated,
        "CRBLKSZ": round(2 * n_frame / (n_frame - n_readout)) if mitigated else 0,
        "CRSPOC": header.exposure.cadence_s == _CLEANED_BY_SPOC_S and not header.pointing.simulated_here,
    }
