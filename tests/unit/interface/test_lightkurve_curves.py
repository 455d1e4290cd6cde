"""Light curves of targets and of files as lightkurve has them."""

import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from astropy import units
from astropy.io import fits
from prepared_folder import Prepared, prepare_ccd

import photometry
from photometry import PSFPhotometry

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import lightkurve


@pytest.fixture(scope="module")
def ffi(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return prepare_ccd(tmp_path_factory.mktemp("ffi") / "prepared", n_cadence=12)


@pytest.fixture(scope="module")
def measured(ffi: Prepared, tmp_path_factory: pytest.TempPathFactory) -> tuple[PSFPhotometry, str]:
    """A measured target and its file."""
    target = PSFPhotometry(ffi.starid, ffi.folder, tmp_path_factory.mktemp("results"), **ffi.place)
    target.photometry()
    target.lightcurve["quality"][3] = 128  # a flag that the default mask leaves out
    return target, target.save_lightcurve()


def test_target_and_file_are_the_same_light_curve(measured):
    target, path = measured
    one, other = target.to_lightkurve(), photometry.read_lightcurve(path)
    for curve in (one, other):
        assert isinstance(curve, lightkurve.TessLightCurve)
        assert (curve.time.format, curve.time.scale) == ("btjd", "tdb")
        assert 2458325 < curve.time.jd[0] < 2458355
        assert curve.flux.unit == curve.flux_err.unit == units.electron / units.second
        assert curve.meta["AUTHOR"] == "tess-psf-photometry"
        assert curve.meta["FLUX_ORIGIN"] == "flux"
        assert curve.meta["LABEL"] == f"TIC {target.starid}"
        assert curve.meta["TARGETID"] == target.starid
        assert (curve.meta["SECTOR"], curve.meta["CAMERA"], curve.meta["CCD"]) == (1, 4, 2)
        assert curve.meta["RA"] == pytest.approx(target.target["ra_J2000"])
        assert 0 < len(curve) == np.sum(curve.meta["QUALITY_MASK"]) < 12
    np.testing.assert_allclose(one.time.value, other.time.value)
    for name in ("flux", "flux_err"):
        np.testing.assert_allclose(one[name].value, other[name].value, rtol=1e-6)
    for name in ("quality", "cadenceno", "centroid_col", "centroid_row"):
        np.testing.assert_allclose(one[name], other[name], rtol=1e-6)
    assert len(target.to_lightkurve(quality_bitmask="none")) == 12
    assert len(photometry.read_lightcurve(path, quality_bitmask="none")) == 12
    assert np.isfinite(one.remove_outliers().flatten(window_length=5).flux).any()


@pytest.mark.parametrize("name", ["sap_flux", "corr_flux"])
def test_other_fluxes_of_a_file(measured, name):
    _, path = measured
    curve = photometry.read_lightcurve(path, flux_column=name, quality_bitmask="none")
    np.testing.assert_array_equal(curve.flux.value, fits.getdata(path, 1)[name.upper()])
    np.testing.assert_array_equal(curve.flux_err.value, fits.getdata(path, 1)[f"{name.upper()}_ERR"])
    assert curve.meta["FLUX_ORIGIN"] == name
    with pytest.raises(ValueError, match="flux_column is 'pdcsap_flux'"):
        photometry.read_lightcurve(path, flux_column="pdcsap_flux")


def test_files_of_others_are_refused(tmp_path):
    path = tmp_path / "other.fits"
    fits.PrimaryHDU().writeto(path)
    with pytest.raises(OSError, match="no light curve file of this package"):
        photometry.read_lightcurve(path)


def test_without_lightkurve_it_is_asked_for(measured, monkeypatch):
    monkeypatch.setitem(sys.modules, "lightkurve", None)
    with pytest.raises(ImportError, match="pip install lightkurve"):
        measured[0].to_lightkurve()
    assert Path(measured[1]).is_file()
