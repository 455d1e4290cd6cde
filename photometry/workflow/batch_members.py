"""What a batch has to know of its pixel files, as plain values that Snakemake compares and hands to the job."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from photometry.io.results.page_files import PAGE_FOLDER
from photometry.workflow.plan import PlannedRegion

__all__ = [
    "FIGURES",
    "TREND_FIGURE",
    "BatchMember",
    "BatchTile",
    "MemberValues",
    "expected_products",
    "regions_at_tile",
]

#: Plots of a region.
FIGURES = ("field", "motion", "light_curves", "residual", "scatter")
#: Figure of a region whose trends are looked for.
TREND_FIGURE = "trends"
#: Regions so near a tile may measure its stars, pixels.
_NEAR_PIX = 8


@dataclass(frozen=True, slots=True)
class BatchTile:
    """A tile that may have targets.

    Parameters
    ----------
    core : list of int
        First row, row behind the last, first column, column behind the last.
    stars, targets : str
        Digests of the stars whose light reaches it, and of its targets.
    regions : list of str
        Its region, and those whose pixels are on or next to it.
    """

    core: list[int]
    stars: str
    targets: str
    regions: list[str]


@dataclass(frozen=True, slots=True)
class BatchMember:
    """A pixel file of a batch: all that its products depend on.

    Parameters
    ----------
    region : str
        Name of its region.
    pixels : str
        The file.
    datasource : str
        Its kind.
    place : list
        `photometry.io.pixels.file_places.FilePlace`.
    ephemeris : str
        What says where TESS was. To make its cube, no more than this is to be known.
    prf : str
        Folder of PRF files, or ``model``.
    prf_files : list of str
        These files.
    fit : dict
        Settings of the fit.
    asked : list of int
        Stars that were asked for by number.
    rows, reference : str
        Digests of its stars, and of those whose light reaches its pixels.
    regions : list of str
        The region, and those that share its pixels.
    contents : list of str
        Digests of the files of their stars.
    tiles : dict of str to BatchTile
        Tiles that may have targets, by name.
    has_trends : bool
        Whether trends are looked for.
    given_trends : list of str
        Files with trends that the settings give.
    uncorrected : str
        Why light curves are not corrected where trends are not looked for.
    """

    region: str
    pixels: str
    datasource: str
    place: list[int | str]
    ephemeris: str
    prf: str = "model"
    prf_files: list[str] = field(default_factory=list)
    fit: dict[str, Any] = field(default_factory=dict)
    asked: list[int] = field(default_factory=list)
    rows: str = ""
    reference: str = ""
    regions: list[str] = field(default_factory=list)
    contents: list[str] = field(default_factory=list)
    tiles: dict[str, BatchTile] = field(default_factory=dict)
    has_trends: bool = False
    given_trends: list[str] = field(default_factory=list)
    uncorrected: str = ""

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "BatchMember":
        """Make one of what `as_dict` gave."""
        tiles = {name: BatchTile(**tile) for name, tile in values["tiles"].items()}
        return cls(**{**values, "tiles": tiles})

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


class MemberValues(list[dict[str, Any]]):
    """What `BatchMember.as_dict` gives, of all pixel files of a batch.

    Snakemake compares what `repr` says of a parameter, keeps it, and prints both when it has changed: this is a digest,
    not a thousand lines.
    """

    def __repr__(self) -> str:
        return f"MemberValues({hashlib.sha256(json.dumps(self, sort_keys=True).encode()).hexdigest()[:16]})"


def regions_at_tile(
    region: str, tile: str, regions: Mapping[str, PlannedRegion], overlaps: Mapping[str, Sequence[str]]
) -> list[str]:
    """Return the names of a region and of those whose pixels overlap one of its tiles, or are next to it."""
    around = regions[region].tiles[tile].core.grown(_NEAR_PIX)
    return [region, *(name for name in overlaps[region] if regions[name].pixels.stamp.overlaps(around))]


def expected_products(
    output: str, region: str, tiles: Sequence[str], *, plots: bool, page: bool, trends: bool = False
) -> list[str]:
    """Return the products of a pixel file whose `tiles` may have targets, but its light curves."""
    always = [f"{output}/prepared/{region}.hdf5", f"{output}/prepared/targets_{region}.ecsv"]
    if not tiles:
        return always
    return [
        *always,
        f"{output}/prepared/catalog_{region}.sqlite",
        f"{output}/prepared/reference_stars_{region}.hdf5",
        *(f"{output}/prepared/{start}{region}.hdf5" for start in ("movement_", "movement_refined_", "prf_")),
        f"{output}/prepared/unlisted_stars_{region}.ecsv",
        *([f"{output}/prepared/trends_{region}.fits"] if trends else []),
        *(f"{output}/photometry/{region}/{tile}.hdf5" for tile in tiles),
        *(f"{output}/lightcurves/index/{region}/{tile}.ecsv" for tile in tiles),
        *(f"{output}/plots/{region}/{name}.png" for name in FIGURES if plots),
        *([f"{output}/plots/{region}/{TREND_FIGURE}.png"] if plots and trends else []),
        *([f"{output}/{PAGE_FOLDER}/data/{region}.js"] if page else []),
        *(f"{output}/{PAGE_FOLDER}/data/{region}/{tile}.js" for tile in tiles if page),
    ]
