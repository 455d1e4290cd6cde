"""A PRF that breathes: second moments of every cadence against the focus of the field."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from scenes import compare, fit, make_scene

from photometry.calibration.kernel import MovementKernel
from photometry.calibration.region import measure_motion
from photometry.core.cube import Cube
from photometry.core.settings import MotionSettings
from photometry.prf.prf_grid import PrfGrid
from photometry.simulate import Scene

_M_RR, _M_RC, _M_CC = 6, 7, 8


@dataclass(frozen=True)
class _Focused:
    """A field whose focus drifts, its PRF, and its motion measured."""

    scene: Scene
    cube: Cube
    prf: PrfGrid
    kernel: MovementKernel


def _measured(prf, **changes):
    """32x32 px, 80 cadences, some 20 stars brighter than T=12."""
    scene, cube = make_scene(prf, n_row=32, n_column=32, n_cadence=80, density=6000.0, **changes)
    return _Focused(scene, cube, prf, measure_motion([cube], scene.catalogue_stars, prf, MotionSettings()))


@pytest.fixture(scope="module", params=[1, 2])
def drifting(prf, request):
    """Up to a tenth of the light out of focus."""
    return _measured(prf, focus_share=0.1, seed=request.param)


@pytest.mark.parametrize("k", [_M_RR, _M_CC])
def test_moments_follow_the_focus(drifting, k):
    """Those of the blur times the share of the light that has it, to 15 %."""
    share, moments = drifting.scene.blurred_share, drifting.kernel.parameters[:, k]
    assert np.ptp(share) > 0.09
    assert np.corrcoef(share, moments)[0, 1] > 0.95
    slope = np.polyfit(share, moments, 1)[0]
    assert slope == pytest.approx(drifting.scene.settings.focus_blur_pix**2, rel=0.15)


def test_a_round_blur_has_no_crossed_moment(drifting):
    moments = drifting.kernel.parameters
    assert np.std(moments[:, _M_RC]) < 0.02 * np.std(moments[:, _M_RR])


def test_fluxes_of_bright_stars_do_not_breathe(drifting):
    """Of T 8 to 12.5: without the moments they scatter more than twice as much; their errors hold."""
    constant = drifting.kernel.parameters.copy()
    constant[:, _M_RR:] = 0
    stars = drifting.scene.catalogue_stars
    with_moments, without = (
        compare(fit(drifting.cube, stars, drifting.prf, kernel), drifting.scene)
        for kernel in (drifting.kernel, replace(drifting.kernel, parameters=constant))
    )
    which = with_moments.clean & (with_moments.tmag > 8) & (with_moments.tmag < 12.5)
    assert which.sum() >= 5
    one, other = (np.std(compared.flux - compared.truth, axis=1)[which] for compared in (with_moments, without))
    assert np.median(one / other) < 0.5
    assert 0.85 < np.median(np.std(with_moments.pulls[which], axis=1)) < 1.2


@pytest.mark.parametrize("seed", [1, 2])
def test_a_constant_prf_has_constant_moments(prf, seed):
    """1e-4 square pixels are a hundredth of what a tenth of the light out of focus makes."""
    kernel = _measured(prf, seed=seed).kernel
    assert np.std(kernel.parameters[:, _M_RR:], axis=0).max() < 1e-4
