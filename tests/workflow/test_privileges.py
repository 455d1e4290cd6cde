"""Users without privileges: a read-only installation, a folder of another user's, files that cannot be written."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from running import ROOT, config_of, copy_workflow, product_digests, snakemake_command, snakemake_environment

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

#: Takes what root has beside the rights of a file's owner.
WITHOUT_PRIVILEGES = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")


def run(folder: Path, *arguments: str, config: dict | None = None, root: Path = ROOT) -> subprocess.CompletedProcess:
    """Run Snakemake as a user who may write what its owner may, and no more."""
    if os.geteuid() == 0 and not shutil.which("setpriv"):
        pytest.skip("root may write everything here: setpriv is not installed")
    start = WITHOUT_PRIVILEGES if os.geteuid() == 0 else ()
    return subprocess.run(
        [*start, *snakemake_command(folder, config, root), *arguments],
        cwd=folder,
        env=snakemake_environment(root),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def forbid(folder: Path) -> None:
    """Take away the right to write a folder and all in it."""
    for path in [folder, *folder.rglob("*")]:
        path.chmod(path.stat().st_mode & ~0o222)


def allow(folder: Path) -> None:
    for path in [folder, *folder.rglob("*")]:
        path.chmod(path.stat().st_mode | 0o200)


def settings(field: Path) -> dict:
    return config_of(field, tmag_limit=11.0) | {"plots": False, "report": False, "files_per_job": 1}


@pytest.fixture(scope="module")
def done(field: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a run by an installation that nobody may write to."""
    folder = tmp_path_factory.mktemp("run")
    installation = copy_workflow(tmp_path_factory.mktemp("installed") / "workflow")
    before = {path: path.read_bytes() for path in installation.rglob("*") if path.is_file()}
    forbid(installation)
    result = run(folder, config=settings(field), root=installation)
    assert result.returncode == 0, result.stdout
    assert {path: path.read_bytes() for path in installation.rglob("*") if path.is_file()} == before
    allow(installation)
    return folder


@pytest.fixture
def folder(done: Path, tmp_path: Path) -> Iterator[Path]:
    copy = Path(shutil.copytree(done, tmp_path / "copy"))
    yield copy
    allow(copy)


@pytest.mark.parametrize("name", ["prepared", "logs", "."])
def test_a_folder_of_another_user_is_told_before_the_first_job(folder, field, name):
    before = product_digests(folder / "results")
    forbid(folder / "results" / name)
    result = run(folder, config=settings(field) | {"version": 2})
    assert result.returncode == 1
    place = str(Path("results", name))
    assert f"output: results cannot be written ({place}: Permission denied); choose another folder" in result.stdout
    assert "Job stats" not in result.stdout
    assert "Traceback" not in result.stdout
    assert product_digests(folder / "results") == before


def test_files_that_were_protected_are_named_and_stay(folder, field):
    before = product_digests(folder / "results")
    protected = [path for path in (folder / "results/prepared").rglob("*") if path.is_file()]
    for path in protected:
        path.chmod(0o444)
    result = run(folder, config=settings(field) | {"version": 2})
    assert result.returncode == 1
    assert "Write-protected output files for rule batch" in result.stdout
    assert "results/prepared/batches/batch_0000.json" in result.stdout
    assert product_digests(folder / "results") == before
    for path in protected:
        path.chmod(0o644)
    result = run(folder, config=settings(field) | {"version": 2})
    assert result.returncode == 0, result.stdout
    assert (folder / "results/summary_v02.ecsv").is_file()


def test_another_user_reads_what_was_prepared(folder):
    allow(folder)
    names = {path.name for path in (folder / "results/prepared").iterdir()}
    forbid(folder / "results")
    code = (
        "from pathlib import Path; from photometry.io.products.cube_files import read_cube; "
        "print(read_cube(next(Path('results/prepared').glob('tesscut*.hdf5'))).n_cadence)"
    )
    start = WITHOUT_PRIVILEGES if os.geteuid() == 0 and shutil.which("setpriv") else ()
    command = [*start, snakemake_command(folder)[0], "-c", code]
    said = subprocess.run(command, cwd=folder, env=snakemake_environment(), capture_output=True, text=True, check=True)
    assert said.stdout == "40\n"
    assert {path.name for path in (folder / "results/prepared").iterdir()} == names
