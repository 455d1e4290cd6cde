"""PRF evaluation against analytic truth and against scipy's own interpolation."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage, special

from photometry.prf.model import model_prf
from photometry.prf.prf_grid import FOOTPRINT, PrfEvaluator, PrfGrid

_SAMPLES = 117
_OFFSETS = (np.arange(_SAMPLES) - _SAMPLES // 2) / 9


def _in_pixel(offset: npt.NDArray[np.float64], sigma: float) -> npt.NDArray[np.float64]:
    """Integral of a Gaussian over a pixel at `offset`."""
    edge = np.sqrt(2) * sigma
    return 0.5 * (special.erf((offset + 0.5) / edge) - special.erf((offset - 0.5) / edge))


def _one_place(samples: npt.NDArray[np.float64]) -> PrfGrid:
    return PrfGrid(
        rows=np.zeros(1),
        columns=np.zeros(1),
        samples=samples[None, None],
        errors=np.zeros_like(samples)[None, None],
        source="test",
    )


def _gaussian_grid(sigma_row: float, sigma_column: float) -> PrfGrid:
    return _one_place(np.outer(_in_pixel(_OFFSETS, sigma_row), _in_pixel(_OFFSETS, sigma_column)))


@pytest.fixture(scope="module")
def evaluator() -> PrfEvaluator:
    return PrfEvaluator(model_prf())


def _positions(n_star: int, seed: int = 1) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    return rng.uniform(0, 2047, n_star), rng.uniform(44, 2091, n_star)


def test_pixel_fractions_are_integrals_of_a_gaussian():
    evaluator = PrfEvaluator(_gaussian_grid(0.9, 0.7))
    row, column = _positions(40)
    row_offsets, column_offsets = np.array([-0.3, 0.0, 0.2]), np.array([0.1, 0.45])
    first_row, first_column, values = evaluator.evaluate(row, column, row_offsets, column_offsets)
    assert values.shape == (40, 3, 2, FOOTPRINT, FOOTPRINT)
    pixel = np.arange(FOOTPRINT)
    for k, row_offset in enumerate(row_offsets):
        for m, column_offset in enumerate(column_offsets):
            along_row = _in_pixel(first_row[:, None] + pixel - (row + row_offset)[:, None], 0.9)
            along_column = _in_pixel(first_column[:, None] + pixel - (column + column_offset)[:, None], 0.7)
            truth = along_row[:, :, None] * along_column[:, None, :]
            np.testing.assert_allclose(values[:, k, m], truth, atol=3e-5 * truth.max())


def test_all_light_is_in_the_window(evaluator):
    values = evaluator.evaluate(*_positions(300))[2]
    np.testing.assert_allclose(values.sum(axis=(-2, -1)), 1.0, atol=1e-6)


def test_scipy_interpolates_to_the_same_values():
    grid = _one_place(model_prf().samples[0, 4])
    row, column = _positions(20, seed=2)
    first_row, first_column, values = PrfEvaluator(grid).evaluate(row, column)
    pad = 30
    samples = np.pad(grid.samples[0, 0], pad)
    pixel = np.arange(FOOTPRINT)
    for star in range(len(row)):
        places = np.meshgrid(
            pad + _SAMPLES // 2 + 9 * (first_row[star] + pixel - row[star]),
            pad + _SAMPLES // 2 + 9 * (first_column[star] + pixel - column[star]),
            indexing="ij",
        )
        expected = ndimage.map_coordinates(samples, places, order=3, mode="constant")
        np.testing.assert_allclose(values[star, 0, 0], expected, atol=1e-7)


def test_a_tail_to_larger_rows_is_seen_at_larger_rows():
    trail = 0.8 * _in_pixel(_OFFSETS, 0.7) + 0.2 * _in_pixel(_OFFSETS - 1.5, 0.7)
    evaluator = PrfEvaluator(_one_place(np.outer(trail, _in_pixel(_OFFSETS, 0.7))))
    first_row, first_column, values = evaluator.evaluate(1000.2, 500.4)
    image = values[0, 0, 0]
    rows, columns = first_row[0] + np.arange(FOOTPRINT), first_column[0] + np.arange(FOOTPRINT)
    assert (image.sum(axis=1) * rows).sum() == pytest.approx(1000.2 + 0.2 * 1.5, abs=1e-3)
    assert (image.sum(axis=0) * columns).sum() == pytest.approx(500.4, abs=1e-3)


@settings(max_examples=20, deadline=None)
@given(
    row=st.floats(100, 1900),
    column=st.floats(150, 1900),
    rows=st.integers(-50, 50),
    columns=st.integers(-50, 50),
)
def test_a_shift_by_whole_pixels_moves_the_window_alone(row, column, rows, columns):
    evaluator = PrfEvaluator(_gaussian_grid(0.8, 0.6))
    first = evaluator.evaluate(row, column)
    moved = evaluator.evaluate(row + rows, column + columns)
    step = (int(moved[0][0] - first[0][0]), int(moved[1][0] - first[1][0]))
    if step == (rows, columns):  # a position half way between two pixels may round either way
        np.testing.assert_allclose(moved[2], first[2], atol=1e-9)


def test_offsets_are_moved_stars(evaluator):
    row, column = np.array([1024.0]), np.array([1068.0])
    first_row, first_column, moved = evaluator.evaluate(row, column, [0.25], [-0.2])
    other_row, other_column, direct = evaluator.evaluate(row + 0.25, column - 0.2)
    assert (first_row[0], first_column[0]) == (other_row[0], other_column[0])
    # The PRF of the place is that without offset: it changes by 5e-4 of the way to the next reference position.
    np.testing.assert_allclose(moved, direct, atol=1e-4 * direct.max())


def test_the_prf_at_a_reference_place_is_the_one_given_there():
    grid = model_prf()
    places, weights = grid.mixture(grid.rows[[0, 2, 4]], grid.columns[[1, 3, 4]])
    chosen = np.where(np.isclose(weights, 1.0), places, -1).max(axis=1)
    assert chosen.tolist() == [1, 13, 24]
    np.testing.assert_allclose(weights.sum(axis=1), 1.0)


def test_beyond_the_reference_places_the_nearest_edge_counts():
    grid = model_prf()
    places, weights = grid.mixture(np.array([-20.0]), np.array([3000.0]))
    mixed = np.tensordot(weights[0], grid.samples.reshape(25, _SAMPLES, _SAMPLES)[places[0]], axes=1)
    np.testing.assert_allclose(mixed, grid.samples[0, 4])


def test_between_two_places_the_prf_is_their_mean():
    grid = model_prf()
    places, weights = grid.mixture(np.array([256.0]), np.array([44.0]))
    mixed = np.tensordot(weights[0], grid.samples.reshape(25, _SAMPLES, _SAMPLES)[places[0]], axes=1)
    np.testing.assert_allclose(mixed, 0.5 * (grid.samples[0, 0] + grid.samples[1, 0]))


@pytest.mark.parametrize(
    ("samples", "errors", "message"),
    [
        (np.zeros((2, 1, 9, 9)), np.zeros((2, 1, 9, 9)), "do not fit 1x1 places"),
        (np.zeros((1, 1, 10, 10)), np.zeros((1, 1, 10, 10)), "odd number"),
        (np.zeros((1, 1, 9, 9)), np.zeros((1, 1, 7, 7)), "PRF errors"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(samples, errors, message):
    with pytest.raises(ValueError, match=message):
        PrfGrid(rows=np.zeros(1), columns=np.zeros(1), samples=samples, errors=errors, source="test")
