"""What is wrong with a pixel file -> a failed job."""

from typing import TYPE_CHECKING

from photometry.errors import InputFileError
from photometry.io.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        raise InputFileError(snakemake.params.path, snakemake.params.problem)
