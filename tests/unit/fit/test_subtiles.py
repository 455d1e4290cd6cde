"""Parts of a tile: as large as stars and cadences let them be."""

import numpy as np
import pytest
from small_tiles import make_stars

from photometry.core.geometry import Stamp
from photometry.core.settings import FitSettings
from photometry.fit.subtiles import tile_parts

_CORE = Stamp(512, 768, 300, 556)
_REGION = Stamp(0, 2048, 44, 2092)


def _stars(density: float, rng: np.random.Generator | None = None):
    """So many stars per pixel, around the tile."""
    rng = np.random.default_rng(1) if rng is None else rng
    n_star = int(density * 300**2)
    return make_stars(rng.uniform(490, 790, n_star), rng.uniform(278, 578, n_star), rng.uniform(9, 15.9, n_star))


def _covers_once(parts) -> bool:
    count = np.zeros(_CORE.shape, dtype=int)
    for part in parts:
        count[part.slices_in(_CORE)] += 1
    return bool((count == 1).all())


@pytest.mark.parametrize(
    ("density", "n_cadence", "n_part"), [(0.02, 1300, 4), (0.02, 4000, 16), (0.02, 11000, 16), (0.5, 1300, 16)]
)
def test_parts_are_large_while_stars_and_cadences_are_few(density, n_cadence, n_part):
    parts = tile_parts(_CORE, _REGION, _stars(density), n_cadence, FitSettings())
    assert len(parts) == n_part
    assert _covers_once(parts)


def test_a_cluster_divides_its_part_alone():
    rng = np.random.default_rng(2)
    cluster = make_stars(rng.uniform(530, 560, 3000), rng.uniform(310, 340, 3000), np.full(3000, 14.0))
    parts = tile_parts(_CORE, _REGION, cluster, 1300, FitSettings())
    assert _covers_once(parts)
    assert sorted(part.shape for part in parts) == [(64, 64)] * 4 + [(128, 128)] * 3


def test_faint_stars_do_not_count():
    stars = _stars(0.5)
    parts = tile_parts(_CORE, _REGION, stars, 1300, FitSettings(tmag_limit=9.5))
    assert len(parts) == 4


def test_the_setting_is_the_largest_size():
    assert len(tile_parts(_CORE, _REGION, _stars(0.001), 100, FitSettings(joint_size=64))) == 16
    assert len(tile_parts(_CORE, _REGION, _stars(0.001), 100, FitSettings(joint_size=300))) == 1
