"""Values of cells: those of a plain loop over them."""

import numpy as np
import pytest

from photometry.background.mesh_cells import cell_values


def plain(pixels: np.ndarray) -> tuple[float, float, int]:
    """Level, scatter and count of one cell."""
    used = np.sort(pixels[np.isfinite(pixels)]).astype(np.float64)
    if len(used) == 0:
        return 0.0, 0.0, 0
    level, low = np.quantile(used, [0.5, 0.1587])
    scatter = level - low
    for _ in range(2):
        reach = 2.5 * scatter + 1e-6
        kept = used[(used >= level - reach) & (used <= level + reach)]
        level = kept.mean() if len(kept) else level
    return level, scatter, len(used)


@pytest.mark.parametrize(("shape", "size"), [((64, 48), 16), ((37, 29), 8), ((5, 40), 8)])
def test_values_are_those_of_a_plain_loop(shape, size):
    rng = np.random.default_rng(4)
    pixels = rng.normal(100, 3, shape).astype(np.float32)
    pixels[rng.random(shape) < 0.1] += 200
    pixels[rng.random(shape) < 0.2] = np.nan
    pixels[:size, :size] = np.nan
    pixels[:size, size : 2 * size] = 7.0
    found = cell_values(pixels, size)
    for row, column in np.ndindex(*found.level.shape):
        cell = pixels[row * size : (row + 1) * size, column * size : (column + 1) * size]
        level, scatter, count = plain(cell)
        assert found.count[row, column] == count
        np.testing.assert_allclose(found.level[row, column], level, rtol=1e-6)
        np.testing.assert_allclose(found.scatter[row, column], scatter, rtol=1e-4, atol=1e-6)
