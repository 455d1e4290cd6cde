"""Parts of a cube on disk, read when they are asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

from photometry.calibration.patches import patches_of, stars_on_measured
from photometry.core.cube import Cube, CubeHeader
from photometry.core.geometry import Stamp, tiles_of
from photometry.core.settings import MotionSettings
from photometry.core.stars import Stars
from photometry.io.products.cube_files import read_cube, read_sum_image

__all__ = ["StoredPatches", "stored_patches"]


@dataclass(frozen=True, slots=True)
class StoredPatches(Sequence[Cube]):
    """Pixels of some stamps of a cube for a fit, without errors and flags. Each is read again whenever it is asked for.

    Parameters
    ----------
    path : path-like
        The HDF5 file of the cube.
    header : CubeHeader
        What `photometry.io.products.cube_files.read_cube_header` says of it.
    stamps : tuple of Stamp
        The pixels.
    """

    path: str | Path
    header: CubeHeader
    stamps: tuple[Stamp, ...]

    def __len__(self) -> int:
        return len(self.stamps)

    @overload
    def __getitem__(self, index: int) -> Cube: ...

    @overload
    def __getitem__(self, index: slice) -> "StoredPatches": ...

    def __getitem__(self, index: int | slice) -> "Cube | StoredPatches":
        if isinstance(index, slice):
            return StoredPatches(self.path, self.header, self.stamps[index])
        return read_cube(self.path, self.stamps[index], header=self.header, for_fit=True)


def stored_patches(path: str | Path, header: CubeHeader, stars: Stars, settings: MotionSettings) -> StoredPatches:
    """Return the pixels that motion and PRF of a region are measured on, in pieces of up to `settings.tile_size`.

    Stars on pixels that were never measured, of a dead output for example, draw no patch towards them.

    Parameters
    ----------
    path, header
        The cube.
    stars : Stars
        Catalogue stars (`photometry.calibration.patches.patches_of`).
    settings : MotionSettings
        Size of tiles, number of patches.
    """
    seen = stars_on_measured(stars, header.stamp, read_sum_image(path))
    patches = patches_of(header.stamp, seen, settings)
    tiles = tuple(tile.stamp for patch in patches for tile in tiles_of(patch, settings.tile_size, 0))
    return StoredPatches(path, header, tiles)
