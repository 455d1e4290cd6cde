"""Full-frame images: what is planned, what stops the run, and the cube of a small series of whole frames."""

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy import wcs
from astropy.io import fits
from ffi_builder import WCS, FfiBuilder
from running import SOURCES, copy_workflow, planned_jobs, snakemake_command, snakemake_environment

from photometry.core.errors import PhotometryError
from photometry.core.geometry import Stamp
from photometry.io.products.cube_files import read_cube
from photometry.workflow.run_plan import plan_run

pytestmark = pytest.mark.workflow
N_FRAME = 4
REGION = "sector001_camera1_ccd4"
CUBE = f"results/prepared/{REGION}.hdf5"
#: Jobs that make the cube of a CCD with one block of frames.
OF_CUBE = dict.fromkeys(("ccd_light", "ccd_backgrounds", "ccd_smooth", "ccd_pixels", "ccd_images"), 1)


@pytest.fixture(scope="module")
def ccd(tmp_path_factory) -> Path:
    """Folder with a few whole frames (ffi) and a star table (stars.csv)."""
    folder = tmp_path_factory.mktemp("ccd")
    builder = FfiBuilder(folder / "ffi", area=Stamp(0, 2048, 44, 2092))
    # The middle of the small area is the reference pixel; here it is that of the CCD.
    builder.keys = {"CRPIX1": 1045.0, "CRPIX2": 1001.0} | {f"{a}_{k}": 0.0 for a in "AB" for k in ("2_0", "0_2", "1_1")}
    builder.keys |= {f"{a}P_{k}": 0.0 for a in "AB" for k in ("2_0", "0_2", "1_1")}
    rng = np.random.default_rng(1)
    for number in range(N_FRAME):
        image = rng.normal(100 + number, 1, (2078, 2136)).astype(np.float32)
        builder.write(number, image=image)
    stars = {"ID": [1, 2], "ra": [315.4, 315.6], "dec": [-28.9, -28.8], "pmRA": [0.0, 0.0], "pmDEC": [0.0, 0.0]}
    pd.DataFrame(stars | {"Tmag": [9.0, 11.0], "Teff": [5000.0, 5000.0]}).to_csv(folder / "stars.csv", index=False)
    return folder


def stars_at(places: list[tuple[float, float]]) -> pd.DataFrame:
    """Stars of T=11 at rows and columns of the CCD."""
    row, column = np.transpose(places)
    keys = WCS | {"CRPIX1": 1045.0, "CRPIX2": 1001.0}
    header = fits.Header({key: value for key, value in keys.items() if key[:2] not in ("A_", "B_", "AP", "BP")})
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
    ra, dec = wcs.WCS(header).all_pix2world(column, row, 0)
    return pd.DataFrame(
        {"ID": 1 + np.arange(len(ra)), "ra": ra, "dec": dec, "pmRA": 0.0, "pmDEC": 0.0, "Tmag": 11.0, "Teff": 5000.0}
    )


def settings(folder: Path, **changes: object) -> dict:
    observation = {"datasource": "ffi", "input": str(folder / "ffi"), "catalog": str(folder / "stars.csv")}
    return {"output": "results", "observations": [observation | {"prf": "model"}]} | changes


def test_plan_of_a_ccd(snakemake, ccd, tmp_path):
    result = snakemake(tmp_path, "--dry-run", CUBE, config=settings(ccd))
    assert planned_jobs(result.stdout) == {"frames": 1, **OF_CUBE, "total": 6}, result.stdout


def test_plan_of_all_reads_no_other_headers(snakemake, ccd, tmp_path):
    folder = Path(shutil.copytree(ccd, tmp_path / "copy"))
    for path in sorted((folder / "ffi").iterdir())[1:]:
        path.write_bytes(b"not looked at")
    stars = stars_at([(256 + 512 * k, 300 + 512 * j) for k in range(4) for j in range(4)])
    stars.to_csv(folder / "stars.csv", index=False)
    result = snakemake(tmp_path, "--dry-run", config=settings(folder, fit={"tile_size": 512}))
    jobs = planned_jobs(result.stdout)
    assert (jobs["frames"], jobs["ccd_images"], jobs["psf_photometry"]) == (1, 1, 16)
    assert OF_CUBE.items() <= jobs.items()
    assert "images" not in jobs


#: Jobs of a CCD, whatever its tiles are, and of the run.
OF_CCD = ("frames", *OF_CUBE, "catalog", "targets", "movement_kernel", "effective_prf", "plots", "page_data")
OF_RUN = ("summary", "page", "all")


@pytest.mark.parametrize(
    ("places", "tiles"),
    [
        ([(100, 144), (1000, 1100), (2000, 2000)], {"row0000_col0044", "row0768_col1068", "row1792_col1836"}),
        ([(100, 144), (110, 150), (120, 160)], {"row0000_col0044"}),
        ([(2300, 144)], set()),
    ],
    ids=["three tiles", "one tile", "beside the CCD"],
)
def test_only_tiles_that_hold_a_target_are_planned(snakemake, ccd, tmp_path, places, tiles):
    """Of the 64 tiles of a CCD that is full of stars."""
    others = np.random.default_rng(1).uniform([0, 44], [2047, 2091], (300, 2))
    stars = stars_at([*places, *others])
    stars.to_csv(tmp_path / "stars.csv", index=False)
    stars[: len(places)][["ID"]].to_csv(tmp_path / "targets.csv", index=False)
    config = settings(ccd)
    config["observations"][0] |= {"catalog": "stars.csv", "targets": "targets.csv"}
    result = snakemake(tmp_path, "--dry-run", config=config)
    of_tiles = {"psf_photometry": len(tiles), "export_light_curves": len(tiles)} if tiles else {}
    of_ccd = OF_CCD if tiles else ("frames", *OF_CUBE, "targets")
    expected = {**dict.fromkeys((*of_ccd, *OF_RUN), 1), **of_tiles}
    assert planned_jobs(result.stdout) == {**expected, "total": sum(expected.values())}, result.stdout
    assert set(re.findall(r"tile=(\w+)", result.stdout)) == tiles


@pytest.mark.realdata
def test_the_ephemeris_is_an_input(snakemake, ccd, tess_data, tmp_path):
    table = str(tess_data / "geometry/20180720_tess_ephem.csv")
    result = snakemake(tmp_path, "--dry-run", CUBE, config=settings(ccd, ephemeris=table))
    assert f"input: {table}" in " ".join(result.stdout.split())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ephemeris": "nowhere.csv"}, "ephemeris: nowhere.csv: no such file or folder"),
        ({"ephemeris": "my.yaml"}, "my.yaml: is no table of JPL Horizons"),
    ],
)
def test_wrong_settings_stop_the_run(ccd, tmp_path, monkeypatch, changes, words):
    monkeypatch.chdir(tmp_path)
    Path("my.yaml").write_text("these are settings")
    with pytest.raises(PhotometryError, match=re.escape(words)):
        plan_run(settings(ccd, **changes), "my.yaml", SOURCES)


def test_wrong_folders_stop_the_run(ccd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PhotometryError, match="no such folder; correct the key 'input'"):
        plan_run(settings(tmp_path), "my.yaml", SOURCES)
    (tmp_path / "ffi").mkdir()
    assert plan_run(settings(ccd), "my.yaml", SOURCES).regions
    shutil.copy(ccd / "stars.csv", tmp_path)
    with pytest.raises(PhotometryError, match="no full-frame images in this folder"):
        plan_run(settings(tmp_path), "my.yaml", SOURCES)


@pytest.mark.realdata
def test_the_real_cut_frame_is_refused(ccd, tess_data, tmp_path, monkeypatch):
    (tmp_path / "ffi").mkdir()
    real = tess_data / "ffi/tess2018206192942-s0001-1-4-0120-s_ffic.fits"
    for name in (real.name, real.name.replace("192942", "195942")):
        shutil.copy(real, tmp_path / "ffi" / name)
    shutil.copy(ccd / "stars.csv", tmp_path)
    monkeypatch.chdir(tmp_path)
    words = "has 128 rows and 173 columns, expected 2078 and 2136: it is no whole frame"
    with pytest.raises(PhotometryError, match=words):
        plan_run(settings(tmp_path), "my.yaml", SOURCES)


@pytest.fixture(scope="module")
def small_blocks(tmp_path_factory) -> Path:
    """Workflow whose blocks have two frames, and so have the chunks of its cubes."""
    root = copy_workflow(tmp_path_factory.mktemp("workflow"))
    path = root / "photometry/ccd/ccd_work.py"
    text = (
        path.read_text().replace("BLOCK = 4 * CHUNK[0]", "BLOCK = 2").replace("chunk: int = CHUNK[0]", "chunk: int = 2")
    )
    path.write_text(text)
    return root


@pytest.fixture(scope="module")
def undisturbed(snakemake, small_blocks, ccd, tmp_path_factory) -> Path:
    """Folder of a run that was left alone, on two cores."""
    folder = tmp_path_factory.mktemp("undisturbed")
    result = snakemake(folder, CUBE, config=settings(ccd), root=small_blocks)
    assert result.returncode == 0, result.stdout
    return folder


def test_cube_of_a_ccd(undisturbed):
    cube = read_cube(undisturbed / CUBE, Stamp(100, 110, 200, 210))
    assert cube.images.shape == (N_FRAME, 10, 10)
    np.testing.assert_allclose(np.median(cube.backgrounds, axis=(1, 2)), 100 + np.arange(N_FRAME), atol=0.1)
    np.testing.assert_array_equal(cube.cadenceno, 4697 + np.arange(N_FRAME))
    left = {path.name for path in (undisturbed / "results/prepared").iterdir()}
    assert left == {f"{REGION}.hdf5", f"frames_{REGION}.hdf5", f"reference_stars_{REGION}.hdf5"}


def test_a_run_with_nothing_new_does_nothing(snakemake, small_blocks, undisturbed):
    assert "Nothing to be done" in snakemake(undisturbed, CUBE, root=small_blocks).stdout


def killed(folder: Path, root: Path, rule: str, how: signal.Signals) -> None:
    """Run Snakemake on one core, and kill it with its jobs when it has begun the second block of a rule."""
    command = snakemake_command(folder, root=root)
    logs = [folder / f"results/logs/{rule}/{REGION}/block{block}.log" for block in ("000", "001")]
    with subprocess.Popen(
        [*command, "--cores", "1", CUBE],
        cwd=folder,
        env=snakemake_environment(root),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as run:
        deadline = time.monotonic() + 300
        while not all(log.exists() for log in logs) and time.monotonic() < deadline:
            time.sleep(0.02)
        os.killpg(run.pid, how)
    assert not (folder / CUBE).exists()


@pytest.mark.slow
def test_a_run_that_is_killed_twice_ends_with_the_same_cube(snakemake, small_blocks, ccd, undisturbed, tmp_path):
    def planned() -> dict[str, int]:
        snakemake(tmp_path, "--unlock", root=small_blocks)
        return planned_jobs(snakemake(tmp_path, "--dry-run", CUBE, root=small_blocks).stdout)

    (tmp_path / "my.yaml").write_text((undisturbed / "my.yaml").read_text())
    killed(tmp_path, small_blocks, "ccd_backgrounds", signal.SIGKILL)
    left = {"ccd_backgrounds": 1, "ccd_smooth": 1, "ccd_pixels": 2, "ccd_images": 1, "total": 5}
    assert planned() == left
    # Of a frame that was replaced meanwhile, nothing is used.
    frame = min((ccd / "ffi").iterdir())
    status = frame.stat()
    os.utime(frame)
    assert planned() == {"frames": 1, "ccd_light": 1, **left, "ccd_backgrounds": 2, "total": 8}
    os.utime(frame, ns=(status.st_atime_ns, status.st_mtime_ns))
    killed(tmp_path, small_blocks, "ccd_pixels", signal.SIGTERM)
    assert planned() == {"ccd_pixels": 1, "ccd_images": 1, "total": 2}
    result = snakemake(tmp_path, CUBE, root=small_blocks)
    assert result.returncode == 0, result.stdout
    assert (tmp_path / CUBE).read_bytes() == (undisturbed / CUBE).read_bytes()
    left = {path.name for path in (tmp_path / "results/prepared").iterdir()}
    assert left == {f"{REGION}.hdf5", f"frames_{REGION}.hdf5", f"reference_stars_{REGION}.hdf5"}
