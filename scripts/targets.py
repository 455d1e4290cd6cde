"""Catalogues, cubes and tables of targets -> target list of a region."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from photometry.geometry import tiles_of
from photometry.io.catalogs import read_catalog
from photometry.io.cubes import read_cube_header
from photometry.io.job_log import job_log
from photometry.io.targets import make_region, read_target_table, write_targets
from photometry.targets import choose_targets

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def targets(
    paths_cubes: Sequence[str],
    paths_catalogs: Sequence[str],
    paths_tables: Sequence[str],
    wishes: Sequence[dict[str, Any]],
    path_targets: str,
    tile_size: int,
    tile_margin: int,
) -> None:
    """Choose the targets of the first region; the others overlap it."""
    headers = [read_cube_header(path) for path in paths_cubes]
    region, *others = [
        make_region(
            wish["name"],
            header,
            read_catalog(path),
            None if wish["targets"] == "all" else read_target_table(wish["targets"]),
            wish["tmag_limit"],
        )
        for wish, header, path in zip(wishes, headers, paths_catalogs, strict=True)
    ]
    tiles = tiles_of(headers[0].stamp, tile_size, tile_margin)
    inputs = {"cubes": paths_cubes, "catalogs": paths_catalogs, "tables": paths_tables}
    asked = [wish | {"targets": Path(wish["targets"]).name} for wish in wishes]
    settings = {"targets": asked, "fit": {"tile_size": tile_size, "tile_margin": tile_margin}}
    write_targets(path_targets, choose_targets(region, tiles, others), region.name, headers[0], inputs, settings)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        targets(
            paths_cubes=snakemake.input.cubes,
            paths_catalogs=snakemake.input.catalogs,
            paths_tables=snakemake.input.tables,
            wishes=snakemake.params.regions,
            path_targets=snakemake.output.targets,
            tile_size=snakemake.params.tile_size,
            tile_margin=snakemake.params.tile_margin,
        )
