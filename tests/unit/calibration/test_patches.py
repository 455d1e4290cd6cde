"""Pixels from which a CCD's motion is measured."""

import numpy as np

from photometry.calibration.patches import patches_of
from photometry.core.geometry import Stamp
from photometry.core.settings import MotionSettings
from photometry.core.stars import Stars

_CCD = Stamp(0, 2048, 44, 2092)


def _stars(row, column, tmag):
    tmag = np.asarray(tmag, dtype=np.float64)
    return Stars(np.arange(1, len(tmag) + 1), np.asarray(row, float), np.asarray(column, float), tmag)


def _random(n_star=3000):
    rng = np.random.default_rng(1)
    return _stars(rng.uniform(0, 2047, n_star), rng.uniform(44, 2091, n_star), rng.uniform(7.5, 14, n_star))


def test_a_small_region_is_taken_whole():
    stamp = Stamp(100, 356, 200, 456)
    assert patches_of(stamp, _random(), MotionSettings()) == (stamp,)


def test_every_block_of_a_ccd_has_one_patch():
    patches = patches_of(_CCD, _random(), MotionSettings())
    blocks = {(int(row) // 512, int(column - 44) // 512) for row, column in (patch.center for patch in patches)}
    assert len(patches) == len(blocks) == 16
    assert {patch.shape for patch in patches} == {(64, 64)}


def test_the_patch_with_most_light_is_chosen():
    """Of the first block: three stars of T=9, not the saturated one, not one bright star alone, not one on a border."""
    rows = [30, 96, 160, 166, 172, 256]
    patches = patches_of(_CCD, _stars(rows, [76] * 6, [4.0, 8.0, 9.0, 9.0, 9.0, 7.5]), MotionSettings())
    assert patches[0] == Stamp(128, 192, 44, 108)


def test_without_stars_there_are_patches_all_the_same():
    assert len(patches_of(_CCD, _random().select(np.zeros(3000, dtype=bool)), MotionSettings())) == 16
