"""Settings of a CCD -> simulated full-frame images, star table and truth."""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from photometry.io.reference.prf_files import read_spoc_prf
from photometry.prf.model import model_prf
from photometry.simulate import CcdSettings, frames_of, perturbed_prf, settings_from_mapping, simulate_ccd
from photometry.simulate.ccd_truth import write_ccd_truth
from photometry.simulate.frame_files import write_frame
from photometry.simulate.scene_files import write_star_table
from photometry.workflow.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def simulate(path_frames: str, path_stars: str, path_truth: str, ccd: Mapping[str, Any], prf: str) -> None:
    """Make the frames of a CCD; they are written as they are made. `prf` is ``model`` or a folder of SPOC's files."""
    settings = settings_from_mapping(ccd, CcdSettings)
    pointing = settings.sector, settings.camera, settings.ccd
    grid = model_prf(settings.ccd) if prf == "model" else read_spoc_prf(prf, *pointing)
    if settings.prf_blur_pix or settings.prf_skew:
        grid = perturbed_prf(grid, settings.prf_blur_pix, settings.prf_skew)
    made = simulate_ccd(settings, grid)
    logging.info("%d stars, %d pairs, PRF: %s", len(made.population.tmag), len(made.population.pairs), made.prf_source)
    write_star_table(made, path_stars)
    write_ccd_truth(made, path_truth)
    for number, frame in enumerate(frames_of(made, grid), start=1):
        files = write_frame(made, frame, path_frames)
        logging.info("%d of %d: %s", number, settings.n_cadence, ", ".join(path.name for path in files) or "missing")


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        simulate(
            path_frames=snakemake.output.frames,
            path_stars=snakemake.output.stars,
            path_truth=snakemake.output.truth,
            ccd=snakemake.params.ccd,
            prf=snakemake.params.prf,
        )
