"""Many pixel files, several in a job: same bytes, changes cost what they reach, one that fails stops no other."""

import json
import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from astropy.io import fits
from astropy.table import Table
from basis_vectors import write_basis_vectors
from running import ROOT, Run, planned_jobs, product_digests

from photometry.io.stars.star_files import read_stars
from photometry.workflow.star_plan import stars_file

sys.path.append(str(ROOT))
from benchmarks.scale_cutouts import make_cutouts

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

#: Cutouts, and how many of them are in a batch.
N_CUTOUT, SIZE = 5, 2


@dataclass(frozen=True)
class Cutouts:
    """A finished run of five cutouts in three batches."""

    folder: Path
    run: Run

    @property
    def results(self) -> Path:
        return self.folder / "results"

    @property
    def config(self) -> dict:
        return yaml.safe_load((self.folder / "my.yaml").read_text())

    def cutout(self, number: int) -> Path:
        return self.folder / f"cutouts/cutout{number:05d}.fits"

    def planned(self, config: dict | None = None) -> dict[str, int]:
        result = self.run(self.folder, "--dry-run", config=config)
        assert result.returncode == 0, result.stdout
        return {rule: n for rule, n in planned_jobs(result.stdout).items() if rule not in ("all", "total")}

    def again(self, code: int = 0, config: dict | None = None) -> set[str]:
        """Run; return the names of the logs of the steps that were done, as rule/region."""
        before = self.logs()
        result = self.run(self.folder, config=config)
        assert result.returncode == code, result.stdout
        (self.folder / "said").write_text(result.stdout)
        return {name for name, date in self.logs().items() if before.get(name) != date}

    def logs(self) -> dict[str, int]:
        logs = self.results / "logs"
        found = (path for path in logs.glob("*/*") if path.is_dir() or path.name.startswith("tesscut"))
        files = [path for top in found for path in ([top] if top.is_file() else top.iterdir())]
        return {path.relative_to(logs).as_posix().removesuffix(".log"): path.stat().st_mtime_ns for path in files}

    def digests(self) -> dict[Path, str]:
        return product_digests(self.results)

    def region(self, number: int) -> str:
        """Name of the region of a cutout."""
        known = json.loads((self.results / "plan/pixel_files.json").read_text())["files"]
        return next(one["file"]["region"] for name, one in known.items() if self.cutout(number).name in name)


@pytest.fixture(scope="module")
def base(snakemake: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cutouts")
    make_cutouts(folder, N_CUTOUT)
    # So that no cutout knows the stars on the pixels of the next one.
    config = yaml.safe_load((folder / "my.yaml").read_text()) | {"files_per_job": SIZE, "coord_buffer": 0.05}
    result = snakemake(folder, config=config)
    assert result.returncode == 0, result.stdout
    # What is printed of a batch does not grow with what it has to know.
    changed = snakemake(folder, "--dry-run", config=config | {"version": 2}).stdout
    assert "Params have changed" in changed
    assert max(map(len, changed.splitlines())) < 2000
    (folder / "my.yaml").write_text(yaml.safe_dump(config))
    return folder


@pytest.fixture
def cutouts(base: Path, snakemake: Run, tmp_path: Path) -> Cutouts:
    return Cutouts(Path(shutil.copytree(base, tmp_path / "copy")), snakemake)


def rules_of(steps: set[str]) -> list[str]:
    return sorted(name.partition("/")[0] for name in steps)


def test_products_are_those_of_single_jobs(base, snakemake, tmp_path):
    done = Cutouts(base, snakemake)
    assert planned_jobs(snakemake(base, "--dry-run").stdout) == {}
    shutil.copytree(base / "cutouts", tmp_path / "cutouts")
    shutil.copy2(base / "stars.csv", tmp_path)
    single = Cutouts(tmp_path, snakemake)
    for number in range(1, N_CUTOUT):
        single.cutout(number).unlink()
    result = snakemake(tmp_path, config=done.config | {"files_per_job": 0})
    assert result.returncode == 0, result.stdout
    assert planned_jobs(result.stdout)["images"] == 1
    expected, found = done.digests(), single.digests()
    assert len(found) > 15
    differing = {str(name) for name, digest in found.items() if expected.get(name) != digest}
    of_the_run = {"summary_v01.ecsv", "report/index.html", "report/data/rows_000.js"}
    # The first lines of its code name the summary.
    assert {name for name in differing if not name.startswith("report/code/")} == of_the_run


def test_a_new_cutout_leaves_those_of_its_batch_alone(cutouts):
    last, content = cutouts.cutout(3), cutouts.cutout(3).read_bytes()
    before, region = cutouts.digests(), cutouts.region(3)
    last.unlink()
    for path in [*cutouts.results.glob(f"**/*{region}*"), *cutouts.results.glob(f"**/{region}/*")]:
        if path.is_file() and path.parts[-2] != "plan":
            path.unlink()
    assert cutouts.again() == set()
    last.write_bytes(content)
    assert cutouts.planned() == {"batch": 1, "summary": 1, "page": 1}
    done = cutouts.again()
    assert {name.split("/")[1] for name in done} == {region}
    assert len(done) == 9
    assert cutouts.digests() == before
    assert cutouts.planned() == {}


def test_a_setting_repeats_the_steps_that_depend_on_it(cutouts):
    hlsp = {"id": "abc", "name": "All stars of five fields", "lead": "Annie Cannon", "file_names": True}
    done = cutouts.again(config=cutouts.config | {"version": 2, "hlsp": hlsp})
    assert set(rules_of(done)) == {"export_light_curves", "plots", "page_data"}
    assert len(done) == 3 * N_CUTOUT
    assert cutouts.planned() == {}
    files = [str(file) for file in Table.read(cutouts.results / "summary_v02.ecsv").filled("")["file"] if file]
    assert files
    assert all(Path(file).name.startswith("hlsp_abc_tess_ffi_tic") and "_tess_v02_" in file for file in files)
    assert fits.getheader(cutouts.results / files[0])["HLSPLEAD"] == "Annie Cannon"


def test_trends_of_each_cutout_are_those_of_a_single_job(cutouts, snakemake, tmp_path):
    """Trends are given: a few stars show none. They cost no fit."""
    time = np.arange(1300.0, 1360.0, 1 / 48)
    write_basis_vectors(cutouts.folder / "cbv.fits", time, np.sin(time)[None])
    config = cutouts.config | {"trends": "cbv.fits"}
    done = cutouts.again(config=config)
    assert set(rules_of(done)) == {"trends", "export_light_curves", "plots", "trend_plots", "page_data"}
    assert len(done) == 5 * N_CUTOUT
    regions = [cutouts.region(number) for number in range(N_CUTOUT)]
    assert all((cutouts.results / f"plots/{region}/trends.png").exists() for region in regions)
    assert cutouts.again(config=config) == set()
    single = Cutouts(tmp_path / "single", snakemake)
    single.cutout(0).parent.mkdir(parents=True)
    shutil.copy2(cutouts.cutout(0), single.cutout(0))
    for name in ("stars.csv", "cbv.fits"):
        shutil.copy2(cutouts.folder / name, single.folder)
    result = snakemake(single.folder, config=config | {"files_per_job": 0})
    assert result.returncode == 0, result.stdout
    assert planned_jobs(result.stdout)["trends"] == 1
    expected, found = cutouts.digests(), single.digests()
    of_trends = [name for name in found if name.name.startswith("trends") or name.name.endswith("_lc.fits")]
    assert len(of_trends) > 2
    assert {name: expected[name] for name in of_trends} == {name: found[name] for name in of_trends}


def test_a_changed_star_repeats_the_fit_that_its_light_reaches(cutouts):
    before, stars = cutouts.digests(), pd.read_csv(cutouts.folder / "stars.csv")
    faintest = stars[stars.ID.iloc[0] // 1000 == stars.ID // 1000].Tmag.idxmax()
    stars.loc[faintest, "Tmag"] += 0.01
    stars.to_csv(cutouts.folder / "stars.csv", index=False)
    assert cutouts.planned() == {"batch": 1, "summary": 1, "page": 1}
    done = cutouts.again()
    assert {name.split("/")[1] for name in done} == {cutouts.region(0)}
    assert not {"images", "movement_kernel", "effective_prf"} & set(rules_of(done))
    changed = {name for name, digest in cutouts.digests().items() if before.get(name) != digest}
    assert {name.parts[0] for name in changed} >= {"lightcurves", "photometry"}
    assert not any(
        "_lc.fits" in name.name and f"{stars.ID[faintest] // 1000 * 1000}"[:-3] not in name.name for name in changed
    )


def test_targets_of_one_cutout_repeat_its_export(cutouts):
    stars = pd.read_csv(cutouts.folder / "stars.csv")
    stars[["ID"]].to_csv(cutouts.folder / "targets.csv", index=False)
    config = cutouts.config
    config["observations"][0]["targets"] = "targets.csv"
    cutouts.again(config=config)
    summary = Table.read(cutouts.results / "summary_v01.ecsv")
    mine = summary["starid"][summary["region"] == cutouts.region(2)]
    plans = [stars_file(cutouts.results / "plan", cutouts.region(number)) for number in range(N_CUTOUT) if number != 2]
    known = np.concatenate([read_stars(path).starid for path in plans])
    gone = np.setdiff1d(mine, known)[0]
    stars[["ID"]][gone != stars.ID].to_csv(cutouts.folder / "targets.csv", index=False)
    assert cutouts.planned() == {"batch": 1, "summary": 1, "page": 1}
    done = cutouts.again()
    assert set(rules_of(done)) == {"targets", "export_light_curves", "plots", "page_data"}
    assert {name.split("/")[1] for name in done} == {cutouts.region(2)}


def test_one_that_fails_stops_no_other_and_says_why(cutouts):
    path, region = cutouts.cutout(1), cutouts.region(1)
    good = path.read_bytes()
    # All times are blank: the headers are right, the pixels cannot be used.
    with fits.open(path, mode="update") as hdus:
        hdus[1].data["TIME"][:] = float("nan")
    shutil.rmtree(cutouts.results)
    shutil.rmtree(cutouts.folder / ".snakemake")
    cutouts.again(code=1)
    said = (cutouts.folder / "said").read_text()
    assert "Error: cutouts/cutout00001.fits: " in said
    assert "1 of 2 pixel files of this job failed" in said
    incomplete = (cutouts.results / "summary_v01_incomplete.ecsv").read_text()
    assert "images: cutouts/cutout00001.fits: " in incomplete
    measured = Table.read(cutouts.results / "summary_v01_incomplete.ecsv")
    assert len({row["region"] for row in measured if row["file"]}) == N_CUTOUT - 1
    path.write_bytes(good)
    assert {name.split("/")[1] for name in cutouts.again()} == {region}
    assert not (cutouts.results / "summary_v01_incomplete.ecsv").exists()
    assert cutouts.planned() == {}


def test_what_is_lost_is_made_again(cutouts):
    before = cutouts.digests()
    lost = {
        "images": f"prepared/{cutouts.region(0)}.hdf5",
        "targets": f"prepared/targets_{cutouts.region(1)}.ecsv",
        "movement_kernel": f"prepared/reference_stars_{cutouts.region(2)}.hdf5",
        "effective_prf": f"prepared/unlisted_stars_{cutouts.region(3)}.ecsv",
        "psf_photometry": f"photometry/{cutouts.region(4)}/*.hdf5",
        "plots": f"plots/{cutouts.region(0)}/field.png",
        "page_data": f"report/data/{cutouts.region(2)}/*.js",
    }
    for pattern in lost.values():
        next(cutouts.results.glob(pattern)).unlink()
    curve = sorted(cutouts.results.glob("lightcurves/**/*_lc.fits"))[0]
    curve.write_bytes(b"")
    assert cutouts.planned() == {"batch": 3, "summary": 1, "page": 1}
    assert rules_of(cutouts.again()) == sorted([*lost, "export_light_curves"])
    assert cutouts.digests() == before
    assert cutouts.planned() == {}


def test_touched_files_and_a_deleted_plan_run_nothing(cutouts):
    for path in (cutouts.folder / "cutouts").iterdir():
        os.utime(path)
    shutil.rmtree(cutouts.results / "plan")
    assert cutouts.planned() == {}


def test_overlapping_cutouts_of_two_batches(snakemake, tmp_path):
    make_cutouts(tmp_path, 3)
    # The second has the pixels of the first but for a few columns.
    content = (tmp_path / "cutouts/cutout00000.fits").read_bytes()
    (tmp_path / "cutouts/cutout00001.fits").write_bytes(content.replace(b"%20d" % 50, b"%20d" % 54))
    config = yaml.safe_load((tmp_path / "my.yaml").read_text()) | {"files_per_job": 1, "plots": False, "report": False}
    both = Cutouts(tmp_path, snakemake)
    result = snakemake(tmp_path, config=config)
    assert result.returncode == 0, result.stdout
    assert planned_jobs(result.stdout)["batch_cubes"] == 2
    assert both.planned() == {}
    batched = both.digests()
    shutil.rmtree(both.results)
    shutil.rmtree(tmp_path / ".snakemake")
    result = snakemake(tmp_path, config=config | {"files_per_job": 0})
    assert result.returncode == 0, result.stdout
    assert both.digests() == batched


def test_verify_and_prune_know_batches(cutouts):
    result = cutouts.run(cutouts.folder, "verify")
    assert result.returncode == 0, result.stdout
    assert re.search(r"\d+ light curves and \d+ other products are what was written", result.stdout)
    assert "0 stale light curve files deleted" in cutouts.run(cutouts.folder, "prune").stdout
