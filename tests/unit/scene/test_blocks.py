"""Products in blocks against the sparse matrices they were cut from."""

import numpy as np
import pytest
from scipy import sparse
from small_tiles import Floats, lopsided_prf, make_stars

from photometry.core.geometry import Stamp
from photometry.prf.prf_grid import PrfEvaluator
from photometry.scene.blocks import BlockDesign, PixelWeights, design_of
from photometry.scene.design_matrices import N_TERM, Expansion, expand
from photometry.scene.tile_model import local_basis

_N_STAR, _N_CADENCE = 25, 7


@pytest.fixture(scope="module", params=[(24, 24), (19, 30), (5, 11)], ids=str)
def case(request) -> tuple[Expansion, BlockDesign, Floats]:
    """Stars on and around stamps that do not divide into patches; one bleed trail is merged."""
    n_row, n_column = request.param
    stamp = Stamp(100, 100 + n_row, 600, 600 + n_column)
    rng = np.random.default_rng(2)
    stars = make_stars(rng.uniform(90, 110 + n_row, _N_STAR), rng.uniform(590, 610 + n_column, _N_STAR), 12.0)
    target = np.arange(stamp.n_pixel)
    target[[n_column + 3, 2 * n_column + 3, 3 * n_column + 3]] = n_column + 3
    merge = sparse.csr_matrix((np.ones(len(target), dtype=np.float32), (target, np.arange(len(target)))))
    placed = PrfEvaluator(lopsided_prf()).place(stars.row, stars.column)
    expansion = expand(placed, stars.flux, (0.02, 0.0), stamp, reach=0.05, faintest=0.01, merge=merge)
    basis = local_basis(stamp)
    return expansion, design_of(expansion).with_common(basis), basis


def _dense(expansion: Expansion, basis: Floats, terms: Floats) -> Floats:
    stars = sum(term * matrix.toarray() for term, matrix in zip(terms, expansion.matrices, strict=True))
    return np.concatenate([stars, basis], axis=1)


def test_products_equal_those_of_the_whole_matrices(case):
    expansion, design, basis = case
    rng = np.random.default_rng(4)
    terms = rng.normal(size=(N_TERM, _N_CADENCE))
    terms[0] = 1.0
    x, image = rng.normal(size=(_N_STAR + 3, _N_CADENCE)), rng.normal(size=(len(basis), _N_CADENCE))
    forward = design.forward(x.astype(np.float32), terms.astype(np.float32))
    weights = PixelWeights(rng.uniform(0, 2, (len(basis), 1)).astype(np.float32), rng.random(image.shape) < 0.9)
    single = image.astype(np.float32), terms.astype(np.float32), weights
    pulled, pulled_from = design.pull(*single), design.pull(*single, x.astype(np.float32))
    product = design.normal_product(x.astype(np.float32), terms.astype(np.float32), weights)
    for cadence in range(_N_CADENCE):
        matrix = _dense(expansion, basis, terms[:, cadence])
        np.testing.assert_allclose(forward[:, cadence], matrix @ x[:, cadence], atol=1e-4)
        pull = matrix.T * weights.weights[:, 0] * weights.valid[:, cadence]
        np.testing.assert_allclose(pulled[:, cadence], pull @ image[:, cadence], atol=1e-4)
        np.testing.assert_allclose(product[:, cadence], pull @ matrix @ x[:, cadence], atol=1e-4)
        left = pull @ (image[:, cadence] - matrix @ x[:, cadence])
        np.testing.assert_allclose(pulled_from[:, cadence], left, atol=1e-4)


def test_normal_matrix_and_influence_equal_plain_algebra(case):
    expansion, design, basis = case
    rng = np.random.default_rng(5)
    weights = rng.uniform(0, 2, len(basis))
    weights[::9] = 0.0
    # Whole patches without a pixel that counts.
    weights[: len(basis) // 2] = 0.0
    matrix = _dense(expansion, basis, np.eye(N_TERM)[0])
    normal = matrix.T @ (weights[:, None] * matrix)
    np.testing.assert_allclose(design.normal(weights), normal, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(design.diagonal(weights), np.diag(normal), rtol=1e-5, atol=1e-6)
    scale = rng.uniform(0.5, 2, len(normal))
    covariance = np.linalg.inv(normal + np.eye(len(normal)))
    held = rng.uniform(0, 3, len(normal))
    in_units = (covariance / scale[:, None] / scale).astype(np.float32)
    squared, leverage, of_held = design.influence(in_units, scale, weights, held)
    influence = covariance @ matrix.T * weights
    np.testing.assert_allclose(squared, (influence**2).sum(axis=1), rtol=1e-4, atol=1e-9)
    np.testing.assert_allclose(leverage, np.einsum("pi,ip->p", matrix, influence), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(
        of_held, np.einsum("pi,i,ip->p", matrix @ covariance, held, influence), rtol=1e-4, atol=1e-6
    )
