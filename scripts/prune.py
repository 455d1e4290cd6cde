"""Summary -> light curve files that belong to no target any more are deleted, and the summary is written again."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from photometry.core.wording import number_of
from photometry.io.results.result_rows import texts_in
from photometry.io.results.stale import prune
from photometry.io.results.summary import write_summary
from photometry.workflow.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def prune_light_curves(
    path_summary: str,
    paths_targets: Sequence[str],
    paths_indices: Sequence[str],
    output: str,
    version: int,
    unusable: Sequence[tuple[str, str]],
) -> list[str]:
    """Delete the files and return their names."""
    deleted = prune(output, texts_in(path_summary, "stale"))
    if deleted:
        write_summary(path_summary, paths_targets, paths_indices, version, unusable, output)
    return deleted


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        names = prune_light_curves(
            path_summary=snakemake.input.summary,
            paths_targets=snakemake.params.targets,
            paths_indices=snakemake.params.indices,
            output=snakemake.params.output,
            version=snakemake.params.version,
            unusable=snakemake.params.unusable,
        )
    lines = [f"deleted {snakemake.params.output}/{name}\n" for name in names]
    sys.stdout.write("".join(lines) + f"{number_of(len(lines), 'stale light curve file')} deleted\n")
