"""Nodes: every cadence once, boxes as small as promised, quick for many cadences."""

import time

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from photometry.scene.nodes import far_cadences, nodes_of


def _check(row_shift, column_shift, sky, reach):
    nodes = nodes_of(row_shift, column_shift, sky, reach)
    members = np.concatenate([node.cadences for node in nodes])
    np.testing.assert_array_equal(np.sort(members), np.arange(len(sky)))
    for node in nodes:
        for shifts, middle in ((row_shift, node.row_shift), (column_shift, node.column_shift)):
            assert np.abs(shifts[node.cadences] - middle).max() <= reach * (1 + 1e-9)
        level = np.maximum(sky[node.cadences], 1.0)
        assert level.max() <= 1.5 * level.min() * (1 + 1e-9)
    return nodes


@given(
    seed=st.integers(0, 2**31),
    n_cadence=st.integers(1, 200),
    drift=st.floats(0, 0.5),
    reach=st.floats(0.01, 0.2),
    sky=st.floats(0, 3),
)
@settings(deadline=None, max_examples=60, derandomize=True)
def test_every_cadence_in_one_box(seed, n_cadence, drift, reach, sky):
    rng = np.random.default_rng(seed)
    _check(*(drift * rng.normal(size=(2, n_cadence))), 100 * np.exp(sky * rng.normal(size=n_cadence)), reach)


def test_like_cadences_are_one_node():
    rng = np.random.default_rng(1)
    (node,) = _check(*rng.uniform(-0.01, 0.01, (2, 50)), np.full(50, 100.0), 0.05)
    np.testing.assert_array_equal(node.cadences, np.arange(50))


def test_excursions_stand_apart():
    row_shift = np.zeros(50)
    row_shift[[3, 30]] = 0.4, -0.4
    nodes = _check(row_shift, np.zeros(50), np.full(50, 100.0), 0.05)
    assert [len(node.cadences) for node in nodes] == [48, 1, 1]


def test_negative_background_is_borne():
    _check(np.zeros(4), np.zeros(4), np.array([-5.0, 0.0, 0.5, 1.0]), 0.05)


def test_twenty_thousand_cadences_are_quick():
    """A sector of 2-min cadences: drift, jitter, an orbit of scattered light, and excursions. 0.1 s here."""
    rng = np.random.default_rng(4)
    phase = np.linspace(0, 1, 20_000)
    row_shift = 0.1 * phase + rng.normal(0, 0.006, 20_000)
    column_shift = 0.05 * np.sin(5 * phase) + rng.normal(0, 0.006, 20_000)
    away = rng.random(20_000) < 0.015
    row_shift[away] += rng.uniform(-0.4, 0.4, int(away.sum()))
    sky = 130 + 60 * np.sin(4 * np.pi * phase) + 300 * np.exp(-(((phase - 0.3) / 0.02) ** 2))
    started = time.perf_counter()
    nodes = _check(row_shift, column_shift, sky, 0.05)
    assert time.perf_counter() - started < 5
    assert len(nodes) < 300


def test_backgrounds_of_a_place_share_its_center():
    rng = np.random.default_rng(6)
    row_shift, column_shift = rng.uniform(-0.04, 0.04, (2, 90))
    nodes = _check(row_shift, column_shift, np.repeat([100.0, 300.0, 1000.0], 30), 0.05)
    assert len(nodes) == 3
    assert len({(node.row_shift, node.column_shift) for node in nodes}) == 1


def test_few_cadences_far_from_many_are_found():
    row_shift = np.zeros(200)
    row_shift[[3, 30, 31]] = 0.4, -0.4, -0.41
    np.testing.assert_array_equal(np.flatnonzero(far_cadences(row_shift, np.zeros(200), 0.05)), [3, 30, 31])
    # Not where there are not many, nor where those away are many.
    assert not far_cadences(row_shift[:40], np.zeros(40), 0.05).any()
    row_shift[:20] = 0.3
    np.testing.assert_array_equal(np.flatnonzero(far_cadences(row_shift, np.zeros(200), 0.05)), [30, 31])
