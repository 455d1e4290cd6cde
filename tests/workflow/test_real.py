"""Real pixels from one settings file to light curves, against SPOC's light curve of the same cadences."""

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from running import Run

from photometry.core.statistics import MAD_TO_SIGMA

pytestmark = [pytest.mark.workflow, pytest.mark.slow, pytest.mark.realdata]


def measure(run: Run, folder: Path, **observation: object) -> Table:
    """Run the chain on one observation and return its summary."""
    result = run(folder, config={"output": "results", "plots": False, "report": False, "observations": [observation]})
    assert result.returncode == 0, result.stdout
    return Table.read(folder / "results" / "summary_v01.ecsv")


def scatter(flux: np.ndarray) -> float:
    """Standard deviation by the differences of consecutive cadences, robust."""
    return MAD_TO_SIGMA * float(np.nanmedian(np.abs(np.diff(flux)))) / np.sqrt(2)


def star_table(path: Path, pixels: Path, tmag: float) -> str:
    """Write a star table with the target of a pixel file alone."""
    header = fits.getheader(pixels)
    target = str(header["OBJECT"]).removeprefix("TIC").strip()
    starid = target if target.isdigit() else "261136679"
    path.write_text(f"ID,ra,dec,Tmag\n{starid},{header['RA_OBJ']},{header['DEC_OBJ']},{tmag}\n")
    return str(path)


def test_files_that_went_wrong_run_as_one_command(snakemake, tess_data, tmp_path):
    """All that can be measured is, every other file has its row and reason."""
    files, model = tess_data / "files", {"prf": "model"}
    by_astrocut = next(files.glob("astrocut-1.4/*.fits.gz"))
    observations = [
        {"datasource": "tesscut", "input": str(by_astrocut), "catalog": str(files / "astrocut-1.4/stars.csv")}
        | {"first_pixel": [287, 387]},
        {"datasource": "tesscut", "input": str(files / "below-row-0/corner.fits.gz")}
        | {"catalog": str(files / "below-row-0/corner_stars.csv")},
        {"datasource": "tpf", "input": str(files / "lightkurve-cutout")}
        | {"catalog": str(tess_data / "tpf/tpf1_stars.csv")},
        {"datasource": "tpf", "input": str(files / "tpf-target-duplicate")}
        | {"catalog": str(files / "tpf-target-duplicate/stars.csv")},
    ]
    observations = [observation | model for observation in observations]
    config = {"output": "results", "plots": False, "report": False, "observations": observations}
    result = snakemake(tmp_path, config=config)
    assert result.returncode == 1
    summary = Table.read(tmp_path / "results/summary_v01.ecsv").filled("")
    reasons = {row["starid"]: (row["status"], str(row["reason"])) for row in summary}
    status, reason = reasons[0]
    assert status == "ERROR"
    assert reason.startswith("header keys contradict each other: 1CRV5P = 1076, but CRVAL1P = 1073 (APERTURE)")
    twin = "marked DUPLICATE in the star table: its light counts as TIC 1999999999"
    assert reasons[273589987] == ("SKIPPED", twin)
    assert "TIC 273589987, is skipped: marked DUPLICATE" in result.stdout
    assert {"OK", "WARNING"} >= {status for starid, (status, _) in reasons.items() if starid not in (0, 273589987)}
    of_cutout = summary[np.strings.endswith(summary["region"].astype(str), "r0287_c0387_24x24")]
    assert len(of_cutout) >= 2
    assert summary.meta["left_out"] == {"artefact": 0, "duplicate": 1, "without_tmag": 0}
    # Nine rows below row 0 and nine columns left of the first are no pixels of the sky; no star is on the others.
    (corner,) = (tmp_path / "results/prepared").glob("tesscut_*_r0000_c0044_15x15.hdf5")
    assert corner.is_file()


def test_target_pixel_file_is_as_good_as_spoc(snakemake, tess_data, tmp_path):
    summary = measure(
        snakemake,
        tmp_path,
        datasource="tpf",
        input=str(tess_data / "tpf/tpf1.fits"),
        catalog=str(tess_data / "tpf/tpf1_stars.csv"),
        prf=str(tess_data / "prf/start_s0004_cam2_ccd3"),
    )
    row = summary[summary["starid"] == 273589987][0]
    # One pixel of the star's core is off by 6 % of the peak in every cadence: the SPOC PRF is no better here.
    assert row["status"] == "WARNING"
    assert str(row["reason"]).startswith("the mean image disagrees with the model by")
    assert row["chi2"] < 2 < row["chi2_mean"]
    assert row["file"] == "lightcurves/c0120/00273/tess00273589987-s015-2-3-c0120-dr30-v01_lc.fits"
    mine = fits.getdata(tmp_path / "results" / row["file"], "LIGHTCURVE")
    spoc = fits.getdata(tess_data / "tpf/lcf2.fits", 1)
    spoc = spoc[np.isfinite(spoc["TIME"])]
    np.testing.assert_allclose(mine["TIME"], spoc["TIME"], atol=1e-6)
    good = (mine["QUALITY"] == 0) & np.isfinite(mine["FLUX"]) & np.isfinite(spoc["SAP_FLUX"])
    assert good.sum() > 90
    flux, sap = np.asarray(mine["FLUX"][good]), np.asarray(spoc["SAP_FLUX"][good])
    assert scatter(flux) / flux.mean() <= 1.15 * scatter(sap) / sap.mean()
    assert np.corrcoef(flux, sap)[0, 1] >= 0.95


def test_saturated_star_in_a_tiny_cutout(snakemake, tess_data, tmp_path):
    pixels = next((tess_data / "tesscut").glob("tess-s0001-4-2*.fits"))
    summary = measure(
        snakemake,
        tmp_path,
        datasource="tesscut",
        input=str(pixels),
        catalog=star_table(tmp_path / "stars.csv", pixels, 5.1),
        prf=str(tess_data / "prf/start_s0001_cam4_ccd2"),
    )
    assert len(summary) == 1
    assert summary["status"][0] == "WARNING"
    assert "saturate" in summary["reason"][0]
    with fits.open(pixels) as hdus:
        in_pixels = np.nanmedian(hdus["PIXELS"].data["FLUX"].sum(axis=(1, 2)))
    assert summary["mean_flux"][0] == pytest.approx(in_pixels, rel=0.1)
    assert 256 <= summary["row"][0] < 262
    assert 1627 <= summary["column"][0] < 1633


def test_five_cadences(snakemake, tess_data, tmp_path):
    pixels = tess_data / "tpf/tess25155310-s01-first-cadences.fits.gz"
    summary = measure(
        snakemake,
        tmp_path,
        datasource="tpf",
        input=str(pixels),
        catalog=star_table(tmp_path / "stars.csv", pixels, 10.56),
        prf="model",
    )
    assert list(summary["starid"]) == [25155310]
    assert summary["status"][0] in ("OK", "WARNING", "ERROR")
    assert summary["status"][0] == "OK" or summary["reason"][0]
