"""A real Slurm of one node runs the workflow through profiles/slurm: same bytes, few jobs, more memory after a kill."""

import os
import re
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
import yaml
from running import ROOT, config_of, product_digests
from slurm_cluster import PARTITION, Cluster, missing_programs, running_cluster

sys.path.append(str(ROOT))
from ffi_builder import FfiBuilder

from benchmarks.scale_plan import make_sector, settings_of, star_table
from photometry.core.geometry import Stamp

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

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
    from photometry.prf.model import model_prf
    from photometry.simulate import SceneSettings, simulate_scene
    from photometry.simulate.scene_files import write_pixels, write_star_table

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


@pytest.mark.slurm
def test_a_bad_region_keeps_no_other_from_its_light_curves(cluster, snakemake, config, tmp_path):
    before = len(cluster.jobs())
    cutout, small = config["observations"]
    content = bytearray(Path(small["input"]).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "bad.fits").write_bytes(content)
    two = config | {"observations": [cutout, small | {"input": "bad.fits"}]}
    alone = ("--group-components", "tile=1", "block=1", "region=1", "plots=1", "--retries", "0")
    result = snakemake(tmp_path, *PROFILE, *HERE, *alone, config=two)
    assert result.returncode == 1
    assert sorted(job["JobState"] for job in cluster.jobs()[before:]) == ["COMPLETED", "FAILED"]
    assert len(list((tmp_path / "results").rglob("*-s001-*_lc.fits"))) > 0
    assert not list((tmp_path / "results").rglob("*-s002-*_lc.fits"))
    assert "images: bad.fits: the data of HDU PIXELS disagree with the checksum" in result.stdout


def groups_of(output: str) -> list[tuple[str, Counter[str], int, int]]:
    """Cluster jobs that a dry run plans: group, numbers of jobs by region, minutes one after the other, largest MB."""
    groups = []
    for text in output.split("Group job ")[1:]:
        part = text.split("\n[")[0]
        regions = Counter(re.findall(r"wildcards: region=(\w+)", part))
        minutes, megabytes = (
            [int(value) for value in re.findall(rf"resources: .*\b{name}=(\d+)", part)]
            for name in ("runtime", "mem_mb")
        )
        groups.append((part.split()[0], regions, sum(minutes), max(megabytes)))
    return sorted(groups, key=lambda group: group[0])


def ccd(folder: Path, n_frame: int) -> dict:
    """Write a CCD of so many frames, of which the plan looks at the first alone; return settings for it."""
    builder = FfiBuilder(folder / "ffi", area=Stamp(0, 2048, 44, 2092))
    builder.write(0)
    for number in range(1, n_frame):
        builder.path(number).write_bytes(b"only the first is looked at")
    observation = {"datasource": "ffi", "input": "ffi", "catalog": "mast", "prf": "model"}
    return {"output": "results", "observations": [observation]}


#: Of a CCD with many frames, what its cube is made by in jobs of their own: number of jobs, minutes, MB.
SPREAD = {"smooth": (1, 3, 2100), "whole": (1, 41, 1000)}
SPREAD |= {"block_backgrounds": (6, 32, 2000), "block_pixels": (6, 32, 2000)}


@pytest.mark.parametrize(
    ("n_frame", "asked"),
    [
        (1300, {"cube": (1, 65, 2000), "motion": (1, 10, 1452), "tile": (4, 80, 1546), "plots": (1, 11, 1234)}),
        (
            11000,
            {"cube": (1, 6, 1500), "motion": (1, 26, 1840), "tile": (4, 352, 2217), "plots": (1, 63, 2980)} | SPREAD,
        ),
    ],
)
def test_few_long_jobs_for_a_ccd(snakemake, tmp_path, n_frame, asked):
    """Numbers of docs/run_a_sector.md; `frames` is a job by itself, as the archive is asked for the stars after it."""
    result = snakemake(tmp_path, *PROFILE, *HERE, "--cores", "4", "--dry-run", config=ccd(tmp_path, n_frame))
    assert result.returncode == 0, result.stdout
    region = "sector001_camera1_ccd4"
    found: dict[str, tuple[int, int, int]] = {}
    for group, _, *request in groups_of(result.stdout):
        name = group.removesuffix(f"_{region}")
        n_job, *most = found.get(name, (0, 0, 0))
        found[name] = (n_job + 1, *map(max, most, request))
    assert found == asked
    regions = [regions for name, regions, *_ in groups_of(result.stdout) if "tile" in name]
    assert regions == 4 * [Counter({region: 32})]
    alone = [line for line in result.stdout.splitlines() if line.startswith(("rule ", "localrule "))]
    assert len([line for line in alone if "frames" in line]) == 1


def test_ccds_do_not_wait_for_each_other(snakemake, tmp_path):
    """Each has jobs of its own; the one with eight times the stars, 8,000 a tile, asks for more time and memory."""
    make_sector(tmp_path, n_ccd=2, n_frame=600, n_star=128_000, tables="own")
    star_table(settings_of(1), 512_000).to_csv(tmp_path / "stars_1.csv", index=False)
    config = yaml.safe_load((tmp_path / "my.yaml").read_text())
    result = snakemake(tmp_path, *PROFILE, *HERE, "--dry-run", config=config)
    assert result.returncode == 0, result.stdout
    found = [group for group in groups_of(result.stdout) if group[0] != "plots"]
    assert len(found) == 2 * (1 + 1 + 4)
    assert {len(regions) for _, regions, *_ in found} == {1}
    asked = {name: (minutes, megabytes) for name, _, minutes, megabytes in found}
    assert [asked[f"tile_sector023_camera1_ccd{number}"] for number in (1, 2)] == [(64, 1507), (80, 1593)]
