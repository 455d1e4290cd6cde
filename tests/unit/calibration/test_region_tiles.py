"""Start of a region: whether its stars can tell how the PRF changes."""

import numpy as np
import pytest
from small_tiles import make_cube, make_stars

from photometry.calibration.region_tiles import start_region
from photometry.core.geometry import Stamp
from photometry.core.settings import MotionSettings

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
