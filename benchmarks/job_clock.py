"""CPU time and memory of every Python process of a run, and of the functions that a job's script calls.

`environment` makes all processes write what they used: Python imports `sitecustomize` before anything else, and that
starts a clock. The workflow itself knows nothing of it.
"""

import ast
import atexit
import functools
import importlib
import inspect
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["environment", "read_records", "start"]

_VARIABLE = "JOB_CLOCK_FOLDER"


def environment(folder: Path) -> dict[str, str]:
    """Return the environment for processes that leave their records in a folder."""
    folder.mkdir(parents=True)
    (folder / "sitecustomize.py").write_text("from benchmarks import job_clock\n\njob_clock.start()\n")
    root = Path(__file__).resolve().parents[1]
    path = os.pathsep.join([str(folder), str(root), *filter(None, [os.environ.get("PYTHONPATH")])])
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return os.environ | threads | {"PYTHONPATH": path, _VARIABLE: str(folder)}


def read_records(folder: Path) -> list[dict[str, Any]]:
    """Return the records of all processes.

    Each has ``rule`` (of the script; empty for other processes), ``command``, ``cpu`` (s), ``megabytes`` (peak),
    ``started`` (CPU time when the work began, after all imports, s), ``ended`` and ``parts`` (CPU time of each function
    that the script called, s).
    """
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]


def start() -> None:
    """Begin to measure this process."""
    scripts = [Path(word) for word in sys.orig_argv[1:] if "/.snakemake/scripts/" in word]
    record: dict[str, Any] = {"rule": "", "command": sys.orig_argv, "started": 0.0, "ended": 0.0, "parts": {}}
    atexit.register(_write, record, Path(os.environ[_VARIABLE]))
    if scripts:
        # tmp1234.psf_photometry.py
        record["rule"] = scripts[0].name.split(".")[-2]
        _watch(scripts[0], record)


def _write(record: dict[str, Any], folder: Path) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    record |= {"cpu": time.process_time(), "megabytes": used.ru_maxrss / 1e3}
    (folder / f"{os.getpid()}.json").write_text(json.dumps(record))


def _watch(script: Path, record: dict[str, Any]) -> None:
    """Time the functions of the package that a script imports; what they call in turn counts as theirs."""
    wanted = [
        (importlib.import_module(node.module), alias.name)
        for node in ast.walk(ast.parse(script.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module is not None and node.module.startswith("photometry")
        for alias in node.names
    ]
    for module, name in wanted:
        found = getattr(module, name)
        if name == "job_log":
            setattr(module, name, _noted(found, record))
        elif inspect.isfunction(found):
            setattr(module, name, _timed(found, record["parts"]))


def _noted(job_log: Callable[..., Any], record: dict[str, Any]) -> Callable[..., Any]:
    """Note when the work begins and ends."""

    class Noted:
        def __init__(self, *arguments: Any) -> None:
            self._log = job_log(*arguments)

        def __enter__(self) -> None:
            record["started"] = time.process_time()
            self._log.__enter__()

        def __exit__(self, *error: Any) -> None:
            record["ended"] = time.process_time()
            self._log.__exit__(*error)

    return Noted


def _timed(work: Callable[..., Any], parts: dict[str, float]) -> Callable[..., Any]:
    """Add up the CPU time of a function under its name, without that of others which are timed within it.

    Parts that are written as they are made are made by a function within the one that writes.
    """

    @functools.wraps(work)
    def timed(*arguments: Any, **keywords: Any) -> Any:
        begin, others = time.process_time(), sum(parts.values())
        try:
            return work(*arguments, **keywords)
        finally:
            within = sum(parts.values()) - others
            parts[work.__name__] = parts.get(work.__name__, 0.0) + time.process_time() - begin - within

    return timed
