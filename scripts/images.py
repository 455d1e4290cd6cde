"""Pixel file -> cube."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from photometry.core.quality import bitmask_of
from photometry.io.pixels.file_places import FilePlace
from photometry.io.pixels.pixel_readers import read_pixels
from photometry.io.products.cube_files import write_cube
from photometry.workflow.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def images(
    path_pixels: str, path_cube: str, datasource: str, place: FilePlace, ephemeris: str, quality_bitmask: str | int
) -> None:
    """Read the pixels of a region and write its cube."""
    cube = read_pixels(path_pixels, datasource, place, ephemeris, bitmask_of(quality_bitmask))
    logging.info("%d cadences of %dx%d pixels", cube.n_cadence, *cube.stamp.shape)
    logging.info("first pixel of the file: row %d, column %d, by %s", place.row, place.column, place.source)
    write_cube(
        path_cube,
        cube,
        inputs={"pixels": path_pixels},
        settings={
            "datasource": datasource,
            "ephemeris": Path(ephemeris).name,
            "quality_bitmask": quality_bitmask,
        },
    )


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        images(
            path_pixels=snakemake.input.pixels,
            path_cube=snakemake.output.cube,
            datasource=snakemake.params.datasource,
            place=FilePlace(*snakemake.params.place),
            ephemeris=snakemake.params.ephemeris,
            quality_bitmask=snakemake.params.quality_bitmask,
        )
