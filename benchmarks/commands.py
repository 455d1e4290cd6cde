"""What a command costs: CPU time, wall time, memory."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Measured", "lines_of", "run_measured"]

#: Runs a command and writes what it used into a file. It is a process of its own because Linux counts the memory of
#: the process that starts another as the other's: that of a benchmark that has just made a million stars is large.
_RUN = """
import json, resource, subprocess, sys, time
start = time.monotonic()
code = subprocess.call(sys.argv[2:])
wall = time.monotonic() - start
used = resource.getrusage(resource.RUSAGE_CHILDREN)
found = {"code": code, "cpu": used.ru_utime + used.ru_stime, "wall": wall, "megabytes": used.ru_maxrss / 1e3}
with open(sys.argv[1], "w") as file:
    json.dump(found, file)
"""


@dataclass(frozen=True)
class Measured:
    """What a command cost: CPU time and wall time, s; memory of its largest process, MB; number of jobs."""

    what: str
    cpu: float
    wall: float
    megabytes: float
    jobs: int


def run_measured(
    what: str, command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
) -> tuple[Measured, str]:
    """Run a command in a folder; return what it cost, of no jobs, and what it said; SystemExit when it fails."""
    with tempfile.NamedTemporaryFile("r") as report:
        run = [sys.executable, "-I", "-S", "-c", _RUN, report.name, *command]
        said = subprocess.run(  # noqa: S603
            run, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True
        ).stdout
        found = json.load(report)
    if found["code"]:
        raise SystemExit(f"{what}: ended with {found['code']}:\n{said[-3000:]}")
    return Measured(what, found["cpu"], found["wall"], found["megabytes"], 0), said


def lines_of(rows: Iterable[Measured]) -> list[str]:
    """Return a table of what commands cost, line by line."""
    head = f"{'':28}{'CPU s':>8}{'wall s':>8}{'MB':>8}{'jobs':>8}"
    return [head, *(f"{row.what:28}{row.cpu:8.1f}{row.wall:8.1f}{row.megabytes:8.0f}{row.jobs:8d}" for row in rows)]
