"""Cube, catalogue and PRF -> movement kernel of the region."""

from typing import TYPE_CHECKING, Any

from photometry.io.cubes import read_cube
from photometry.io.inputs import load_prf, load_stars
from photometry.io.job_log import job_log
from photometry.io.products import write_kernel
from photometry.region import measure_motion
from photometry.settings import MotionSettings

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def movement_kernel(path_cube: str, path_catalog: str, prf: str, path_kernel: str, motion: dict[str, Any]) -> None:
    """Measure how the stars of a region move."""
    cube = read_cube(path_cube)
    stars = load_stars(path_catalog, cube.wcs_header, cube.stamp)
    kernel = measure_motion(cube, stars, load_prf(prf, cube.pointing), MotionSettings(**motion))
    write_kernel(path_kernel, kernel, inputs={"cube": path_cube, "catalog": path_catalog})


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        movement_kernel(
            path_cube=snakemake.input.cube,
            path_catalog=snakemake.input.catalog,
            prf=snakemake.params.prf,
            path_kernel=snakemake.output.kernel,
            motion=snakemake.params.motion,
        )
