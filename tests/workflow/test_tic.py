"""From a TIC number to light curves with one command; a server on this machine answers as the archive does."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from archive_fields import Sky, add_sky, sky_of
from archive_stand_in import StandIn
from astropy.io import fits
from astropy.table import Table
from running import ROOT, planned_jobs, product_digests, snakemake_environment

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

#: Moments at which a run is killed, and the latest of them, s after its start.
N_KILL, LATEST_S = 10, 9.0


@dataclass(frozen=True)
class Archive:
    """The server, and the environment in which clients know it."""

    server: StandIn
    environment: dict[str, str]

    def start(self, folder: Path, *arguments: str) -> subprocess.Popen[str]:
        """Start Snakemake in a folder without a file of settings."""
        command = [
            sys.executable,
            "-m",
            "snakemake",
            "--snakefile",
            str(ROOT / "Snakefile"),
            "--directory",
            str(folder),
        ]
        return subprocess.Popen(
            [*command, "--cores", "2", "--nocolor", *arguments],
            env=snakemake_environment() | self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, folder: Path, *arguments: str) -> tuple[int, str]:
        """Run Snakemake; return its exit code and what it said."""
        process = self.start(folder, *arguments)
        said, _ = process.communicate()
        return process.returncode, said


@pytest.fixture(scope="module")
def sky() -> Sky:
    return sky_of()


@pytest.fixture(scope="module")
def archive(sky: Sky, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    with StandIn() as server:
        add_sky(server, sky, tmp_path_factory.mktemp("cutouts"))
        yield Archive(server, server.write_settings(tmp_path_factory.mktemp("settings"), answer_s=30.0))


@pytest.fixture(scope="module")
def command(sky: Sky) -> list[str]:
    return ["--config", f"tic={sky.starid}", "cutout_size=15", "plots=false"]


@pytest.fixture(scope="module")
def whole(archive, command, tmp_path_factory) -> Path:
    """Folder of a run that nothing disturbs, empty before."""
    folder = tmp_path_factory.mktemp("whole")
    code, said = archive.run(folder, *command)
    assert code == 0, said
    assert "2 cutouts of 15x15 pixels to be fetched, of sector 1 (camera 4, CCD 2); sector 4 (camera 4, CCD 3)" in said
    return folder


def test_two_sectors_of_a_star(whole, sky):
    summary = Table.read(whole / "results/summary_v01.ecsv")
    assert list(summary["starid"]) == [sky.starid] * 2
    assert sorted(summary["sector"]) == [1, 4]
    for row in summary:
        assert row["status"] in ("OK", "WARNING")
        assert row["mean_flux"] == pytest.approx(sky.flux_in((row["sector"], row["camera"], row["ccd"])), rel=0.01)
        assert (whole / "results" / row["file"]).is_file()


def test_both_sectors_in_one_file(whole, sky):
    summary = Table.read(whole / "results/summary_v01.ecsv")
    with fits.open(whole / f"results/multi_sector/tess{sky.starid:011d}_v01_lc.fits", checksum=True) as hdus:
        sectors = hdus["SECTORS"].data
        assert list(sectors["FILE"]) == sorted(summary["file"])
        assert list(sectors["SHA256"]) == list(summary[np.argsort(summary["file"])]["digest"])
        assert np.abs(sectors["OFFSET"]).max() < 0.01
        assert len(hdus["LIGHTCURVE"].data) == 120


def test_the_same_command_asks_nothing(whole, archive, command):
    asked = len(archive.server.requests)
    code, said = archive.run(whole, *command)
    assert code == 0, said
    assert "Nothing to be done" in said
    assert len(archive.server.requests) == asked


def test_verify_knows_the_file_of_all_sectors(whole, archive, command, sky):
    path = whole / f"results/multi_sector/tess{sky.starid:011d}_v01_lc.fits"
    content = path.read_bytes()
    path.write_bytes(content[:9000] + bytes([content[9000] ^ 1]) + content[9001:])
    code, said = archive.run(whole, "verify", *command)
    assert code != 0
    assert path.name in said
    code, said = archive.run(whole, *command)
    assert (code, planned_jobs(said)) == (0, {"multi_sector": 1, "all": 1, "total": 2})
    assert path.read_bytes() == content


def test_a_dry_run_says_what_would_be_fetched(archive, command, tmp_path):
    code, said = archive.run(tmp_path, "-n", *command)
    assert code == 0
    assert "2 cutouts of 15x15 pixels to be fetched" in said
    assert "Nothing is fetched in a dry run" in said
    assert not list(tmp_path.rglob("*.fits"))


def test_killed_at_any_moment(whole, archive, command, tmp_path):
    """While it fetches, plans or measures: the same command goes on, to the same bytes."""
    moments = random.Random(5)
    for _ in range(N_KILL):
        process = archive.start(tmp_path, "--nolock", *command)
        time.sleep(moments.uniform(0.5, LATEST_S))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    code, said = archive.run(tmp_path, "--nolock", *command)
    assert code == 0, said
    asked = {path for path in product_digests(whole / "results") if path.name == "asked.json"}
    assert len(asked) == 1
    made, expected = (product_digests(folder / "results") for folder in (tmp_path, whole))
    assert {name: digest for name, digest in made.items() if name not in asked} == {
        name: digest for name, digest in expected.items() if name not in asked
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tic=4"], "the TIC has no star 4; correct the number"),
        (["tic=pi"], "tic is 'pi'; give a TIC number"),
    ],
)
def test_messages(archive, tmp_path, arguments, message):
    code, said = archive.run(tmp_path, "--config", *arguments)
    assert code != 0
    assert message in said
    assert "Traceback" not in said


def test_an_archive_that_is_down(archive, command, tmp_path):
    archive.server.faults += [("/tesscut/api/v0.1/astrocut", "html")] * 10
    code, said = archive.run(tmp_path, *command)
    archive.server.faults.clear()
    assert code != 0
    assert "MAST's cutout service was asked for 15x15 pixels of sector 1 (camera 4, CCD 2)" in said
    assert "the same command goes on from here" in said
    assert "Traceback" not in said
