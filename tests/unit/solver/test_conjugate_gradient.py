"""The batched solution against plain weighted least squares, cadence by cadence."""

from dataclasses import replace

import numpy as np
import pytest
from small_tiles import (
    Floats,
    SmallTile,
    dense_covariance,
    dense_design,
    exact_images,
    lopsided_prf,
    make_cube,
    make_stars,
    make_tile,
)

from photometry.core.geometry import Stamp
from photometry.scene.design_matrices import N_TERM
from photometry.scene.node_model import node_variance
from photometry.scene.tile_model import residuals
from photometry.solver.conjugate_gradient import solve_cadences
from photometry.solver.node_system import NodeSystem
from photometry.solver.normal_equations import NormalEquations, factor_node

_N_CADENCE = 30
_STAMP = Stamp(100, 124, 600, 624)


@pytest.fixture(scope="module")
def tile() -> SmallTile:
    """Forty stars, one of them varying by a tenth, two pairs of close neighbours, stars on the edge and outside."""
    rng = np.random.default_rng(5)
    row, column = rng.uniform(97, 126, 40), rng.uniform(597, 626, 40)
    row[1], column[1] = row[0] + 0.6, column[0] - 0.3
    row[3], column[3] = row[2] - 0.3, column[2] + 0.2
    stars = make_stars(row, column, rng.uniform(9, 16, 40))
    row_shift, column_shift = rng.uniform(-0.04, 0.04, (2, _N_CADENCE))
    images = exact_images(lopsided_prf(), stars, _STAMP, row_shift, column_shift)
    only = exact_images(lopsided_prf(), stars.select(np.arange(40) == 5), _STAMP, row_shift, column_shift)
    images += only * 0.1 * np.sin(np.arange(_N_CADENCE))[:, None, None]
    cube = make_cube(_STAMP, images, rng)
    cube.images[rng.random(cube.images.shape) < 0.01] = np.nan
    cube.images[:, 10, 11] = np.nan
    return make_tile(cube, stars, stars.select(np.zeros(40, dtype=bool)), lopsided_prf(), row_shift, column_shift)


def _system(tile: SmallTile, prior_width: float = 0.3) -> NormalEquations:
    (node,) = tile.model.nodes
    variance = node_variance(tile.data, node, tile.model.mean_images(node, tile.state.flux))
    weights = np.where(tile.data.usable, 1 / variance, 0.0)
    return factor_node(node, tile.model.local_basis, weights, 1 / (prior_width * tile.state.flux) ** 2)


def _problem(tile: SmallTile) -> tuple[Floats, Floats]:
    (node,) = tile.model.nodes
    cadences = np.arange(_N_CADENCE)
    images = tile.model.mean_images(node, tile.state.flux)
    residual = residuals(tile.data, tile.model, node, images, tile.state.motion, cadences)
    return node.coefficients(tile.state.motion, cadences)[:, :N_TERM], residual


def _plain(system: NormalEquations, terms: Floats, residual: Floats, rows: Floats) -> tuple[Floats, Floats]:
    """Weighted least squares of a cadence on chosen pixels, priors as pseudo-measurements: values, standard errors."""
    design = dense_design(system, terms)[rows]
    root = np.sqrt(system.weights.astype(np.float64))[rows]
    n_star = len(system.precision)
    prior = np.zeros((n_star, design.shape[1]))
    prior[:, :n_star] = np.diag(np.sqrt(system.precision))
    stacked = np.concatenate([root[:, None] * design, prior])
    scale = np.linalg.norm(stacked, axis=0)
    target = np.concatenate([root * residual[rows], np.zeros(n_star)])
    solution = np.linalg.lstsq(stacked / scale, target, rcond=None)[0] / scale
    sigma = np.sqrt(np.diag(dense_covariance(design, root**2, system.precision)))
    return solution, sigma


def test_all_cadences_equal_plain_least_squares_on_the_valid_pixels(tile):
    system = _system(tile)
    terms, residual = _problem(tile)
    solution = solve_cadences(system, terms, residual, tile.data.valid.T, accuracy=0.0)
    assert solution.converged.all()
    for cadence in range(_N_CADENCE):
        # Masked pixels are left out of the plain problem altogether: zero weight means deletion.
        rows = np.flatnonzero(tile.data.valid[cadence])
        values, sigma = _plain(system, terms[cadence], residual[:, cadence], rows)
        found = np.concatenate([solution.deviation[:, cadence], solution.common[:, cadence]])
        # The iteration stops at 1e-5 of what is solved for; it arrives well below, the varying star included.
        assert np.abs((found - values) / sigma).max() < 1e-4


def test_no_flux_is_off_by_more_than_the_accuracy_asked_for(tile):
    system = _system(tile)
    terms, residual = _problem(tile)
    exact = solve_cadences(system, terms, residual, tile.data.valid.T, tolerance=1e-13, accuracy=0.0)
    sigma = np.sqrt(np.diag(system.covariance))[: len(system.precision), None]
    for accuracy in (1.0, 0.1, 0.01):
        solution = solve_cadences(system, terms, residual, tile.data.valid.T, accuracy=accuracy)
        assert solution.converged.all()
        off = np.abs((solution.deviation - exact.deviation) / sigma)
        # Where pixels are masked the standard error of the cadence is larger than the node's.
        assert np.percentile(off, 99) < accuracy
        assert off.max() < 2 * accuracy


def test_any_start_leads_to_the_same_place(tile):
    system = _system(tile)
    terms, residual = _problem(tile)
    cold = solve_cadences(system, terms, residual, tile.data.valid.T, accuracy=0.01)
    rng = np.random.default_rng(3)
    sigma = np.sqrt(np.diag(system.covariance))[:, None]
    start = (np.concatenate([cold.deviation, cold.common]) + sigma * rng.normal(size=(1, _N_CADENCE))).astype(
        np.float32
    )
    warm = solve_cadences(system, terms, residual, tile.data.valid.T, accuracy=0.01, start=start)
    assert np.abs((warm.deviation - cold.deviation) / sigma[:-3]).max() < 0.02
    np.testing.assert_allclose(warm.fitted, cold.fitted, atol=0.05 * np.abs(cold.fitted).std())


def test_first_degree_is_enough_from_a_start(tile):
    """Twice to first degree, the second time from what the first leaves in full; one star varies by 10 %."""
    system = _system(tile)
    terms, residual = _problem(tile)
    exact = solve_cadences(system, terms, residual, tile.data.valid.T, accuracy=0.0)
    sigma = np.sqrt(np.diag(system.covariance))[: len(system.precision), None]
    once = solve_cadences(system, terms, residual, tile.data.valid.T, n_term=3)
    twice = solve_cadences(system, terms, residual, tile.data.valid.T, n_term=3, start=once.unknowns, accuracy=0.003)
    off = [np.abs((solution.deviation - exact.deviation) / sigma).max() for solution in (once, twice)]
    assert off[0] < 0.05
    assert off[1] < 0.005


def test_a_start_from_other_priors_is_nearly_the_solution(tile):
    """Priors a tenth as wide: what is left to do is a fiftieth of the way from the other solution."""
    wide = _system(tile)
    (node,) = tile.model.nodes
    narrow = factor_node(node, tile.model.local_basis, wide.weights.astype(np.float64), 100 * wide.precision)
    terms, residual = _problem(tile)
    before, exact = (
        solve_cadences(system, terms, residual, tile.data.valid.T, accuracy=0.0) for system in (wide, narrow)
    )
    sigma = np.sqrt(np.diag(narrow.covariance))[:, None]
    start = NodeSystem(narrow).after(NodeSystem(wide), before.unknowns)
    way, left = (np.abs((x - exact.unknowns) / sigma).mean() for x in (before.unknowns, start))
    assert way > 0.1
    assert left < 0.05 * way


def test_with_the_inverse_of_another_node_fluxes_are_the_same_and_errors_about(tile):
    """Background twice as bright, priors of other widths: the inverse is another, but for its scale."""
    (node,) = tile.model.nodes
    other = _system(tile)
    brighter = 1 / (2 / other.weights[other.weights > 0].mean() + 1 / np.maximum(other.weights, 1e-9))
    weights = np.where(tile.data.usable, brighter, 0.0).astype(np.float64)
    precision = 2 * other.precision
    own = factor_node(node, tile.model.local_basis, weights, precision)
    shared = factor_node(node, tile.model.local_basis, weights, precision, like=other)
    terms, residual = _problem(tile)
    solutions = [solve_cadences(system, terms, residual, tile.data.valid.T) for system in (own, shared)]
    sigma = np.sqrt(own.variance)[:, None]
    assert np.abs((solutions[0].deviation - solutions[1].deviation) / sigma).max() < 0.02
    ratio = np.sqrt(shared.variance / own.variance)
    assert np.abs(np.median(ratio) - 1) < 0.01
    assert np.percentile(np.abs(ratio - 1), 84) < 0.05
    np.testing.assert_allclose(shared.own_prior, own.own_prior, atol=0.1)
    again = factor_node(node, tile.model.local_basis, other.weights.astype(np.float64), other.precision, like=other)
    np.testing.assert_allclose(again.variance, other.variance, rtol=1e-5)
    np.testing.assert_allclose(again.sky_variance, other.sky_variance, rtol=1e-4)


def test_values_of_masked_pixels_do_not_matter(tile):
    system = _system(tile)
    terms, residual = _problem(tile)
    once = solve_cadences(system, terms, residual, tile.data.valid.T)
    other = np.where(tile.data.valid.T, residual, np.float32(1e6))
    again = solve_cadences(system, terms, other, tile.data.valid.T)
    np.testing.assert_array_equal(once.deviation, again.deviation)


def test_cadence_without_pixels_changes_nothing_else(tile):
    system = _system(tile)
    terms, residual = _problem(tile)
    valid = tile.data.valid.T.copy()
    valid[:, 7] = False
    solution = solve_cadences(system, terms, residual, valid, accuracy=0.0)
    whole = solve_cadences(system, terms, residual, tile.data.valid.T, accuracy=0.0)
    others = np.arange(_N_CADENCE) != 7
    assert not solution.deviation[:, 7].any()
    sigma = np.sqrt(np.diag(system.covariance))[: len(system.precision), None]
    assert np.abs(((solution.deviation - whole.deviation) / sigma)[:, others]).max() < 1e-4


def test_variance_is_that_of_the_estimator(tile):
    system = _system(tile)
    (node,) = tile.model.nodes
    n_star, at_node = len(system.precision), np.eye(N_TERM)[0]
    design = dense_design(system, at_node)
    design[:, n_star:] = tile.model.local_basis
    variance = node_variance(tile.data, node, tile.model.mean_images(node, tile.state.flux))
    weights = np.where(tile.data.usable, 1 / variance, 0.0)
    for star in range(0, n_star, 5):
        # Without the star's own prior: C S C of that estimator.
        precision = system.precision.copy()
        precision[star] = 0.0
        covariance = dense_covariance(design, weights, precision)
        for pixel_variance, mine in ((variance, system.variance), (np.ones_like(variance), system.sky_variance)):
            spread = design.T @ ((weights**2 * pixel_variance)[:, None] * design)
            np.testing.assert_allclose(mine[star], (covariance @ spread @ covariance)[star, star], rtol=1e-5)


@pytest.mark.parametrize("star", [0, 2, 5, 20])
def test_removal_of_the_own_prior_equals_the_fit_without_it(tile, star):
    system = _system(tile, prior_width=0.01)
    assert system.own_prior[star] > 1e-3 or star == 5, "the prior has to matter for this test"
    _, residual = _problem(tile)
    terms = np.repeat(np.eye(N_TERM)[:1], _N_CADENCE, axis=0)
    everything = np.repeat(tile.data.usable[:, None], _N_CADENCE, axis=1)
    residual = residual * everything
    solution = solve_cadences(system, terms, residual, everything)
    flat = solution.deviation[star] / (1 - system.own_prior[star])
    without = replace(system, precision=np.where(np.arange(40) == star, 0.0, system.precision))
    rows = np.flatnonzero(tile.data.usable)
    for cadence in range(0, _N_CADENCE, 7):
        values, sigma = _plain(without, terms[cadence], residual[:, cadence], rows)
        assert abs(flat[cadence] - values[star]) < 1e-4 * sigma[star]
