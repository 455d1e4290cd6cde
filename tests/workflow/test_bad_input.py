"""Every kind of bad input ends with exit code 1 and one message that says what is wrong; nothing is left behind."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from astropy.table import Table
from running import Run, config_of

pytestmark = pytest.mark.workflow


@pytest.fixture
def mine(field: Path, tmp_path: Path) -> Path:
    """A copy of the simulated field that a test may damage."""
    return Path(shutil.copytree(field, tmp_path / "mine"))


def refused(run: Run, folder: Path, config: dict, *arguments: str) -> str:
    """Run Snakemake, make sure that it stops before any job and leaves nothing; return what it said."""
    before = {path for path in folder.rglob("*") if ".snakemake" not in path.parts}
    result = run(folder, *arguments, config=config)
    assert result.returncode == 1, result.stdout
    assert "Job stats" not in result.stdout
    assert "Traceback" not in result.stdout
    after = {path for path in folder.rglob("*") if ".snakemake" not in path.parts}
    assert after - before == {folder / "my.yaml"}
    return " ".join(result.stdout.split())


SETTINGS = {
    "misspelt key": ({"verion": 2}, {}, "my.yaml: key 'verion' is not known; did you mean 'version'?"),
    "misspelt key of an observation": (
        {},
        {"catalogue": "x"},
        "my.yaml: observations, entry 1: key 'catalogue' is not known; did you mean 'catalog'?",
    ),
    "missing key": (
        {"observations": [{"datasource": "tpf"}]},
        {},
        "my.yaml: observations, entry 1: key 'input' is missing; add it: pixel file, or folder",
    ),
    "wrong type": (
        {},
        {"tmag_limit": "bright"},
        "my.yaml: observations, entry 1, tmag_limit: 'bright' cannot be used, expected a number (faintest target",
    ),
    "unknown datasource": (
        {},
        {"datasource": "kepler"},
        "datasource: 'kepler' cannot be used, expected one of tesscut",
    ),
    "missing pixels": ({}, {"input": "nowhere"}, "nowhere: no such file or folder; correct the key 'input'"),
    "missing catalogue": ({}, {"catalog": "nowhere.csv"}, "nowhere.csv: no such file; correct the key 'catalog'"),
    "missing targets": ({}, {"targets": "nowhere.csv"}, "nowhere.csv: no such file; correct the key 'targets'"),
    "missing PRF": ({}, {"prf": "nowhere"}, "nowhere: no such folder; correct the key 'prf'"),
    "motion by a WCS that cutouts lack": (
        {"motion": {"mode": "wcs"}},
        {},
        "motion: mode wcs takes the WCS of full-frame",
    ),
    "output not writable": ({"output": "/proc/results"}, {}, "output: /proc/results cannot be written (/proc:"),
    "output is a file": ({"output": "my.yaml"}, {}, "output: my.yaml cannot be written (my.yaml: Not a directory)"),
}


@pytest.mark.parametrize(("top", "observation", "message"), SETTINGS.values(), ids=SETTINGS)
def test_settings(snakemake, field, tmp_path, top, observation, message):
    assert message in refused(snakemake, tmp_path, config_of(field, **observation) | top)


def test_missing_section_is_not_taken_from_another_file(snakemake, tmp_path):
    said = refused(snakemake, tmp_path, {"output": "results"})
    assert "my.yaml: key 'observations' is missing; add it (or 'simulate'): what to measure" in said


def test_same_region_twice(snakemake, field, mine, tmp_path):
    config = config_of(field)
    config["observations"] += config_of(mine)["observations"]
    said = refused(snakemake, tmp_path, config)
    assert f"{field / 'pixels.fits'} and {mine / 'pixels.fits'} are the same region (tesscut_sector001_camera4" in said


def cut_in_half(folder: Path) -> None:
    content = (folder / "pixels.fits").read_bytes()
    (folder / "pixels.fits").write_bytes(content[: len(content) // 2])


def other_fits(folder: Path) -> None:
    fits.PrimaryHDU(np.zeros((3, 3))).writeto(folder / "pixels.fits", overwrite=True)


def no_fits(folder: Path) -> None:
    (folder / "pixels.fits").write_text("these are no pixels\n" * 500)


def one_cadence(folder: Path) -> None:
    with fits.open(folder / "pixels.fits") as hdus:
        hdus[1].data = hdus[1].data[:1]
        hdus.writeto(folder / "one.fits")
    (folder / "one.fits").replace(folder / "pixels.fits")


def setting(key: str, value: object, *hdus: int | str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        for hdu in hdus:
            if value is None:
                fits.delval(folder / "pixels.fits", key, ext=hdu)
            else:
                fits.setval(folder / "pixels.fits", key, value=value, ext=hdu)

    return change


def without_wcs(folder: Path) -> None:
    with fits.open(folder / "pixels.fits", mode="update") as hdus:
        for hdu in hdus[1:]:
            for key in [key for key in hdu.header if "CTYP" in key]:
                del hdu.header[key]


PIXELS = {
    "camera 5": (setting("CAMERA", 5, 0), "pixels.fits: header key CAMERA is 5, expected 1 to 4"),
    "no sector": (setting("SECTOR", None, 0), "pixels.fits: header key SECTOR is missing or blank"),
    "cut in half": (cut_in_half, "pixels.fits: is truncated"),
    "no FITS": (no_fits, "pixels.fits: cannot be read as FITS"),
    "neither cutout nor TPF": (other_fits, "pixels.fits: is no TESScut or target pixel file: it has no table PIXELS"),
    "no WCS": (without_wcs, "pixels.fits: has no celestial WCS"),
    "one cadence": (one_cadence, "pixels.fits: has 1 cadence(s); a light curve needs at least 2"),
}


@pytest.mark.parametrize(("damage", "message"), PIXELS.values(), ids=PIXELS)
def test_pixels(snakemake, mine, tmp_path, damage, message):
    damage(mine)
    assert message in refused(snakemake, tmp_path, config_of(mine))


def test_folder_without_pixel_files(snakemake, mine, tmp_path):
    (mine / "pixels.fits").unlink()
    said = refused(snakemake, tmp_path, config_of(mine, input=str(mine)))
    assert f"{mine}: no TESScut file in this folder (25 other FITS files); correct the key 'input'" in said


def test_wrong_kind_of_pixel_file(snakemake, field, tmp_path):
    said = refused(snakemake, tmp_path, config_of(field, datasource="tpf"))
    assert "pixels.fits: is" in said
    assert "tesscut" in said.lower()


@pytest.mark.realdata
def test_real_cutout_without_sector_and_with_wrong_wcs(snakemake, field, tess_data, tmp_path):
    path = next((tess_data / "tesscut").glob("tess-s0001-4-3_107*.fits"))
    said = refused(snakemake, tmp_path, config_of(field, input=str(path)))
    assert f"{path}: header key SECTOR is missing or blank" in said


def stars_with(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        table = pd.read_csv(folder / "stars.csv", comment="#")
        change(table).to_csv(folder / "stars.csv", index=False)

    return damage


CATALOGUES = {
    "without a needed column": (lambda table: table.drop(columns="ra"), "stars.csv: ", "ra"),
    "with NaN positions": (lambda table: table.assign(ra=table.ra.where(table.index != 3)), "stars.csv: ", "row 4"),
    "with duplicates": (lambda table: pd.concat([table, table.iloc[[2]]]), "stars.csv: ", "900000003"),
    "empty": (lambda table: table.iloc[:0], "stars.csv: ", "no "),
}


@pytest.mark.parametrize(("change", "start", "word"), CATALOGUES.values(), ids=CATALOGUES)
def test_catalogue(snakemake, mine, tmp_path, change, start, word):
    stars_with(change)(mine)
    said = refused(snakemake, tmp_path, config_of(mine))
    assert start in said
    assert word in said.split(start)[1]


def test_target_that_is_not_in_the_catalogue(snakemake, field, tmp_path):
    (tmp_path / "targets.csv").write_text("starid\n900000001\n42\n")
    said = refused(snakemake, tmp_path, config_of(field, targets="targets.csv"))
    assert f"targets.csv: TIC 42: not among the stars of {field / 'stars.csv'}; remove the row" in said


def test_prf_folder_with_a_file_too_few(snakemake, mine, tmp_path):
    next((mine / "prf").glob("*row0513-col0557*")).unlink()
    said = refused(snakemake, tmp_path, config_of(mine, prf=str(mine / "prf")))
    assert f"{mine / 'prf'}: has 24 of the 25 PRF files; missing: row0513-col0557" in said


def test_prf_of_another_ccd(snakemake, mine, tmp_path):
    for path in (mine / "prf").iterdir():
        path.rename(path.with_name(path.name.replace("prf-4-2", "prf-1-3")))
    said = refused(snakemake, tmp_path, config_of(mine, prf=str(mine / "prf")))
    assert f"{mine / 'prf'}: has PRF files of camera 1 CCD 3; the pixels are of camera 4 CCD 2" in said


def test_prf_of_another_epoch(snakemake, mine, tmp_path):
    setting("SECTOR", 30, 0)(mine)
    said = refused(snakemake, tmp_path, config_of(mine, prf=str(mine / "prf")))
    assert f"{mine / 'prf'}: has PRF files of another epoch (tess2018243); sector 30 needs tess2019107" in said


def flipped_byte(folder: Path) -> None:
    content = bytearray((folder / "pixels.fits").read_bytes())
    with fits.open(folder / "pixels.fits") as hdus:
        middle = hdus[1].fileinfo()["datLoc"] + 5000
    content[middle] ^= 0xFF
    (folder / "pixels.fits").write_bytes(bytes(content))


def all_flagged(folder: Path) -> None:
    changed_table(folder, "QUALITY", 4)


def all_nan(folder: Path) -> None:
    changed_table(folder, "FLUX", np.nan)


def changed_table(folder: Path, column: str, value: float) -> None:
    with fits.open(folder / "pixels.fits") as hdus:
        hdus[1].data[column][:] = value
        hdus.writeto(folder / "changed.fits", checksum=True)
    (folder / "changed.fits").replace(folder / "pixels.fits")


JOBS = {
    "flipped byte": (flipped_byte, "disagree with the checksum: the file is damaged"),
    "all cadences flagged": (all_flagged, "cadences are flagged"),
    "all pixels NaN": (all_nan, "pixel"),
}


@pytest.mark.parametrize(("damage", "message"), JOBS.values(), ids=JOBS)
def test_what_only_a_job_finds_out(snakemake, mine, tmp_path, damage, message):
    damage(mine)
    result = snakemake(tmp_path, config=config_of(mine))
    assert result.returncode == 1
    told = [line for line in result.stdout.splitlines() if line.startswith("Error: ")]
    assert len(told) == 1
    assert told[0].startswith(f"Error: {mine / 'pixels.fits'}: ")
    assert message in told[0]
    products = [path for path in (tmp_path / "results").rglob("*") if path.is_file()]
    names = {path.relative_to(tmp_path / "results").parts[0] for path in products}
    assert names == {"logs", "plan", "summary_v01_incomplete.ecsv"}
    (row,) = Table.read(tmp_path / "results/summary_v01_incomplete.ecsv")
    assert (row["starid"], row["status"]) == (0, "ERROR")
    assert message in row["reason"]


@pytest.mark.parametrize("key", ["catalog", "prf"])
def test_without_a_network_the_message_says_what_to_put_where(field, tmp_path, monkeypatch, snakemake, key):
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    result = snakemake(tmp_path, "--retries", "0", config=config_of(field, **{key: "mast"}))
    assert result.returncode == 1
    told = [line for line in result.stdout.splitlines() if line.startswith("Error: ")]
    assert told
    assert f"results/downloads/{'tic_tesscut' if key == 'catalog' else 'prf/start_s0001/cam4_ccd2'}" in told[0]
