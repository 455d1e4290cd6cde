"""A real Slurm of one node runs the workflow through profiles/slurm: same bytes, few jobs, more memory after a kill."""

import os
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from running import ROOT, config_of, product_digests
from slurm_cluster import PARTITION, Cluster, missing_programs, running_cluster

sys.path.append(str(ROOT / "tests/unit"))
from ffi_builder import FfiBuilder

from photometry.geometry import Stamp

pytestmark = [pytest.mark.workflow, pytest.mark.slow, pytest.mark.xdist_group("slurm")]

#: Slurm without accounts, asked often because the jobs are short.
PROFILE = ("--workflow-profile", str(ROOT / "profiles/slurm"))
HERE = ("--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "5")
MEMORY_MB = 9000
#: Runs before every Python program; what it takes is more than the first attempt is given, and less than the second.
BALLAST = """
import sys
if any("psf_photometry" in word for word in sys.orig_argv) and any("scripts" in word for word in sys.orig_argv):
    kept = b"x" * (2300 * 2**20)
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster whose commands the tests find."""
    if missing := missing_programs():
        pytest.skip(f"Slurm is not installed ({', '.join(missing)}); apt-get install slurmctld slurmd slurm-client")
    with running_cluster(tmp_path_factory.mktemp("slurm") / "cluster", cpus=2, memory_mb=MEMORY_MB) as cluster:
        before = {name: os.environ.get(name) for name in cluster.environment}
        os.environ.update(cluster.environment)
        yield cluster
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


@pytest.fixture(scope="module")
def config(field: Path, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """Settings for what the demo has in small: a cutout in four tiles and a target pixel file."""
    from photometry.io.simulated import write_pixels, write_star_table
    from photometry.prf_model import model_prf
    from photometry.simulate import SceneSettings, simulate_scene

    folder = tmp_path_factory.mktemp("tpf")
    settings = SceneSettings(seed=2, sector=2, cadence_s=120, n_row=11, n_column=11, n_cadence=40, n_pairs=0)
    scene = simulate_scene(settings, model_prf())
    write_pixels(scene, folder / "pixels.fits")
    write_star_table(scene, folder / "stars.csv")
    small = {"datasource": "tpf", "input": str(folder / "pixels.fits"), "catalog": str(folder / "stars.csv")}
    cutout = config_of(field)
    return cutout | {"observations": [*cutout["observations"], small | {"prf": "model"}], "fit": {"tile_size": 12}}


def seconds_of(job: dict[str, str]) -> float:
    start, end = (datetime.fromisoformat(job[name]) for name in ("StartTime", "EndTime"))
    return (end - start).total_seconds()


@pytest.mark.slurm
def test_same_bytes_as_a_local_run_in_one_job(cluster, snakemake, config, tmp_path, record_property):
    local, remote = tmp_path / "local", tmp_path / "remote"
    for folder in (local, remote):
        folder.mkdir()
    result = snakemake(local, config=config)
    assert result.returncode == 0, result.stdout
    result = snakemake(remote, *PROFILE, *HERE, config=config)
    assert result.returncode == 0, result.stdout
    assert product_digests(remote / "results") == product_digests(local / "results")
    (job,) = cluster.jobs()
    assert (job["JobState"], job["NumCPUs"], job["Partition"]) == ("COMPLETED", "1", PARTITION)
    record_property("seconds of the one cluster job", seconds_of(job))
    assert "Nothing to be done" in snakemake(remote, *PROFILE, *HERE, config=config).stdout


@pytest.mark.slurm
def test_a_job_killed_for_its_memory_gets_more(cluster, snakemake, config, tmp_path, monkeypatch):
    before = len(cluster.jobs())
    (tmp_path / "ballast").mkdir()
    (tmp_path / "ballast/sitecustomize.py").write_text(BALLAST)
    cutout = {**config, "observations": config["observations"][1:]}
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "ballast"))
    result = snakemake(tmp_path, *PROFILE, *HERE, config=cutout)
    assert result.returncode == 0, result.stdout
    jobs = cluster.jobs()[before:]
    assert [job["JobState"] for job in jobs] == ["FAILED", "COMPLETED"]
    assert [job["MinMemoryNode"] for job in jobs] == ["2000M", "4000M"]
    logs = sorted((tmp_path / ".snakemake/slurm_logs").rglob("*.log"))
    assert any("exceeded memory limit" in path.read_text() for path in logs)
    assert len(list((tmp_path / "results").rglob("*_lc.fits"))) > 0


def groups_of(output: str) -> Counter[str]:
    """Numbers of cluster jobs by group, from what a dry run says."""
    return Counter(line.split("Group job ")[1].split()[0] for line in output.splitlines() if "Group job " in line)


@pytest.mark.parametrize(("catalog", "frames"), [("stars.csv", 0), ("mast", 1)])
def test_few_long_jobs_for_a_ccd(snakemake, tmp_path, catalog, frames):
    builder = FfiBuilder(tmp_path / "ffi", area=Stamp(0, 2048, 44, 2092))
    builder.write(0)
    builder.path(1).write_bytes(b"only the first is looked at")
    (tmp_path / "stars.csv").write_text("ID,ra,dec,pmRA,pmDEC,Tmag,Teff\n1,315.4,-28.9,0,0,9,5000\n")
    observation = {"datasource": "ffi", "input": "ffi", "catalog": catalog, "prf": "model"}
    config = {"output": "results", "observations": [observation]}
    result = snakemake(tmp_path, *PROFILE, *HERE, "--dry-run", config=config)
    assert result.returncode == 0, result.stdout
    assert groups_of(result.stdout) == {"cube": 1, "motion": 1, "tile": 16, "plots": 1}
    alone = [line for line in result.stdout.splitlines() if line.startswith(("rule ", "localrule "))]
    assert len([line for line in alone if "frames" in line]) == frames
