"""The package as `pip install` of its wheel leaves it, without a clone: everything is there, and the demo runs."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest
import yaml
from running import ROOT, copy_workflow, product_digests, snakemake_command, snakemake_environment

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

#: Folders and files of the workflow, in the repository and in the wheel.
PARTS = ("Snakefile", "config.yaml", "demo", "envs", "profiles", "rules", "scripts")
#: A demo of one small field.
SCENE = {"seed": 3, "n_row": 15, "n_column": 15, "n_cadence": 30, "n_pairs": 1}
SIMULATE = {"output": "demo/results", "simulate": {"folder": "demo/data", "scenes": {"field": SCENE}}}
MEASURE = {
    "output": "demo/results",
    "observations": [
        {
            "datasource": "tesscut",
            "input": "demo/data/field",
            "catalog": "demo/data/field/stars.csv",
            "prf": "model",
            "tmag_limit": 12,
        }
    ],
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this repository."""
    pytest.importorskip("hatchling", reason="hatchling is not installed: pip install '.[dev]'")
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], cwd=ROOT, check=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel; what it needs comes from the environment of the tests, without its clone."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(folder)
    pip = [sys.executable, "-m", "pip", "--python", folder / "bin/python"]
    subprocess.run([*pip, "install", "--quiet", "--no-deps", "--no-index", wheel], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    # Paths of a .pth file are added without those that a .pth there names, as an editable installation does.
    (packages / "tests.pth").write_text(f"{sysconfig.get_paths()['purelib']}\n")
    return folder


def without_clone() -> dict[str, str]:
    """An environment in which nothing names the repository."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for part in PARTS
        for path in ([folder / part] if (folder / part).is_file() else sorted((folder / part).rglob("*")))
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_has_the_workflow_and_nothing_that_git_ignores(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as file:
        file.extractall(tmp_path)
    tracked = subprocess.run(
        ["git", "ls-files", *PARTS, "photometry"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    names = tracked.stdout.split()
    assert contents(tmp_path / "photometry/workflow_files") == {
        name: (ROOT / name).read_bytes() for name in names if not name.startswith("photometry/")
    }
    package = {path.relative_to(tmp_path).as_posix() for path in (tmp_path / "photometry").rglob("*") if path.is_file()}
    assert {name for name in package if "/workflow_files/" not in name} == {
        name for name in names if name.startswith("photometry/")
    }


def test_the_demo_of_an_installed_package_is_that_of_a_clone(installed, tmp_path):
    """In a folder with nothing in it; the installation stays as it is, and a clone has nothing left to do."""
    folder = tmp_path / "empty"
    (folder / "demo").mkdir(parents=True)
    (folder / "demo/simulate.yaml").write_text(yaml.safe_dump(SIMULATE))
    (folder / "demo/config.yaml").write_text(yaml.safe_dump(MEASURE))
    (packages,) = installed.glob("lib/python*/site-packages/photometry")
    before = {path: path.read_bytes() for path in packages.rglob("*") if path.is_file()}
    result = subprocess.run(
        [installed / "bin/tess-psf", "demo", "--cores", "2"],
        cwd=folder,
        env=without_clone(),
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    name, page, *_ = result.stdout.splitlines()[-1].split()
    assert name == "Page"
    assert (folder / page).read_text().startswith("<!doctype html>")
    assert {path: path.read_bytes() for path in packages.rglob("*") if path.is_file()} == before

    clone = copy_workflow(tmp_path / "clone")
    shutil.copy(folder / "demo/config.yaml", folder / "my.yaml")
    planned = subprocess.run(
        [*snakemake_command(folder, root=clone), "--dry-run"],
        cwd=folder,
        env=snakemake_environment(clone),
        capture_output=True,
        text=True,
    )
    assert "Nothing to be done" in planned.stdout + planned.stderr
    made = product_digests(folder / "demo/results")
    shutil.rmtree(folder / "demo/results")
    again = subprocess.run(snakemake_command(folder, root=clone), cwd=folder, env=snakemake_environment(clone))
    assert again.returncode == 0
    assert {path: digest for path, digest in made.items() if path.name != "report.html"} == product_digests(
        folder / "demo/results"
    )
