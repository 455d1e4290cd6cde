"""Every kind of bad input ends with exit code 1 and one message that says what is wrong; nothing is left behind.

What stops a run before any job is refused by `photometry.workflow.run_plan.plan_run`, which the rules call: most cases
ask it, three ask Snakemake.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from astropy.io import fits
from astropy.table import Table
from running import ROOT, Run, config_of

from photometry.core.errors import PhotometryError
from photometry.workflow.run_plan import plan_run

pytestmark = pytest.mark.workflow


@pytest.fixture
def mine(field: Path, tmp_path: Path) -> Path:
    """A copy of the simulated field that a test may damage."""
    return Path(shutil.copytree(field, tmp_path / "mine"))


def files_in(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if ".snakemake" not in path.parts}


@pytest.fixture
def refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict], str]:
    """Plan a run in a folder of its own, make sure that it is refused and leaves nothing; return why."""

    def refuse(config: dict) -> str:
        before = files_in(tmp_path)
        (tmp_path / "my.yaml").write_text(yaml.safe_dump(config))
        monkeypatch.chdir(tmp_path)
        with pytest.raises(PhotometryError) as error:
            plan_run(yaml.safe_load((tmp_path / "my.yaml").read_text()), "my.yaml", ROOT)
        assert files_in(tmp_path) - before == {tmp_path / "my.yaml"}
        return " ".join(str(error.value).split())

    return refuse


@pytest.fixture
def refused_by_snakemake(snakemake: Run, tmp_path: Path) -> Callable[[dict], str]:
    """Run Snakemake, make sure that it stops before any job and leaves nothing; return what it said."""

    def refuse(config: dict) -> str:
        before = files_in(tmp_path)
        result = snakemake(tmp_path, config=config)
        assert result.returncode == 1, result.stdout
        assert "Job stats" not in result.stdout
        assert "Traceback" not in result.stdout
        assert files_in(tmp_path) - before == {tmp_path / "my.yaml"}
        return " ".join(result.stdout.split())

    return refuse


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
def test_settings(refused, field, top, observation, message):
    assert message in refused(config_of(field, **observation) | top)


def test_missing_section_is_not_taken_from_another_file(refused_by_snakemake):
    said = refused_by_snakemake({"output": "results"})
    assert "my.yaml: key 'observations' is missing; add it (or 'simulate'): what to measure" in said


def test_same_region_twice(refused, field, mine):
    config = config_of(field)
    config["observations"] += config_of(mine)["observations"]
    said = refused(config)
    assert f"{field / 'pixels.fits'} and {mine / 'pixels.fits'} are the same region (tesscut_sector001_camera4" in said


def cut_in_half(folder: Path) -> None:
    content = (folder / "pixels.fits").read_bytes()
    (folder / "pixels.fits").write_bytes(content[: len(content) // 2])


def cut_in_a_header(folder: Path) -> None:
    with fits.open(folder / "pixels.fits") as hdus:
        start = hdus[1].fileinfo()["hdrLoc"]
    content = (folder / "pixels.fits").read_bytes()
    (folder / "pixels.fits").write_bytes(content[: start + 1000])


def of_a_moving_target(folder: Path) -> None:
    with fits.open(folder / "pixels.fits") as hdus:
        columns = [fits.Column(name, "D") for name in ("TGT_X", "TGT_Y", "TGT_RA", "TGT_DEC")]
        table = fits.BinTableHDU.from_columns([*hdus[1].columns, *columns], name="PIXELS")
        fits.HDUList([hdus[0], table]).writeto(folder / "moving.fits")
    (folder / "moving.fits").replace(folder / "pixels.fits")


def of_tica(folder: Path) -> None:
    fits.setval(folder / "pixels.fits", "FFI_TYPE", value="TICA", ext=0)
    fits.setval(folder / "pixels.fits", "TTYPE2", value="TICACORR", ext=1)


def beside_the_ccd(folder: Path) -> None:
    for key, number in (("2CRV4P", 1), ("2CRV5P", 1), ("2CRV6P", 1), ("CRVAL2P", 2)):
        fits.setval(folder / "pixels.fits", key, value=-856, ext=number)


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
    "cut in a header": (cut_in_a_header, "pixels.fits: is truncated: it ends within the header of its extension 1"),
    "beside the CCD": (beside_the_ccd, "-856 place the pixels outside the CCD (columns 45 to 2092, rows 1 to 2048"),
    "moving target": (of_a_moving_target, "pixels.fits: is a cutout of a moving target: its pixels follow the target"),
    "TICA": (of_tica, "pixels.fits: is cut from TICA images, which are not in e-/s; ask TESScut for SPOC's"),
    "no FITS": (no_fits, "pixels.fits: cannot be read as FITS"),
    "neither cutout nor TPF": (other_fits, "pixels.fits: is no TESScut or target pixel file: it has no table PIXELS"),
    "no WCS": (without_wcs, "pixels.fits: has no celestial WCS"),
    "one cadence": (one_cadence, "pixels.fits: has 1 cadence(s); a light curve needs at least 2"),
}


@pytest.mark.parametrize(("damage", "message"), PIXELS.values(), ids=PIXELS)
def test_pixels(refused, mine, damage, message):
    damage(mine)
    assert message in refused(config_of(mine))


def test_snakemake_tells_of_pixels_as_the_plan_does(refused_by_snakemake, mine):
    damage, message = PIXELS["cut in half"]
    damage(mine)
    assert message in refused_by_snakemake(config_of(mine))


def test_folder_without_pixel_files(refused, mine):
    (mine / "pixels.fits").unlink()
    said = refused(config_of(mine, input=str(mine)))
    assert f"{mine}: no TESScut file in this folder (25 other FITS files); correct the key 'input'" in said


def test_folder_with_an_archive(refused, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/cutouts.zip").touch()
    said = refused(config_of(tmp_path, input="data"))
    assert "data: no TESScut file in this folder (0 other FITS files); cutouts.zip is an archive, which is not" in said


def test_wrong_kind_of_pixel_file(refused, field):
    said = refused(config_of(field, datasource="tpf"))
    assert "pixels.fits: is" in said
    assert "tesscut" in said.lower()


@pytest.mark.realdata
def test_real_cutout_without_sector_and_with_wrong_wcs(refused, field, tess_data):
    path = next((tess_data / "tesscut").glob("tess-s0001-4-3_107*.fits"))
    said = refused(config_of(field, input=str(path)))
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
def test_catalogue(refused, mine, change, start, word):
    stars_with(change)(mine)
    said = refused(config_of(mine))
    assert start in said
    assert word in said.split(start)[1]


def test_snakemake_tells_of_a_catalogue_as_the_plan_does(refused_by_snakemake, mine):
    change, start, word = CATALOGUES["with duplicates"]
    stars_with(change)(mine)
    said = refused_by_snakemake(config_of(mine))
    assert start in said
    assert word in said.split(start)[1]


def test_target_that_is_not_in_the_catalogue(refused, field, tmp_path):
    (tmp_path / "targets.csv").write_text("starid\n900000001\n42\n")
    said = refused(config_of(field, targets="targets.csv"))
    assert f"targets.csv: TIC 42: not among the stars of {field / 'stars.csv'}; remove the row" in said


def test_prf_folder_with_a_file_too_few(refused, mine):
    next((mine / "prf").glob("*row0513-col0557*")).unlink()
    said = refused(config_of(mine, prf=str(mine / "prf")))
    assert f"{mine / 'prf'}: has 24 of the 25 PRF files; missing: row0513-col0557" in said


def test_prf_of_another_ccd(refused, mine):
    for path in (mine / "prf").iterdir():
        path.rename(path.with_name(path.name.replace("prf-4-2", "prf-1-3")))
    said = refused(config_of(mine, prf=str(mine / "prf")))
    assert f"{mine / 'prf'}: has PRF files of camera 1 CCD 3; the pixels are of camera 4 CCD 2" in said


def test_prf_of_another_epoch(refused, mine):
    setting("SECTOR", 30, 0)(mine)
    said = refused(config_of(mine, prf=str(mine / "prf")))
    assert f"{mine / 'prf'}: has PRF files of another epoch (tess2018243); sector 30 needs tess2019107" in said


def flipped_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    with fits.open(path) as hdus:
        middle = hdus[1].fileinfo()["datLoc"] + 5000
    content[middle] ^= 0xFF
    path.write_bytes(bytes(content))


def all_flagged(path: Path) -> None:
    changed_table(path, "QUALITY", 4)


def all_nan(path: Path) -> None:
    changed_table(path, "FLUX", np.nan)


def changed_table(path: Path, column: str, value: float) -> None:
    with fits.open(path) as hdus:
        hdus[1].data[column][:] = value
        hdus.writeto(path.with_name("changed.fits"), checksum=True)
    path.with_name("changed.fits").replace(path)


def of_sector(source: Path, sector: int, path: Path) -> None:
    """Copy a pixel file, said to be from another sector."""
    with fits.open(source) as hdus:
        hdus[0].header["SECTOR"] = sector
        hdus.writeto(path, checksum=True)


JOBS = {
    "flipped byte": (flipped_byte, "disagree with the checksum: the file is damaged"),
    "all cadences flagged": (all_flagged, "cadences are flagged"),
    "all pixels NaN": (all_nan, "pixel"),
}


@pytest.fixture(scope="module")
def failed(field: Path, snakemake: Run, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Folder of a run with a pixel file of each of `JOBS`, from sectors of their own, and what the run said."""
    folder = tmp_path_factory.mktemp("failed")
    config = config_of(field)
    (observation,) = config["observations"]
    config["observations"] = []
    for sector, (name, (damage, _)) in enumerate(JOBS.items(), 1):
        path = folder / f"{name}.fits"
        of_sector(field / "pixels.fits", sector, path)
        damage(path)
        config["observations"].append(observation | {"input": str(path)})
    result = snakemake(folder, config=config)
    assert result.returncode == 1
    return folder, result.stdout


@pytest.mark.parametrize(("name", "message"), [(name, message) for name, (_, message) in JOBS.items()], ids=JOBS)
def test_what_only_a_job_finds_out(failed, name, message):
    folder, said = failed
    told = [line for line in said.splitlines() if line.startswith("Error: ")]
    assert len(told) == len(JOBS)
    (mine,) = [line for line in told if line.startswith(f"Error: {folder / name}.fits: ")]
    assert message in mine
    summary = Table.read(folder / "results/summary_v01_incomplete.ecsv")
    assert len(summary) == len(JOBS)
    (row,) = summary[summary["sector"] == list(JOBS).index(name) + 1]
    assert (row["starid"], row["status"]) == (0, "ERROR")
    assert message in row["reason"]


def test_jobs_that_fail_leave_no_products(failed):
    folder, _ = failed
    products = [path for path in (folder / "results").rglob("*") if path.is_file()]
    names = {path.relative_to(folder / "results").parts[0] for path in products}
    assert names == {"logs", "plan", "summary_v01_incomplete.ecsv"}


def test_without_a_network_the_messages_say_what_to_put_where(field, tmp_path, monkeypatch, snakemake):
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    result = snakemake(tmp_path, "--retries", "0", config=config_of(field, catalog="mast", prf="mast"))
    assert result.returncode == 1
    told = {line for line in result.stdout.splitlines() if line.startswith("Error: ")}
    assert len(told) == 2
    for wanted in ("tic_tesscut", "prf/start_s0001/cam4_ccd2"):
        assert sum(f"results/downloads/{wanted}" in line for line in told) == 1
