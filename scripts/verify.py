"""All products -> which of them are not what was written; these are moved aside, and the next run makes them again."""

import logging
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from photometry.core.errors import InputFileError
from photometry.core.wording import number_of
from photometry.workflow.job_log import job_log
from photometry.workflow.verify import damaged_products, move_aside

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def verify(
    path_said: str,
    output: str,
    version: int,
    tiles: Mapping[str, Sequence[str]],
    more: Sequence[str],
    plots: bool,
    page: bool,
) -> str:
    """Compare all products with what was written; return and write what was found, if that is nothing wrong."""
    damaged, n_curve, n_other = damaged_products(output, version, tiles, more, plots=plots, page=page)
    for damage in damaged:
        logging.error("%s: %s", damage.path, damage.problem)
    for path in move_aside(damaged):
        logging.info("moved to %s", path)
    if damaged:
        one = damaged[0]
        raise InputFileError(
            one.path,
            f"{one.problem}; {len(damaged)} of {n_curve + n_other} products are lost or damaged (the log names all); "
            "they are moved to .NAME.damaged, and the next run makes them again",
        )
    found = f"{number_of(n_curve, 'light curve')} and {number_of(n_other, 'other product')} are what was written"
    logging.info(found)
    Path(path_said).write_text(f"{found}\n")
    return found


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        found = verify(
            path_said=snakemake.output.said,
            output=snakemake.params.output,
            version=snakemake.params.version,
            tiles=snakemake.params.tiles,
            more=snakemake.params.more,
            plots=snakemake.params.plots,
            page=snakemake.params.page,
        )
    sys.stdout.write(f"{found}\n")
