"""The static misfit of stars, against dense algebra and plain sums."""

import numpy as np
import pytest
from small_tiles import dense_covariance, exact_images, lopsided_prf, make_cube, make_stars, make_tile

from photometry.core.geometry import Stamp
from photometry.fit.mean_images import MeanImages
from photometry.fit.static_misfit import static_misfit
from photometry.scene.node_model import node_variance
from photometry.solver.chosen_solver import SOLVER

_STAMP = Stamp(100, 124, 600, 624)
_N_CADENCE = 50
_WIDTH = 0.3


@pytest.fixture(scope="module")
def case():
    """A lone star, a blended pair, and a star outside, with the linear system of their node."""
    stars = make_stars([107.0, 116.0, 116.8, 90.0], [607.2, 617.0, 617.9, 610.0], [10.0, 10.0, 12.0, 11.0])
    zero = np.zeros(_N_CADENCE)
    cube = make_cube(_STAMP, exact_images(lopsided_prf(), stars, _STAMP, zero, zero))
    tile = make_tile(cube, stars, stars.select(stars.tmag > 99), lopsided_prf(), zero, zero)
    (node,) = tile.model.nodes
    image = tile.model.mean_images(node, stars.flux)[0]
    variance = node_variance(tile.data, node, tile.model.mean_images(node, stars.flux))
    precision = 1 / (_WIDTH * stars.flux) ** 2
    system = SOLVER.factored(node, tile.model.local_basis, 1 / variance, precision)
    return tile, node, system, image, variance, precision


def _misfit(case, residual, count=_N_CADENCE):
    _, node, system, image, variance, _ = case
    mean = MeanImages(image + residual, residual, np.broadcast_to(np.float64(count), image.shape))
    return static_misfit(system, np.arange(4), node.expansion.transposed[0], mean, variance, system.leverage)


def test_residuals_of_known_size(case):
    _, _, system, _, variance, _ = case
    noise = np.sqrt(variance / _N_CADENCE)
    found = _misfit(case, 7 * noise * np.sqrt(1 - system.leverage))
    np.testing.assert_allclose(found.chi2[:3], 49, rtol=1e-3)
    assert np.isnan([found.chi2[3], found.share[3], found.flux_error[3]]).all()


def test_the_share_of_the_light_is_that_by_which_the_model_is_wrong(case):
    _, _, system, image, _, _ = case
    signs = np.random.default_rng(1).choice([-1, 1], len(image))
    found = _misfit(case, 0.03 * signs * image * np.sqrt(1 - system.leverage), count=1e9)
    np.testing.assert_allclose(found.share[:3], 0.03, rtol=1e-3)


def test_the_flux_error_is_that_of_independent_errors_of_the_pixels(case):
    tile, node, system, image, variance, precision = case
    residual = 0.02 * image * np.sqrt(1 - system.leverage)
    found = _misfit(case, residual, count=1e9)
    design = np.concatenate([node.expansion.matrices[0].toarray(), tile.model.local_basis], axis=1)
    covariance = dense_covariance(design, 1 / variance, precision)
    own = (1 - precision * np.diag(covariance)[:4])[:3]
    influence = (covariance @ (design / variance[:, None]).T)[:3] / own[:, None]
    expected = np.sqrt(influence**2 @ (0.02 * image) ** 2)
    np.testing.assert_allclose(found.flux_error[:3], expected, rtol=0.3)
    # The fainter star of the pair suffers from its neighbour's PRF.
    assert found.flux_error[2] / tile.state.flux[2] > 2 * found.flux_error[0] / tile.state.flux[0]


def test_noise_is_no_misfit(case):
    _, _, system, _, variance, _ = case
    rng = np.random.default_rng(5)
    found = [
        _misfit(case, rng.normal(size=len(variance)) * np.sqrt(variance / _N_CADENCE * (1 - system.leverage)))
        for _ in range(20)
    ]
    np.testing.assert_allclose(np.mean([one.chi2[:3] for one in found], axis=0), 1, atol=0.4)
    information = _N_CADENCE * (case[1].expansion.transposed[0].power(2) @ (1 / variance))[:2]
    error_of_mean = 1 / np.sqrt(information)
    assert np.mean([one.flux_error[:2] for one in found], axis=0) == pytest.approx(0, abs=0.7 * error_of_mean.max())
