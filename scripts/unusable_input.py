"""What is wrong with a pixel file -> a failed job."""

from typing import TYPE_CHECKING

from photometry.core.errors import InputFileError
from photometry.workflow.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        raise InputFileError(snakemake.params.path, snakemake.params.problem)
