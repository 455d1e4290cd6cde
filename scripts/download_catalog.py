"""Pixel file, or frames of a CCD -> star table of its part of the sky, from MAST."""

import shutil
from typing import TYPE_CHECKING

from photometry.catalog.star_catalog import stamp_on_sky
from photometry.core.constants import ARCSEC_PER_PIXEL
from photometry.core.datasources import DATASOURCES
from photometry.io.pixels.file_places import FilePlace
from photometry.io.pixels.pixel_files import inspect_pixel_file
from photometry.io.products.frame_lists import read_frames
from photometry.io.reference.mast import download_star_table
from photometry.workflow.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def download_catalog(
    path_pixels: str,
    path_stars: str,
    path_kept: str,
    datasource: str,
    coord_buffer: float,
    place: FilePlace | None,
) -> None:
    """Copy the answer that is kept; ask MAST when there is none."""
    source = DATASOURCES[datasource]
    pixels = read_frames(path_pixels) if source.whole_ccd else inspect_pixel_file(path_pixels, datasource, place)
    ra, dec, radius, _ = stamp_on_sky(pixels.wcs_header, pixels.stamp)
    # Bright stars beside a CCD shine into its background.
    around = max(coord_buffer, source.star_reach * ARCSEC_PER_PIXEL / 3600)
    shutil.copyfile(download_star_table(path_kept, ra, dec, radius + around), path_stars)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        download_catalog(
            path_pixels=snakemake.input.pixels,
            path_stars=snakemake.output.stars,
            path_kept=snakemake.params.kept,
            datasource=snakemake.params.datasource,
            coord_buffer=snakemake.params.coord_buffer,
            place=FilePlace(*snakemake.params.place) if snakemake.params.place else None,
        )
