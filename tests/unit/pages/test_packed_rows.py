"""Rows of the summary on the page: which are together, how they are packed, what they are joined with."""

import numpy as np
import pytest

from photometry.pages.packed_rows import COMPARED, NUMBERS, TEXTS, compared_with, pack_rows, page_groups, status_counts
from photometry.pages.packing import json_text, numbers, unpacked


def columns(n=3):
    made = {name: np.arange(n, dtype=float) for name in (*NUMBERS, *COMPARED)}
    made |= {name: np.array([""] * n, dtype=object) for name in TEXTS}
    made["starid"] = np.arange(1, n + 1) * 11_111_111
    names = [f"lightcurves/c1800/{star:011d}"[:23] + f"/tess{star:011d}-s001_lc.fits" for star in made["starid"]]
    return made | {"file": np.array(names, dtype=object)}


@pytest.mark.parametrize(
    ("counts", "ccds", "groups"),
    [
        ({"a": 10, "b": 20}, {"a", "b"}, [["a"], ["b"]]),
        ({"a": 10, "b": 20, "c": 5}, {"b"}, [["a"], ["b"], ["c"]]),
        ({"a": 10_000, "b": 20_000, "c": 1}, set(), [["a", "b"], ["c"]]),
        ({"a": 40_000, "b": 1}, set(), [["a"], ["b"]]),
        ({}, set(), []),
    ],
)
def test_a_ccd_has_a_page_and_cutouts_share_one(counts, ccds, groups):
    assert page_groups(counts, frozenset(ccds)) == groups


def test_names_of_files_are_kept_once():
    packed = pack_rows(columns())
    assert packed["n"] == 3
    assert packed["file"]["texts"] == ["lightcurves/c1800/{top}/tess{id}-s001_lc.fits"]
    assert unpacked(packed["starid"]).tolist() == columns()["starid"].tolist()


def test_odd_texts_stay_texts():
    odd = columns(1) | {"reason": np.array(['</script><img src=x onerror="alert(1)">'], dtype=object)}
    assert "<" not in json_text(pack_rows(odd))
    assert pack_rows(odd)["reason"]["texts"] == ['</script><img src=x onerror="alert(1)">']


def test_rows_are_joined_by_number():
    region = {
        "comparison": {"starid": numbers([5, 3], "f8"), "level": numbers([0.5, 0.3]), "scatter": numbers([50, 30])}
    }
    found = compared_with(np.array([3, 4, 5]), region)
    np.testing.assert_allclose(found["sap_level"], [0.3, np.nan, 0.5], rtol=1e-6)
    np.testing.assert_allclose(found["sap_scatter"], [30, np.nan, 50])
    nothing = {"comparison": {name: numbers([], "f8") for name in ("starid", "level", "scatter")}}
    assert np.isnan(compared_with(np.array([3]), nothing)["sap_level"]).all()


def test_counts_of_statuses():
    assert status_counts(np.array(["OK", "WARNING", "OK"], dtype=object)) == {"OK": 2, "WARNING": 1}
