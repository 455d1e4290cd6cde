"""What is made of which frames: the cube of a CCD is made in parts, each of a block of cadences."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from photometry.background.cell_grid import BackgroundGrid, background_grid
from photometry.core.geometry import Stamp, camera_centre
from photometry.frames.known_defects import KnownDefect, defects_of, excluded_pixels
from photometry.io.products.cube_files import CHUNK
from photometry.io.products.frame_lists import CcdFrames

__all__ = ["BLOCK", "CcdWork", "ccd_work", "n_block_of"]

#: Cadences of a block: four chunks of the cube. A job starts in two seconds, and works on a block for a minute.
BLOCK = 4 * CHUNK[0]


@dataclass(frozen=True, slots=True)
class CcdWork:
    """What the parts of a cube are made of; `ccd_work` makes it.

    Parameters
    ----------
    files : tuple of str
        Path of each cadence's file.
    good : (n_cadence,) bool
        Which of them can be read, by their headers.
    usable : (n_cadence,) bool
        Without a flag that makes them unusable.
    cadenceno : (n_cadence,) int32
        FFIINDEX.
    area : Stamp
        Science area.
    ccd : int
        1 to 4.
    defects : tuple of KnownDefect
        Known defects of the CCD.
    block : int
        Cadences of a block, a multiple of `chunk`.
    chunk : int
        Cadences of a chunk of the cube, that are worked on together: bounds the memory.
    """

    files: tuple[str, ...]
    good: npt.NDArray[np.bool_]
    usable: npt.NDArray[np.bool_]
    cadenceno: npt.NDArray[np.int32]
    area: Stamp
    ccd: int
    defects: tuple[KnownDefect, ...]
    block: int
    chunk: int

    @property
    def n_cadence(self) -> int:
        """Number of cadences."""
        return len(self.files)

    def cadences(self, number: int) -> range:
        """Return the cadences of a block; none of one that duplicates and stray frames would have filled."""
        first = min(number * self.block, self.n_cadence)
        return range(first, min(first + self.block, self.n_cadence))

    def chunks(self, number: int) -> Iterator[range]:
        """Give the cadences of each chunk of a block."""
        cadences = self.cadences(number)
        for first in cadences[:: self.chunk]:
            yield range(first, min(first + self.chunk, cadences.stop))

    @property
    def length(self) -> int:
        """Cadences that a chunk has room for."""
        return min(self.chunk, self.n_cadence)

    def shape(self, number: int) -> tuple[int, int, int]:
        """Return the shape of a block's pixel series, whose last chunk may have room left."""
        n_chunk = max(-(-len(self.cadences(number)) // self.chunk), 1)
        return (n_chunk * self.length, *self.area.shape)

    def grid(self) -> BackgroundGrid:
        """Return the grid of the background."""
        return background_grid(self.area, camera_centre(self.ccd))

    def excluded(self, cadence: int) -> npt.NDArray[np.bool_]:
        """Return the columns that known defects spoil."""
        return excluded_pixels(self.defects, int(self.cadenceno[cadence]), self.area)


def ccd_work(frames: CcdFrames, block: int = BLOCK, chunk: int = CHUNK[0]) -> CcdWork:
    """Return what the parts of a cube are made of."""
    header, pointing = frames.header, frames.header.pointing
    return CcdWork(
        files=frames.files,
        good=frames.good,
        usable=header.usable,
        cadenceno=header.cadenceno,
        area=header.stamp,
        ccd=pointing.ccd,
        defects=defects_of(pointing.sector, pointing.camera, pointing.ccd, header.exposure.cadence_s),
        block=block,
        chunk=chunk,
    )


def n_block_of(n_frame: int, block: int = BLOCK) -> int:
    """Return the number of blocks of so many frames; of duplicates and stray frames there are no cadences."""
    return -(-n_frame // block)
