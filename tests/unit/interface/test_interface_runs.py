"""Runs of the photometry one after the other: what a failed one leaves, what is collected, what is saved."""

import logging
import os
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from prepared_folder import Prepared, prepare_ccd

from photometry import STATUS, BasePhotometry, PSFPhotometry


@pytest.fixture(scope="module")
def ffi(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return prepare_ccd(tmp_path_factory.mktemp("ffi") / "prepared", n_cadence=12)


class Given(BasePhotometry):
    """Photometry that puts given fluxes into the light curve and ends with a given status."""

    def do_photometry(self, flux: float, status: STATUS | None) -> STATUS | None:
        assert np.isnan(self.lightcurve["flux"]).all()
        self.lightcurve["flux"], self.lightcurve["flux_err"] = flux, 1.0
        if status is STATUS.ABORT:
            raise RuntimeError("no good")
        return status


def open_target(ffi: Prepared, output: Path, kind: type[BasePhotometry] = PSFPhotometry, **changes: object):
    return kind(ffi.starid, ffi.folder, output, **(ffi.place | changes))


# A run that fails


def test_a_failed_run_leaves_no_flux_of_the_one_before(ffi, tmp_path):
    with open_target(ffi, tmp_path) as target:
        assert target.photometry() in (STATUS.OK, STATUS.WARNING)
        target.resize_stamp(down=-12)
        assert target.photometry() is STATUS.ERROR
        for name in ("flux", "flux_err", "flux_background", "pos_centroid"):
            assert np.isnan(target.lightcurve[name]).all(), name
        assert np.isfinite(target.lightcurve["time"]).all()
        with pytest.raises(RuntimeError, match=r"no flux to save; its status is ERROR: TIC \d+ is not on the pixels"):
            target.save_lightcurve()
    assert list(tmp_path.iterdir()) == []


def test_an_exception_leaves_no_flux_of_the_run_before(ffi, tmp_path):
    with open_target(ffi, tmp_path) as target:
        target.photometry()
        target.settings["fit"]["tmag_limit"] = "faint"
        with pytest.raises(ValueError, match="tmag_limit"):
            target.photometry()
        assert np.isnan(target.lightcurve["flux"]).all()
        with pytest.raises(RuntimeError, match="its status is ERROR: settings: tmag_limit"):
            target.save_lightcurve()


def test_an_error_that_is_saved_says_so(ffi, tmp_path, caplog):
    with open_target(ffi, tmp_path, kind=Given) as target:
        assert target.photometry(5.0, STATUS.ERROR) is STATUS.ERROR
        target.report_details(error="the star is not there")
        with caplog.at_level(logging.WARNING):
            path = target.save_lightcurve()
    assert "is saved whose status is ERROR: the star is not there" in caplog.text
    assert fits.getheader(path)["STATUS"] == "ERROR"


def test_columns_of_a_method_stay_and_cadences_come_back(ffi, tmp_path):
    with open_target(ffi, tmp_path, kind=Given) as target:
        target.lightcurve["mine"] = 3.0
        target.photometry(5.0, STATUS.OK)
        assert "mine" in target.lightcurve.colnames
        target.lightcurve = target.lightcurve[:4]
        target.photometry(6.0, STATUS.OK)
        assert len(target.lightcurve) == 12
        assert target.lightcurve["flux"].unit is not None


# What is collected


def test_what_is_reported_before_a_run_is_kept_and_stars_accumulate(ffi, tmp_path):
    class Reporting(Given):
        def do_photometry(self, *arguments: object) -> STATUS | None:
            self.report_details(error="in the run", skip_targets=[5, 6])
            return super().do_photometry(*arguments)

    with open_target(ffi, tmp_path, kind=Reporting) as target:
        target.report_details(error="before", skip_targets=[5, np.int64(4)])
        target.photometry(5.0, STATUS.WARNING)
        assert target.details["errors"] == ["before", "in the run"]
        target.report_details(skip_targets=[7, 4])
        assert target.details["skip_targets"] == [5, 4, 6, 7]
        target.photometry(5.0, STATUS.WARNING)
        assert target.details["skip_targets"] == [5, 4, 6, 7]
        assert target.details["errors"] == ["in the run"]


@pytest.mark.parametrize("returned", [None, "OK", True, 99])
def test_a_run_has_to_return_a_status(ffi, tmp_path, returned):
    with open_target(ffi, tmp_path, kind=Given) as target:
        with pytest.raises(ValueError, match=f"do_photometry returned {returned!r}: return a STATUS"):
            target.photometry(5.0, returned)
        assert target.status is STATUS.ERROR
        assert target.photometry(5.0, 1) is STATUS.OK


# What is saved


def test_chosen_cadences_are_saved(ffi, tmp_path):
    for kind, arguments in ((PSFPhotometry, ()), (Given, (5.0, STATUS.OK))):
        with open_target(ffi, tmp_path / kind.__name__, kind=kind) as target:
            target.photometry(*arguments)
            whole = fits.getdata(target.save_lightcurve(version=1), 1)
            chosen = np.array([0, 3, 4, 9])
            target.lightcurve = target.lightcurve[chosen]
            path = target.save_lightcurve(version=2)
        with fits.open(path, checksum=True) as hdus:
            assert len(hdus[1].data) == 4
            for name in whole.names:
                np.testing.assert_array_equal(hdus[1].data[name], whole[name][chosen], err_msg=name)
            assert hdus[0].header["TSTOP"] - hdus[0].header["TSTART"] == pytest.approx(10 * 1800 / 86400, rel=1e-3)


def test_rows_that_are_no_cadences_are_refused_in_words(ffi, tmp_path):
    with open_target(ffi, tmp_path) as target:
        target.photometry()
        curve = target.lightcurve
        target.lightcurve = curve[::-1]
        with pytest.raises(ValueError, match="sort it by cadenceno"):
            target.save_lightcurve()
        target.lightcurve = curve.copy()
        target.lightcurve["cadenceno"] += 500
        with pytest.raises(ValueError, match=r"cadence number \d+, which the pixels do not have"):
            target.save_lightcurve()
        target.lightcurve = curve["time", "flux", "flux_err"]
        with pytest.raises(ValueError, match="lacks the columns timecorr, cadenceno"):
            target.save_lightcurve()
    assert list(tmp_path.iterdir()) == []


def test_folders_are_absolute_and_a_given_one_gets_the_file(ffi, tmp_path, monkeypatch):
    monkeypatch.chdir(ffi.folder.parent)
    (tmp_path / "results").mkdir()
    with BasePhotometry(ffi.starid, f"prepared/{ffi.name}.hdf5", "out", **ffi.place) as target:
        assert target.input_folder == str(ffi.folder)
        assert target.output_folder == str(ffi.folder.parent / "out")
    with Given(ffi.starid, "prepared", os.path.relpath(tmp_path / "results"), plot=True, **ffi.place) as target:
        assert os.path.isabs(target.plot_folder)
        target.photometry(5.0, STATUS.OK)
        monkeypatch.chdir(tmp_path)
        default, given = target.save_lightcurve(), target.save_lightcurve("here")
    name = os.path.basename(default)
    assert isinstance(default, str)
    assert default == str(tmp_path / "results/lightcurves/c1800" / f"{ffi.starid:011d}"[:5] / name)
    assert given == str(tmp_path / "here" / name)
    assert os.path.isfile(default)
    assert os.path.isfile(given)
