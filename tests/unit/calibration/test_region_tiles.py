"""A region: whether its stars can tell how the PRF changes; rounds that leave its motion as it is."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from small_tiles import exact_images, lopsided_prf, make_cube, make_stars

from photometry.calibration.effective_prf import _well_filled
from photometry.calibration.region import region_round
from photometry.calibration.region_tiles import start_region
from photometry.core.geometry import Stamp
from photometry.core.settings import MotionSettings
from photometry.prf.prf_grid import PrfEvaluator

_STAMP = Stamp(100, 140, 600, 640)


def _moments(tmags, settings=None, outside=()):
    """Whether moments are measured with stars of some magnitudes on the pixels, and others beside them."""
    rng = np.random.default_rng(1)
    row = np.concatenate([rng.uniform(101, 138, len(tmags)), np.full(len(outside), 144.0)])
    stars = make_stars(row, rng.uniform(601, 638, len(row)), np.concatenate([tmags, outside]))
    cube = make_cube(_STAMP, np.zeros((3, *_STAMP.shape)))
    _, region = start_region([cube], stars, settings or MotionSettings())
    return region.moments


@pytest.mark.parametrize(
    ("tmags", "expected"),
    [
        ([10.0, 10.0, 10.0, 10.0], True),
        ([10.0, 10.0], False),
        ([8.0, 12.0, 12.0, 12.0, 12.0], False),
        ([15.0] * 20, False),
        ([13.5] * 4, True),
        ([1.0, 2.0, 3.0, 4.0], True),
    ],
)
def test_light_that_several_stars_share_shows_how_the_prf_changes(tmags, expected):
    """One that outshines the others cannot tell its own variation from it; faint ones tell nothing."""
    assert _moments(tmags) is expected


def test_the_same_for_tiles_together():
    """Two stars on each of four tiles are eight stars."""
    assert _moments([11.0] * 8, MotionSettings(tile_size=20))


def test_stars_beside_the_pixels_do_not_count():
    assert not _moments([10.0, 10.0], outside=[10.0] * 5)


def test_a_round_for_the_offset_alone_leaves_the_motion_as_it_is():
    """The motion that an earlier round has measured, that is; the offset goes on."""
    rng = np.random.default_rng(2)
    stars = make_stars(rng.uniform(104, 136, 12), rng.uniform(604, 636, 12), np.linspace(10, 13, 12))
    moved = np.linspace(-0.05, 0.05, 20)
    cube = make_cube(_STAMP, exact_images(lopsided_prf(), stars.moved(0.1, 0.0), _STAMP, moved, -moved))
    prf, settings = PrfEvaluator(lopsided_prf(), np.float32), MotionSettings()
    _, region = start_region([cube], stars, settings)
    first = region_round(region, prf, settings)
    second = region_round(first, prf, settings, offset_only=True)
    assert np.corrcoef(first.kernel.parameters[:, 0], moved)[0, 1] > 0.99
    shift = [0, 3]
    np.testing.assert_allclose(second.kernel.parameters[:, shift], first.kernel.parameters[:, shift], atol=1e-12)
    assert abs(second.kernel.offset[0] - 0.1) < abs(first.kernel.offset[0] - 0.1)


def test_known_excursions_do_not_count_for_what_all_cadences_share():
    """Two of a hundred cadences are far from the others; of a motion that is not known, none is."""
    stars = make_stars([115.0, 122.0], [612.0, 625.0], [10.0, 11.0])
    cube = make_cube(_STAMP, exact_images(lopsided_prf(), stars, _STAMP, *np.zeros((2, 100))))
    series, _ = start_region([cube], stars, MotionSettings())
    assert len(series.which) == 100
    parameters = series.kernel.parameters.copy()
    parameters[[20, 70], 0] = 0.4
    series, few = start_region([cube], stars, MotionSettings(), replace(series.kernel, parameters=parameters))
    np.testing.assert_array_equal(series.which, np.setdiff1d(np.arange(100), [20, 70]))
    assert len(few.good) == 98


def test_the_nodes_with_the_fewest_cadences_are_spared():
    """As many as hold a fifth of the good cadences together; equal ones all stay."""
    good = np.ones(100, dtype=bool)
    good[95:] = False

    def means_of(*edges):
        nodes = [SimpleNamespace(cadences=cadences) for cadences in np.split(np.arange(100), edges)]
        return [SimpleNamespace(node=node) for node in nodes]

    assert [len(mean.node.cadences) for mean in _well_filled(means_of(70, 84, 88), good)] == [70, 14]
    assert len(_well_filled(means_of(25, 50, 75), good)) == 4
