"""Which pixel files are measured together: where there are many, a job for each step of each costs more than the steps.

A batch is a job that takes its pixel files through all steps, one after the other. Who is in which batch is kept, so
that a new file changes one batch.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from photometry.core.datasources import DATASOURCES
from photometry.core.settings import CATALOGS
from photometry.io.store.provenance import atomic_path
from photometry.workflow.output_lock import check_output_free
from photometry.workflow.plan import PlannedRegion

__all__ = ["AUTO_SIZE", "STAMPS", "assigned", "can_be_batched", "plan_batches", "read_batches"]

#: Value of the key `files_per_job` that leaves it to the number of files.
AUTO_SIZE = "auto"
#: Files that have jobs of their own, at most; from then on so many batches at least, for as many processors.
_FEW = 64
#: Files of a batch, at most: what a kill costs, and what waits for a single processor.
_MOST = 32
#: Folder of what batches leave when they are done, in the output.
STAMPS = "prepared/batches"
_NAME = "batches.json"


def can_be_batched(regions: Mapping[str, PlannedRegion], overlaps: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the names of pixel files whose stars, and those of all that overlap them, are from given star tables.

    Parameters
    ----------
    regions : mapping of str to PlannedRegion
        By name.
    overlaps : mapping of str to sequence of str
        Names of the regions whose pixels each shares.
    """
    alone = {
        name
        for name, region in regions.items()
        if DATASOURCES[region.observation["datasource"]].whole_ccd or region.observation["catalog"] in CATALOGS
    }
    waiting = list(alone)
    while waiting:
        new = set(overlaps[waiting.pop()]) - alone
        alone |= new
        waiting += new
    return [name for name in regions if name not in alone]


def assigned(names: Sequence[str], known: Mapping[str, str], size: str | int) -> dict[str, list[str]]:
    """Return the names of the regions of each batch.

    Those that have a batch stay there; new ones fill up batches, and then are new ones.

    Parameters
    ----------
    names : sequence of str
        Regions that can be in a batch.
    known : mapping of str to str
        Batches of regions.
    size : int or ``auto``
        Regions of a batch: 0 for no batches; ``auto`` for none up to 64 regions, unless there were some before.
    """
    if size == AUTO_SIZE:
        size = min(_MOST, max(1, len(names) // _FEW)) if known or len(names) > _FEW else 0
    if not size:
        return {}
    batches: dict[str, list[str]] = {}
    for name in names:
        if name in known:
            batches.setdefault(known[name], []).append(name)
    room = [batch for batch in sorted(batches) for _ in range(int(size) - len(batches[batch]))]
    number = max(map(int, batches), default=-1)
    for name in (name for name in names if name not in known):
        if not room:
            number += 1
            room = [f"{number:04d}"] * int(size)
        batches.setdefault(room.pop(0), []).append(name)
    return dict(sorted(batches.items()))


def plan_batches(folder: str | Path, names: Sequence[str], size: str | int) -> dict[str, list[str]]:
    """Return the names of the regions of each batch, and keep them in the folder of the plan.

    Where the plan was deleted, batches that were done say who is in them.
    """
    known = _kept(folder)
    batches = assigned(names, _done(Path(folder).parent) if known is None else known, size)
    now = {name: batch for batch, members in batches.items() for name in members}
    if now != (known or {}):
        check_output_free(Path(folder).parent)
        with atomic_path(Path(folder, _NAME)) as temporary:
            temporary.write_text(json.dumps(now, indent=0))
    return batches


def read_batches(folder: str | Path, names: Iterable[str]) -> dict[str, list[str]]:
    """Return the batches as they were planned before the first job."""
    known, batches = _kept(folder) or {}, dict[str, list[str]]()
    for name in names:
        if name in known:
            batches.setdefault(known[name], []).append(name)
    return dict(sorted(batches.items()))


def _kept(folder: str | Path) -> dict[str, str] | None:
    """Return the batches of regions as they are kept; None where they are not."""
    try:
        found = json.loads(Path(folder, _NAME).read_bytes())
        return {str(name): f"{int(batch):04d}" for name, batch in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def _done(output: Path) -> dict[str, str]:
    """Return the batches of regions by what batches left that were done."""
    known: dict[str, str] = {}
    for path in sorted(Path(output, STAMPS).glob("batch_[0-9]*.json")):
        try:
            known |= dict.fromkeys(map(str, json.loads(path.read_bytes())["regions"]), f"{int(path.stem[6:]):04d}")
        except (OSError, ValueError, TypeError, KeyError):
            continue
    return known
