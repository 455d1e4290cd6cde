"""Running Snakemake on small simulated fields."""

import atexit
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import yaml

from photometry.workflow.code_digests import Sources

ROOT = Path(__file__).resolve().parents[2]
#: For plans made in the tests' own process: each source is parsed once.
SOURCES = Sources(ROOT)
#: What makes up the workflow: a copy of it is a workflow of its own.
WORKFLOW = ("Snakefile", "config.yaml", "envs", "photometry", "profiles", "rules", "scripts", "workflow")

Run = Callable[..., subprocess.CompletedProcess[str]]


def snakemake_command(folder: Path, config: dict | None = None, root: Path = ROOT) -> list[str]:
    """Return the command that runs Snakemake in a folder, with the settings given or those of the last run there."""
    if config is not None:
        (folder / "my.yaml").write_text(yaml.safe_dump(config))
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(root / "Snakefile"), "--directory", str(folder)]
    return [*command, "--configfile", "my.yaml", "--cores", "2", "--nocolor"]


def snakemake_environment(root: Path = ROOT) -> dict[str, str]:
    """Return the environment in which Snakemake runs: the sources of a workflow first, one thread for each job."""
    path = os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])])
    return os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


@cache
def warm_snakemake() -> subprocess.Popen[str]:
    """Start the process that has imported Snakemake; it ends with its standard input, which is ours."""
    warm = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("warm_snakemake.py"))],
        env={name: value for name, value in snakemake_environment().items() if name != "PYTHONPATH"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    atexit.register(warm.communicate)
    return warm


def run_snakemake(
    folder: Path, *arguments: str, config: dict | None = None, root: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    """Run Snakemake in a folder, in a process that has imported it already; output and errors together."""
    command = [*snakemake_command(folder, config, root), *arguments]
    with tempfile.NamedTemporaryFile("r") as said:
        request = {"arguments": command[3:], "folder": str(folder), "environment": snakemake_environment(root)}
        warm = warm_snakemake()
        assert warm.stdin is not None
        assert warm.stdout is not None
        print(json.dumps(request | {"said": said.name}), file=warm.stdin, flush=True)
        code = int(warm.stdout.readline())
        return subprocess.CompletedProcess(command, code, said.read())


def copy_workflow(folder: Path) -> Path:
    """Copy the workflow to a folder of its own, so that its sources can be changed."""
    for name in WORKFLOW:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, folder / name)
    return folder


def product_digests(results: Path) -> dict[Path, str]:
    """Return the SHA-256 of every product below an output folder.

    Logs, benchmarks, hidden files and the notes of the plan and of batches, which hold dates, are none.
    """
    files = (path for path in sorted(results.rglob("*")) if path.is_file())
    names = {path.relative_to(results): path for path in files}
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in names.items()
        if name.parts[0] not in ("logs", "benchmarks")
        and not name.name.startswith(".")
        and not (name.parts[0] == "plan" and name.suffix == ".json")
        and name.parts[:2] not in (("prepared", "steps"), ("prepared", "batches"))
    }


def planned_jobs(output: str) -> dict[str, int]:
    """Return the numbers of jobs by rule from Snakemake's table of jobs."""
    lines = output.splitlines()
    if "Job stats:" not in lines:
        return {}
    start = lines.index("Job stats:") + 3
    jobs = {}
    for line in lines[start:]:
        words = line.split()
        if len(words) != 2:
            break
        jobs[words[0]] = int(words[1])
    return jobs


def config_of(folder: Path, **changes: object) -> dict:
    """Return settings for a simulated field; `changes` replace keys of its one observation."""
    observation = {
        "datasource": "tesscut",
        "input": str(folder / "pixels.fits"),
        "catalog": str(folder / "stars.csv"),
        "prf": "model",
        "targets": "all",
        "tmag_limit": 14.0,
    }
    return {"output": "results", "observations": [observation | changes]}
