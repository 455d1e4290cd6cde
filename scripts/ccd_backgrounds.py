"""Frames of a block -> their backgrounds and errors."""

from typing import TYPE_CHECKING

from photometry.ccd.ccd_backgrounds import write_backgrounds
from photometry.ccd.ccd_work import ccd_work
from photometry.core.allocator import keep_freed_memory
from photometry.io.products.frame_lists import read_frames
from photometry.workflow.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

if __name__ == "__main__":
    keep_freed_memory()
    with job_log(snakemake.log[0]):
        write_backgrounds(
            path=snakemake.output.described,
            work=ccd_work(read_frames(snakemake.input.frames)),
            number=int(snakemake.wildcards.block),
            light=snakemake.input.light,
        )
