"""Which jobs a change of a star table or of a table of targets affects, known before any of them.

Before the first job the stars of every region are taken from the star table and written to plan/stars_{region}.hdf5,
which the jobs read; plan/stars.json has the digests that become parameters of the jobs. Both are kept: as long as
tables, pixels and settings are the same, no table is read.
"""

import ctypes
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from photometry.catalog.star_hashes import digest_of_rows, few_changed, star_hashes
from photometry.core.settings import CATALOGS
from photometry.io.stars.star_files import digest_of_stars, read_stars, reference_of, write_stars
from photometry.io.store.disk import flush, flush_folder
from photometry.io.store.provenance import atomic_path, provenance_of
from photometry.trends.reference_stars import TMAG_RANGE
from photometry.workflow.output_lock import check_output_free
from photometry.workflow.plan import PlannedRegion, all_overlaps
from photometry.workflow.region_places import RegionPlace, place_of

__all__ = ["StarPlan", "linked_regions", "plan_stars", "read_star_plan", "reference_digest", "stars_file"]

#: Version of the stored plans; those of other versions are not used.
_VERSION = 4
#: File of the digests of all regions: a file for each would cost as much time as the digests.
_DIGESTS = "stars.json"


@dataclass(frozen=True, slots=True)
class StarPlan:
    """Digests of the stars of a region.

    Parameters
    ----------
    content : str
        Of everything in the file of its stars.
    rows : str
        Of the stars, whoever is asked for.
    region : str
        Of the stars whose light reaches its pixels.
    tiles : mapping of str to str
        By tile: of the stars whose light reaches the tile.
    targets : mapping of str to str
        By tile that may have targets: of these, and of what decides that they are.
    n_bright : int
        Stars whose light reaches its pixels and that may make trends, by their magnitude.
    """

    content: str
    rows: str
    region: str
    tiles: Mapping[str, str]
    targets: Mapping[str, str]
    n_bright: int


def stars_file(folder: str | Path, region: str) -> Path:
    """Return the file of a region's stars in the folder of the plan."""
    return Path(folder, f"stars_{region}.hdf5")


def linked_regions(regions: Mapping[str, PlannedRegion], overlaps: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Return the names of regions in groups that have a star table, a table of targets or pixels in common.

    Regions whose stars are downloaded by a job are in none. `overlaps` is `photometry.workflow.plan.all_overlaps`.
    """
    above: dict[str, str] = {}

    def top(key: str) -> str:
        path = []
        while above.setdefault(key, key) != key:
            path.append(key)
            key = above[key]
        above.update(dict.fromkeys(path, key))
        return key

    names = [name for name, region in regions.items() if region.observation["catalog"] not in CATALOGS]
    for name in names:
        observation = regions[name].observation
        links = [f"catalog {observation['catalog']}", f"targets {observation['targets']}"]
        links += [f"region {other}" for other in overlaps[name]]
        for link in links:
            if link != "targets all":
                above[top(link)] = top(f"region {name}")
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(top(f"region {name}"), []).append(name)
    return list(groups.values())


def plan_stars(
    regions: Mapping[str, PlannedRegion], folder: str | Path, coord_buffer: float, code: str
) -> dict[str, StarPlan]:
    """Return the digests of all regions whose star table is there; tables are read only where something has changed.

    Parameters
    ----------
    regions : mapping of str to PlannedRegion
        All regions.
    folder : path-like
        Folder of the plan.
    coord_buffer : float
        Stars so far around the pixels count, deg.
    code : str
        Digest of the code; stored plans of other code are not used.

    Raises
    ------
    CatalogError, InputFileError
        When a star table or a table of targets cannot be used, or a target is in no star table.
    """
    plans: dict[str, StarPlan] = {}
    known, new = _known_plans(folder), dict[str, Any]()
    for names in linked_regions(regions, all_overlaps(regions)):
        group = {name: regions[name] for name in names}
        places = {name: place_of(region.pixels) for name, region in group.items()}
        key = digest_of_rows(more=[_VERSION, code, coord_buffer, *_dependencies(group, places)])
        kept = {name: _kept(folder, name, known, key) for name in names}
        made = {name: plan for name, plan in kept.items() if plan is not None}
        if len(made) < len(names):
            made = _made(group, places, folder, coord_buffer)
            sizes = {name: stars_file(folder, name).stat().st_size for name in names}
            new |= {name: {"key": key, "size": sizes[name]} | asdict(plan) for name, plan in made.items()}
        plans |= made
    if new:
        with atomic_path(Path(folder, _DIGESTS)) as temporary:
            temporary.write_text(json.dumps(known | new))
        _give_memory_back()
    return plans


def _give_memory_back() -> None:
    """Return what the tables took to the system, which the C library of Linux does not do by itself.

    A million stars are 140 MB, which Snakemake would hold until the end of the run beside its own.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _dependencies(group: Mapping[str, PlannedRegion], places: Mapping[str, RegionPlace]) -> Iterable[object]:
    """Return what the stars of regions and their digests depend on."""
    overlaps = all_overlaps(group)
    for name, region in group.items():
        observation = region.observation
        yield name, places[name], region.pixels.pointing.starid, region.pixels.pointing.tmag, overlaps[name]
        yield [(tile.core, tile.stamp) for tile in region.tiles.values()], observation["tmag_limit"]
        yield [_state_of(observation[table]) for table in ("catalog", "targets")]


def _state_of(path: str) -> tuple[str, int, int, int] | str:
    """Return what identifies the state of a file without reading it."""
    if not os.path.exists(path):
        return path
    state = os.stat(path)
    return path, state.st_size, state.st_mtime_ns, state.st_ino


def _made(
    group: Mapping[str, PlannedRegion],
    places: Mapping[str, RegionPlace],
    folder: str | Path,
    coord_buffer: float,
) -> dict[str, StarPlan]:
    """Make the plan of regions and write their stars."""
    # These modules read tables and need half a second to be imported.
    from photometry.workflow.star_choice import near_stars
    from photometry.workflow.star_digests import target_digests, tile_digests

    # Its jobs read these files.
    check_output_free(Path(folder).parent)
    near, overlaps = near_stars(group, places, coord_buffer), all_overlaps(group)
    plans, named, written = {}, dict[str, str](), list[Path]()
    for name, region in group.items():
        stars = near[name].stars()
        plan = StarPlan(
            content=stars.digest,
            rows=digest_of_rows(star_hashes(stars), stars.teff),
            region=digest_of_rows(stars.hashes),
            tiles=tile_digests(near[name], region, places[name].slack),
            targets=target_digests(name, near, group, overlaps[name], places[name].slack),
            n_bright=int((stars.reaches & (stars.tmag >= TMAG_RANGE[0]) & (stars.tmag <= TMAG_RANGE[1])).sum()),
        )
        path = stars_file(folder, name)
        if digest_of_stars(path) != plan.content:
            write_stars(path, stars, _origin(region, named), flushed=False)
            written.append(path)
        plans[name] = plan
    flush(written)
    flush_folder(folder)
    return plans


def _origin(region: PlannedRegion, named: dict[str, str]) -> dict[str, str]:
    """Return names and digests of a region's tables; each is read once."""
    tables = {"table": region.observation["catalog"], "targets": region.observation["targets"]}
    tables = {role: path for role, path in tables.items() if path != "all"}
    named |= {path: provenance_of(path) for path in tables.values() if path not in named}
    return {role: named[path] for role, path in tables.items()}


def _known_plans(folder: str | Path) -> dict[str, Any]:
    """Return the kept plans of all regions as they are in their file; none where it is missing or damaged."""
    path = Path(folder, _DIGESTS)
    try:
        state = path.stat()
    except OSError:
        return {}
    return _plans_in(path, state.st_mtime_ns, state.st_ino)


@lru_cache(maxsize=1)
def _plans_in(path: Path, _mtime_ns: int, _inode: int) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _kept(folder: str | Path, region: str, known: Mapping[str, Any], key: str | None = None) -> StarPlan | None:
    """Return the plan of a region that was made before; None where it is missing, damaged or of other inputs."""
    try:
        found = dict(known[region])
        its_key, size = found.pop("key"), found.pop("size")
        if (key is not None and its_key != key) or stars_file(folder, region).stat().st_size != size:
            return None
        return StarPlan(**found)
    except (OSError, ValueError, TypeError, AttributeError, KeyError):
        return None


def read_star_plan(folder: str | Path, region: str) -> StarPlan | None:
    """Return the plan of a region as it was made before the first job; None where there is none."""
    return _kept(folder, region, _known_plans(folder))


def reference_digest(plan: StarPlan, path_stars: str | Path, path_reference: str | Path) -> str:
    """Return the digest of the stars that cube, motion and PRF of a region are derived from.

    As `photometry.io.stars.star_files.reference_stars` chooses them: those of the reference while few have changed.

    Parameters
    ----------
    plan : StarPlan
        Stars of now.
    path_stars, path_reference : path-like
        Their file, and the reference.
    """
    if not digest_of_stars(path_reference):
        return plan.region
    reference = read_stars(path_reference)
    found = digest_of_rows(reference.hashes)
    if found == plan.region or few_changed(reference, reference_of(read_stars(path_stars))):
        return found
    return plan.region
