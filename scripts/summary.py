"""Target lists and light curve indices -> summary."""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from photometry.io.results.summary import write_summary
from photometry.workflow.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def summary(
    paths_targets: Sequence[str],
    paths_indices: Sequence[str],
    path_summary: str,
    version: int,
    unusable: Sequence[tuple[str, str]],
    output: str,
) -> None:
    """Write one row for every target that was asked for."""
    meta = write_summary(path_summary, paths_targets, paths_indices, version, unusable, output)
    logging.info("%d targets: %s", meta["n_target"], meta["status"])


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        summary(
            paths_targets=snakemake.params.targets,
            paths_indices=snakemake.params.indices,
            path_summary=snakemake.output.summary,
            version=snakemake.params.version,
            unusable=snakemake.params.unusable,
            output=snakemake.params.output,
        )
