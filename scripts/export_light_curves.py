"""Fluxes of a tile and the stars that are asked for -> light curve files, and the index of them."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from photometry.catalog.region_stars import catalog_around
from photometry.catalog.targets import choose_targets
from photometry.core.collection import Collection
from photometry.core.geometry import Stamp, Tile
from photometry.core.sky import mid_time
from photometry.core.stars import LIGHT_REACH
from photometry.io.products.cube_files import read_cube_header
from photometry.io.products.pixel_origins import pixel_provenance
from photometry.io.products.tile_files import StoredTileFit
from photometry.io.products.trend_files import read_correction
from photometry.io.results.lightcurve_files import export_tile
from photometry.io.results.listed_files import files_in_index
from photometry.io.stars.star_files import read_stars
from photometry.io.stars.target_lists import region_near
from photometry.io.store.archives import pack
from photometry.io.store.disk import flush
from photometry.io.store.provenance import origin_of, provenance_of, settings_of
from photometry.io.store.tables import write_ecsv
from photometry.lightcurve.corrections import Uncorrected
from photometry.workflow.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def export_light_curves(
    path_fluxes: str,
    paths_stars: Sequence[str],
    paths_cubes: Sequence[str],
    path_index: str,
    regions: Sequence[str],
    core: Stamp,
    output: str,
    version: int,
    tile: str,
    collection: Collection,
    path_trends: str = "",
    uncorrected: str = "",
) -> None:
    """Write the files whose content is new, and the index of all. The first region is the tile's, others overlap it."""
    headers, stars = [read_cube_header(path) for path in paths_cubes], [read_stars(path) for path in paths_stars]
    region, *others = [
        region_near(name, header, its_stars, core)
        for name, header, its_stars in zip(regions, headers, stars, strict=True)
    ]
    header = headers[0]
    index = export_tile(
        StoredTileFit.open(path_fluxes),
        header,
        choose_targets(region, [Tile(tile, core, core)], others).of_tile(tile),
        catalog_around(stars[0], header.pointing, header.wcs_header, core, mid_time(header.time), LIGHT_REACH),
        output,
        version,
        region.name,
        tile,
        inputs=pixel_provenance(paths_cubes[0]) | ({"trends": provenance_of(path_trends)} if path_trends else {}),
        settings=settings_of(path_fluxes),
        collection=collection,
        correction=read_correction(path_trends, Uncorrected(uncorrected)),
    )
    inputs = {"fluxes": path_fluxes, "stars": paths_stars, "cube": paths_cubes, "trends": path_trends}
    index.meta |= {"version": version, "origin": origin_of(inputs)}
    logging.info("%d targets, %d of them with a light curve", len(index), np.sum(index["file"] != ""))
    flush(Path(output, file) for file in index["file"] if file)
    write_ecsv(index, path_index)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        export_light_curves(
            path_fluxes=snakemake.input.fluxes,
            paths_stars=snakemake.input.stars,
            paths_cubes=snakemake.input.cubes,
            path_index=snakemake.output.index,
            regions=snakemake.params.regions,
            core=Stamp(*snakemake.params.core),
            output=snakemake.params.output,
            version=snakemake.params.version,
            tile=snakemake.wildcards.tile,
            collection=Collection(**snakemake.params.hlsp),
            path_trends=snakemake.input.get("trends") or "",
            uncorrected=snakemake.params.uncorrected,
        )
        if packed := snakemake.output.get("packed"):
            files = files_in_index(snakemake.output.index)
            pack(packed, snakemake.params.output, [one.file for one in files])
