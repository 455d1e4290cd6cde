"""From full-frame images of a whole CCD to the light curves of one of its tiles, against the truth."""

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from photometry import STATUS, PSFPhotometry
from photometry.io.products.cube_files import read_cube_header
from photometry.simulate.ccd_truth import read_ccd_truth

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

_REGION = "sector023_camera4_ccd2"
_CATALOG = f"results/prepared/catalog_{_REGION}.sqlite"
_INDEX = f"results/lightcurves/index/{_REGION}/row1024_col1068.ecsv"
#: A tile of output D, which is dead.
_DARK_INDEX = f"results/lightcurves/index/{_REGION}/row1024_col1836.ecsv"
_CCD = {"seed": 3, "n_cadence": 8, "density": 25.0, "faintest_tmag": 16.0, "n_pairs": 4, "bad_frames": ["zero"]}


@pytest.fixture(scope="module")
def folder(snakemake, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ccd")
    result = snakemake(folder, config={"output": "results", "simulate": {"folder": "data", "ccds": {"ccd": _CCD}}})
    assert result.returncode == 0, result.stdout
    for frame in sorted((folder / "data/ccd/ffi").glob("*.fits")):
        with fits.open(frame, mode="update", checksum=True) as hdus:
            hdus[1].data[:, 1580:2092] = 0
    observation = {"datasource": "ffi", "input": "data/ccd/ffi", "catalog": "data/ccd/stars.csv", "prf": "model"}
    config = {
        "output": "results",
        "observations": [observation | {"tmag_limit": 15.0}],
        "fit": {"tile_size": 256, "joint_size": 128},
    }
    result = snakemake(folder, _INDEX, _DARK_INDEX, _CATALOG, config=config)
    assert result.returncode == 0, result.stdout
    return folder


def test_light_curves_of_a_tile_are_true(folder):
    """Fluxes within six of their errors of the truth, and means within 0.5 % where photons allow it."""
    index, truth = Table.read(folder / _INDEX), read_ccd_truth(folder / "data/ccd/truth.hdf5")
    measured = index[index["file"] != ""]
    assert len(measured) > 10
    for row in measured:
        curve = fits.getdata(folder / "results" / row["file"], "LIGHTCURVE")
        true = truth.flux_of(np.flatnonzero(truth.starid == row["starid"]))[0]
        use = (curve["QUALITY"] == 0) & np.isfinite(curve["FLUX"])
        assert use.sum() >= 4
        error = curve["FLUX"][use] - true[use]
        assert np.abs(error / curve["FLUX_ERR"][use]).max() < 6
        if row["tmag"] < 13:
            assert np.abs(np.mean(error)) < 0.005 * true.mean()


def test_stars_of_a_dead_output_are_rows_with_the_reason(folder):
    index = Table.read(folder / _DARK_INDEX)
    assert len(index) > 10
    assert set(index["status"]) == {"SKIPPED"}
    assert set(index["reason"]) == {"no pixel is measured in any cadence"}
    assert not any(np.ma.filled(index["file"], ""))


def test_the_bad_frame_is_flagged_and_has_no_flux(folder):
    header = read_cube_header(folder / f"results/prepared/{_REGION}.hdf5")
    bad = np.flatnonzero(read_ccd_truth(folder / "data/ccd/truth.hdf5").bad == "zero")
    assert len(bad) == 1
    assert header.quality[bad[0]] != 0
    index = Table.read(folder / _INDEX)
    row = index[index["file"] != ""][0]
    assert np.isnan(fits.getdata(folder / "results" / row["file"], "LIGHTCURVE")["FLUX"][bad[0]])


def test_times_are_those_of_each_star(folder):
    """Two stars of a tile, a degree apart, see the barycentre at other times."""
    index = Table.read(folder / _INDEX)
    files = index["file"][index["file"] != ""]
    first, last = (fits.getdata(folder / "results" / name, "LIGHTCURVE")["TIMECORR"] for name in (files[0], files[-1]))
    assert 0 < np.nanmax(np.abs(first - last)) < 0.001


def test_the_python_interface_opens_what_was_prepared(folder, tmp_path):
    """Times are the workflow's, of this star; fluxes and names too, up to what a small stamp sees of the field."""
    index = Table.read(folder / _INDEX)
    measured = index[(index["file"] != "") & (index["tmag"] < 13) & (index["status"] == "OK")]
    for row in measured[:3]:
        curve = fits.getdata(folder / "results" / row["file"], "LIGHTCURVE")
        with PSFPhotometry(
            row["starid"], folder / "results", tmp_path, sector=23, camera=4, ccd=2, version=1
        ) as target:
            assert target.photometry() == STATUS.OK, target.details
            np.testing.assert_array_equal(target.lightcurve["time"], curve["TIME"])
            np.testing.assert_array_equal(target.lightcurve["quality"], curve["QUALITY"])
            good = np.isfinite(curve["FLUX"])
            change = (target.lightcurve["flux"] - curve["FLUX"])[good] / curve["FLUX_ERR"][good]
            assert np.abs(change).max() < 1
            assert target.details["warnings"] == []
            path = target.save_lightcurve()
        assert Path(path).relative_to(tmp_path).as_posix() == row["file"]
