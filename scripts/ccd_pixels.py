"""Frames of a block and their smoothed backgrounds -> images, backgrounds, flags."""

from typing import TYPE_CHECKING

from photometry.ccd.ccd_pixels import write_pixels
from photometry.ccd.ccd_work import ccd_work
from photometry.core.allocator import keep_freed_memory
from photometry.io.products.frame_lists import read_frames
from photometry.workflow.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

if __name__ == "__main__":
    keep_freed_memory()
    with job_log(snakemake.log[0]):
        write_pixels(
            path=snakemake.output.pixels,
            work=ccd_work(read_frames(snakemake.input.frames)),
            number=int(snakemake.wildcards.block),
            light=snakemake.input.light,
            smooth=snakemake.input.smooth,
        )
