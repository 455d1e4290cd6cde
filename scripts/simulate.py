"""Scene settings -> simulated pixels, star table and truth."""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from photometry.io.reference.prf_files import read_spoc_prf
from photometry.prf.model import model_prf
from photometry.simulate import SceneSettings, settings_from_mapping, simulate_scene
from photometry.simulate.scene_files import write_pixels, write_star_table, write_truth
from photometry.workflow.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def simulate(path_pixels: str, path_stars: str, path_truth: str, scene: Mapping[str, Any], prf: str) -> None:
    """Make a scene; its pixels become a target pixel file for cadences up to 120 s, else a TESScut cutout."""
    settings = settings_from_mapping(scene, SceneSettings)
    pointing = settings.sector, settings.camera, settings.ccd
    grid = model_prf(settings.ccd) if prf == "model" else read_spoc_prf(prf, *pointing)
    made = simulate_scene(settings, grid)
    logging.info("%d stars, %d pairs, PRF: %s", len(made.stars), len(made.population.pairs), made.prf_source)
    write_pixels(made, path_pixels)
    write_star_table(made, path_stars)
    write_truth(made, path_truth)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        simulate(
            path_pixels=snakemake.output.pixels,
            path_stars=snakemake.output.stars,
            path_truth=snakemake.output.truth,
            scene=snakemake.params.scene,
            prf=snakemake.params.prf,
        )
