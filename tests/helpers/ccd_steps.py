"""The rules that make the cube of a CCD, one after the other in this process."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from photometry.ccd.ccd_assembly import assemble
from photometry.ccd.ccd_backgrounds import write_backgrounds
from photometry.ccd.ccd_pixels import write_pixels
from photometry.ccd.ccd_smoothing import write_smooth
from photometry.ccd.ccd_work import CcdWork, ccd_work, n_block_of
from photometry.ccd.frame_light import write_light
from photometry.core.stars import Stars
from photometry.io.products.frame_lists import CcdFrames


@dataclass
class CcdSteps:
    """Parts of the cube of some frames, in a folder."""

    folder: Path
    frames: CcdFrames
    block: int
    chunk: int

    @property
    def work(self) -> CcdWork:
        return ccd_work(self.frames, self.block, self.chunk)

    @property
    def blocks(self) -> range:
        """Blocks as they are planned: of all files, duplicates too."""
        return range(n_block_of(len(self.frames.listing.name), self.block))

    def light(self, stars: Stars, table: str = "the star table") -> None:
        write_light(self.folder / "light.hdf5", self.work, stars, self.frames.reference, table)

    def described(self, number: int) -> Path:
        return self.folder / f"backgrounds_{number:03d}.hdf5"

    def pixels(self, number: int) -> Path:
        return self.folder / f"pixels_{number:03d}.hdf5"

    def describe(self, number: int) -> None:
        write_backgrounds(self.described(number), self.work, number, self.folder / "light.hdf5")

    def smooth(self) -> None:
        described = [self.described(number) for number in self.blocks]
        write_smooth(self.folder / "smooth.hdf5", self.work, self.frames, described)

    def measure(self, number: int) -> None:
        light, smooth = self.folder / "light.hdf5", self.folder / "smooth.hdf5"
        write_pixels(self.pixels(number), self.work, number, light, smooth)

    def assemble(self, path: Path, inputs: dict[str, str | Path]) -> None:
        described, pixels = ([name(number) for number in self.blocks] for name in (self.described, self.pixels))
        assemble(path, self.work, self.frames, self.folder / "smooth.hdf5", described, pixels, inputs)


def write_ccd_cube(
    path: Path, frames: CcdFrames, stars: Stars, inputs: dict[str, str | Path], block: int = 6, chunk: int = 3
) -> None:
    """Write the cube of a CCD."""
    steps = CcdSteps(path.with_suffix(".parts"), frames, block, chunk)
    try:
        steps.light(stars)
        for number in steps.blocks:
            steps.describe(number)
        steps.smooth()
        for number in steps.blocks:
            steps.measure(number)
        steps.assemble(path, inputs)
    finally:
        shutil.rmtree(steps.folder, ignore_errors=True)
