"""One test for each flag of stars and of their cadences."""

import numpy as np
import pytest
from small_tiles import exact_images, lopsided_prf, make_cube, make_stars, make_tile

from photometry.core.constants import SATURATION_E_S
from photometry.core.geometry import Stamp
from photometry.core.quality import PIXEL_QUALITY, STAR_FLAGS, decode
from photometry.fit.star_quality import blending, cadence_flags, star_flags, star_quality
from photometry.fit.static_misfit import StaticMisfit
from photometry.fit.unlisted_neighbours import UnlistedNeighbours
from photometry.scene.node_model import node_variance
from photometry.solver.chosen_solver import SOLVER

_STAMP = Stamp(100, 130, 600, 630)
_N_CADENCE = 6
_LONE, _PAIR, _EDGE, _OUTSIDE, _DEAD, _FULL = 0, 1, 3, 4, 5, 6


@pytest.fixture(scope="module")
def case():
    """A lone star, a very close pair, one on the edge, one outside, one on a dead pixel, one that saturates."""
    stars = make_stars(
        [107.0, 107.0, 107.05, 99.6, 92.0, 123.0, 122.5],
        [607.0, 617.0, 617.04, 625.0, 610.0, 607.0, 620.0],
        [11.0, 11.0, 11.5, 11.0, 11.0, 11.0, 6.0],
    )
    zero = np.zeros(_N_CADENCE)
    images = np.minimum(exact_images(lopsided_prf(), stars, _STAMP, zero, zero), SATURATION_E_S)
    images[:, 23, 7] = np.nan
    tile = make_tile(make_cube(_STAMP, images), stars, stars.select(stars.tmag > 99), lopsided_prf(), zero, zero)
    (node,) = tile.model.nodes
    scene = tile.model.mean_images(node, stars.flux)
    quality = star_quality(tile.data, node, scene, stars.flux, np.arange(len(stars)))
    return tile, quality


def _flags_of(case, chi2=None, correlation=None, misfit=None, n_bad=0, neighbours=None):
    tile, quality = case
    n_star = len(quality.usable_share)
    chi2 = np.ones((n_star, _N_CADENCE), dtype=np.float32) if chi2 is None else chi2
    misfit = StaticMisfit(*np.zeros((3, n_star))) if misfit is None else misfit
    motion_bad = np.arange(_N_CADENCE) < n_bad
    correlation = np.zeros(n_star) if correlation is None else correlation
    neighbours = UnlistedNeighbours(*np.full((2, n_star), np.nan)) if neighbours is None else neighbours
    words = star_flags(quality, correlation, chi2, misfit, tile.state.flux, motion_bad, neighbours)
    return [set(decode(STAR_FLAGS, int(word))) for word in words]


def test_where_the_light_falls(case):
    _, quality = case
    np.testing.assert_allclose(quality.usable_share[_LONE], 1, atol=1e-3)
    np.testing.assert_allclose(quality.usable_share[_DEAD] + quality.dead_share[_DEAD], 1, atol=1e-3)
    assert quality.dead_share[_DEAD] > 0.2
    assert 0.3 < quality.usable_share[_EDGE] < 0.8
    assert quality.saturated_share[_FULL] > 0.3
    assert not quality.measurable[_OUTSIDE]
    assert quality.measurable[[_LONE, _EDGE, _DEAD, _FULL]].all()


def test_contamination_is_the_share_of_other_light(case):
    _, quality = case
    assert quality.contamination[_LONE] < 0.02
    # The pair share their pixels: each star's share is that of the other's flux.
    assert quality.contamination[_PAIR] == pytest.approx(10**-0.2 / (1 + 10**-0.2), abs=0.01)
    assert quality.contamination[_PAIR + 1] == pytest.approx(1 / (1 + 10**-0.2), abs=0.01)
    assert ((quality.contamination >= 0) & (quality.contamination <= 1)).all()


def test_flags_of_stars(case):
    flags = _flags_of(case)
    assert flags[_LONE] == set()
    assert flags[_PAIR] == set()
    assert flags[_EDGE] == {"edge"}
    assert flags[_OUTSIDE] == {"edge", "not_measurable"}
    assert flags[_DEAD] == {"dead_pixels"}
    assert flags[_FULL] == {"saturated"}


def test_pixels_that_disagree_in_the_median_cadence(case):
    chi2 = np.ones((7, _N_CADENCE), dtype=np.float32)
    chi2[_LONE] = 3.0
    chi2[_PAIR, :2] = 50.0
    chi2[_EDGE] = np.nan
    flags = _flags_of(case, chi2=chi2)
    assert "poor_model" in flags[_LONE]
    assert "poor_model" not in flags[_PAIR]
    assert "poor_model" not in flags[_EDGE]
    assert all("poor_model" not in flag for flag in _flags_of(case, chi2=chi2[:, :0]))


def test_a_mean_image_that_disagrees(case):
    tile, _ = case
    chi2, share, error = (np.zeros(7) for _ in range(3))
    chi2[[_LONE, _EDGE]], share[[_LONE, _PAIR]] = 100.0, 0.03
    error[[_EDGE, _PAIR]] = 0.2 * tile.state.flux[[_EDGE, _PAIR]]
    flags = _flags_of(case, misfit=StaticMisfit(chi2, share, error))
    assert flags[_LONE] == {"static_misfit"}
    assert "mean_uncertain" in flags[_EDGE]
    assert "static_misfit" not in flags[_EDGE]
    # Noise of that size is no misfit.
    assert flags[_PAIR] == set()


@pytest.mark.parametrize(("n_bad", "unknown"), [(0, False), (3, False), (4, True), (_N_CADENCE, True)])
def test_motion_that_was_not_measured(case, n_bad, unknown):
    assert all(("motion_unknown" in flag) is unknown for flag in _flags_of(case, n_bad=n_bad))


def test_a_star_beside_it_that_the_table_lacks(case):
    tmag, distance = np.full((2, 7), np.nan)
    tmag[_LONE], distance[_LONE] = 13.0, 0.7
    flags = _flags_of(case, neighbours=UnlistedNeighbours(tmag, distance))
    assert flags[_LONE] == {"unlisted_neighbour"}
    assert flags[_PAIR] == set()


def test_the_pair_cannot_be_separated_and_the_others_can(case):
    tile, _ = case
    (node,) = tile.model.nodes
    flux = tile.state.flux
    variance = node_variance(tile.data, node, tile.model.mean_images(node, flux))
    weights = np.where(tile.data.usable, 1 / variance, 0.0)
    for width in (0.3, 100.0):
        system = SOLVER.factored(node, tile.model.local_basis, weights, 1 / (width * flux) ** 2)
        correlation = blending(system, np.arange(7))
        assert ((correlation >= 0) & (correlation <= 1 + 1e-6)).all()
        names = _flags_of(case, correlation=correlation)
        assert "inseparable" in names[_PAIR]
        assert "inseparable" in names[_PAIR + 1]
        assert "inseparable" not in names[_LONE]
        assert correlation[_LONE] < 0.1


def test_a_prior_that_dominates_counts_as_inseparable(case):
    tile, _ = case
    (node,) = tile.model.nodes
    variance = node_variance(tile.data, node, tile.model.mean_images(node, tile.state.flux))
    weights = np.where(tile.data.usable, 1 / variance, 0.0)
    precision = np.full(7, 1e-12)
    precision[_LONE] = 1e3
    correlation = blending(SOLVER.factored(node, tile.model.local_basis, weights, precision), np.arange(7))
    assert correlation[_LONE] == 1


def _cadence_flags(case, **changes):
    _, quality = case
    n_star, n_pixel = quality.light.shape
    values = {
        "lost": np.zeros((n_pixel, _N_CADENCE), dtype=bool),
        "rejected": np.zeros((n_pixel, _N_CADENCE), dtype=bool),
        "chi2": np.ones((n_star, _N_CADENCE)),
        "distance": np.zeros(_N_CADENCE),
        "motion_bad": np.zeros(_N_CADENCE, dtype=bool),
        "converged": np.ones(_N_CADENCE, dtype=bool),
    } | changes
    words = cadence_flags(quality, **values)
    return [[set(decode(PIXEL_QUALITY, int(word))) for word in line] for line in words]


def _pixel(row, column):
    return (row - _STAMP.row_min) * _STAMP.shape[1] + column - _STAMP.col_min


def test_a_usual_cadence_has_no_flags_but_those_of_the_star(case):
    flags = _cadence_flags(case)
    assert all(flag == set() for flag in flags[_LONE] + flags[_PAIR] + flags[_EDGE])
    assert all(flag == {"not_fitted"} for flag in flags[_OUTSIDE])
    assert all(flag == {"masked_pixels"} for flag in flags[_DEAD])
    assert all(flag == {"saturated"} for flag in flags[_FULL])


def test_a_masked_pixel_flags_its_star_in_its_cadence(case):
    lost = np.zeros((_STAMP.n_pixel, _N_CADENCE), dtype=bool)
    lost[_pixel(107, 607), 2] = True
    flags = _cadence_flags(case, lost=lost)
    assert [bool(flag) for flag in flags[_LONE]] == [False, False, True, False, False, False]
    assert flags[_LONE][2] == {"masked_pixels"}
    assert not any(flags[_PAIR])


def test_an_outlier_flags_its_star_in_its_cadence(case):
    rejected = np.zeros((_STAMP.n_pixel, _N_CADENCE), dtype=bool)
    rejected[_pixel(107, 617), 3] = True
    flags = _cadence_flags(case, rejected=rejected)
    assert flags[_PAIR][3] == flags[_PAIR + 1][3] == {"cosmic_ray"}
    assert flags[_PAIR][2] == flags[_LONE][3] == set()


def test_a_cadence_without_pixels_is_not_fitted(case):
    tile, _ = case
    lost = np.zeros((_STAMP.n_pixel, _N_CADENCE), dtype=bool)
    lost[:, 1] = tile.data.usable
    flags = _cadence_flags(case, lost=lost)
    assert all("not_fitted" in line[1] for line in flags)
    assert "not_fitted" not in flags[_LONE][0]


@pytest.mark.parametrize(
    ("change", "flag"),
    [
        ({"motion_bad": np.arange(_N_CADENCE) == 4}, "motion_uncertain"),
        ({"distance": np.where(np.arange(_N_CADENCE) == 4, 0.3, 0.1)}, "large_motion"),
        ({"converged": np.arange(_N_CADENCE) != 4}, "not_fitted"),
    ],
)
def test_flags_of_whole_cadences(case, change, flag):
    for line in _cadence_flags(case, **change):
        assert flag in line[4]
        assert flag not in line[3] or flag == "not_fitted"
    assert _cadence_flags(case, **change)[_LONE][4] == {flag}


def test_poor_model_in_a_cadence(case):
    chi2 = np.ones((7, _N_CADENCE))
    chi2[_LONE, 5] = 6.0
    flags = _cadence_flags(case, chi2=chi2)
    assert flags[_LONE][5] == {"poor_model"}
    assert not any(flags[_LONE][:5])
