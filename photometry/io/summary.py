"""The summary: one row for every target that was asked for, whatever became of it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from astropy.table import Table, vstack

from photometry.io.provenance import SOFTWARE, origin_of
from photometry.io.tables import RESULT_COLUMNS, read_ecsv, table_of, write_ecsv
from photometry.io.targets import read_targets
from photometry.status import STATUS
from photometry.targets import OUTSIDE, TargetList, is_elsewhere

__all__ = ["UNKNOWN_TARGETS", "read_summary", "summarise", "write_summary"]

#: Reason of a target whose tile gave no row.
_LOST = "its tile gave no result; run again"
#: Stands for the targets of a region that are not known.
UNKNOWN_TARGETS = TargetList(
    starid=np.zeros(1, dtype=np.int64),
    row=np.array([np.nan]),
    column=np.array([np.nan]),
    tmag=np.array([np.nan]),
    tile=np.array([""]),
    reason=np.array([""]),
)


def write_summary(
    path: str | Path,
    targets: Iterable[str | Path],
    indices: Iterable[str | Path],
    version: int,
    unusable: Sequence[tuple[str, str]] = (),
) -> Table:
    """Write the summary and return it.

    Parameters
    ----------
    path : path-like
        The summary (ECSV).
    targets : iterable of path-like
        Target lists of all regions.
    indices : iterable of path-like
        Indices of all tiles.
    version : int
        Version of the product.
    unusable : sequence of (str, str)
        Pixel files that cannot be used, and why: a row each, with starid 0.
    """
    inputs = {"targets": sorted(map(str, targets)), "indices": sorted(map(str, indices))}
    lists = [read_targets(name) for name in inputs["targets"]]
    tiles = [read_ecsv(name, RESULT_COLUMNS) for name in inputs["indices"]]
    unknown = [(UNKNOWN_TARGETS, {"region": Path(file).name}) for file, _ in unusable]
    summary = summarise([*lists, *unknown], tiles, version, {Path(file).name: problem for file, problem in unusable})
    summary.meta |= {"made_with": _made_with(tiles), "origin": origin_of(inputs, {"version": version})}
    write_ecsv(summary, path)
    return summary


def _made_with(indices: Iterable[Table]) -> list[dict[str, str | int]]:
    """Return the software, revisions and settings that made the light curves, with the number of tiles of each."""
    names = ("software", "git_revision", "settings_digest")
    counts = Counter(tuple(str(index.meta.get("origin", {}).get(name, "")) for name in names) for index in indices)
    return [dict(zip(names, key, strict=True)) | {"tiles": count} for key, count in sorted(counts.items())]


def read_summary(path: str | Path) -> Table:
    """Read a summary."""
    return read_ecsv(path, RESULT_COLUMNS)


def summarise(
    lists: Sequence[tuple[TargetList, Mapping[str, str | int]]],
    indices: Sequence[Table],
    version: int,
    reasons: Mapping[str, str] | None = None,
) -> Table:
    """Put target lists and indices together.

    A star has one row per sector and cadence length: of the region that measures it, else of the region that has its
    pixels, else the first of those that were asked for it.

    Parameters
    ----------
    lists : sequence of (TargetList, mapping)
        Target lists with their region, sector, camera, ccd and cadence.
    indices : sequence of Table
        Indices of tiles.
    version : int
        Version of the product.
    reasons : mapping of str to str
        Why regions (by name) and tiles (region/tile) have no result, where that is known.

    Returns
    -------
    Table
        `RESULT_COLUMNS`, by starid, sector, cadence and camera.
    """
    measured = [index[[spec.name for spec in RESULT_COLUMNS]] for index in indices if len(index)]
    done: dict[str, list[npt.NDArray[np.int64]]] = {}
    for index in measured:
        done.setdefault(str(index["region"][0]), []).append(np.asarray(index["starid"]))
    rows = [
        row
        for targets, facts in lists
        for row in _rows(targets, facts, done.get(str(facts["region"]), []), reasons or {})
    ]
    skipped = table_of(rows, RESULT_COLUMNS)
    table = vstack([*measured, skipped], metadata_conflicts="silent", join_type="exact")
    table = table[_chosen(table, sum(map(len, measured)))]
    counts = {status.name: int(np.sum(table["status"] == status.name)) for status in STATUS}
    table.meta = {
        "version": version,
        "software": SOFTWARE,
        "n_target": len(table),
        "status": {name: count for name, count in counts.items() if count},
    }
    return table


def _rows(
    targets: TargetList,
    facts: Mapping[str, str | int],
    done: Sequence[npt.NDArray[np.int64]],
    reasons: Mapping[str, str],
) -> list[dict[str, object]]:
    """Rows of the stars of a target list that are not done, as far as they can be filled without the photometry."""
    open_stars = np.flatnonzero(~np.isin(targets.starid, np.concatenate([*done, np.empty(0, dtype=np.int64)])))
    region = str(facts["region"])
    lost = reasons.get(region, _LOST)
    return [
        dict(facts)
        | {
            "starid": targets.starid[star],
            "status": (STATUS.SKIPPED if targets.reason[star] else STATUS.ERROR).name,
            "reason": targets.reason[star] or reasons.get(f"{region}/{targets.tile[star]}", lost),
            "tmag": targets.tmag[star],
            "row": targets.row[star],
            "column": targets.column[star],
            "tile": targets.tile[star],
        }
        for star in open_stars
    ]


def _chosen(table: Table, n_measured: int) -> npt.NDArray[np.int64]:
    """Return the indices of the rows that stay, in order; the first `n_measured` rows come from indices of tiles."""
    reason = np.asarray(table["reason"], dtype=np.str_)
    rank = np.select(
        [np.arange(len(table)) < n_measured, reason == OUTSIDE, is_elsewhere(reason)], [0, 3, 2], default=1
    )
    keys = [np.asarray(table[name]) for name in ("starid", "sector", "cadence")]
    regions = np.asarray(table["region"], dtype=np.str_)
    order = np.lexsort([regions, rank, *reversed(keys)])
    fresh = np.zeros(len(order), dtype=bool)
    if len(order):
        fresh[0] = True
    # Number 0 stands for the targets of a region that are not known.
    fresh |= keys[0][order] == 0
    for key in keys:
        fresh[1:] |= np.diff(key[order]) != 0
    return order[fresh]
