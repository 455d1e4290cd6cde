"""Cube, catalogue, stars that it lacks, effective PRF and movement kernel -> fluxes of all stars of a tile."""

from typing import TYPE_CHECKING, Any

from photometry.calibration.kernel import MovementKernel
from photometry.calibration.patches import is_measured_whole
from photometry.calibration.region import kernel_at
from photometry.core.cube import CubeHeader
from photometry.core.geometry import Stamp
from photometry.core.settings import FitSettings, MotionSettings
from photometry.core.stars import Stars
from photometry.fit.subtiles import tile_parts
from photometry.fit.tile_fit import TileFit
from photometry.fit.tile_photometry import fit_tile
from photometry.io.products.cube_files import read_cube, read_cube_header
from photometry.io.products.product_files import read_kernel, read_prf
from photometry.io.products.tile_files import write_tile_parts
from photometry.io.stars.star_files import read_stars
from photometry.io.stars.unlisted_files import read_unlisted
from photometry.prf.prf_grid import PrfGrid
from photometry.workflow.job_inputs import placed_stars
from photometry.workflow.job_log import job_log
from photometry.workflow.unlisted_log import log_unlisted

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def psf_photometry(
    path_cube: str,
    path_stars: str,
    path_prf: str,
    path_kernel: str,
    path_unlisted: str,
    path_fluxes: str,
    core: Stamp,
    fit: dict[str, Any],
    motion: dict[str, Any],
) -> None:
    """Fit the stars of a tile, those of each of its parts jointly."""
    settings, motion_settings = FitSettings(**fit), MotionSettings(**motion)
    header, prf, kernel = read_cube_header(path_cube), read_prf(path_prf), read_kernel(path_kernel)
    stars = placed_stars(read_stars(path_stars), header, core.grown(settings.tile_margin).clipped(header.stamp))
    whole = read_unlisted(path_unlisted) if is_measured_whole(header.stamp, motion_settings) else None
    cores = tile_parts(core, header.stamp, stars, header.n_cadence, settings)
    fits = (
        (fit_part(path_cube, header, part, stars, prf, kernel, whole, settings, motion_settings), part)
        for part in cores
    )
    inputs = {"cube": path_cube, "stars": path_stars, "prf": path_prf, "kernel": path_kernel, "unlisted": path_unlisted}
    write_tile_parts(path_fluxes, fits, inputs, {"fit": fit, "motion": motion})


def fit_part(
    path_cube: str,
    header: CubeHeader,
    part: Stamp,
    stars: Stars,
    prf: PrfGrid,
    kernel: MovementKernel,
    unlisted: Stars | None,
    settings: FitSettings,
    motion: MotionSettings,
) -> TileFit:
    """Fit the stars of a part of a tile; `unlisted` stars, and the offset, are measured on its pixels if not given."""
    cube = read_cube(path_cube, part.grown(settings.tile_margin).clipped(header.stamp), header=header, for_fit=True)
    if unlisted is None:
        kernel, unlisted = kernel_at(cube, stars, prf, kernel, motion)
    log_unlisted(unlisted)
    return fit_tile(cube, stars.with_others(unlisted), part, prf, kernel, settings, overwrite=True)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        psf_photometry(
            path_cube=snakemake.input.cube,
            path_stars=snakemake.input.stars,
            path_prf=snakemake.input.prf,
            path_kernel=snakemake.input.kernel,
            path_unlisted=snakemake.input.unlisted,
            path_fluxes=snakemake.output.fluxes,
            core=Stamp(*snakemake.params.core),
            fit=snakemake.params.fit,
            motion=snakemake.params.motion,
        )
