"""Object storage: files that are given are sent to it, and what jobs write beside their declared output is packed for it.

With `--default-storage-provider` a job may run on a machine that has nothing of the run but its sources and what the job
declares. Without it, everything here leaves paths as they are (docs/decisions/066-object-storage.md).
"""

from pathlib import Path
from types import SimpleNamespace

from photometry.workflow.kept_plan import (
    GivenFiles,
    check_storable,
    keep_plan,
    read_kept_plan,
    storage_name,
)

#: Whether products are in object storage.
STORED = workflow.storage_settings.default_storage_provider is not None
#: Whether this process runs a job on another machine, which may see none of the files that the plan is made from.
IS_NODE = STORED and workflow.remote_exec
#: The plan, among the sources of the run: it says what such a job would look for on the disk.
PLAN_FILE = Path(".snakemake/plan.pickle")
KEPT = read_kept_plan(PLAN_FILE) if IS_NODE else None
#: Files that are sent to the storage, by the name that they have there.
SENT = {}

if STORED:

    # Snakemake would ask the storage for the size of a file before it is sent there.
    def ensure(path, non_empty):
        """Return an output as it is."""
        return path


def here(path):
    """Return where a file of the run is on this machine: as it is named, or the copy of what is in the storage."""
    return str(workflow.modifier.path_modifier.apply_default_storage(path))


def given(path):
    """Return the name under which jobs find a file that was given: its own, or that of its copy in the storage."""
    if not STORED:
        return path
    name = storage_name(path)
    SENT[name] = path
    return f"{SETTINGS['output']}/given/{name}"


def of_all(outputs, **values):
    """Return outputs of a rule for all values of a wildcard, as `collect` does, which takes none that are in a storage."""
    names = [outputs] if isinstance(outputs, str) else outputs
    if STORED:
        start = len(workflow.storage_settings.default_storage_prefix.rstrip("/")) + 1
        names = [name.flags["storage_object"].query[start:] for name in names]
    return collect(names, **values)


def packed(name):
    """Return one more output where products are in the storage: the files that a job writes beside its declared ones."""
    return {"packed": f"<results>/packed/{name}.tar"} if STORED else {}


def packed_light_curves_of_star(wildcards):
    """Return the packed light curves of the tiles that a star may be on; none without a storage."""
    return [
        f"<results>/packed/lightcurves/{region}/{tile}.tar"
        for region in (regions_of_stars()[wildcards.starid] if STORED else ())
        for tile in tiles_of_targets(region)
    ]


def packed_pages(wildcards):
    """Return the packed tiles of all regions that the page shows; none without a storage."""
    regions = filter(tiles_of_targets, RUN.regions) if STORED else ()
    return [f"<results>/packed/report/{region}.tar" for region in regions]


def keep_for_nodes():
    """Put the plan, and what was found on the disk, among the sources that every job gets."""
    files = {
        name: GivenFiles(
            prf=tuple(prf_paths_of(where)),
            ephemeris=tuple(places_of_tess(where)),
            listing=listing_of(where) if is_ccd(where) else "",
        )
        for name in RUN.regions
        for where in [SimpleNamespace(region=name)]
    }
    keep_plan(PLAN_FILE, RUN, files)
    workflow.configfiles.append(str(PLAN_FILE))
