"""Which pixel files are measured together."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from photometry.workflow.batches import STAMPS, assigned, can_be_batched, plan_batches, read_batches

NAMES = [f"r{number:04d}" for number in range(3000)]


def batch_of(batches):
    return {name: batch for batch, names in batches.items() for name in names}


@pytest.mark.parametrize(
    ("n_file", "size", "n_batch"),
    [
        (0, "auto", 0),
        (64, "auto", 0),
        (65, "auto", 65),
        (300, "auto", 75),
        (3000, "auto", 94),
        (3, 2, 2),
        (64, 64, 1),
        (3000, 0, 0),
        (1, 1, 1),
    ],
)
def test_number_of_batches(n_file, size, n_batch):
    batches = assigned(NAMES[:n_file], {}, size)
    assert len(batches) == n_batch
    assert [name for names in batches.values() for name in names] == (NAMES[:n_file] if n_batch else [])


def test_a_new_file_changes_one_batch():
    before = assigned(NAMES[:100], {}, 32)
    after = assigned(["a", *NAMES[:100]], batch_of(before), 32)
    assert {batch for batch in after if after[batch] != before.get(batch)} == {"0003"}
    after = assigned(["a", *NAMES[:128]], batch_of(assigned(NAMES[:128], {}, 32)), 32)
    assert after["0004"] == ["a"]


def test_those_that_are_left_stay_where_they_are():
    known = batch_of(assigned(NAMES[:100], {}, 32))
    left = assigned(NAMES[40:50], known, "auto")
    assert batch_of(left) == {name: known[name] for name in NAMES[40:50]}
    assert assigned(NAMES[40:50], known, 0) == {}


def region(catalog="stars.csv", datasource="tesscut"):
    return SimpleNamespace(observation={"catalog": catalog, "datasource": datasource})


def test_what_has_a_job_that_downloads_has_all_its_jobs_and_so_have_those_that_need_it():
    regions = {"a": region(), "b": region(), "c": region("mast"), "d": region(datasource="ffi"), "e": region()}
    overlaps = {"a": ["b"], "b": ["a", "c"], "c": ["b"], "d": [], "e": []}
    assert can_be_batched(regions, overlaps) == ["e"]


def test_batches_are_kept_and_found_again(tmp_path):
    folder = tmp_path / "plan"
    before = plan_batches(folder, NAMES[:5], 2)
    assert read_batches(folder, NAMES[:5]) == before
    assert read_batches(folder, NAMES[1:3]) == {"0000": ["r0001"], "0001": ["r0002"]}
    (tmp_path / STAMPS).mkdir(parents=True)
    for batch, names in before.items():
        (tmp_path / STAMPS / f"batch_{batch}.json").write_text(json.dumps({"regions": names[::-1]}))
    (tmp_path / STAMPS / "batch_0007.json").write_text("damaged")
    shutil.rmtree(folder)
    # Another order would lead to other batches.
    assert batch_of(plan_batches(folder, NAMES[4::-1], 2)) == batch_of(before)
    for damage in ("", "[]", '{"r0000": "x"}'):
        Path(folder, "batches.json").write_text(damage)
        assert batch_of(plan_batches(folder, NAMES[:5], 2)) == batch_of(before)


def test_without_batches_nothing_is_written(tmp_path):
    assert plan_batches(tmp_path / "plan", NAMES[:5], "auto") == {}
    assert list(tmp_path.iterdir()) == []
