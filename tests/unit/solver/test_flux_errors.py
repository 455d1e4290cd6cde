"""Variances of single cadences against plain algebra."""

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

from photometry.calibration.motion_fit import MOTION_IMAGES, N_MOTION
from photometry.core.geometry import Stamp
from photometry.scene.design_matrices import N_TERM
from photometry.scene.node_model import node_variance
from photometry.solver.conjugate_gradient import solve_cadences
from photometry.solver.flux_errors import flux_variance, motion_response
from photometry.solver.normal_equations import NormalEquations, factor_node

_STAMP = Stamp(100, 122, 600, 622)
_N_STAR = 12
_ALL = np.arange(_N_STAR)


@pytest.fixture(scope="module")
def tile() -> SmallTile:
    rng = np.random.default_rng(12)
    row, column = rng.uniform(102, 119, _N_STAR), rng.uniform(602, 619, _N_STAR)
    row[1], column[1] = row[0] + 1.0, column[0] + 0.4
    stars = make_stars(row, column, np.linspace(9, 15, _N_STAR))
    zero = np.zeros(3)
    cube = make_cube(_STAMP, exact_images(lopsided_prf(), stars, _STAMP, zero, zero))
    return make_tile(cube, stars, stars.select(stars.tmag > 99), lopsided_prf(), zero, zero)


def _images(tile: SmallTile) -> Floats:
    return tile.model.mean_images(tile.model.nodes[0], tile.state.flux)


def _variance(tile: SmallTile) -> Floats:
    return node_variance(tile.data, tile.model.nodes[0], _images(tile))


def _system(tile: SmallTile, prior_width: float) -> NormalEquations:
    variance = _variance(tile)
    precision = 1 / (prior_width * tile.state.flux) ** 2
    return factor_node(tile.model.nodes[0], tile.model.local_basis, 1 / variance, precision)


def _of_cadences(
    tile: SmallTile,
    system: NormalEquations,
    *,
    deviation: float = 0.0,
    extra_sky: float = 0.0,
    masked: tuple[int, ...] = (),
    covariance: Floats | None = None,
) -> Floats:
    """Variance of all stars in one cadence."""
    valid = np.ones((_STAMP.n_pixel, 1), dtype=bool)
    valid[list(masked)] = False
    return flux_variance(
        system,
        _ALL,
        deviation * tile.state.flux[:, None],
        np.array([extra_sky]),
        valid,
        tile.data,
        motion_response(system, _images(tile)[MOTION_IMAGES]),
        (np.zeros((N_MOTION, N_MOTION)) if covariance is None else covariance)[None],
    )[:, 0]


def _dense(system: NormalEquations, pixel_variance: Floats, weights: Floats) -> Floats:
    """C S C of each star's estimate without its own prior."""
    design = dense_design(system, np.eye(N_TERM)[0])
    spread = design.T @ ((weights**2 * pixel_variance)[:, None] * design)
    result = np.empty(_N_STAR)
    for star in range(_N_STAR):
        precision = np.where(star == _ALL, 0.0, system.precision)
        covariance = dense_covariance(design, weights, precision)
        result[star] = (covariance @ spread @ covariance)[star, star]
    return result


def test_usual_cadence_has_the_variance_of_the_node(tile):
    system = _system(tile, 0.3)
    np.testing.assert_allclose(_of_cadences(tile, system), system.variance, rtol=1e-12)
    np.testing.assert_allclose(system.variance, _dense(system, _variance(tile), 1 / _variance(tile)), rtol=1e-5)


@pytest.mark.parametrize("width", [0.3, 0.01])
@pytest.mark.parametrize("varying", [0.0, 0.4, 1.0])
def test_freedom_is_the_expected_square_of_the_residuals(tile, width, varying):
    """Of noise and of stars that vary by this share of their priors' variance; of all, in a dense system."""
    variance, precision = _variance(tile), 1 / (width * tile.state.flux) ** 2
    still = np.full(_N_STAR, 1 - varying)
    system = factor_node(tile.model.nodes[0], tile.model.local_basis, 1 / variance, precision, still=still)
    design = dense_design(system, np.eye(N_TERM)[0])
    prior = np.concatenate([precision, np.zeros(design.shape[1] - _N_STAR)])
    left = np.eye(len(variance)) - design @ dense_covariance(design, 1 / variance, prior) @ (design.T / variance)
    of_stars = left @ design[:, :_N_STAR]
    expected = left**2 @ variance + of_stars**2 @ (varying / precision)
    np.testing.assert_allclose(system.freedom, expected / variance, atol=2e-4)
    if varying == 1:
        np.testing.assert_allclose(system.freedom, 1 - system.leverage, atol=1e-6)


@pytest.mark.parametrize("extra", [-50.0, 200.0, 1000.0])
def test_brighter_background_is_exact(tile, extra):
    system = _system(tile, 0.3)
    variance = _variance(tile)
    truth = _dense(system, variance + extra / tile.data.exposure_s, 1 / variance)
    np.testing.assert_allclose(_of_cadences(tile, system, extra_sky=extra), truth, rtol=1e-4)


@pytest.mark.parametrize("where", [(0, 0), (0, 1), (1, 0), (1, 1), (-2, 0)])
def test_one_masked_pixel_equals_its_deletion(tile, where):
    """Exact by Sherman and Morrison while priors hardly count: here 1e-4 of the information."""
    variance = _variance(tile)
    system = _system(tile, 10.0)
    star = 4
    row = round(tile.model.stars.row[star]) - _STAMP.row_min + where[0]
    column = round(tile.model.stars.column[star]) - _STAMP.col_min + where[1]
    pixel = row * _STAMP.shape[1] + column
    weights = np.where(np.arange(_STAMP.n_pixel) == pixel, 0.0, 1 / variance)
    truth = _dense(system, variance, weights)
    assert truth[star] > (1 + 1e-4) * system.variance[star]
    np.testing.assert_allclose(_of_cadences(tile, system, masked=(pixel,)), truth, rtol=1e-3)


def test_masked_pixels_with_the_usual_priors(tile):
    """Three pixels under a star, priors of 30 %: the sum of single terms is short of the truth by 20 % at most."""
    system = _system(tile, 0.3)
    variance = _variance(tile)
    star = 4
    row = round(tile.model.stars.row[star]) - _STAMP.row_min
    column = round(tile.model.stars.column[star]) - _STAMP.col_min
    pixels = tuple(row * _STAMP.shape[1] + column + k for k in (-_STAMP.shape[1], 0, 1))
    weights = np.where(np.isin(np.arange(_STAMP.n_pixel), pixels), 0.0, 1 / variance)
    truth = _dense(system, variance, weights)
    found = _of_cadences(tile, system, masked=pixels)
    assert truth[star] > 1.3 * system.variance[star]
    assert (np.sqrt(found / truth) > 0.8).all()
    assert (np.sqrt(found / truth) < 1.2).all()


@pytest.mark.parametrize("deviation", [-0.4, 0.5])
def test_photons_of_a_varying_star(tile, deviation):
    """Its own photons only, off the diagonal of C neglected: within 1 % of the error for lone stars."""
    system = _system(tile, 10.0)
    variance = _variance(tile)
    light = tile.model.nodes[0].expansion.matrices[0].toarray()
    found = _of_cadences(tile, system, deviation=deviation)
    for star in (5, 6, 8):
        more = deviation * tile.state.flux[star] * light[:, star] / tile.data.exposure_s
        truth = _dense(system, variance + more, 1 / variance)[star]
        assert np.sqrt(found[star] / truth) == pytest.approx(1, abs=0.01)
    assert (np.sign(found - system.variance) == np.sign(deviation)).all()


def test_dark_cadence_keeps_some_variance(tile):
    system = _system(tile, 0.3)
    found = _of_cadences(tile, system, deviation=-3.0, extra_sky=-1000.0)
    assert (found >= 0.25 * system.variance * (1 - 1e-9)).all()


def test_motion_moves_fluxes_by_the_response(tile):
    """The response is what the solver answers to the pixels' change, own prior taken out."""
    system = _system(tile, 0.3)
    change = _images(tile)[MOTION_IMAGES]
    response = motion_response(system, change)
    terms = np.repeat(np.eye(N_TERM)[:1], N_MOTION, axis=0)
    valid = np.ones((_STAMP.n_pixel, N_MOTION), dtype=bool)
    solution = solve_cadences(system, terms, (1e-3 * change).T.astype(np.float32), valid)
    flat = solution.deviation / (1 - system.own_prior)[:, None]
    sigma = np.sqrt(system.variance)[:, None]
    assert np.abs((1e-3 * response - flat) / sigma).max() < 2e-3
    assert np.abs(1e-3 * response / sigma).max() > 0.1


def test_uncertain_motion_adds_its_share(tile):
    system = _system(tile, 0.3)
    rng = np.random.default_rng(3)
    root = 1e-3 * rng.normal(size=(N_MOTION, N_MOTION))
    response = motion_response(system, _images(tile)[MOTION_IMAGES])
    added = _of_cadences(tile, system, covariance=root @ root.T) - system.variance
    np.testing.assert_allclose(added, ((response @ root) ** 2).sum(axis=1), rtol=1e-6, atol=1e-12)
