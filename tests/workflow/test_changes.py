"""One changed target costs one target: which jobs run and which files change when tables, frames or PRFs do."""

import hashlib
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from astropy.table import Table
from basis_vectors import write_basis_vectors
from running import Run, config_of, planned_jobs

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

#: Rules that follow any change of light curves.
AT_THE_END = {"plots": 1, "page_data": 1, "page": 1, "summary": 1}
#: A target whose light reaches the first tile alone.
IN_FIRST = 900000001


@dataclass(frozen=True)
class Copy:
    """A finished run of a field of 24x24 pixels in four tiles; tests change its tables."""

    folder: Path
    run: Run

    @property
    def results(self) -> Path:
        return self.folder / "results"

    @property
    def stars(self) -> pd.DataFrame:
        return pd.read_csv(self.folder / "stars.csv")

    @property
    def summary(self) -> Table:
        return Table.read(self.results / "summary_v01.ecsv")

    def write_stars(self, table: pd.DataFrame) -> None:
        table.to_csv(self.folder / "stars.csv", index=False)

    def write_targets(self, starids: list[int]) -> None:
        (self.folder / "targets.csv").write_text("starid\n" + "".join(f"{starid}\n" for starid in starids))

    def planned(self, *arguments: str, config: dict | None = None) -> dict[str, int]:
        """Numbers of jobs by rule of a dry run."""
        result = self.run(self.folder, "--dry-run", *arguments, config=config)
        assert result.returncode == 0, result.stdout
        jobs = planned_jobs(result.stdout)
        return {rule: count for rule, count in jobs.items() if rule not in ("all", "total")}

    def again(self, *arguments: str) -> dict[str, int]:
        """Run and return the jobs that ran, by rule; afterwards there is nothing more to do."""
        result = self.run(self.folder, *arguments)
        assert result.returncode == 0, result.stdout
        if not arguments:
            assert self.planned() == {}
        return {rule: n for rule, n in planned_jobs(result.stdout).items() if rule not in ("all", "total")}

    def light_curves(self) -> dict[int, tuple[str, int]]:
        """Digests and modification times of all light curve files, by TIC number."""
        files = sorted(self.results.glob("lightcurves/**/*_lc.fits"))
        return {int(path.name[4:15]): (sha256(path), path.stat().st_mtime_ns) for path in files}

    def tile_of(self, starid: int) -> str:
        summary = self.summary
        return str(summary["tile"][summary["starid"] == starid][0])


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def base(snakemake: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run; 40 of its stars are asked for."""
    from photometry.prf.model import model_prf
    from photometry.simulate import SceneSettings, simulate_scene
    from photometry.simulate.scene_files import write_pixels, write_star_table

    folder = tmp_path_factory.mktemp("base")
    settings = SceneSettings(seed=5, n_row=24, n_column=72, n_cadence=24, n_pairs=2, faintest_tmag=16.0)
    scene = simulate_scene(settings, model_prf())
    write_pixels(scene, folder / "pixels.fits")
    write_star_table(scene, folder / "stars.csv")
    copy = Copy(folder, snakemake)
    copy.write_stars(pd.read_csv(folder / "stars.csv", comment="#"))
    copy.write_targets(copy.stars.sort_values("Tmag").ID.tolist()[:40])
    config = config_of(Path(), targets="targets.csv") | {"fit": {"tile_size": 24, "tile_margin": 7}}
    result = snakemake(folder, config=config)
    assert result.returncode == 0, result.stdout
    assert len(copy.light_curves()) > 8
    return folder


@pytest.fixture
def copy(base: Path, snakemake: Run, tmp_path: Path) -> Copy:
    return Copy(Path(shutil.copytree(base, tmp_path / "copy")), snakemake)


def run_of(export: int = 0, fit: int = 0, targets: int = 1, catalog: int = 0) -> dict[str, int]:
    """Jobs by rule of a change that reaches some tiles."""
    jobs = {"catalog": catalog, "targets": targets, "psf_photometry": fit, "export_light_curves": export} | AT_THE_END
    return {rule: jobs[rule] for rule in sorted(jobs) if jobs[rule]}


def test_a_touched_or_rewritten_star_table_runs_nothing(copy):
    os.utime(copy.folder / "stars.csv")
    os.utime(copy.folder / "targets.csv")
    assert copy.planned() == {}
    copy.stars.iloc[::-1].rename(columns={"ID": "TIC"}).to_csv(copy.folder / "stars.csv", sep=";", index=False)
    assert copy.planned() == {}


def test_a_star_far_away_runs_nothing(copy):
    stars = copy.stars
    copy.write_stars(pd.concat([stars, stars.iloc[[0]].assign(ID=5, dec=10.0)]))
    assert copy.planned() == {}


def test_a_removed_target_costs_one_export_and_its_file_stays_until_it_is_pruned(copy):
    before, names = copy.light_curves(), copy.summary["file"]
    gone = str(names[copy.summary["starid"] == IN_FIRST][0])
    copy.write_targets([starid for starid in copy.summary["starid"] if starid != IN_FIRST])
    assert copy.again() == run_of(export=1)
    assert copy.light_curves() == before
    summary = copy.summary
    row = summary[summary["starid"] == IN_FIRST][0]
    assert (row["status"], row["stale"]) == ("SKIPPED", gone)
    assert not row["file"]
    assert "prune" in row["reason"]
    assert summary.meta["n_target"] == len(summary) - 1

    result = copy.run(copy.folder, "prune")
    assert result.returncode == 0, result.stdout
    assert f"deleted results/{gone}" in result.stdout
    assert "1 stale light curve file deleted" in result.stdout
    assert copy.light_curves() == {starid: curve for starid, curve in before.items() if starid != IN_FIRST}
    assert IN_FIRST not in copy.summary["starid"]
    # It shows the rows of the summary.
    assert copy.again() == {"page": 1}


def test_an_added_target_costs_one_export(copy):
    before = copy.light_curves()
    asked = set(copy.summary["starid"].tolist())
    stars = copy.stars
    first = stars[stars.ID == IN_FIRST].iloc[0]
    near = stars[~stars.ID.isin(asked) & (stars.Tmag < 14)]
    away = np.hypot((near.ra - first.ra) * np.cos(np.deg2rad(first.dec)), near.dec - first.dec)
    added = int(near.ID[away.idxmin()])
    copy.write_targets([*asked, added])
    assert copy.again() == run_of(export=1)
    after = copy.light_curves()
    assert set(after) == set(before) | {added}
    assert {starid: after[starid] for starid in before} == before


@pytest.mark.parametrize(
    ("starid", "tiles"), [(900000001, {"row0512_col1244"}), (900000011, {"row0512_col1268", "row0512_col1292"})]
)
def test_a_changed_star_costs_the_fits_that_its_light_reaches(copy, starid, tiles):
    before, stars = copy.light_curves(), copy.stars
    elsewhere = [star for star in before if copy.tile_of(star) not in tiles]
    copy.write_stars(stars.assign(Tmag=stars.Tmag + 0.01 * (starid == stars.ID)))
    assert copy.again() == run_of(fit=len(tiles), export=len(tiles), catalog=1)
    after = copy.light_curves()
    assert {star: after[star] for star in elsewhere} == {star: before[star] for star in elsewhere}
    assert after[starid] != before[starid]


def test_a_temperature_changes_no_fit(copy):
    copy.write_stars(copy.stars.assign(Teff=np.where(copy.stars.ID == 900000001, 4321.0, copy.stars.Teff)))
    assert copy.planned() == run_of(export=1, catalog=1)


def test_motion_and_prf_are_derived_anew_when_many_stars_change_or_their_reference_is_deleted(copy):
    stars = copy.stars
    copy.write_stars(stars.assign(Tmag=stars.Tmag + 0.01))
    assert copy.planned()["movement_kernel"] == copy.planned()["effective_prf"] == 1
    copy.write_stars(stars.assign(Tmag=stars.Tmag + 0.01 * (stars.ID == 900000001)))
    assert "movement_kernel" not in copy.planned()
    next((copy.results / "prepared").glob("reference_stars_*.hdf5")).unlink()
    assert copy.planned()["movement_kernel"] == copy.planned()["effective_prf"] == 1


def test_a_limit_that_makes_no_star_a_target_costs_no_export(copy):
    settings = yaml.safe_load((copy.folder / "my.yaml").read_text())
    settings["observations"][0]["tmag_limit"] = 14.001
    assert copy.planned(config=settings) == {"targets": 1, "summary": 1, "page": 1}


def test_given_trends_cost_exports_and_stay_when_a_star_changes(copy):
    """A star of the first tile: its fit runs, what the stars share is looked at, files of other tiles stay."""
    time = np.arange(1300.0, 1360.0, 1 / 48)
    write_basis_vectors(copy.folder / "cbv.fits", time, np.sin(time)[None])
    settings = yaml.safe_load((copy.folder / "my.yaml").read_text()) | {"trends": "cbv.fits"}
    (copy.folder / "my.yaml").write_text(yaml.safe_dump(settings))
    assert copy.again() == {"trends": 1, "export_light_curves": 3, "trend_plots": 1} | AT_THE_END
    assert set(copy.summary["n_trend"]) <= {0, 1}
    assert (copy.summary["n_trend"] == 1).any()
    before, stars = copy.light_curves(), copy.stars
    copy.write_stars(stars.assign(Tmag=stars.Tmag + 0.01 * (stars.ID == IN_FIRST)))
    assert copy.again() == run_of(fit=1, export=3, catalog=1) | {"trends": 1, "trend_plots": 1}
    after, tile = copy.light_curves(), copy.tile_of(IN_FIRST)
    elsewhere = [star for star in before if copy.tile_of(star) != tile]
    assert {star: after[star] for star in elsewhere} == {star: before[star] for star in elsewhere}
    assert after[IN_FIRST] != before[IN_FIRST]


def test_two_versions_live_side_by_side_and_prune_minds_its_own(copy):
    first = copy.light_curves()
    settings = yaml.safe_load((copy.folder / "my.yaml").read_text()) | {"version": 2}
    (copy.folder / "my.yaml").write_text(yaml.safe_dump(settings))
    assert copy.again() == {"export_light_curves": 3} | AT_THE_END
    assert {path.name for path in copy.results.glob("summary*")} == {"summary_v01.ecsv", "summary_v02.ecsv"}
    second = sorted(copy.results.glob("lightcurves/**/*-v02_lc.fits"))
    assert len(second) == len(first)
    copy.write_targets([starid for starid in copy.summary["starid"] if starid != IN_FIRST])
    assert "1 stale light curve file deleted" in copy.run(copy.folder, "prune").stdout
    left = {path.name for path in copy.results.glob("lightcurves/**/*_lc.fits")}
    assert len(left) == 2 * len(first) - 1
    assert any(f"{IN_FIRST:011d}" in name and "-v01_" in name for name in left)


def test_a_collection_costs_exports_alone_and_its_names_are_followed_everywhere(copy):
    ours = {path.name for path in copy.results.glob("lightcurves/**/*_lc.fits")}
    settings = yaml.safe_load((copy.folder / "my.yaml").read_text())
    settings["hlsp"] = {"id": "abc", "name": "All stars of a field", "lead": "Annie Cannon", "file_names": True}
    (copy.folder / "my.yaml").write_text(yaml.safe_dump(settings))
    assert copy.again() == {"export_light_curves": 3} | AT_THE_END
    summary = copy.summary.filled("")
    named = {str(file) for file in summary["file"] if file}
    assert len(named) == len(ours)
    assert all(
        re.fullmatch(r"lightcurves/c1800/00900/hlsp_abc_tess_ffi_tic\d{11}-.*_tess_v01_lc\.fits", file)
        for file in named
    )
    assert {Path(file).name for file in summary["stale"] if file} == ours
    assert (summary.meta["n_stale"], summary.meta["SIMULATD"]) == (len(ours), True)
    assert f"{len(ours)} stale light curve files deleted" in copy.run(copy.folder, "prune").stdout
    assert {path.name for path in copy.results.glob("lightcurves/**/*_lc.fits")} == {Path(file).name for file in named}
    assert f"{len(ours)} light curves and" in copy.run(copy.folder, "verify").stdout
    (copy.results / min(named)).unlink()
    assert copy.planned()["export_light_curves"] == 1


def test_a_damaged_or_deleted_plan_is_made_again(copy):
    for path in (copy.results / "plan").iterdir():
        path.write_bytes(path.read_bytes()[:100])
    assert copy.planned() == {}
    shutil.rmtree(copy.results / "plan")
    assert copy.planned() == {}
    assert {path.suffix for path in (copy.results / "plan").iterdir()} == {".hdf5", ".json"}
