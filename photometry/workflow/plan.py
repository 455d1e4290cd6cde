"""What there is to do: the regions of all observations and their tiles, from settings and file headers alone."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from photometry.core.datasources import DATASOURCES
from photometry.core.errors import ConfigError, InputFileError
from photometry.core.geometry import Tile, tiles_of
from photometry.io.ffi.ffi_files import FfiFolder, inspect_ffis
from photometry.io.pixels.file_memory import FileMemory
from photometry.io.pixels.file_places import PlaceNotes
from photometry.io.pixels.pixel_file import PixelFile
from photometry.io.pixels.pixel_files import inspect_usable_files

__all__ = ["AUTO", "PlannedRegion", "all_overlaps", "plan_regions"]

#: Value of the key `first_pixel` that leaves the place to headers and sky.
AUTO = "auto"


@dataclass(frozen=True, slots=True)
class PlannedRegion:
    """A pixel file or the full-frame images of a CCD, the observation they belong to, and their tiles.

    Parameters
    ----------
    pixels : PixelFile or FfiFolder
        What the headers say.
    observation : mapping
        The entry of `observations` in the settings.
    tiles : dict of str to Tile
        By name.
    """

    pixels: PixelFile | FfiFolder
    observation: Mapping[str, Any]
    tiles: Mapping[str, Tile]

    @property
    def name(self) -> str:
        """Unique name, part of file names."""
        return self.pixels.region

    @property
    def detector(self) -> tuple[int, int, int, int]:
        """Sector, camera, CCD and cadence in s: stars of regions that agree in these may be the same."""
        pointing = self.pixels.pointing
        return pointing.sector, pointing.camera, pointing.ccd, self.pixels.exposure.cadence_s


def plan_regions(
    observations: Sequence[Mapping[str, Any]],
    tile_size: int,
    tile_margin: int,
    notes: PlaceNotes | None = None,
    memory: FileMemory | None = None,
) -> tuple[dict[str, PlannedRegion], list[InputFileError]]:
    """Find the pixel files of all observations, check their headers and divide them into tiles.

    Parameters
    ----------
    observations : sequence of mapping
        Entries of `observations` in the settings, complete.
    tile_size, tile_margin : int
        As in `photometry.core.geometry.tiles_of`, pixels.
    notes : PlaceNotes, optional
        What is known already of the places of files whose headers do not say them.
    memory : FileMemory, optional
        What is known already of the headers of pixel files.

    Returns
    -------
    regions : dict of str to PlannedRegion
        By name.
    unusable : list of InputFileError
        What is wrong with files that cannot be used beside others that can.

    Raises
    ------
    InputFileError
        When pixel files are missing, or none can be used.
    ConfigError
        When two pixel files or folders show the same region.
    """
    regions: dict[str, PlannedRegion] = {}
    unusable: list[InputFileError] = []
    for observation in observations:
        found, problems = _inspect(observation, notes, memory)
        unusable += problems
        for pixels in found:
            if pixels.region in regions:
                raise ConfigError(
                    f"observations: {regions[pixels.region].pixels.path} and {pixels.path} are the same region "
                    f"({pixels.region}); leave one of them out"
                )
            tiles = {tile.name: tile for tile in tiles_of(pixels.stamp, tile_size, tile_margin)}
            regions[pixels.region] = PlannedRegion(pixels, observation, tiles)
    if unusable and not regions:
        raise unusable[0]
    return regions, unusable


def _inspect(
    observation: Mapping[str, Any], notes: PlaceNotes | None, memory: FileMemory | None
) -> tuple[Sequence[PixelFile | FfiFolder], list[InputFileError]]:
    path, datasource = observation["input"], observation["datasource"]
    given = observation.get("first_pixel", AUTO)
    if DATASOURCES[datasource].whole_ccd:
        if given != AUTO:
            raise ConfigError(f"observations: first_pixel is given for {path}, which are full-frame images; remove it")
        return inspect_ffis(path), []
    return inspect_usable_files(path, datasource, notes, None if given == AUTO else tuple(given), memory)


def all_overlaps(regions: Mapping[str, PlannedRegion]) -> dict[str, list[str]]:
    """Return the names of the other regions of the same detector and cadence that share pixels, sorted, by name."""
    of_detector: dict[tuple[int, int, int, int], list[PlannedRegion]] = {}
    for region in regions.values():
        of_detector.setdefault(region.detector, []).append(region)
    found: dict[str, list[str]] = {name: [] for name in regions}
    for those in of_detector.values():
        for one, other in _sharing(those):
            found[one].append(other)
            found[other].append(one)
    return {name: sorted(others) for name, others in found.items()}


def _sharing(regions: Sequence[PlannedRegion]) -> Iterator[tuple[str, str]]:
    """Give the pairs of regions of a CCD that share pixels, sweeping over the rows."""
    at_work: list[PlannedRegion] = []
    for region in sorted(regions, key=lambda region: region.pixels.stamp.row_min):
        stamp = region.pixels.stamp
        at_work = [other for other in at_work if other.pixels.stamp.row_max > stamp.row_min]
        yield from ((other.name, region.name) for other in at_work if other.pixels.stamp.overlaps(stamp))
        at_work.append(region)
