"""Registries of flags."""

import numpy as np
import pytest

from photometry.core.quality import PIXEL_FLAGS, PIXEL_QUALITY, STAR_FLAGS, TESS_QUALITY, bit, decode, flagged

_REGISTRIES = (TESS_QUALITY, PIXEL_FLAGS, PIXEL_QUALITY, STAR_FLAGS)


@pytest.mark.parametrize("registry", _REGISTRIES)
def test_every_bit_and_name_once(registry):
    assert [flag.value for flag in registry] == [2**k for k in range(len(registry))]
    assert len({flag.name for flag in registry}) == len(registry)
    assert all(flag.meaning for flag in registry)


@pytest.mark.parametrize("registry", _REGISTRIES)
def test_words_there_and_back(registry):
    for flag in registry:
        assert bit(registry, flag.name) == flag.value
        assert decode(registry, flag.value) == [flag.name]
    assert decode(registry, sum(flag.value for flag in registry)) == [flag.name for flag in registry]
    assert decode(registry, 0) == []


def test_any_of_several_flags():
    words = np.array([0, 1, 2, 3, 4, 8])
    np.testing.assert_array_equal(
        flagged(STAR_FLAGS, words, "saturated", "edge"), [False, True, False, True, True, False]
    )
    assert flagged(STAR_FLAGS, words).sum() == 0


def test_unknown_flag_is_refused():
    with pytest.raises(KeyError, match="no flag 'egde', only saturated, inseparable, edge"):
        bit(STAR_FLAGS, "egde")
    with pytest.raises(KeyError, match="no flag"):
        flagged(STAR_FLAGS, [0], "egde")
