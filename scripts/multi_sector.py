"""Light curve indices -> one file with the light curves of a star in all sectors."""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from photometry.io.results.multi_sector import light_curves_of, write_multi_sector
from photometry.io.store.archives import unpack
from photometry.workflow.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def multi_sector(path: str, paths_indices: Sequence[str], starid: int, output: str) -> None:
    """Put the light curves of a star together."""
    files = light_curves_of(starid, paths_indices)
    logging.info("TIC %d: %d light curves", starid, len(files))
    write_multi_sector(path, starid, output, files)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        unpack(snakemake.input.packed, snakemake.params.output)
        multi_sector(
            path=snakemake.output.curve,
            paths_indices=snakemake.params.indices,
            starid=int(snakemake.wildcards.starid),
            output=snakemake.params.output,
        )
