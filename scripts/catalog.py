"""Star table and cube -> catalogue of the region."""

import logging
from typing import TYPE_CHECKING

from photometry.catalog import make_catalog
from photometry.io.catalogs import write_catalog
from photometry.io.cubes import read_cube_header
from photometry.io.job_log import job_log
from photometry.io.star_tables import read_star_table

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def catalog(path_stars: str, path_cube: str, path_catalog: str, coord_buffer: float) -> None:
    """Move the stars to the mid time of the observation and keep those near the pixels."""
    stars, header = read_star_table(path_stars), read_cube_header(path_cube)
    logging.info(
        "%d stars; left out: %d artefacts, %d duplicates, %d without magnitude",
        len(stars),
        stars.n_artefact,
        stars.n_duplicate,
        stars.n_without_tmag,
    )
    near = make_catalog(
        stars.table,
        header.pointing,
        header.wcs_header,
        header.stamp,
        reference_time=float(header.time[[0, -1]].mean()),
        coord_buffer=coord_buffer,
    )
    logging.info("%d stars within %g deg of the pixels", len(near), coord_buffer)
    write_catalog(path_catalog, near)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        catalog(
            path_stars=snakemake.input.stars,
            path_cube=snakemake.input.cube,
            path_catalog=snakemake.output.catalog,
            coord_buffer=snakemake.params.coord_buffer,
        )
