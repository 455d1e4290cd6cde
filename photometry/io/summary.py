"""The summary: one row for every target that was asked for, whatever became of it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from astropy.table import Column, Table, vstack

from photometry.io.provenance import SOFTWARE, origin_of
from photometry.io.stale import StaleFile, stale_files
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
#: Reason of a star that is no target any more.
_NO_TARGET = "no target any more; snakemake prune deletes its file"


def write_summary(
    path: str | Path,
    targets: Iterable[str | Path],
    indices: Iterable[str | Path],
    version: int,
    unusable: Sequence[tuple[str, str]] = (),
    output: str | Path | None = None,
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
    output : path-like, optional
        Output folder, in which files that belong to no target are looked for [default: they are not].
    """
    inputs = {"targets": sorted(map(str, targets)), "indices": sorted(map(str, indices))}
    lists = [read_targets(name) for name in inputs["targets"]]
    tiles = [read_ecsv(name, RESULT_COLUMNS) for name in inputs["indices"]]
    stale: list[StaleFile] = []
    if output is not None:
        listed = {str(name) for tile in tiles for name in tile["file"]}
        stale = stale_files(output, version, listed, {str(facts["region"]) for _, facts in lists})
    unknown = [(UNKNOWN_TARGETS, {"region": Path(file).name}) for file, _ in unusable]
    reasons = {Path(file).name: problem for file, problem in unusable}
    summary = summarise([*lists, *unknown], tiles, version, reasons, stale)
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
    stale: Sequence[StaleFile] = (),
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
    stale : sequence of StaleFile
        Files that belong to no target: of stars that have a row, or that get one.

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
    n_target = len(table)
    table = _with_stale(table, stale)
    counts = {status.name: int(np.sum(table["status"] == status.name)) for status in STATUS}
    table.meta = {
        "version": version,
        "software": SOFTWARE,
        "n_target": n_target,
        "n_stale": len(stale),
        "status": {name: count for name, count in counts.items() if count},
    }
    return table


def _with_stale(table: Table, stale: Sequence[StaleFile]) -> Table:
    """Name stale files in the rows of their stars, or in rows of their own."""
    if not stale:
        return table
    keys = ("starid", "sector", "cadence", "camera")
    order = [tuple(row) for row in zip(*(np.asarray(table[key]).tolist() for key in keys), strict=True)]
    row_of = {key[:3]: place for place, key in enumerate(order)}
    names, own = [""] * len(table), []
    for file in stale:
        place = row_of.get((file.starid, file.sector, file.cadence))
        if place is not None and not names[place]:
            names[place] = file.file
        else:
            facts = {name: getattr(file, name) for name in (*keys, "ccd", "region")}
            own.append(facts | {"status": STATUS.SKIPPED.name, "reason": _NO_TARGET, "stale": file.file})
    table["stale"] = Column(names, description=table["stale"].description, dtype="str")
    table = vstack([table, table_of(own, RESULT_COLUMNS)], metadata_conflicts="silent", join_type="exact")
    return table[np.lexsort([np.asarray(table[key]) for key in reversed(keys)])]


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
