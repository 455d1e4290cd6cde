"""Cube, catalogue and PRF -> movement kernel of the region."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from photometry.calibration.region import measure_motion
from photometry.calibration.table_check import checked_cube
from photometry.calibration.wcs_motion import kernel_of_wcs
from photometry.core.settings import MotionSettings
from photometry.io.products.cube_files import read_cube_header
from photometry.io.products.frame_lists import read_frame_wcs
from photometry.io.products.product_files import write_kernel
from photometry.io.products.stored_patches import stored_patches
from photometry.io.stars.star_files import reference_stars
from photometry.workflow.job_inputs import load_prf, placed_stars
from photometry.workflow.job_log import job_log
from photometry.workflow.motion_log import log_motion
from photometry.workflow.table_log import doubt_of_table

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def movement_kernel(
    path_cube: str,
    path_stars: str,
    path_reference: str,
    prf: str,
    paths_prf: Sequence[str],
    path_kernel: str,
    motion: dict[str, Any],
    region: str,
    tell: Callable[[str], None],
) -> None:
    """Make sure that the star table fits the pixels of a region, and measure how its stars move."""
    header, settings = read_cube_header(path_cube), MotionSettings(**motion)
    stars = placed_stars(reference_stars(path_stars, path_reference), header, header.stamp)
    known = None
    if settings.mode == "wcs":
        known = kernel_of_wcs(read_frame_wcs(path_cube), header.wcs_header, header.stamp, header.usable)
    patches = stored_patches(path_cube, header, stars, settings)
    given = load_prf(prf, header.pointing)
    doubt = doubt_of_table([checked_cube(patch, stars, given) for patch in patches], path_stars, region, tell)
    kernel = replace(measure_motion(patches, stars, given, settings, known), table_doubt=doubt)
    log_motion(kernel, header.usable)
    inputs = {"cube": path_cube, "stars": path_reference, "prf": paths_prf}
    write_kernel(path_kernel, kernel, inputs, {"motion": motion, "prf": Path(prf).name})


if __name__ == "__main__":
    with job_log(snakemake.log[0]) as tell:
        movement_kernel(
            path_cube=snakemake.input.cube,
            path_stars=snakemake.input.stars,
            path_reference=snakemake.params.reference,
            prf=snakemake.params.prf,
            paths_prf=snakemake.input.prf,
            path_kernel=snakemake.output.kernel,
            motion=snakemake.params.motion,
            region=snakemake.wildcards.region,
            tell=tell,
        )
