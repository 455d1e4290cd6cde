"""Parts of the cube of a CCD -> the cube."""

from typing import TYPE_CHECKING

from photometry.ccd.ccd_assembly import assemble
from photometry.ccd.ccd_work import ccd_work
from photometry.io.products.frame_lists import read_frames
from photometry.io.stars.star_files import reference_stars
from photometry.workflow.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def ccd_images(
    path_frames: str,
    path_stars: str,
    path_reference: str,
    path_smooth: str,
    paths_described: list[str],
    paths_pixels: list[str],
    path_cube: str,
) -> None:
    """Put the cube of a CCD together."""
    frames = read_frames(path_frames)
    # On another machine than that of the light, the reference is not there yet.
    reference_stars(path_stars, path_reference)
    inputs = {"frames": path_frames, "stars": path_reference}
    assemble(path_cube, ccd_work(frames), frames, path_smooth, paths_described, paths_pixels, inputs)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        ccd_images(
            path_frames=snakemake.input.frames,
            path_stars=snakemake.input.stars,
            path_reference=snakemake.params.reference,
            path_smooth=snakemake.input.smooth,
            paths_described=snakemake.input.described,
            paths_pixels=snakemake.input.pixels,
            path_cube=snakemake.output.cube,
        )
