"""Stars of a region and place of its pixels -> its catalogue."""

import logging
from typing import TYPE_CHECKING

from photometry.catalog.region_stars import catalog_of
from photometry.core.sky import mid_time
from photometry.io.products.pixel_origins import placed_pixels
from photometry.io.stars.catalog_files import write_catalog
from photometry.io.stars.star_files import read_stars
from photometry.workflow.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def catalog(path_stars: str, path_pixels: str, path_catalog: str, datasource: str, coord_buffer: float) -> None:
    """Move the stars to the mid time of the observation and keep those near the pixels."""
    stars, header = read_stars(path_stars), placed_pixels(path_pixels, datasource)
    near = catalog_of(stars, header.pointing, header.wcs_header, header.stamp, mid_time(header.time), coord_buffer)
    logging.info("%d stars within %g deg of the pixels", len(near), coord_buffer)
    write_catalog(path_catalog, near, {"stars": path_stars, "pixels": path_pixels}, {"coord_buffer": coord_buffer})


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        catalog(
            path_stars=snakemake.input.stars,
            path_pixels=snakemake.input.pixels,
            path_catalog=snakemake.output.catalog,
            datasource=snakemake.params.datasource,
            coord_buffer=snakemake.params.coord_buffer,
        )
