"""Stars and cubes of a region and of those that overlap it -> its target list."""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from photometry.catalog.targets import choose_targets
from photometry.core.geometry import tiles_of
from photometry.io.products.cube_files import read_cube_header
from photometry.io.stars.star_files import read_stars
from photometry.io.stars.target_lists import region_near, write_targets
from photometry.workflow.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def targets(
    paths_cubes: Sequence[str],
    paths_stars: Sequence[str],
    regions: Sequence[str],
    path_targets: str,
    tile_size: int,
    tile_margin: int,
) -> None:
    """Choose the targets of the first region; the others overlap it."""
    headers = [read_cube_header(path) for path in paths_cubes]
    stars = [read_stars(path) for path in paths_stars]
    region, *others = [
        region_near(name, header, its_stars, headers[0].stamp)
        for name, header, its_stars in zip(regions, headers, stars, strict=True)
    ]
    tiles = tiles_of(headers[0].stamp, tile_size, tile_margin)
    inputs = {"cubes": paths_cubes, "stars": paths_stars}
    settings = {"tmag_limit": region.tmag_limit, "fit": {"tile_size": tile_size, "tile_margin": tile_margin}}
    chosen = choose_targets(region, tiles, others)
    logging.info("%d stars asked for, %d of them measured here", len(chosen.starid), np.sum(chosen.reason == ""))
    write_targets(path_targets, chosen, region.name, headers[0], stars[0].left_out, inputs, settings)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        targets(
            paths_cubes=snakemake.input.cubes,
            paths_stars=snakemake.input.stars,
            regions=snakemake.params.regions,
            path_targets=snakemake.output.targets,
            tile_size=snakemake.params.tile_size,
            tile_margin=snakemake.params.tile_margin,
        )
