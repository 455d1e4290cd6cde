"""Several CCDs: a change of one does not reach the others. Jobs write a line in place of their products."""

import os
import re
import shutil
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from running import ROOT, Run

from photometry.io.stars.star_files import reference_stars
from photometry.prf.model import model_prf
from photometry.simulate.truth_tables import write_prf_folder

sys.path.append(str(ROOT))
from benchmarks.scale_plan import copy_workflow, make_sector, settings_of

pytestmark = pytest.mark.workflow

FIRST, SECOND = "sector023_camera1_ccd1", "sector023_camera1_ccd2"
#: Jobs of a CCD in four tiles after its frames or its PRF have changed.
AFTER_PRF = {"movement_kernel": 1, "effective_prf": 1, "psf_photometry": 4, "export_light_curves": 4}
AFTER_PRF |= {"plots": 1, "page_data": 1}
AFTER_FRAMES = AFTER_PRF | {"frames": 1, "ccd_light": 1, "ccd_backgrounds": 1, "ccd_smooth": 1, "ccd_pixels": 1}
AFTER_FRAMES |= {"ccd_images": 1, "catalog": 1, "targets": 1}


@pytest.fixture(scope="module")
def done(snakemake: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a run of two CCDs, observations in a table, stars and targets of both in one table each."""
    folder = tmp_path_factory.mktemp("sector")
    copy_workflow(folder)
    make_sector(folder, n_ccd=2, n_frame=5, n_star=2000, tables="shared")
    settings = yaml.safe_load((folder / "my.yaml").read_text())
    for number, observation in enumerate(settings["observations"]):
        ccd = settings_of(number)
        write_prf_folder(model_prf(), folder / f"prf{number}", ccd.sector, ccd.camera, ccd.ccd)
        observation["prf"] = f"prf{number}"
    pd.DataFrame(settings["observations"]).to_csv(folder / "observations.csv", index=False)
    config = {"output": "results", "observations": "observations.csv", "fit": {"tile_size": 1024}}
    result = snakemake(folder, "--quiet", "all", config=config, root=folder / "workflow")
    assert result.returncode == 0, result.stdout
    for name in (FIRST, SECOND):
        reference = folder / f"results/prepared/reference_stars_{name}.hdf5"
        reference_stars(folder / f"results/plan/stars_{name}.hdf5", reference)
    return folder


@pytest.fixture
def sector(done: Path, tmp_path: Path) -> Path:
    folder = Path(shutil.copytree(done, tmp_path / "copy", ignore=shutil.ignore_patterns("ccd?")))
    for name in ("ccd0", "ccd1"):
        (folder / name).mkdir()
        for path in (done / name).iterdir():
            (folder / name / path.name).symlink_to(path)
    return folder


def planned(snakemake: Run, folder: Path) -> dict[str, dict[str, int]]:
    """Numbers of jobs by rule, for each region (empty for those of all) of a dry run."""
    result = snakemake(folder, "--dry-run", root=folder / "workflow")
    assert result.returncode == 0, result.stdout
    jobs: dict[str, dict[str, int]] = {}
    parts = re.split(r"^ *(?:local)?rule (\w+):$", result.stdout, flags=re.MULTILINE)
    for rule, details in zip(parts[1::2], parts[2::2], strict=True):
        region = re.search(r"wildcards: region=(\w+)", details)
        if rule != "all":
            of_region = jobs.setdefault(region[1] if region else "", {})
            of_region[rule] = of_region.get(rule, 0) + 1
    return jobs


def test_nothing_to_do(snakemake, sector):
    assert planned(snakemake, sector) == {}


def test_new_frames_reach_their_ccd_alone(snakemake, sector):
    last = max((sector / "ccd0").iterdir())
    new = last.with_name(re.sub(r"tess\d+", lambda name: f"tess{int(name[0][4:]) + 10000}", last.name))
    new.symlink_to(os.readlink(last))
    assert planned(snakemake, sector) == {FIRST: AFTER_FRAMES, "": {"summary": 1, "page": 1}}


def test_another_prf_reaches_its_ccd_alone(snakemake, sector):
    path = sorted((sector / "prf1").rglob("*.fits"))[3]
    path.write_bytes(path.read_bytes() + bytes(2880))
    assert planned(snakemake, sector) == {SECOND: AFTER_PRF, "": {"summary": 1, "page": 1}}


def test_a_star_of_the_common_table_reaches_its_tile_alone(snakemake, sector):
    table = pd.read_csv(sector / "stars_all.csv")
    mine = settings_of(1).seed * 10_000_000 <= table.ID
    table.loc[mine.idxmax(), "Tmag"] += 0.01
    table.to_csv(sector / "stars_all.csv", index=False)
    jobs = planned(snakemake, sector)
    assert set(jobs) == {SECOND, ""}
    assert jobs[SECOND]["psf_photometry"] in (1, 2)
    assert set(jobs[SECOND]) == {"catalog", "targets", "psf_photometry", "export_light_curves", "plots", "page_data"}


def test_a_target_of_the_common_table_reaches_one_export(snakemake, sector):
    targets = pd.read_csv(sector / "targets.csv")
    targets.iloc[:-1].to_csv(sector / "targets.csv", index=False)
    assert planned(snakemake, sector) == {
        SECOND: {"targets": 1, "export_light_curves": 1, "plots": 1, "page_data": 1},
        "": {"summary": 1, "page": 1},
    }
