"""The summary: one row for every target that was asked for, whatever became of it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from photometry.catalog.targets import OUTSIDE, TargetList, is_elsewhere
from photometry.core.status import STATUS
from photometry.io.results.result_rows import ResultRows, read_rows, rows_of, with_last, write_rows
from photometry.io.results.stale import StaleFile, stale_files
from photometry.io.stars.target_lists import LEFT_OUT_NAMES, read_targets
from photometry.io.store.provenance import SOFTWARE, origin_of
from photometry.io.store.tables import RESULT_COLUMNS, table_of

__all__ = ["UNKNOWN_TARGETS", "summarise", "write_summary"]

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
#: What rows are ordered by. CCDs see the same stars at their borders, and each that measures a star has a row for it.
_KEYS = ("starid", "sector", "cadence", "camera", "ccd")
#: A star that is on no pixels has one row for all CCDs.
_KEYS_OF_ALL_CCDS = _KEYS[:3]
#: Rank of such rows.
_OUTSIDE_RANK = 3
#: Reason of a star that is no longer a target.
_NO_TARGET = "no target any more; snakemake prune deletes its file"


def write_summary(
    path: str | Path,
    targets: Iterable[str | Path],
    indices: Iterable[str | Path],
    version: int,
    unusable: Sequence[tuple[str, str]] = (),
    output: str | Path | None = None,
) -> dict[str, Any]:
    """Write the summary and return its metadata: ``n_target``, ``n_stale``, ``status`` (numbers of each), ``left_out``.

    ``left_out`` counts the rows of star tables near the regions that are not used; near two regions they count twice.

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
    regions: set[str] = set()
    left_out: Counter[str] = Counter(dict.fromkeys(LEFT_OUT_NAMES, 0))

    def lists() -> Iterator[tuple[TargetList, Mapping[str, str | int]]]:
        for name in inputs["targets"]:
            wanted, metadata = read_targets(name)
            regions.add(str(metadata["region"]))
            left_out.update(metadata.get("left_out", {}))  # lists of earlier versions do not say
            yield wanted, metadata
        yield from ((UNKNOWN_TARGETS, {"region": Path(file).name}) for file, _ in unusable)

    tiles = [read_rows(name) for name in inputs["indices"]]
    blocks = _blocks(lists(), tiles, {Path(file).name: problem for file, problem in unusable})
    stale: list[StaleFile] = []
    if output is not None:
        stale = stale_files(output, version, {name for tile in tiles for name in tile.file}, regions)
    lines, meta = _put_together(blocks, version, stale)
    if any(tile.meta.get("SIMULATD") for tile in tiles):
        meta["SIMULATD"] = True
    meta["left_out"] = dict(left_out)
    meta |= {"made_with": _made_with(tiles), "origin": origin_of(inputs, {"version": version})}
    write_rows(path, lines, meta)
    return meta


def _made_with(indices: Iterable[ResultRows]) -> list[dict[str, str | int]]:
    """Return the software, revisions and settings that made the light curves, with the number of tiles of each."""
    names = ("software", "git_revision", "settings_digest")
    counts = Counter(tuple(str(index.meta.get("origin", {}).get(name, "")) for name in names) for index in indices)
    return [dict(zip(names, key, strict=True)) | {"tiles": count} for key, count in sorted(counts.items())]


def summarise(
    lists: Iterable[tuple[TargetList, Mapping[str, str | int]]],
    indices: Sequence[ResultRows],
    version: int,
    reasons: Mapping[str, str] | None = None,
    stale: Sequence[StaleFile] = (),
) -> tuple[list[bytes], dict[str, Any]]:
    """Put target lists and indices together.

    A star has one row per sector, cadence length, camera and CCD: of the region that measures it, else of the region
    that has its pixels. If no CCD has them, it has one row per sector and cadence length, of the first region that was
    asked for it.

    Parameters
    ----------
    lists : iterable of (TargetList, mapping)
        Target lists with their region, sector, camera, ccd and cadence.
    indices : sequence of ResultRows
        Indices of tiles.
    version : int
        Version of the product.
    reasons : mapping of str to str
        Why regions (by name) and tiles (region/tile) have no result, where that is known.
    stale : sequence of StaleFile
        Files that belong to no target: of stars that have a row, or that get one.

    Returns
    -------
    lines : list of bytes
        Rows of `RESULT_COLUMNS`, by starid, sector, cadence, camera and CCD
        (`photometry.io.results.result_rows.write_rows`).
    meta : dict
        Metadata of the table.
    """
    return _put_together(_blocks(lists, indices, reasons or {}), version, stale)


def _blocks(
    lists: Iterable[tuple[TargetList, Mapping[str, str | int]]],
    indices: Sequence[ResultRows],
    reasons: Mapping[str, str],
) -> list[tuple[ResultRows, npt.NDArray[np.int64]]]:
    """Rows of all regions, with their rank: the lowest of a star's stays."""
    blocks = [(index, np.zeros(len(index), dtype=np.int64)) for index in indices]
    done: dict[str, list[npt.NDArray[np.int64]]] = {}
    for index in indices:
        done.setdefault(index.region, []).append(index.starid)
    for targets, metadata in lists:
        rows = _rows(targets, metadata, done.get(str(metadata["region"]), []), reasons)
        reason = np.array([str(row["reason"]) for row in rows], dtype=np.str_)
        rank = np.select([reason == OUTSIDE, is_elsewhere(reason)], [_OUTSIDE_RANK, 2], default=1)
        blocks.append((rows_of(table_of(rows, RESULT_COLUMNS)), rank))
    return blocks


def _put_together(
    blocks: Sequence[tuple[ResultRows, npt.NDArray[np.int64]]], version: int, stale: Sequence[StaleFile]
) -> tuple[list[bytes], dict[str, Any]]:
    """Choose and order the rows; see `summarise`."""
    rows = [block for block, _ in blocks if len(block)]
    names = sorted({block.region for block in rows})
    region = np.repeat([names.index(block.region) for block in rows], [len(block) for block in rows])
    rank = np.concatenate([np.empty(0, dtype=np.int64), *(rank for _, rank in blocks)])
    keys = {
        name: np.concatenate([np.empty(0, dtype=np.int64), *(getattr(block, name) for block in rows)]) for name in _KEYS
    }
    chosen = _chosen(keys, rank, region)
    keys = {name: values[chosen] for name, values in keys.items()}
    lines = [line for block in rows for line in block.lines]
    lines = [lines[place] for place in chosen.tolist()]
    status = np.concatenate([np.empty(0, dtype=object), *(block.status for block in rows)])[chosen]
    n_target = len(lines)
    if stale:
        lines, own = _with_stale(keys, lines, stale)
        status = np.concatenate([status, own.status])
        order = np.lexsort([np.concatenate([keys[name], getattr(own, name)]) for name in reversed(_KEYS)])
        lines = [*lines, *own.lines]
        lines = [lines[place] for place in order.tolist()]
    counts = {kind.name: int(np.sum(status == kind.name)) for kind in STATUS}
    return lines, {
        "version": version,
        "software": SOFTWARE,
        "n_target": n_target,
        "n_stale": len(stale),
        "status": {name: count for name, count in counts.items() if count},
    }


def _with_stale(
    keys: Mapping[str, npt.NDArray[np.int64]], lines: Sequence[bytes], stale: Sequence[StaleFile]
) -> tuple[list[bytes], ResultRows]:
    """Name stale files in the rows of their stars; return those that have none as rows of their own."""
    places = np.flatnonzero(np.isin(keys["starid"], [file.starid for file in stale]))
    row_of = {tuple(int(keys[name][place]) for name in _KEYS): place for place in places.tolist()}
    named, own = list(lines), []
    for file in stale:
        place = row_of.pop(tuple(getattr(file, name) for name in _KEYS), None)
        if place is not None:
            named[place] = with_last(named[place], file.file)
        else:
            metadata = {name: getattr(file, name) for name in (*_KEYS, "region")}
            own.append(metadata | {"status": STATUS.SKIPPED.name, "reason": _NO_TARGET, "stale": file.file})
    return named, rows_of(table_of(own, RESULT_COLUMNS))


def _rows(
    targets: TargetList,
    metadata: Mapping[str, str | int],
    done: Sequence[npt.NDArray[np.int64]],
    reasons: Mapping[str, str],
) -> list[dict[str, object]]:
    """Rows of the stars of a target list that are not done, as far as they can be filled without the photometry."""
    open_stars = np.flatnonzero(~np.isin(targets.starid, np.concatenate([*done, np.empty(0, dtype=np.int64)])))
    region = str(metadata["region"])
    lost = reasons.get(region, _LOST)
    return [
        dict(metadata)
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


def _chosen(
    keys: Mapping[str, npt.NDArray[np.int64]], rank: npt.NDArray[np.int64], region: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return the indices of the rows that stay, in order."""
    outside = rank == _OUTSIDE_RANK
    of_all = [keys[name] for name in _KEYS_OF_ALL_CCDS]
    of_ccd = [keys[name] for name in _KEYS[len(of_all) :]]
    order = np.lexsort([region, rank, *reversed(of_ccd), outside, *reversed(of_all)])
    fresh = _is_first([key[order] for key in of_all])
    fresh |= ~outside[order] & _is_first([key[order] for key in (*of_all, *of_ccd)])
    # Number 0 stands for the targets of a region that are not known.
    fresh |= keys["starid"][order] == 0
    return order[fresh]


def _is_first(keys: Sequence[npt.NDArray[np.int64]]) -> npt.NDArray[np.bool_]:
    """Tell which rows differ from the one before in any of the keys, (n_row,)."""
    first = np.zeros(len(keys[0]), dtype=bool)
    first[:1] = True
    for key in keys:
        first[1:] |= np.diff(key) != 0
    return first
