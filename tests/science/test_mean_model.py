"""Mean image and mean of the model: nothing is left where the model is right, and what is wrong in it is told."""

from dataclasses import replace

import numpy as np
import pytest
from scenes import compare, fit, make_scene

from photometry.core.quality import STAR_FLAGS, flagged
from photometry.lightcurve.light_curve import statuses
from photometry.lightcurve.metrics import light_curve_metrics
from photometry.simulate import perturbed_prf, true_kernel

_DRIFT = {"drift_pix": 0.3, "n_cadence": 60, "extra_tmags": (8.0,)}


@pytest.fixture(scope="module")
def drifting(one_prf):
    """A field whose stars move by 0.3 px, with a variable bright star."""
    return make_scene(one_prf, **_DRIFT)


def _status(result, cube):
    metrics = light_curve_metrics(result, cube.usable, cube.cadenceno, cube.exposure.cadence_s)
    return statuses(result, metrics)


def test_no_dipole_where_stars_move(drifting, one_prf):
    """The scene at one place of the motion would leave 2 % of the peak under a star of T=8."""
    scene, cube = drifting
    result = fit(cube, scene.catalogue_stars, one_prf, true_kernel(scene))
    assert np.ptp(result.row_shift[0]) > 0.25
    left = result.sum_image - result.model_image
    assert np.nanmax(np.abs(left)) < 3e-4 * np.nanmax(result.sum_image)


def test_a_wrong_prf_is_told_and_its_effect_on_the_fluxes_is_known(one_prf):
    scene, cube = make_scene(perturbed_prf(one_prf, blur_pix=0.2), extra_tmags=(9.0,))
    result = fit(cube, scene.catalogue_stars, one_prf, true_kernel(scene))
    bright = int(np.argmin(result.tmag))
    assert result.chi2_mean[bright] > 100
    assert result.mean_misfit[bright] > 0.02
    status, reason = _status(result, cube)
    assert status[bright].name == "WARNING"
    assert "the mean image disagrees with the model by" in reason[bright]
    compared = compare(result, scene)
    clean = ~flagged(STAR_FLAGS, result.star_flags, "edge", "inseparable", "not_measurable") & (compared.tmag < 14)
    bias = np.nanmean(compared.flux - compared.truth, axis=1)
    metrics = light_curve_metrics(result, cube.usable, cube.cadenceno, cube.exposure.cadence_s)
    pulls = bias / np.hypot(metrics.mean_flux_err, result.mean_flux_syst)
    assert np.sqrt(np.mean(pulls[clean] ** 2)) < 2.5


def test_a_right_prf_is_not_accused(quick, one_prf):
    scene, cube = quick
    result = fit(cube, scene.catalogue_stars, one_prf, true_kernel(scene))
    assert not flagged(STAR_FLAGS, result.star_flags, "static_misfit", "motion_unknown").any()
    assert np.median(result.chi2_mean) < 8
    bright = result.tmag < 12
    assert (result.mean_misfit[bright] < 0.005).all()
    assert (result.mean_flux_syst[bright] < 0.005 * np.nanmean(result.flux[bright], axis=1)).all()


def test_copies_of_one_frame_are_not_ok(one_prf):
    """Every cadence agrees with every other, and none with the model."""
    scene, cube = make_scene(perturbed_prf(one_prf, blur_pix=0.2), extra_tmags=(9.0,))
    one = int(np.flatnonzero(cube.quality == 0)[5])
    copies = cube.of_cadences(np.full(12, one))
    header = replace(
        copies.header,
        time=cube.header.time[:12],
        cadenceno=cube.header.cadenceno[:12],
        quality=np.zeros(12, dtype=np.int32),
    )
    still = true_kernel(scene).of_cadences(np.full(12, one))
    result = fit(replace(copies, header=header), scene.catalogue_stars, one_prf, still)
    bright = int(np.argmin(result.tmag))
    assert np.nanmedian(result.chi2[bright]) < 0.1
    status, reason = _status(result, replace(copies, header=header))
    assert status[bright].name == "WARNING"
    assert "the mean image disagrees" in reason[bright]
