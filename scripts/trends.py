"""Fluxes of all tiles of a region -> what their stars share; kept while few of the stars that it is made of change."""

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from photometry.core.cube import CubeHeader
from photometry.core.errors import InputFileError
from photometry.io.products.cube_files import read_cube_header
from photometry.io.products.reference_fluxes import read_reference_fluxes
from photometry.io.products.trend_files import given_trends, key_of_trends, read_trends, write_trends
from photometry.io.store.provenance import atomic_path, provenance_of
from photometry.trends.learning import StarFluxes, learn_trends, n_changed, reference_of_given
from photometry.trends.trend_set import TrendSet
from photometry.workflow.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

#: Share of the stars of the trends that may change before these are found anew; one always may.
MOST_CHANGED = 0.02


def trends(
    path_cube: str,
    paths_fluxes: Sequence[str],
    paths_measured: Sequence[str],
    paths_given: Sequence[str],
    path_reference: str,
    path_trends: str,
    code: str,
) -> None:
    """Write the trends of a region: those of the reference while these hold, else new ones, which become the reference.

    `paths_measured` are motion and PRF: with others, or other code, all fluxes are others.
    """
    header = read_cube_header(path_cube)
    fluxes = read_reference_fluxes(paths_fluxes, header)
    made_of = {"measured": provenance_of(list(paths_measured))}
    made_of |= {"given": provenance_of(list(paths_given))} if paths_given else {}
    key = hashlib.sha256("\n".join([code, *made_of.values()]).encode()).hexdigest()
    if not _holds(path_reference, key, fluxes):
        found = _found(fluxes, paths_given, header)
        _log(found)
        write_trends(path_reference, found, header, key, made_of)
    with atomic_path(path_trends) as temporary:
        temporary.write_bytes(Path(path_reference).read_bytes())


def _holds(path: str, key: str, fluxes: StarFluxes) -> bool:
    """Tell whether the reference holds, and log how many of its stars have changed."""
    if key_of_trends(path) != key:
        return False
    try:
        kept = read_trends(path)
    except InputFileError:
        return False
    if kept.n_trend == 0 and kept.origin == "learnt":
        return False
    changed, most = n_changed(kept, fluxes), max(1, int(MOST_CHANGED * len(kept.stars)))
    said = f"{changed} of the {len(kept.stars)} stars that the trends are made of have changed"
    logging.info("%s: %s", said, "the trends stay" if changed <= most else f"more than {most}, they are found anew")
    return changed <= most


def _found(fluxes: StarFluxes, paths_given: Sequence[str], header: CubeHeader) -> TrendSet:
    if not paths_given:
        return learn_trends(fluxes)
    return reference_of_given(given_trends(paths_given, header), fluxes)


def _log(found: TrendSet) -> None:
    if not found.n_trend:
        logging.info("no trends: %s", found.reason)
        return
    what = "trends, of each orbit its own," if found.by_orbit else "trends"
    logging.info("%d %s of %d stars (%d candidates)", found.n_trend, what, len(found.stars), found.n_candidate)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        trends(
            path_cube=snakemake.input.cube,
            paths_fluxes=snakemake.input.fluxes,
            paths_measured=[snakemake.input.prf, snakemake.input.kernel],
            paths_given=snakemake.input.given,
            path_reference=snakemake.params.reference,
            path_trends=snakemake.output.trends,
            code=snakemake.params.code,
        )
