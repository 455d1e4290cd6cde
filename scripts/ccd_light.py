"""Frames and stars of a CCD -> the light that all frames have."""

from typing import TYPE_CHECKING

from photometry.ccd.ccd_work import ccd_work
from photometry.ccd.frame_light import write_light
from photometry.core.allocator import keep_freed_memory
from photometry.core.stars import MOST_MASK_RADIUS
from photometry.io.products.frame_lists import read_frames
from photometry.io.stars.star_files import reference_stars, table_of_stars
from photometry.workflow.job_inputs import placed_stars
from photometry.workflow.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def ccd_light(path_frames: str, path_stars: str, path_reference: str, path_light: str) -> None:
    """Write the light that all frames of a CCD have."""
    frames = read_frames(path_frames)
    # The wings of bright stars reach much farther than the PRF: their pixels are no background.
    reference = reference_stars(path_stars, path_reference)
    stars = placed_stars(reference, frames.header, frames.header.stamp, margin=MOST_MASK_RADIUS)
    write_light(path_light, ccd_work(frames), stars, frames.reference, table_of_stars(path_stars))


if __name__ == "__main__":
    keep_freed_memory()
    with job_log(snakemake.log[0]):
        ccd_light(
            path_frames=snakemake.input.frames,
            path_stars=snakemake.input.stars,
            path_reference=snakemake.params.reference,
            path_light=snakemake.output.light,
        )
