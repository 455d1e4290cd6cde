"""The plan of a run for jobs on machines that see none of the files it was made from.

Where products are in object storage, a job's machine has the sources of the run, among which this plan is, and what the
job declares as its input.
"""

import pickle
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from photometry.core.errors import ConfigError
from photometry.io.store.provenance import atomic_path
from photometry.workflow.run_plan import RunPlan
from photometry.workflow.trend_plan import GIVEN_WORDS

__all__ = ["GivenFiles", "KeptPlan", "check_storable", "keep_plan", "read_kept_plan", "storage_name"]


@dataclass(frozen=True, slots=True)
class GivenFiles:
    """What was found on the disk for a region, beside its pixels.

    Parameters
    ----------
    prf : tuple of str
        PRF files.
    ephemeris : tuple of str
        Files that say where TESS was.
    listing : str
        Digest of the names, sizes and dates of a CCD's frames; empty for a pixel file.
    """

    prf: tuple[str, ...]
    ephemeris: tuple[str, ...]
    listing: str


@dataclass(frozen=True, slots=True)
class KeptPlan:
    """Everything that is known of a run before its first job.

    Parameters
    ----------
    run : RunPlan
        The plan; files that cannot be used, which no job on another machine needs, are left out.
    files : mapping of str to GivenFiles
        By region.
    """

    run: RunPlan
    files: Mapping[str, GivenFiles]


def keep_plan(path: str | Path, run: RunPlan, files: Mapping[str, GivenFiles]) -> None:
    """Write the plan of a run, for the processes of jobs."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(pickle.dumps(KeptPlan(replace(run, unusable=()), files)))


def read_kept_plan(path: str | Path) -> KeptPlan:
    """Return the plan that the process that started the run has written."""
    kept = pickle.loads(Path(path).read_bytes())  # noqa: S301  sent by this run, with its sources
    assert isinstance(kept, KeptPlan)
    return kept


def check_storable(run: RunPlan) -> None:
    """Check that the products of a run can be kept in object storage.

    Raises
    ------
    ConfigError
        When they cannot; it says what to change.
    """
    output = run.settings["output"]
    if Path(output).is_absolute() or ".." in Path(output).parts:
        raise ConfigError(f"output: {output} is kept in object storage; give a folder below the one that the run is in")
    if any(region.observation["prf"] == "mast" for region in run.regions.values()):
        raise ConfigError(
            "prf: mast fetches files that jobs of a run with object storage do not find; fetch them without it "
            f"(snakemake --until download_prf), then give prf: {output}/downloads/prf"
        )
    if (trends := run.settings["trends"]) not in GIVEN_WORDS:
        raise ConfigError(
            f"trends: {trends} names files, which jobs of a run with object storage do not find; "
            "give trends: learn or none"
        )


def storage_name(path: str) -> str:
    """Return the name of a given file in the storage: its path, without what no name there can have."""
    pure = PurePosixPath(path)
    parts = ["up" if part == ".." else part for part in pure.parts if part != "/"]
    return "/".join(["root" if pure.is_absolute() else "here", *parts])
