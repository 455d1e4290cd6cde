"""Packed data of the page: restored within half a step, the same text for the same input, nothing ends a script."""

import base64
import json
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from photometry.pages.packing import (
    MISSING,
    call_of,
    content_of,
    deflated,
    json_text,
    numbers,
    quantised,
    restored,
    rounded,
    texts,
    unpacked,
)


def noisy(n_star=4, n_cadence=300, seed=1):
    rng = np.random.default_rng(seed)
    return 10.0 ** np.arange(n_star)[:, None] * (1 + 0.01 * rng.normal(size=(n_star, n_cadence)))


def test_what_is_restored_is_within_half_a_step():
    values = noisy()
    values[1, 7], values[2, :3] = np.nan, np.inf
    packed = quantised(values, np.full(4, 1e-4))
    back, step = restored(packed), packed[2][:, None]
    known = np.isfinite(values)
    np.testing.assert_array_equal(np.isfinite(back), known)
    # Zero and step have seven digits.
    assert np.all(np.abs(back - values)[known] <= np.broadcast_to(0.51 * step, values.shape)[known])
    assert packed[0].dtype == np.dtype("<i2")


def test_the_step_is_as_fine_as_asked_where_the_range_allows_it():
    packed = quantised(np.array([[0.0, 10.0], [0.0, 1e6]]), np.array([0.01, 0.01]))
    assert packed[2] == pytest.approx([0.01, 1e6 / 2 / 32767], rel=1e-5)


def test_what_counts_is_never_clipped_and_what_lies_far_beyond_is_put_to_the_edge():
    values = np.array([[100.0, 101.0, 102.0, 1e9, -1e9]])
    within = np.array([[True, True, True, False, False]])
    back = restored(quantised(values, np.array([1e-3]), within))[0]
    np.testing.assert_allclose(back[:3], values[0, :3], atol=6e-4)
    assert 102.9 < back[3] < 140
    assert 62 < back[4] < 100.1


@pytest.mark.parametrize("row", [[np.nan, np.nan], [5.0, 5.0], [0.0, 0.0], [-3.0, np.nan]])
def test_rows_without_range_or_values(row):
    packed = quantised(np.array([row]), np.array([0.0]), np.zeros((1, 2), dtype=bool))
    np.testing.assert_allclose(restored(packed), [row])
    assert np.all((packed[0] == MISSING) == np.isnan(row))


@given(st.lists(st.floats(-1e30, 1e30), min_size=1, max_size=40))
def test_any_finite_values_come_back(values):
    packed = quantised(np.array([values]), np.array([0.0]))
    assert np.all(np.abs(restored(packed) - values) <= 0.51 * packed[2] + 1e-6 * np.abs(values))


def test_numbers_and_texts():
    starid = np.array([1, 99_999_999_999])
    np.testing.assert_array_equal(unpacked(numbers(starid, "f8")), starid)
    packed = texts(["b", "a", "b"])
    assert packed["texts"] == ["a", "b"]
    assert unpacked(packed["places"]).tolist() == [1, 0, 1]


def test_deflated_words_have_their_low_bytes_first():
    raw = zlib.decompress(base64.b64decode(deflated([np.array([0x0102, 0x0304], "<u2"), np.array([9], "u1")])))
    assert raw == bytes([2, 4, 1, 3, 9])


def test_no_text_ends_a_script():
    odd = '</script><script>alert("x")</script> & \u2028 <!-- \\'
    text = json_text({odd: odd})
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text) == {odd: odd}


def test_a_call_is_read_back():
    content = {"a": [1, None, "x,\n);"]}
    assert content_of(call_of("rows/0", content)) == content
    with pytest.raises(ValueError, match="no data of a page"):
        content_of("alert(1)")


def test_numbers_that_are_not_finite_are_null():
    assert [rounded(value) for value in (np.nan, np.inf, 1.23456789)] == [None, None, 1.234568]
    with pytest.raises(ValueError, match="JSON"):
        json_text([float("nan")])
