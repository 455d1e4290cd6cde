"""Real pixels cut anew: what is measured of a star does not depend on which cadences and pixels there are."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.cutouts import measure_cutout, read_cutout

pytestmark = pytest.mark.realdata


@pytest.fixture(scope="module")
def parts(tess_data):
    """RY Tau's field: all cadences, every second one, either half, and a row and a column less."""
    folder = tess_data / "sky/s19"
    pixels = next(folder.glob("*.fits.gz"))
    cube, *given = read_cutout(pixels, folder / "stars.csv", tess_data / "prf/start_s0004_cam1_ccd3")
    every, half = np.arange(cube.n_cadence), cube.n_cadence // 2
    smaller = replace(cube.stamp, row_min=cube.stamp.row_min + 1, col_min=cube.stamp.col_min + 1)
    cubes = [cube, *(cube.of_cadences(some) for some in (every[::2], every[:half], every[half:])), cube.cut(smaller)]
    return [measure_cutout(one, *given) for one in cubes]


@pytest.mark.parametrize(("star", "share"), [(1, 0.02), (2, 0.04)])
def test_mean_fluxes_beside_a_variable_star(parts, star, share):
    """Star 2 is 4.7 px from RY Tau and varies by itself; its mean was anything from 3,900 to 5,370 e-/s."""
    means = [np.nanmean(part.flux(star)) for part in parts if star in part.fit.starid]
    # RY Tau is brighter in the second half: against the same cadences.
    of_all = parts[0].flux(star)
    expected = [
        np.nanmean(of_all[np.isin(parts[0].cube.header.time[parts[0].good], part.cube.header.time)]) for part in parts
    ]
    np.testing.assert_allclose(means, expected, rtol=share)


def test_the_pixels_agree_with_the_model(parts):
    """Median chi2 of stars 1 to 5 was up to 48."""
    assert np.median(parts[0].metrics.chi2[:5]) < 2
