"""What there is to do: the regions of all observations and their tiles, from settings and file headers alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from photometry.core.datasources import DATASOURCES
from photometry.core.errors import ConfigError, InputFileError
from photometry.core.geometry import Tile, tiles_of
from photometry.io.ffi.ffi_files import FfiFolder, inspect_ffis
from photometry.io.pixels.file_places import PlaceNotes
from photometry.io.pixels.pixel_files import PixelFile, inspect_usable_files

__all__ = ["AUTO", "PlannedRegion", "all_overlaps", "overlapping", "plan_regions"]

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
    observations: Sequence[Mapping[str, Any]], tile_size: int, tile_margin: int, notes: PlaceNotes | None = None
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
        found, problems = _inspect(observation, notes)
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
    observation: Mapping[str, Any], notes: PlaceNotes | None
) -> tuple[Sequence[PixelFile | FfiFolder], list[InputFileError]]:
    path, datasource = observation["input"], observation["datasource"]
    given = observation.get("first_pixel", AUTO)
    if DATASOURCES[datasource].whole_ccd:
        if given != AUTO:
            raise ConfigError(f"observations: first_pixel is given for {path}, which are full-frame images; remove it")
        return inspect_ffis(path), []
    return inspect_usable_files(path, datasource, notes, None if given == AUTO else tuple(given))


def overlapping(region: PlannedRegion, regions: Mapping[str, PlannedRegion]) -> list[str]:
    """Return the names of the other regions of the same detector and cadence that share pixels with a region."""
    return sorted(
        name
        for name, other in regions.items()
        if name != region.name
        and other.detector == region.detector
        and region.pixels.stamp.overlaps(other.pixels.stamp)
    )


def all_overlaps(regions: Mapping[str, PlannedRegion]) -> dict[str, list[str]]:
    """Return `overlapping` of all regions, by name."""
    of_detector: dict[tuple[int, int, int, int], dict[str, PlannedRegion]] = {}
    for name, region in regions.items():
        of_detector.setdefault(region.detector, {})[name] = region
    return {name: overlapping(region, of_detector[region.detector]) for name, region in regions.items()}
