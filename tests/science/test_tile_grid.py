"""Fluxes do not depend on how a CCD is cut into parts."""

import numpy as np
import pytest
from scenes import fit, make_scene

from photometry.core.geometry import tiles_of
from photometry.fit.tile_fit import joined
from photometry.simulate import true_kernel


def _fitted(scene, cube, prf, size):
    """Fit in parts of up to `size` pixels."""
    tiles = tiles_of(cube.stamp, size, 8)
    kernel, stars = true_kernel(scene), scene.catalogue_stars
    fits = [fit(cube.cut(tile.stamp), stars, prf, kernel, tile.core) for tile in tiles]
    return joined(fits, [tile.core for tile in tiles])


@pytest.mark.parametrize("size", [48, 32])
def test_any_grid_gives_the_same_fluxes(one_prf, size):
    """Within a tenth of their errors, near the borders of the parts as well."""
    scene, cube = make_scene(one_prf, n_row=96, n_column=96, n_cadence=40, density=2000.0, n_pairs=4, seed=31)
    whole, parts = _fitted(scene, cube, one_prf, 96), _fitted(scene, cube, one_prf, size)
    common, in_whole, in_parts = np.intersect1d(whole.starid, parts.starid, return_indices=True)
    assert len(common) == len(whole.starid) == len(parts.starid)
    difference = (whole.flux[in_whole] - parts.flux[in_parts]) / whole.flux_err[in_whole]
    clean = (whole.star_flags[in_whole] == 0) & (whole.tmag[in_whole] < 15)
    assert np.sqrt(np.nanmean(difference[clean] ** 2)) < 0.1
