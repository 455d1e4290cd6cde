"""Frames and stars of a CCD -> its cube."""

from typing import TYPE_CHECKING

from photometry.ccd.ccd_cubes import write_ccd_cube
from photometry.core.stars import MOST_MASK_RADIUS
from photometry.io.products.frame_lists import read_frames
from photometry.io.stars.star_files import reference_stars, table_of_stars
from photometry.workflow.job_inputs import placed_stars
from photometry.workflow.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def ccd_images(
    path_frames: str, path_stars: str, path_reference: str, path_cube: str, processes: int, code: str
) -> None:
    """Write the cube of a CCD."""
    frames = read_frames(path_frames)
    # The wings of bright stars reach much farther than the PRF: their pixels are no background.
    reference = reference_stars(path_stars, path_reference)
    stars = placed_stars(reference, frames.header, frames.header.stamp, margin=MOST_MASK_RADIUS)
    inputs = {"frames": path_frames, "stars": path_reference}
    table = table_of_stars(path_stars)
    write_ccd_cube(path_cube, frames, stars, inputs, processes=processes, code=code, table=table)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        ccd_images(
            path_frames=snakemake.input.frames,
            path_stars=snakemake.input.stars,
            path_reference=snakemake.params.reference,
            path_cube=snakemake.output.cube,
            processes=snakemake.threads,
            code=snakemake.params.code,
        )
