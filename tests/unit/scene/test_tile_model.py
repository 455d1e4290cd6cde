"""The mean scene against images made star by star and cadence by cadence."""

import numpy as np
import pytest
from small_tiles import SKY, exact_images, lopsided_prf, make_cube, make_stars, make_tile

from photometry.calibration.kernel import MovementKernel
from photometry.calibration.region_tiles import kernel_of_tile, tile_motion
from photometry.core.geometry import Stamp
from photometry.core.stars import flux_of_tmag
from photometry.prf.prf_grid import PrfEvaluator
from photometry.scene.design_matrices import N_FINE, N_LINEAR_TERM, N_TERM
from photometry.scene.node_model import node_variance
from photometry.scene.tile_data import tile_data
from photometry.scene.tile_model import MOTION_IMAGES, N_LINEAR, build_model, local_basis, residuals
from photometry.scene.tile_state import TileMotion
from photometry.scene.widening import N_WIDTH
from photometry.simulate import blurred_prf

_STAMP = Stamp(100, 120, 600, 626)
_N_CADENCE = 12


@pytest.fixture(scope="module")
def tile():
    """Bright, faint and fixed stars that move by up to 0.15 px: several nodes."""
    rng = np.random.default_rng(8)
    stars = make_stars(rng.uniform(98, 122, 30), rng.uniform(598, 628, 30), rng.uniform(8, 17.5, 30))
    row_shift, column_shift = rng.uniform(-0.15, 0.15, (2, _N_CADENCE))
    images = exact_images(lopsided_prf(), stars, _STAMP, row_shift, column_shift)
    free = stars.tmag < 16
    return make_tile(
        make_cube(_STAMP, images), stars.select(free), stars.select(~free), lopsided_prf(), row_shift, column_shift
    )


def test_every_cadence_is_modelled_to_a_tenth_of_its_noise(tile):
    assert len(tile.model.nodes) > 1
    for node in tile.model.nodes:
        images = tile.model.mean_images(node, tile.state.flux)
        assert images.shape == (N_FINE + N_LINEAR + N_WIDTH * N_LINEAR_TERM, _STAMP.n_pixel)
        left = residuals(tile.data, tile.model, node, images, tile.state.motion, node.cadences)
        noise = np.sqrt(node_variance(tile.data, node, images))
        assert np.abs(left / noise[:, None]).max() < 0.1


def test_fluxes_of_the_catalogue_and_kinds_of_stars(tile):
    np.testing.assert_array_equal(tile.model.bright, tile.model.stars.tmag < 12.5)
    assert (tile.model.fixed.tmag >= 16).all()
    for node in tile.model.nodes:
        assert node.fine.n_star == tile.model.bright.sum()
        assert node.expansion.n_star == len(tile.model.stars)
        np.testing.assert_allclose(node.sky, SKY)


def test_linear_motion_moves_each_star_by_its_place(tile):
    """Roll and scale of 20 millipixel over half the tile, against stars placed one by one."""
    linear = np.array([0.004, -0.02, 0.02, 0.001])
    zero = np.zeros(1)
    stars = tile.model.stars.select(tile.model.stars.tmag > 11)
    scale, (row, column) = max(_STAMP.shape) / 2, _STAMP.center
    v, u = (stars.row - row) / scale, (stars.column - column) / scale
    moved = make_stars(
        stars.row + linear[0] * v + linear[1] * u, stars.column + linear[2] * v + linear[3] * u, stars.tmag
    )
    truth = exact_images(lopsided_prf(), moved, _STAMP, zero, zero)
    motion = TileMotion(zero, zero, linear[None], np.zeros((1, 3)), np.zeros((1, 3)))
    data = tile_data(make_cube(_STAMP, truth))
    none = stars.select(stars.tmag > 99)
    model = build_model(data, PrfEvaluator(lopsided_prf()), stars, none, motion, 0.05)
    (node,) = model.nodes
    left = residuals(data, model, node, model.mean_images(node, stars.flux), motion, np.zeros(1, dtype=np.int64))
    unmoved = truth.ravel() - model.mean_images(node, stars.flux)[0]
    # What first order leaves: (0.02 px)^2 of curvature.
    assert np.abs(left).max() < 0.03 * np.abs(unmoved).max()


@pytest.mark.parametrize("share", [0.05, 0.2])
def test_second_moments_widen_each_star(share):
    """Light partly out of focus, moved within the node, against stars with that PRF placed one by one."""
    rng = np.random.default_rng(12)
    stars = make_stars(rng.uniform(102, 118, 12), rng.uniform(602, 624, 12), rng.uniform(8, 15, 12))
    blur_pix, prf = 0.3, lopsided_prf()
    moved = (np.array([0.0, 0.03, -0.04]), np.array([0.0, -0.02, 0.01]))
    sharp, blurred = (exact_images(one, stars, _STAMP, *moved) for one in (prf, blurred_prf(prf, blur_pix)))
    truth = (1 - share) * sharp + share * blurred
    data, nothing = tile_data(make_cube(_STAMP, truth)), np.zeros((3, 3))
    widths = np.tile(share * blur_pix**2 * np.array([1.0, 0.0, 1.0]), (3, 1))
    still, wider = (TileMotion(*moved, np.zeros((3, 4)), of, nothing) for of in (nothing, widths))
    model = build_model(data, PrfEvaluator(prf), stars, stars.select(stars.tmag > 99), wider, 0.05)
    (node,) = model.nodes
    images = model.mean_images(node, stars.flux)
    left, unfocused = (residuals(data, model, node, images, motion, node.cadences) for motion in (wider, still))
    assert np.abs(unfocused).max() == pytest.approx(share * np.abs(blurred - sharp).max(), rel=0.05)
    assert np.abs(left).max() < 0.06 * np.abs(unfocused).max()


def test_faint_stars_do_not_widen(tile):
    """Fainter than T=15.5 they would change by less than a pixel's noise."""
    np.testing.assert_array_equal(tile.model.widened, tile.model.stars.tmag < 15.5)
    for node in tile.model.nodes:
        assert node.widening.n_star == tile.model.widened.sum()
        assert node.widening.n_term == N_WIDTH * N_LINEAR_TERM


def test_the_images_of_the_motion_are_its_derivatives(tile):
    """In the order of the kernel's parameters: small changes of each, of all cadences at their nodes' centres."""
    motion, flux = tile.state.motion, tile.state.flux
    step, n_local = 1e-2, motion.local.shape[1]
    for node in tile.model.nodes:
        images = tile.model.mean_images(node, flux)
        at_node = np.zeros(_N_CADENCE)
        row, column = at_node + node.row_shift, at_node + node.column_shift

        def light(k, node=node, images=images, row=row, column=column):
            change = np.zeros(9)
            if k is not None:
                change[k] = step
            of_all = np.tile(change, (_N_CADENCE, 1))
            moved = TileMotion(
                row + change[0],
                column + change[3],
                of_all[:, [1, 2, 4, 5]],
                of_all[:, 6:],
                np.zeros((_N_CADENCE, n_local)),
            )
            return node.coefficients(moved, node.cadences) @ images

        for k, row_of_images in enumerate(MOTION_IMAGES):
            slope = (light(k) - light(None))[0] / step
            np.testing.assert_allclose(slope, images[row_of_images], atol=0.02 * np.abs(images[row_of_images]).max())


def test_local_background(tile):
    basis = local_basis(Stamp(0, 3, 0, 5))
    np.testing.assert_array_equal(basis[:, 0], 1)
    np.testing.assert_allclose(basis[:, 1].reshape(3, 5), np.repeat([[-1.0], [0.0], [1.0]], 5, axis=1))
    np.testing.assert_allclose(basis[:, 2].reshape(3, 5), np.repeat([np.linspace(-1, 1, 5)], 3, axis=0))
    large = local_basis(Stamp(0, 144, 0, 11))
    assert large.shape == (144 * 11, 6)
    np.testing.assert_allclose(large.sum(axis=1), 1)
    row, column = np.divmod(np.arange(144 * 11), 11)
    for plane in (row, column):
        np.testing.assert_allclose(large @ np.linalg.lstsq(large, plane, rcond=None)[0], plane, atol=1e-9)
    motion = tile.state.motion
    local = np.zeros((_N_CADENCE, 3))
    local[4] = [3.0, -1.0, 2.0]
    with_local = TileMotion(motion.row_shift, motion.column_shift, motion.linear, motion.widths, local)
    for node in tile.model.nodes:
        images = tile.model.mean_images(node, tile.state.flux)
        both = [residuals(tile.data, tile.model, node, images, m, node.cadences) for m in (motion, with_local)]
        expected = (local[node.cadences] @ tile.model.local_basis.T).T
        # In single precision, of pixels up to 1e5 e-/s.
        np.testing.assert_allclose(both[0] - both[1], expected, atol=0.02)


def test_cadences_of_a_node_have_like_mean_backgrounds():
    """Of a stamp with knots the mean counts, not what is at the first knot."""
    stamp, still = Stamp(0, 90, 0, 10), np.zeros(4)
    stars = make_stars([45.0], [5.0], [12.0])
    data = tile_data(make_cube(stamp, np.zeros((4, *stamp.shape))))
    local = np.zeros((4, local_basis(stamp).shape[1]))
    local[1, 0], local[2:, 1:] = 60.0, 2000.0
    motion = TileMotion(still, still, np.zeros((4, 4)), np.zeros((4, 3)), local)
    none = stars.select(stars.tmag > 99)
    model = build_model(data, PrfEvaluator(lopsided_prf()), stars, none, motion, 0.05)
    assert sorted(node.cadences.tolist() for node in model.nodes) == [[0, 1], [2, 3]]


def test_residuals_of_invalid_pixels_are_zero(tile):
    valid = tile.data.valid
    node = tile.model.nodes[0]
    images = tile.model.mean_images(node, tile.state.flux) * 0
    valid[node.cadences[0], 77] = False
    try:
        left = residuals(tile.data, tile.model, node, images, tile.state.motion, node.cadences)
    finally:
        valid[node.cadences[0], 77] = True
    assert left[77, 0] == 0
    assert (left[:, 0] != 0).sum() > 100


def test_variance_counts_stars_sky_and_readout(tile):
    node = tile.model.nodes[0]
    images = tile.model.mean_images(node, tile.state.flux)
    expected = (np.maximum(images[0], 0) + SKY) / tile.data.exposure_s + tile.data.read_variance
    np.testing.assert_allclose(node_variance(tile.data, node, images), expected, rtol=1e-12)


def test_fixed_stars_have_their_magnitudes_error():
    """A lone fixed star: 5 % of its light is its error."""
    stars = make_stars([110.0], [612.0], [16.5])
    zero = np.zeros(1)
    lone = make_tile(
        make_cube(_STAMP, np.zeros((1, *_STAMP.shape))), stars.select(stars.tmag < 0), stars, lopsided_prf(), zero, zero
    )
    light = exact_images(lopsided_prf(), stars, _STAMP, zero, zero).ravel()
    np.testing.assert_allclose(np.sqrt(lone.model.fixed_variance), 0.05 * light, atol=2e-3)
    assert light.sum() == pytest.approx(flux_of_tmag(16.5), rel=1e-3)
    assert len(lone.model.nodes[0].fixed_images) == N_TERM


def test_kernel_of_a_tile_moves_stars_alike():
    rng = np.random.default_rng(9)
    kernel = MovementKernel(
        (90.0, 640.0), 70.0, (0.0, 0.0), rng.normal(size=(4, 9)), np.zeros((4, 9, 9)), np.zeros(4, dtype=bool), "pixels"
    )
    data = tile_data(make_cube(_STAMP, np.zeros((4, *_STAMP.shape))))
    row, column = rng.uniform(100, 120, 5), rng.uniform(600, 626, 5)
    own = kernel_of_tile(kernel, data)
    for one, other in zip(own.shifts(row, column), kernel.shifts(row, column), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)
    motion = tile_motion(kernel, data, np.zeros((4, 3)))
    np.testing.assert_allclose(motion.row_shift, kernel.shifts(*_STAMP.center)[0][0], atol=1e-12)
    np.testing.assert_allclose(motion.column_shift, kernel.shifts(*_STAMP.center)[1][0], atol=1e-12)
    np.testing.assert_array_equal(motion.widths, kernel.parameters[:, 6:])
