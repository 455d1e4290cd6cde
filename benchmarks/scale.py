"""Light curves per core-hour from cube to FITS: tiles of a CCD through the workflow, CPU time of every part, memory.

    python -m benchmarks.scale [--targets 1500] [--tmag-limit 16] [--cadences 1300] [--tiles 1] [--sector]

Some tiles of 256x256 pixels are fitted and exported by Snakemake; what they cost is scaled to the tiles of a CCD. The
star table is that of a whole CCD, and the summary is made of as many indices as it has tiles. `--sector` adds what plan
and summary of a sector take.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from astropy.table import Table

from benchmarks import commands, scale_plan
from benchmarks.job_clock import environment, read_records
from benchmarks.scale_field import SimulatedTiles, tiles_with, write_tiles
from benchmarks.scale_summary import measure_summary
from photometry.core.settings import FitSettings
from photometry.io.store.tables import RESULT_COLUMNS, read_ecsv, write_ecsv

ROOT = Path(__file__).resolve().parents[1]
#: Rules whose products are given.
_CUBE = {"ccd_light", "ccd_backgrounds", "ccd_smooth", "ccd_pixels", "ccd_images"}
_GIVEN = {"frames", "images", "movement_kernel", "effective_prf"} | _CUBE
#: Rules that run for every tile.
_OF_TILE = ("psf_photometry", "export_light_curves")
_RESULTS = "results"
_SNAKEMAKE = "snakemake"
_COLUMNS = ("rule", "part", "a job", "jobs", "CCD", "%")
#: Light curves per core-hour.
_WANTED = 200_000


@dataclass(frozen=True)
class Run:
    """What a run of Snakemake used: CPU s of all processes together, and the records of `benchmarks.job_clock`."""

    cpu: float
    records: list[dict[str, Any]]

    @property
    def own(self) -> float:
        """CPU time without that of the jobs' scripts, s."""
        return self.cpu - sum(record["cpu"] for record in self.records if record["rule"])


@dataclass(frozen=True)
class Cost:
    """A line of the table: CPU s of a job, jobs of a CCD, whether it is orchestration."""

    rule: str
    part: str
    seconds: float
    jobs: int
    is_orchestration: bool

    @property
    def of_ccd(self) -> float:
        """CPU time of a CCD, s."""
        return self.seconds * self.jobs


class Workflow:
    """A folder in which Snakemake runs."""

    def __init__(self, folder: Path, observation: dict[str, Any]) -> None:
        self.folder = folder
        self._n_run = 0
        (folder / "my.yaml").write_text(yaml.safe_dump({"output": _RESULTS, "observations": [observation]}))

    def run(self, targets: Sequence[str], rules: set[str], *options: str) -> Run:
        """Make some products by some rules; what else they need is there."""
        self._n_run += 1
        clock = self.folder / f"clock{self._n_run}"
        command = [sys.executable, "-m", "snakemake", *targets, "--snakefile", str(ROOT / "Snakefile"), "--cores", "1"]
        command += ["--configfile", "my.yaml", "--quiet", "all", "--allowed-rules", *sorted(rules), *options]
        process = subprocess.Popen(command, cwd=self.folder, env=environment(clock), stdout=subprocess.DEVNULL)  # noqa: S603
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"snakemake ended with {process.returncode}; see {self.folder}")
        return Run(used.ru_utime + used.ru_stime, read_records(clock))


def run_tiles(folder: Path, field: SimulatedTiles, tmag_limit: float) -> tuple[list[Cost], float]:
    """Fit and export the tiles, and summarise a CCD; return what it cost and the peak memory of a job, MB."""
    observation = {"datasource": "ffi", "input": "ffi", "catalog": "stars.csv", "prf": "model"}
    workflow = Workflow(folder, observation | {"tmag_limit": tmag_limit})
    index = f"{_RESULTS}/lightcurves/index/{field.region}"
    indices = [f"{index}/{tile.name}.ecsv" for tile in field.tiles]
    rules = rules_of_workflow() - _GIVEN
    plan = workflow.run(indices, rules, "--dry-run")
    first = workflow.run(indices, rules)
    idle = workflow.run(indices, rules)
    copy_indices([folder / name for name in indices], [tile.name for tile in field.others])
    last = workflow.run([f"{_RESULTS}/summary_v01.ecsv"], rules - set(_OF_TILE))
    jobs, jobs_after = (sum(1 for record in run.records if record["rule"]) for run in (first, last))
    n_job = jobs + len(field.others) * len(_OF_TILE) + jobs_after
    costs = [
        Cost(_SNAKEMAKE, "start and plan", plan.own, 1, is_orchestration=True),
        Cost(_SNAKEMAKE, "per job", (first.own - idle.own) / jobs, n_job, is_orchestration=True),
    ]
    records = [record for record in (*first.records, *last.records) if record["rule"]]
    n_tile = len(field.tiles) + len(field.others)
    for rule in dict.fromkeys(record["rule"] for record in records):
        of_rule = [record for record in records if record["rule"] == rule]
        costs += costs_of_rule(rule, of_rule, n_tile if rule in _OF_TILE else 1)
    return costs, max(record["megabytes"] for record in records)


def rules_of_workflow() -> set[str]:
    """Return the names of all rules that make products of observations."""
    texts = [path.read_text() for path in (ROOT / "rules").glob("*.smk") if path.name != "simulate.smk"]
    return {name for text in texts for name in re.findall(r"^rule (\w+):", text, re.MULTILINE)}


def costs_of_rule(rule: str, records: list[dict[str, Any]], jobs: int) -> Iterator[Cost]:
    """Give the mean cost of a rule's jobs: start and imports, every function that takes a hundredth, the rest."""
    mean = {name: np.mean([record[name] for record in records]) for name in ("cpu", "started")}
    parts: dict[str, float] = defaultdict(float)
    for record in records:
        for name, seconds in record["parts"].items():
            parts[name] += seconds / len(records)
    large = {name: seconds for name, seconds in parts.items() if seconds > 0.01 * mean["cpu"]}
    yield Cost(rule, "start, imports", float(mean["started"]), jobs, is_orchestration=True)
    for name, seconds in large.items():
        yield Cost(rule, name, seconds, jobs, is_orchestration=False)
    rest = float(mean["cpu"] - mean["started"]) - sum(large.values())
    yield Cost(rule, "rest", rest, jobs, is_orchestration=False)


def copy_indices(paths: Sequence[Path], names: Sequence[str]) -> None:
    """Write copies of some indices, with other stars, under other names."""
    tables = [read_ecsv(path, RESULT_COLUMNS) for path in paths]
    most = max(int(table["starid"].max()) for table in tables)
    for number, name in enumerate(names):
        table: Table = tables[number % len(tables)].copy()
        table["starid"] = table["starid"] + (number + 1) * most
        write_ecsv(table, paths[0].with_name(f"{name}.ecsv"))


def cost_table(costs: Sequence[Cost]) -> Table:
    """Put costs into a table, with the total."""
    total = sum(cost.of_ccd for cost in costs)
    rows = [(cost.rule, cost.part, cost.seconds, cost.jobs, cost.of_ccd, 100 * cost.of_ccd / total) for cost in costs]
    table = Table(rows=[*rows, ("all", "", np.nan, 0, total, 100.0)], names=_COLUMNS)
    for name in _COLUMNS[2:]:
        table[name].format = "%d" if name == "jobs" else "%.2f"
    return table


def lines_of(costs: Sequence[Cost], n_light_curve: int, n_byte: int, megabytes: float, n_tile: int) -> list[str]:
    """Return what is to be said below the table; the light curves and their bytes are those of one tile."""
    total = sum(cost.of_ccd for cost in costs)
    orchestration = sum(cost.of_ccd for cost in costs if cost.is_orchestration)
    of_rule = {rule: sum(cost.seconds for cost in costs if cost.rule == rule) for rule in _OF_TILE}
    export = of_rule["export_light_curves"]
    return [
        f"light curves per core-hour: {3600 * n_light_curve * n_tile / total:.0f} (wanted: {_WANTED})",
        f"a light curve: {1e3 * export / n_light_curve:.2f} ms, {n_byte / n_light_curve:.0f} bytes",
        f"export over fit: {export / of_rule['psf_photometry']:.3f}",
        f"orchestration (Snakemake, start, imports): {100 * orchestration / total:.1f} % (wanted: at most 10 %)",
        f"peak memory of a worker: {megabytes:.0f} MB (wanted: at most 1500 MB)",
    ]


def measure(folder: Path, n_target: int, tmag_limit: float, n_cadence: int, n_tile: int) -> tuple[Table, list[str]]:
    """Measure in a folder that is empty; return the table and the lines below it."""
    field = tiles_with(n_target, tmag_limit, n_tile, n_cadence, FitSettings())
    write_tiles(field, folder)
    costs, megabytes = run_tiles(folder, field, tmag_limit)
    files = list((folder / _RESULTS / "lightcurves").rglob("*_lc.fits"))
    n_byte = sum(path.stat().st_size for path in files) / n_tile
    every = len(field.tiles) + len(field.others)
    return cost_table(costs), lines_of(costs, round(len(files) / n_tile), round(n_byte), megabytes, every)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--targets", type=int, default=1500, help="on a tile")
    fit_limit = FitSettings().tmag_limit
    parser.add_argument(
        "--tmag-limit", type=float, default=fit_limit, help="faintest target (default: every fitted star)"
    )
    parser.add_argument("--cadences", type=int, default=1300)
    parser.add_argument("--tiles", type=int, default=1, help="that are fitted and exported")
    parser.add_argument("--sector", action="store_true", help="also plan and summary of 16 CCDs with a million targets")
    parser.add_argument("--folder", type=Path, help="empty folder to work in, which is kept")
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp())
    table, lines = measure(folder, options.targets, options.tmag_limit, options.cadences, options.tiles)
    print(f"{options.targets} targets to T={options.tmag_limit:g} on a tile, {options.cadences} cadences; CPU time, s")
    print("\n".join([*table.pformat(max_lines=-1, max_width=-1), *lines]))
    if options.sector:
        (folder / "summary").mkdir()
        plans = scale_plan.measure_plans(folder / "plan", 16, options.cadences, 1_000_000)
        summary = measure_summary(folder / "summary", 16, 64, 1000)
        print("\n".join(["a sector, 16 CCDs:", *commands.lines_of([*plans, summary])]))
    if options.folder is None:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
