"""Backgrounds of the frames of a CCD -> smoothed in time; bad frames and dead pixels."""

from typing import TYPE_CHECKING

from photometry.ccd.ccd_smoothing import write_smooth
from photometry.ccd.ccd_work import ccd_work
from photometry.io.products.frame_lists import read_frames
from photometry.workflow.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def ccd_smooth(path_frames: str, paths_described: list[str], path_smooth: str) -> None:
    """Write the smoothed backgrounds of a CCD."""
    frames = read_frames(path_frames)
    write_smooth(path_smooth, ccd_work(frames), frames, paths_described)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        ccd_smooth(
            path_frames=snakemake.input.frames,
            paths_described=snakemake.input.described,
            path_smooth=snakemake.output.smooth,
        )
