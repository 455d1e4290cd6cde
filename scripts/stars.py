"""Downloaded star table, place of the pixels and table of targets -> stars of a region."""

import logging
from typing import TYPE_CHECKING

from photometry.io.products.pixel_origins import placed_pixels
from photometry.io.stars.star_files import write_stars
from photometry.io.stars.star_tables import read_star_table
from photometry.io.store.provenance import provenance_of
from photometry.workflow.job_log import job_log
from photometry.workflow.star_choice import region_stars_of

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def stars(
    path_table: str,
    path_pixels: str,
    path_stars: str,
    datasource: str,
    targets: str,
    tmag_limit: float,
    coord_buffer: float,
) -> None:
    """Take the stars near the pixels; say which are asked for."""
    table, header = read_star_table(path_table), placed_pixels(path_pixels, datasource)
    near = region_stars_of(table, header, targets, tmag_limit, coord_buffer, path_table)
    logging.info("%d of %d stars are near the pixels", len(near), len(table))
    tables = {"table": path_table} | ({} if targets == "all" else {"targets": targets})
    write_stars(path_stars, near, {role: provenance_of(path) for role, path in tables.items()})


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        stars(
            path_table=snakemake.input.table,
            path_pixels=snakemake.input.pixels,
            path_stars=snakemake.output.stars,
            datasource=snakemake.params.datasource,
            targets=snakemake.params.targets,
            tmag_limit=snakemake.params.tmag_limit,
            coord_buffer=snakemake.params.coord_buffer,
        )
