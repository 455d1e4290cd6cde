"""Every kind of bad input ends with exit code 1 and one message that says what is wrong; nothing is left behind.

What stops a run before any job is refused by `photometry.workflow.run_plan.plan_run`, which the rules call: most cases
ask it, three ask Snakemake.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from astropy.table import Table
from running import Run, config_of

pytestmark = pytest.mark.workflow


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
    "keys that contradict each other": (
        setting("CAMERA", 3, 1),
        "pixels.fits: header keys contradict each other: CAMERA = 4 (primary header), but 3 (table PIXELS)",
    ),
    "no sector": (setting("SECTOR", None, 0), "pixels.fits: header key SECTOR is missing or blank"),
    "an integration time that is none": (
        setting("INT_TIME", 1e30, 1),
        "pixels.fits: header key INT_TIME is 1e+30, expected 1.9 to 2 s",
    ),
    "pixels in other units": (setting("TUNIT5", "ADU", 1), "pixels.fits: header key TUNIT5 is 'ADU', expected e-/s"),
    "other time system": (setting("TIMESYS", "UTC", 1), "pixels.fits: header key TIMESYS is 'UTC', expected TDB"),
    "times before the launch": (setting("BJDREFI", 2454833, 1), "pixels.fits: header key"),
    "a position that is none": (setting("DEC_OBJ", "abc", 0), "pixels.fits: header key DEC_OBJ is 'abc', expected -90"),
    "cut in half": (cut_in_half, "pixels.fits: is truncated"),
    "cut in a header": (cut_in_a_header, "pixels.fits: is truncated: it ends within the header of its extension 1"),
    "beside the CCD": (beside_the_ccd, "-856 place the pixels outside the CCD (columns 45 to 2092, rows 1 to 2048"),
    "moving target": (of_a_moving_target, "pixels.fits: is a cutout of a moving target: its pixels follow the target"),
    "TICA": (of_tica, "pixels.fits: is cut from TICA images, which are not in e-/s; ask TESScut for SPOC's"),
    "no FITS": (no_fits, "pixels.fits: cannot be read as FITS"),
    "neither cutout nor TPF": (other_fits, "pixels.fits: is no TESScut or target pixel file: it has no table PIXELS"),
    "no WCS": (without_wcs, "pixels.fits: has no celestial WCS"),
    "one cadence": (one_cadence, "pixels.fits: has 1 cadence; a light curve needs at least 2"),
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
    "with duplicates": (
        lambda table: pd.concat([table, table.iloc[[2]].assign(Tmag=9.0)]),
        "stars.csv: ",
        "900000003 differs in tmag",
    ),
    "with a number that is none": (lambda table: table.assign(ID="9" * 23), "stars.csv: ", "are no TIC numbers: '9999"),
    "in hours, minutes and seconds": (
        lambda table: table.assign(ra="05:37:09.9"),
        "stars.csv: ",
        "in degrees (not hours",
    ),
    "empty": (lambda table: table.iloc[:0], "stars.csv: ", "no "),
}


@pytest.mark.parametrize(("change", "start", "word"), CATALOGUES.values(), ids=CATALOGUES)
def test_catalogue(refused, mine, change, start, word):
    stars_with(change)(mine)
    said = refused(config_of(mine))
    assert start in said
    assert word in said.split(start)[1]


FAR = {
    "hours": (lambda table: table.assign(ra=table.ra / 15), "its right ascensions are hours, expected degrees"),
    "another field": (
        lambda table: table.assign(dec=table.dec + 30),
        "29.84 deg away; give the star table of this part of the sky",
    ),
}


@pytest.mark.parametrize(("change", "words"), FAR.values(), ids=FAR)
def test_catalogue_of_another_part_of_the_sky(refused, mine, change, words):
    stars_with(change)(mine)
    said = refused(config_of(mine))
    assert f"{mine / 'stars.csv'}: none of its stars is near the pixels of 24x24 px at " in said
    assert words in said


#: Star tables that do not fit the pixels, or may not, and what is said of them.
UNFIT = {
    "shifted": (
        lambda table: table.assign(dec=table.dec + 3 * 21 / 3600),
        "Error: shifted.csv: does not fit the pixels of 24x24 px at",
        "columns from where it and the WCS of the pixels place them",
    ),
    "cut": (
        lambda table: table[table.Tmag < 13],
        "Error: cut.csv: does not fit the pixels of 24x24 px at",
        "it lacks 8 of 15 stars that the pixels show, the brightest at row 534, column 1265 (T about 13.7)",
    ),
    "doubtful": (
        lambda table: table[table.Tmag < 14],
        "Warning: doubtful.csv: may not fit the pixels of 24x24 px at",
        "it lacks 4 of 15 stars that the pixels show, at row 530, column 1261 (T about 14.8) first",
    ),
}


@pytest.fixture(scope="module")
def unfit(field: Path, snakemake: Run, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Folder of a run with each of the tables of `UNFIT`, and what the run said."""
    folder = tmp_path_factory.mktemp("unfit")
    config = config_of(field) | {"plots": False, "report": False}
    (observation,) = config["observations"]
    config["observations"] = []
    for sector, (name, (change, _, _)) in enumerate(UNFIT.items(), 1):
        of_sector(field / "pixels.fits", sector, folder / f"{name}.fits")
        change(pd.read_csv(field / "stars.csv", comment="#")).to_csv(folder / f"{name}.csv", index=False)
        files = {"input": str(folder / f"{name}.fits"), "catalog": str(folder / f"{name}.csv")}
        config["observations"].append(observation | files)
    result = snakemake(folder, config=config)
    assert result.returncode == 1
    return folder, result.stdout


@pytest.mark.parametrize(("start", "words"), [case[1:] for case in UNFIT.values()], ids=UNFIT)
def test_star_tables_that_do_not_fit_the_pixels(unfit, start, words):
    _, said = unfit
    (line,) = [line for line in said.splitlines() if line.startswith(start)]
    assert words in line


def test_every_row_tells_of_a_doubtful_table(unfit):
    folder, _ = unfit
    summary = Table.read(folder / "results/summary_v01_incomplete.ecsv")
    reason = {sector: set(summary["reason"][summary["sector"] == sector]) for sector in (1, 2, 3)}
    assert len(reason[1]) == len(reason[2]) == 1
    rows = summary[summary["sector"] == 3]
    assert len(rows) > 10
    assert all(
        "the star table may not fit the pixels (the log of movement_kernel says why)" in r for r in rows["reason"]
    )
    assert not set(rows["status"]) & {"OK"}


def test_snakemake_tells_of_a_catalogue_as_the_plan_does(refused_by_snakemake, mine):
    change, start, word = CATALOGUES["with duplicates"]
    stars_with(change)(mine)
    said = refused_by_snakemake(config_of(mine))
    assert start in said
    assert word in said.split(start)[1]


def test_catalogue_that_another_program_is_writing(refused, field, tmp_path):
    with closing(sqlite3.connect(tmp_path / "stars.sqlite")) as connection:
        connection.execute("PRAGMA journal_mode=wal")
        connection.execute("CREATE TABLE catalog (starid INTEGER, ra REAL, decl REAL, tmag REAL)")
        connection.commit()
        said = refused(config_of(field, catalog="stars.sqlite"))
    assert "stars.sqlite: another program has not finished writing it (stars.sqlite-wal holds changes)" in said


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
    config = config_of(field) | {"plots": False, "report": False}
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
    for wanted in ("stars_tesscut", "prf/start_s0001/cam4_ccd2"):
        assert sum(f"results/downloads/{wanted}" in line for line in told) == 1
