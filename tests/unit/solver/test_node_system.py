"""What the system of a node offers to others, against plain algebra."""

import numpy as np
import pytest
from small_tiles import (
    Floats,
    SmallTile,
    dense_covariance,
    exact_images,
    lopsided_prf,
    make_cube,
    make_stars,
    make_tile,
)

from photometry.core.geometry import Stamp
from photometry.scene.node_model import node_variance
from photometry.solver.chosen_solver import SOLVER
from photometry.solver.node_solver import NodeSolver

_STAMP = Stamp(100, 120, 600, 620)
_ALL = np.arange(6)


@pytest.fixture(scope="module")
def tile() -> SmallTile:
    """Six constant stars that do not move, two of them close together."""
    stars = make_stars([105, 105.8, 112, 115, 109, 116], [606, 606.4, 609, 616, 613, 604], [11, 12, 10, 13, 14, 12.5])
    zero = np.zeros(5)
    cube = make_cube(_STAMP, exact_images(lopsided_prf(), stars, _STAMP, zero, zero))
    return make_tile(cube, stars, stars.select(stars.tmag > 99), lopsided_prf(), zero, zero)


@pytest.fixture(scope="module")
def weights(tile) -> Floats:
    return 1 / node_variance(tile.data, tile.model.nodes[0], tile.model.mean_images(tile.model.nodes[0], _flux(tile)))


def _flux(tile: SmallTile) -> Floats:
    return tile.state.flux


def _system(tile: SmallTile, weights: Floats, common_precision: Floats) -> NodeSolver:
    precision = 1 / (0.3 * _flux(tile)) ** 2
    common = tile.model.local_basis
    return SOLVER.factored(tile.model.nodes[0], common, weights, precision, common_precision=common_precision)


def _covariance(tile: SmallTile, weights: Floats, common_precision: Floats) -> Floats:
    light = tile.model.nodes[0].expansion.matrices[0].toarray().astype(np.float64)
    precision = np.concatenate([1 / (0.3 * _flux(tile)) ** 2, common_precision])
    return dense_covariance(np.concatenate([light, tile.model.local_basis], axis=1), weights, precision)


def test_correlation_is_that_of_the_covariance(tile, weights):
    prior = np.zeros(3)
    covariance = _covariance(tile, weights, prior)[:6, :6]
    spread = np.sqrt(np.diag(covariance))
    found = _system(tile, weights, prior).correlation(_ALL[1:4])
    np.testing.assert_allclose(found, (covariance / spread / spread[:, None])[1:4], atol=1e-5)
    assert found[0, 0] < -0.1


def test_information_of_the_last_terms_is_the_inverse_of_their_covariance(tile, weights):
    prior = np.array([0.01, 0.3, 0.2])
    system, inverse = _system(tile, weights, prior), np.linalg.inv(_covariance(tile, weights, prior)[-2:, -2:])
    np.testing.assert_allclose(system.information_of_last(2, with_prior=True), inverse, rtol=1e-6)
    np.testing.assert_allclose(system.information_of_last(2), inverse - np.diag(prior[1:]), rtol=1e-6, atol=1e-9)


def test_the_own_prior_is_taken_out_by_its_share(tile, weights):
    system = _system(tile, weights, np.zeros(3))
    covariance = _covariance(tile, weights, np.zeros(3))[:6, :6]
    share = np.diag(covariance) / (0.3 * _flux(tile)) ** 2
    np.testing.assert_allclose(system.prior_share(_ALL), share, rtol=1e-4)
    deviation = np.full((2, 3), 7, dtype=np.float32)
    found = system.without_own_prior(deviation, _ALL[4:])
    np.testing.assert_allclose(found, np.repeat(7 / (1 - share[4:, None]), 3, axis=1), rtol=1e-4)


def test_single_cadences_are_solved_as_the_node_they_are_like(tile, weights):
    """Two cadences with the stars where they are at the node, in which one star is brighter."""
    system, node = _system(tile, weights, np.zeros(3)), tile.model.nodes[0]
    image = (3.0 * node.expansion.matrices[0][:, [2]].toarray()).astype(np.float32)
    single = system.of_single_cadence(node, weights, 1 / (0.3 * _flux(tile)) ** 2)
    valid = np.ones(image.shape, dtype=bool)
    together = SOLVER.solve_single_cadences([single, single], np.repeat(image, 2, axis=1), np.repeat(valid, 2, axis=1))
    alone = system.solve_at_node(image, valid)
    usual = system.solve(np.eye(6)[:1], image, valid)
    sigma = np.sqrt(np.diag(_covariance(tile, weights, np.zeros(3))))[:6, None]
    for solution in (together, together.of_cadences([1]), alone):
        assert solution.converged.all()
        assert np.abs((solution.deviation - usual.deviation) / sigma).max() < 0.03
