"""Cube, catalogue, movement kernel and the given PRF -> effective PRF, the movement measured with it, missing stars."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from photometry.calibration.effective_prf import learn_prf
from photometry.core.settings import MotionSettings, PrfSettings
from photometry.io.products.cube_files import read_cube_header
from photometry.io.products.product_files import read_kernel, write_kernel, write_prf
from photometry.io.products.stored_patches import stored_patches
from photometry.io.stars.star_files import reference_stars
from photometry.io.stars.unlisted_files import write_unlisted
from photometry.workflow.job_inputs import load_prf, placed_stars
from photometry.workflow.job_log import job_log
from photometry.workflow.motion_log import log_motion
from photometry.workflow.prf_log import log_prf
from photometry.workflow.unlisted_log import log_unlisted

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def effective_prf(
    path_cube: str,
    path_stars: str,
    path_reference: str,
    path_given_kernel: str,
    prf: str,
    paths_prf: Sequence[str],
    path_prf: str,
    path_kernel: str,
    path_unlisted: str,
    region: str,
    prf_learning: dict[str, Any],
    motion: dict[str, Any],
) -> None:
    """Learn the PRF of a region from its stars, as far as they carry it, and find those that the star table lacks."""
    header, settings = read_cube_header(path_cube), MotionSettings(**motion)
    stars = placed_stars(reference_stars(path_stars, path_reference), header, header.stamp)
    learnt = learn_prf(
        stored_patches(path_cube, header, stars, settings),
        stars,
        load_prf(prf, header.pointing),
        read_kernel(path_given_kernel),
        PrfSettings(**prf_learning),
        settings,
    )
    log_prf(learnt.prf)
    log_motion(learnt.kernel, header.usable)
    log_unlisted(learnt.unlisted)
    inputs = {"cube": path_cube, "stars": path_reference, "kernel": path_given_kernel, "prf": paths_prf}
    settings_used = {"prf_learning": prf_learning, "motion": motion, "prf": Path(prf).name}
    write_prf(path_prf, learnt.prf, inputs, settings_used)
    write_kernel(path_kernel, learnt.kernel, inputs, settings_used)
    write_unlisted(path_unlisted, learnt.unlisted, region, inputs, settings_used)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        effective_prf(
            path_cube=snakemake.input.cube,
            path_stars=snakemake.input.stars,
            path_reference=snakemake.params.reference,
            path_given_kernel=snakemake.input.kernel,
            prf=snakemake.params.prf,
            paths_prf=snakemake.input.prf,
            path_prf=snakemake.output.prf,
            path_kernel=snakemake.output.kernel,
            path_unlisted=snakemake.output.unlisted,
            region=snakemake.wildcards.region,
            prf_learning=snakemake.params.prf_learning,
            motion=snakemake.params.motion,
        )
