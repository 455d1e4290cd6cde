"""The chain end to end on a small simulated field, and what runs again when something changes."""

import os
import re
import resource
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pytest
from astropy.table import Table
from running import Run, config_of, copy_workflow, planned_jobs, snakemake_command, snakemake_environment

from photometry.io.stars.unlisted_files import read_unlisted
from photometry.io.store.provenance import digest_of

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

#: What follows the fit.
AFTER_FIT = {"export_light_curves", "summary", "plots", "page_data", "page"}
AFTER_MOTION = {"effective_prf", "psf_photometry"} | AFTER_FIT


@dataclass(frozen=True)
class Finished:
    """A finished run: its folder, its settings, the copy of the workflow that made it, what it said."""

    folder: Path
    config: dict
    root: Path
    said: str

    @property
    def results(self) -> Path:
        return self.folder / "results"

    def light_curves(self) -> dict[Path, tuple[bytes, int]]:
        """Bytes and modification times of all light curve files."""
        files = sorted(self.results.glob("lightcurves/**/*_lc.fits"))
        return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


@pytest.fixture(scope="session")
def finished(field: Path, snakemake: Run, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    root = copy_workflow(tmp_path_factory.mktemp("workflow"))
    folder = tmp_path_factory.mktemp("run")
    stars = folder / "stars.csv"
    stars.write_bytes((field / "stars.csv").read_bytes())
    config = config_of(field, catalog="stars.csv")
    result = snakemake(folder, config=config, root=root)
    assert result.returncode == 0, result.stdout
    return Finished(folder, config, root, result.stdout)


def with_processor_seconds(command: list[str], folder: Path, root: Path) -> tuple[str, float]:
    """Run a command to its good end; return what it said and its processor time: other tests may run beside it."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = snakemake_environment(root)
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert result.returncode == 0, result.stderr
    return result.stdout + result.stderr, used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime


def sources_of(root: Path) -> list[Path]:
    """Modules and scripts of a workflow."""
    return [*(root / "photometry").rglob("*.py"), *(root / "scripts").glob("*.py")]


def rules_to_run(run: Run, finished: Finished, config: dict | None = None) -> set[str]:
    """Rules that a dry run wants to run again."""
    result = run(finished.folder, "--dry-run", config=config or finished.config, root=finished.root)
    assert result.returncode == 0, result.stdout
    return set(planned_jobs(result.stdout)) - {"all", "total"}


def test_every_target_has_a_row_and_every_measured_one_a_file(finished):
    summary = Table.read(finished.results / "summary_v01.ecsv")
    assert len(summary) > 5
    assert len(np.unique(summary["starid"])) == len(summary)
    assert set(summary["status"]) <= {"OK", "WARNING", "ERROR", "SKIPPED"}
    assert all(row["reason"] for row in summary if row["status"] != "OK")
    named = {finished.results / name for name in summary["file"] if name}
    assert named == set(finished.light_curves())
    assert len(named) > 5


def test_a_run_says_a_line_for_each_job_and_ends_with_a_sentence(finished):
    steps = re.findall(r"^\d\d:\d\d:\d\d +(\d+) of (\d+)  (.+)$", finished.said, re.MULTILINE)
    assert [int(step[0]) for step in steps] == [*range(1, len(steps) + 1)]
    assert len(steps) == int(steps[0][1]) == planned_jobs(finished.said)["total"]
    assert {step[2].split(",")[0] for step in steps} >= {"images", "movement kernel", "PSF photometry", "summary"}
    assert sum("24x24 px at" in step[2] for step in steps) > 5
    last = [line for line in finished.said.splitlines() if not line.startswith(("Complete log", "Elapsed"))][-1]
    summary = Table.read(finished.results / "summary_v01.ecsv")
    counts = Counter(summary["status"].tolist())
    for word, count in counts.items():
        assert f"{count} {word}" in last
    assert last.startswith(f"{len(summary)} targets: ")
    assert "Light curves in results/lightcurves, summary results/summary_v01.ecsv" in last


def test_every_log_says_how_long_its_job_took(finished):
    logs = sorted((finished.results / "logs").rglob("*.log"))
    assert len(logs) > 5
    for path in logs:
        assert re.fullmatch(r"Done in [0-9.]+ (s|min)\.", path.read_text().splitlines()[-1]), path
    assert all("progress: final fit: " in path.read_text() for path in logs if path.parts[-3] == "psf_photometry")


def test_products_of_every_step_are_there(finished):
    kinds = {path.relative_to(finished.results).parts[0] for path in finished.results.rglob("*") if path.is_file()}
    made = {"plan", "prepared", "photometry", "lightcurves", "plots", "report", "summary_v01.ecsv"}
    assert kinds == made | {"logs", "benchmarks"}
    assert {path.name for path in (finished.results / "plots").rglob("*.png")} == {
        "field.png",
        "light_curves.png",
        "motion.png",
        "residual.png",
        "scatter.png",
    }


def test_stars_that_the_table_lacks_have_a_table(finished):
    """Its digest is in the fits that were made with it."""
    (path,) = (finished.results / "prepared").glob("unlisted_stars_*.ecsv")
    assert not read_unlisted(path).is_listed.any()
    fits = list((finished.results / "photometry").rglob("*.hdf5"))
    assert fits
    for fit in fits:
        with h5py.File(fit) as file:
            assert file.attrs["input_unlisted"] == f"{path.name} sha256:{digest_of(path)}"


def test_fluxes_are_the_simulated_ones(finished, field):
    from photometry.simulate.scene_files import read_truth

    truth, summary = read_truth(field / "truth.hdf5"), Table.read(finished.results / "summary_v01.ecsv")
    bright = summary[(summary["status"] == "OK") & (summary["tmag"] < 12)]
    assert len(bright)
    for row in bright:
        flux = np.nanmedian(truth.flux[truth.tic == row["starid"]])
        assert row["median_flux"] == pytest.approx(flux, rel=0.03)


def test_running_again_does_nothing_and_costs_about_two_starts_of_snakemake(finished, tmp_path):
    before = finished.light_curves()
    (tmp_path / "Snakefile").write_text("rule all:\n    input: []\n")
    empty = [sys.executable, "-m", "snakemake", "--cores", "2"]
    _, least = with_processor_seconds(empty, tmp_path, finished.root)
    again = snakemake_command(finished.folder, finished.config, finished.root)
    said, used = with_processor_seconds(again, finished.folder, finished.root)
    assert used < 2.3 * least
    assert "Nothing to be done" in said
    assert finished.light_curves() == before


def test_touched_star_table_and_pixels_run_nothing(snakemake, finished, field):
    os.utime(finished.folder / "stars.csv")
    os.utime(field / "pixels.fits")
    assert rules_to_run(snakemake, finished) == set()


def test_touched_sources_run_nothing(snakemake, finished):
    for path in sources_of(finished.root):
        os.utime(path)
    assert rules_to_run(snakemake, finished) == set()


def test_other_words_in_all_sources_run_nothing(snakemake, finished):
    contents = {path: path.read_text() for path in sources_of(finished.root)}
    try:
        for path, content in contents.items():
            path.write_text(content.replace('"""', '"""In other words: ', 1) + "\n# changed\n")
        assert rules_to_run(snakemake, finished) == set()
    finally:
        for path, content in contents.items():
            path.write_text(content)


CHANGES = {
    "fit": ({"fit": {"prior_width": 0.4}}, {"psf_photometry"} | AFTER_FIT),
    "motion": ({"motion": {"n_round": 3}}, {"movement_kernel"} | AFTER_MOTION),
    "prf_learning": ({"prf_learning": {"n_round": 1}}, AFTER_MOTION),
    "version": ({"version": 2}, AFTER_FIT),
    "coord_buffer": ({"coord_buffer": 0.2}, {"catalog", "plots"}),
}


@pytest.mark.parametrize(("change", "expected"), CHANGES.values(), ids=CHANGES)
def test_one_setting_runs_only_the_rules_that_use_it(snakemake, finished, change, expected):
    assert rules_to_run(snakemake, finished, finished.config | change) == expected


def test_faintest_target_runs_no_fit(snakemake, finished):
    config = {**finished.config, "observations": [finished.config["observations"][0] | {"tmag_limit": 13.5}]}
    assert rules_to_run(snakemake, finished, config) == {"targets"} | AFTER_FIT


SOURCES = {
    "photometry/prf/prf_grid.py": {"movement_kernel"} | AFTER_MOTION,
    "photometry/fit/tile_photometry.py": {"psf_photometry"} | AFTER_FIT,
    "photometry/io/results/lightcurve_files.py": AFTER_FIT,
    "photometry/plots/series.py": {"plots"},
    "photometry/pages/packed_tiles.py": {"page_data", "page"},
    "photometry/pages/static/page.js": {"page"},
    "scripts/psf_photometry.py": {"psf_photometry"} | AFTER_FIT,
}


@pytest.mark.parametrize(("source", "expected"), SOURCES.items(), ids=SOURCES)
def test_changed_source_runs_the_rules_that_need_it(snakemake, finished, source, expected):
    path = finished.root / source
    content = path.read_text()
    try:
        path.write_text(content + "\nCHANGED = True\n")
        assert rules_to_run(snakemake, finished) == expected
    finally:
        path.write_text(content)


def test_light_curves_that_do_not_change_keep_bytes_and_dates(snakemake, finished):
    before = finished.light_curves()
    result = snakemake(finished.folder, "--forcerun", "export_light_curves", config=finished.config, root=finished.root)
    assert result.returncode == 0, result.stdout
    assert "export_light_curves" in planned_jobs(result.stdout)
    assert finished.light_curves() == before


def test_report_holds_summary_and_figures(snakemake, finished):
    result = snakemake(finished.folder, "--report", "report.html", config=finished.config, root=finished.root)
    assert result.returncode == 0, result.stdout
    text = (finished.folder / "report.html").read_text()
    assert 'href="results/report/index.html"' in text.replace('\\"', '"')
    for name in ("summary_v01.ecsv", "field.png", "motion.png", "light_curves.png", "residual.png", "scatter.png"):
        assert name in text
