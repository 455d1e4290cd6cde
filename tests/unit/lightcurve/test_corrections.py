"""Corrections between fit and export: one door for workflow and Python class."""

from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits
from scenes import make_scene
from tile_fits import make_catalog, make_fit, make_header

from photometry.core.settings import FitSettings
from photometry.interface.target_fit import fit_target
from photometry.io.results.lightcurve_files import export_tile
from photometry.lightcurve import corrections
from photometry.lightcurve.corrections import CORRECTIONS, corrected
from photometry.prf.model import model_prf
from photometry.simulate import true_kernel


def without_mean_of_stars(curves):
    """Divide by the median of all stars, and flag the first cadence."""
    relative = curves.flux / np.median(curves.flux, axis=1, keepdims=True)
    shared = np.median(relative, axis=0)
    flags = curves.pixel_quality.copy()
    flags[:, 0] |= 64
    return replace(curves, flux=curves.flux / shared, flux_err=curves.flux_err / shared, pixel_quality=flags)


@pytest.fixture
def made_up(monkeypatch):
    """The correction above in place of the one that does nothing."""
    monkeypatch.setattr(corrections, "CORRECTIONS", {"identity": without_mean_of_stars})


def test_identity_is_the_only_one_and_changes_nothing():
    assert list(CORRECTIONS) == ["identity"]
    fit, header = make_fit(3), make_header()
    after = corrected(fit, header)
    for name in ("flux", "flux_err", "aperture_flux", "aperture_flux_err", "pixel_quality", "background"):
        assert getattr(after, name) is getattr(fit, name), name


def test_a_correction_is_given_all_stars_and_the_times_of_the_cube(monkeypatch):
    seen = []
    monkeypatch.setattr(corrections, "CORRECTIONS", {"look": lambda curves: seen.append(curves) or curves})
    fit, header = make_fit(3), make_header()
    corrected(fit, header, "look")
    (curves,) = seen
    assert curves.starid is fit.starid
    assert curves.flux is fit.flux
    assert (curves.time is header.time, curves.quality is header.quality) == (True, True)


def test_other_shapes_are_refused(monkeypatch):
    monkeypatch.setattr(corrections, "CORRECTIONS", {"short": lambda curves: replace(curves, flux=curves.flux[:, 1:])})
    with pytest.raises(ValueError, match=r"correction short: flux has shape \(3, 119\), expected \(3, 120\)"):
        corrected(make_fit(3), make_header(), "short")


@pytest.mark.usefixtures("made_up")
def test_the_export_writes_what_a_correction_returns(tmp_path):
    """One of three stars is a target; the other two count for the correction."""
    fit, header = make_fit(3), make_header()
    index = export_tile(fit, header, fit.starid[:1], make_catalog(fit), tmp_path, 1, "a", "t", {})
    expected = corrected(fit, header)
    assert not np.array_equal(expected.flux[0], fit.flux[0])
    with fits.open(tmp_path / index["file"][0]) as hdus:
        np.testing.assert_array_equal(hdus["LIGHTCURVE"].data["FLUX"], expected.flux[0])
        np.testing.assert_array_equal(hdus["LIGHTCURVE"].data["FLUX_ERR"], expected.flux_err[0])
        assert hdus["LIGHTCURVE"].data["PIXEL_QUALITY"][0] == 64
    assert index["median_flux"][0] == pytest.approx(float(np.median(expected.flux[0][header.quality == 0])), rel=1e-6)


def test_the_python_class_applies_the_same(monkeypatch):
    prf = model_prf()
    scene, cube = make_scene(prf, n_row=13, n_column=13, n_cadence=6)
    inside = cube.stamp.contains(scene.catalogue_stars.row, scene.catalogue_stars.column)
    starid = int(scene.catalogue_stars.starid[inside][0])
    given = cube, scene.catalogue_stars, starid, prf, true_kernel(scene), FitSettings()
    plain = fit_target(*given)
    monkeypatch.setattr(
        corrections, "CORRECTIONS", {"identity": lambda curves: replace(curves, flux=curves.flux * np.float32(2))}
    )
    np.testing.assert_array_equal(fit_target(*given).fit.flux, plain.fit.flux * np.float32(2))
