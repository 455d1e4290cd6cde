"""Pixel file, or frames of a CCD -> star table of its part of the sky, from MAST or ESA."""

from typing import TYPE_CHECKING

from photometry.archive.sky_boxes import region_around
from photometry.archive.star_downloads import download_star_table
from photometry.core.constants import ARCSEC_PER_PIXEL
from photometry.core.datasources import DATASOURCES
from photometry.io.pixels.file_places import FilePlace
from photometry.io.pixels.pixel_files import inspect_pixel_file
from photometry.io.products.frame_lists import read_frames
from photometry.workflow.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def download_catalog(
    path_pixels: str,
    path_stars: str,
    path_kept: str,
    path_by_hand: str,
    catalog: str,
    datasource: str,
    coord_buffer: float,
    tmag_limit: float,
    place: FilePlace | None,
) -> None:
    """Ask for what is not there yet of the stars on and around the pixels."""
    source = DATASOURCES[datasource]
    pixels = read_frames(path_pixels) if source.whole_ccd else inspect_pixel_file(path_pixels, datasource, place)
    # Bright stars beside a CCD shine into its background.
    around = max(coord_buffer, source.star_reach * ARCSEC_PER_PIXEL / 3600)
    region = region_around(pixels.wcs_header, pixels.stamp, around)
    download_star_table(path_stars, catalog, region, tmag_limit, path_kept, path_by_hand)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        download_catalog(
            path_pixels=snakemake.input.pixels,
            path_stars=snakemake.output.stars,
            path_kept=snakemake.params.kept,
            path_by_hand=snakemake.params.by_hand,
            catalog=snakemake.params.catalog,
            datasource=snakemake.params.datasource,
            coord_buffer=snakemake.params.coord_buffer,
            tmag_limit=snakemake.params.tmag_limit,
            place=FilePlace(*snakemake.params.place) if snakemake.params.place else None,
        )
