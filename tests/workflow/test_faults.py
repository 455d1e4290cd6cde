"""Killed workers, a killed Snakemake, a killed machine, a full disk, a read-only folder, a corrupt input among others.

After the same command again (after a kill of Snakemake with --unlock before) the products have the bytes of a run that
nothing disturbed.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from astropy.table import Table
from running import Run, product_digests, snakemake_command, snakemake_environment

from photometry.core.datasources import region_title

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

CONFIG = {
    "output": "results",
    "plots": False,
    "report": False,
    "observations": [
        {"datasource": "tpf", "input": f"{name}.fits", "catalog": f"{name}.csv", "prf": "model"}
        for name in ("one", "two")
    ],
}
_PATIENCE_S = 240.0
#: What each step of the chain makes in the output folder, in their order.
STEPS = {
    "movement_kernel": ("prepared/movement_tpf_*", "prepared/reference_stars_*"),
    "effective_prf": ("prepared/prf_*", "prepared/movement_refined_*", "prepared/unlisted_stars_*"),
    "psf_photometry": ("photometry",),
    "export_light_curves": ("lightcurves", "summary_*"),
}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with two small target pixel files and their star tables."""
    from photometry.prf.model import model_prf
    from photometry.simulate import SceneSettings, simulate_scene
    from photometry.simulate.scene_files import write_pixels, write_star_table

    folder = tmp_path_factory.mktemp("inputs")
    for number, name in enumerate(("one", "two"), 1):
        settings = SceneSettings(
            seed=number, sector=number, cadence_s=120, n_row=11, n_column=11, n_cadence=40, n_pairs=0
        )
        scene = simulate_scene(settings, model_prf())
        write_pixels(scene, folder / f"{name}.fits")
        write_star_table(scene, folder / f"{name}.csv")
    return folder


@pytest.fixture(scope="module")
def whole(inputs: Path, snakemake: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a run that nothing disturbs."""
    folder = Path(shutil.copytree(inputs, tmp_path_factory.mktemp("undisturbed") / "run"))
    result = snakemake(folder, config=CONFIG)
    assert result.returncode == 0, result.stdout
    return folder


@pytest.fixture(scope="module")
def undisturbed(whole: Path) -> dict[Path, str]:
    """Digests of the products of a run that nothing disturbs."""
    return product_digests(whole / "results")


@pytest.fixture
def folder(inputs: Path, tmp_path: Path) -> Path:
    """A working directory with inputs of its own."""
    return Path(shutil.copytree(inputs, tmp_path / "run"))


@pytest.fixture
def ready_for(whole: Path, tmp_path: Path) -> Callable[[str], Path]:
    """Make a working directory whose run comes to a step next: a copy of the undisturbed one without what follows."""

    def ready(step: str) -> Path:
        folder = Path(shutil.copytree(whole, tmp_path / "ready"))
        names = list(STEPS)
        for pattern in (pattern for name in names[names.index(step) :] for pattern in STEPS[name]):
            for path in (folder / "results").glob(pattern):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        return folder

    return ready


def started(folder: Path, config: dict = CONFIG) -> subprocess.Popen:
    """Start Snakemake in a process group of its own."""
    with open(folder / "said", "w") as said:
        return subprocess.Popen(
            snakemake_command(folder, config),
            cwd=folder,
            env=snakemake_environment(),
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def worker_of(folder: Path, rule: str) -> int:
    """Wait until the script of a rule is at work in a folder; return its process number."""
    end = time.monotonic() + _PATIENCE_S
    while time.monotonic() < end:
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and _is_worker(entry, folder, rule):
                return int(entry.name)
        time.sleep(0.02)
    raise AssertionError(f"no job {rule} has started: {(folder / 'said').read_text()}")


def _is_worker(process: Path, folder: Path, rule: str) -> bool:
    try:
        command = (process / "cmdline").read_bytes().decode().split("\0")
        return any(word.endswith(f".{rule}.py") for word in command) and (process / "cwd").resolve() == folder
    except OSError:  # it has ended
        return False


def gone(process: int) -> None:
    """Wait until a process that is no child of ours has ended."""
    end = time.monotonic() + _PATIENCE_S
    while Path(f"/proc/{process}").exists():
        assert time.monotonic() < end
        time.sleep(0.1)


def assert_repaired(snakemake: Run, folder: Path, undisturbed: dict[Path, str]) -> None:
    """Run again; the products are those of the undisturbed run."""
    result = snakemake(folder, config=CONFIG)
    assert result.returncode == 0, result.stdout
    assert product_digests(folder / "results") == undisturbed


@pytest.mark.parametrize("rule", ["effective_prf", "export_light_curves"])
def test_killed_worker(ready_for, snakemake, undisturbed, rule):
    folder = ready_for(rule)
    run = started(folder)
    os.kill(worker_of(folder, rule), signal.SIGKILL)
    assert run.wait(_PATIENCE_S) == 1
    done = product_digests(folder / "results")
    summary = Path("summary_v01_incomplete.ecsv")
    assert {name: done[name] for name in done if name != summary} == {
        name: undisturbed[name] for name in done if name != summary
    }
    rows = Table.read(folder / "results" / summary)
    lost = rows[rows["status"] == "ERROR"]
    assert set(lost["reason"]) == {"was not made: a job was killed or did not run; run again"}
    assert len(set(lost["region"])) == 1
    assert "Missing: TIC " in (folder / "said").read_text()
    assert_repaired(snakemake, folder, undisturbed)


def test_killed_batch(folder, snakemake, undisturbed):
    config = CONFIG | {"files_per_job": 2}
    run = started(folder, config)
    worker = worker_of(folder, "batch")
    end = time.monotonic() + _PATIENCE_S
    while not list(folder.glob("results/prepared/movement_tpf_*")):
        assert time.monotonic() < end
        time.sleep(0.02)
    os.kill(worker, signal.SIGKILL)
    assert run.wait(_PATIENCE_S) == 1
    assert (folder / "results/logs/batch/0000.at").read_text().startswith("tpf_sector001")
    result = snakemake(folder, config=config)
    assert result.returncode == 0, result.stdout
    assert product_digests(folder / "results") == undisturbed
    assert not (folder / "results/logs/batch/0000.at").exists()


def test_killed_snakemake(ready_for, snakemake, undisturbed):
    folder = ready_for("movement_kernel")
    run = started(folder)
    worker = worker_of(folder, "movement_kernel")
    run.kill()
    run.wait()
    gone(worker)
    assert "--unlock" in snakemake(folder, config=CONFIG).stdout
    assert snakemake(folder, "--unlock", config=CONFIG).returncode == 0
    assert_repaired(snakemake, folder, undisturbed)


def test_killed_machine_leaves_nothing_that_is_taken_for_whole(folder, snakemake, undisturbed):
    run = started(folder)
    worker = worker_of(folder, "psf_photometry")
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    gone(worker)
    for path in list((folder / "results").rglob("*.hdf5")):
        left = path.with_name(f".{path.name}.abcdefgh{path.suffix}")
        left.write_bytes(path.read_bytes()[:1000])
    assert snakemake(folder, "--unlock", config=CONFIG).returncode == 0
    assert_repaired(snakemake, folder, undisturbed)


def test_one_corrupt_input_among_others(folder, snakemake, undisturbed):
    content = (folder / "one.fits").read_bytes()
    spoilt = bytearray(content)
    spoilt[len(content) // 2] ^= 1
    (folder / "one.fits").write_bytes(spoilt)
    result = snakemake(folder, config=CONFIG)
    assert result.returncode == 1
    results = folder / "results"
    assert not (results / "summary_v01.ecsv").exists()
    assert sum("-s002-" in path.name for path in results.rglob("*_lc.fits")) > 0
    summary = Table.read(results / "summary_v01_incomplete.ecsv")
    (lost,) = summary[summary["sector"] == 1]
    assert (lost["starid"], lost["status"]) == (0, "ERROR")
    assert lost["reason"].startswith("images: one.fits: the data of HDU PIXELS disagree with the checksum")
    assert set(summary["status"][summary["sector"] == 2]) <= {"OK", "WARNING", "SKIPPED"}
    assert f"Missing: {region_title(lost['region'])}: images: one.fits: " in result.stdout
    (folder / "one.fits").write_bytes(content)
    assert_repaired(snakemake, folder, undisturbed)
    assert "Nothing to be done" in snakemake(folder, config=CONFIG).stdout


def test_a_truncated_file_in_a_folder_of_others(inputs, snakemake, tmp_path):
    for name in ("one", "two"):
        (tmp_path / "pixels").mkdir(exist_ok=True)
        shutil.copy(inputs / f"{name}.fits", tmp_path / "pixels")
    content = (inputs / "one.fits").read_bytes()
    (tmp_path / "pixels/one.fits").write_bytes(content[: len(content) // 2])
    observation = {"datasource": "tpf", "input": "pixels", "catalog": str(inputs / "two.csv"), "prf": "model"}
    config = {"output": "results", "observations": [observation]}
    result = snakemake(tmp_path, config=config)
    assert result.returncode == 1
    assert result.stdout.count("Error: pixels/one.fits: is truncated") == 1
    summary = Table.read(tmp_path / "results/summary_v01.ecsv")
    (lost,) = summary[summary["starid"] == 0]
    assert (lost["region"], lost["status"]) == ("one.fits", "ERROR")
    assert lost["reason"].startswith("is truncated")
    assert "OK" in summary["status"]
    assert not (tmp_path / "results/summary_v01_incomplete.ecsv").exists()
    (tmp_path / "pixels/one.fits").unlink()
    assert snakemake(tmp_path, config=config).returncode == 0
    assert 0 not in Table.read(tmp_path / "results/summary_v01.ecsv")["starid"]


def mounted(folder: Path, options: str, *more: str) -> None:
    """Mount a small file system in memory."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, *more, "tmpfs", str(folder)], check=True)


@pytest.fixture
def mount() -> Iterator[Callable[[Path, str], None]]:
    """Mount small file systems; they are unmounted at the end."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small file system")
    done: list[Path] = []

    def one(folder: Path, options: str) -> None:
        try:
            mounted(folder, options)
        except subprocess.CalledProcessError:
            pytest.skip("no file system can be mounted here")
        done.append(folder)

    yield one
    for folder in done:
        subprocess.run(["umount", str(folder)], check=False)


def test_full_disk(folder, snakemake, undisturbed, mount):
    results = folder / "results"
    mount(results, "size=400k")
    result = snakemake(folder, config=CONFIG)
    assert result.returncode == 1
    told = [line for line in result.stdout.splitlines() if line.startswith("Error: ") or "No space left" in line]
    assert told, result.stdout
    subprocess.run(["mount", "-o", "remount,size=200m", str(results)], check=True)
    assert_repaired(snakemake, folder, undisturbed)


def test_read_only_output(folder, snakemake, undisturbed, mount):
    mount(folder / "results", "ro")
    result = snakemake(folder, config=CONFIG)
    assert result.returncode == 1
    assert "output: results cannot be written (results: Read-only file system); choose another folder" in result.stdout
    assert "Job stats" not in result.stdout
    subprocess.run(["mount", "-o", "remount,rw", str(folder / "results")], check=True)
    assert_repaired(snakemake, folder, undisturbed)


def test_read_only_folder_of_the_fits(ready_for, snakemake, undisturbed, mount):
    folder = ready_for("psf_photometry")
    mount(folder / "results/photometry", "ro")
    result = snakemake(folder, config=CONFIG)
    assert result.returncode == 1
    assert "Read-only file system" in result.stdout
    subprocess.run(["umount", str(folder / "results/photometry")], check=True)
    assert_repaired(snakemake, folder, undisturbed)
