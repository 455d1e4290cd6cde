import tempfile
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table
from tile_fits import make_catalog, make_fit, make_header

from photometry.catalog.targets import OUTSIDE, TargetList
from photometry.core.status import STATUS
from photometry.io.results import result_rows, summary
from photometry.io.results.lightcurve_files import export_tile
from photometry.io.results.stale import StaleFile
from photometry.io.results.summary import write_summary
from photometry.io.stars.target_lists import write_targets
from photometry.io.store.provenance import SOFTWARE, origin_of
from photometry.io.store.revision import git_revision
from photometry.io.store.tables import RESULT_COLUMNS, read_ecsv, table_of, write_ecsv
from photometry.workflow.origin_lines import made_with


def targets_of(reasons, tmag=10.0):
    """Target list with a reason for each star."""
    n_target = len(reasons)
    reason = np.array(list(reasons.values()), dtype=np.str_)
    return TargetList(
        starid=np.array(list(reasons), dtype=np.int64),
        row=np.full(n_target, 310.0),
        column=np.full(n_target, 550.0),
        tmag=np.full(n_target, tmag),
        tile=np.where(reason == "", "t", ""),
        reason=reason,
    )


def metadata(region="a", sector=1, camera=4, ccd=2, cadence=1800):
    return {"region": region, "sector": sector, "camera": camera, "ccd": ccd, "cadence": cadence}


def index_of(starids, **more):
    where = metadata(**more)
    return table_of(
        [where | {"starid": s, "status": "OK", "tile": "t", "file": f"{s}"} for s in starids], RESULT_COLUMNS
    )


def summarise(lists, indices, version, **more):
    """Make a summary of tables of results and read it."""
    lines, meta = summary.summarise(lists, [result_rows.rows_of(index) for index in indices], version, **more)
    with tempfile.TemporaryDirectory() as folder:
        result_rows.write_rows(Path(folder, "s.ecsv"), lines, meta)
        return read_ecsv(Path(folder, "s.ecsv"), RESULT_COLUMNS)


def rows_of(table):
    return [(int(row["starid"]), str(row["status"]), str(row["reason"]), str(row["region"])) for row in table]


def test_one_row_for_every_target():
    reasons = {1: "", 2: "fainter than tmag_limit 15", 3: OUTSIDE}
    table = summarise([(targets_of(reasons), metadata())], [index_of([1])], 1)
    assert rows_of(table) == [
        (1, "OK", "", "a"),
        (2, "SKIPPED", "fainter than tmag_limit 15", "a"),
        (3, "SKIPPED", OUTSIDE, "a"),
    ]
    assert table.meta["status"] == {"OK": 1, "SKIPPED": 2}
    assert table.meta["n_target"] == 3
    assert table.meta["version"] == 1
    assert np.isnan(table["mean_flux"][1])


def test_a_star_in_several_regions_has_one_row():
    lists = [
        (targets_of({1: "", 2: OUTSIDE, 3: "measured in region b", 4: OUTSIDE}), metadata("a")),
        (targets_of({1: OUTSIDE, 2: "fainter than tmag_limit 15", 3: "", 4: OUTSIDE}), metadata("b")),
    ]
    table = summarise(lists, [index_of([1], region="a"), index_of([3], region="b")], 1)
    assert rows_of(table) == [
        (1, "OK", "", "a"),
        (2, "SKIPPED", "fainter than tmag_limit 15", "b"),
        (3, "OK", "", "b"),
        (4, "SKIPPED", OUTSIDE, "a"),
    ]


def test_sectors_and_cadences_have_their_own_rows():
    lists = [
        (targets_of({1: ""}), metadata("a", sector=1)),
        (targets_of({1: OUTSIDE}), metadata("b", sector=2)),
        (targets_of({1: ""}), metadata("c", sector=1, cadence=120)),
    ]
    table = summarise(lists, [index_of([1], region="a"), index_of([1], region="c", cadence=120)], 1)
    assert [(int(r["sector"]), int(r["cadence"]), str(r["status"])) for r in table] == [
        (1, 120, "OK"),
        (1, 1800, "OK"),
        (2, 1800, "SKIPPED"),
    ]


def test_every_ccd_that_sees_a_star_has_its_own_row():
    """Fields of cameras and CCDs overlap at their borders; only a CCD that has no pixels of the star is left out."""
    limit = "fainter than tmag_limit 15"
    lists = [
        (targets_of({1: "", 2: OUTSIDE, 3: "", 4: OUTSIDE, 5: limit}), metadata("a", camera=1, ccd=4)),
        (targets_of({1: "", 2: limit, 3: OUTSIDE, 4: OUTSIDE, 5: limit}), metadata("b", camera=2, ccd=1)),
        (targets_of({1: "", 2: OUTSIDE, 3: "", 4: OUTSIDE, 5: OUTSIDE}), metadata("c", camera=1, ccd=3)),
    ]
    indices = [
        index_of([1, 3], region="a", camera=1, ccd=4),
        index_of([1], region="b", camera=2, ccd=1),
        index_of([1], region="c", camera=1, ccd=3),
    ]
    for order in (1, -1):
        table = summarise(lists[::order], indices[::order], 1)
        assert [(int(r["starid"]), int(r["camera"]), int(r["ccd"]), str(r["status"])) for r in table] == [
            (1, 1, 3, "OK"),
            (1, 1, 4, "OK"),
            (1, 2, 1, "OK"),
            (2, 2, 1, "SKIPPED"),
            (3, 1, 3, "ERROR"),
            (3, 1, 4, "OK"),
            (4, 1, 3, "SKIPPED"),
            (5, 1, 4, "SKIPPED"),
            (5, 2, 1, "SKIPPED"),
        ]
        assert table.meta["n_target"] == 9
        assert [str(reason) for reason in table["reason"]][3::3] == [limit, OUTSIDE]


def test_a_stale_file_is_named_in_the_row_of_its_own_ccd():
    lists = [
        (targets_of({1: ""}), metadata("a", camera=1, ccd=4)),
        (targets_of({1: ""}), metadata("b", camera=2, ccd=1)),
    ]
    indices = [index_of([1], region="a", camera=1, ccd=4), index_of([1], region="b", camera=2, ccd=1)]
    stale = [StaleFile("old", 1, 1, 2, 1, 1800, "b"), StaleFile("gone", 1, 1, 1, 3, 1800, "c")]
    table = summarise(lists, indices, 1, stale=stale)
    rows = [(int(r["camera"]), int(r["ccd"]), str(r["file"]), str(r["status"]), str(r["stale"])) for r in table]
    assert rows == [(1, 3, "", "SKIPPED", "gone"), (1, 4, "1", "OK", ""), (2, 1, "1", "OK", "old")]
    assert (table.meta["n_target"], table.meta["n_stale"]) == (2, 2)


def test_a_target_whose_result_is_missing_is_an_error():
    table = summarise([(targets_of({1: "", 2: ""}), metadata())], [index_of([2])], 1)
    assert rows_of(table)[0] == (1, "ERROR", "its tile gave no result; run again", "a")


def test_nothing_asked_for_makes_an_empty_summary():
    table = summarise([(targets_of({}), metadata())], [index_of([])], 1)
    assert len(table) == 0
    assert table.colnames == [spec.name for spec in RESULT_COLUMNS]


@pytest.fixture
def files(tmp_path):
    header, fit = make_header(), make_fit(4)
    write_targets(
        tmp_path / "t.ecsv",
        targets_of({int(s): "" for s in fit.starid} | {7: OUTSIDE}),
        "a",
        header,
        np.array([3, 1, 2]),
    )
    index = export_tile(fit, header, fit.starid, make_catalog(fit), tmp_path, 1, "a", "t", {})
    write_ecsv(index, tmp_path / "i.ecsv")
    return tmp_path


def test_written_summary_is_read_back_and_deterministic(files):
    path = files / "summary_v01.ecsv"
    written = write_summary(path, [files / "t.ecsv"], [files / "i.ecsv"], 1)
    first = path.read_bytes()
    back = read_ecsv(path, RESULT_COLUMNS)
    assert back.meta == written
    assert written["left_out"] == {"artefact": 3, "duplicate": 1, "without_tmag": 2}
    index = read_ecsv(files / "i.ecsv", RESULT_COLUMNS)
    measured = back[np.isin(back["starid"], index["starid"])]
    for name in index.colnames:
        np.testing.assert_array_equal(measured[name], index[name])
    write_summary(path, [files / "t.ecsv"], [files / "i.ecsv"], 1)
    assert path.read_bytes() == first
    assert set(back["status"]) == {"OK", "SKIPPED"}
    assert all((files / name).is_file() for name in back["file"] if name)


def test_units_and_descriptions_reach_any_reader(files):
    path = files / "summary_v01.ecsv"
    write_summary(path, [files / "t.ecsv"], [files / "i.ecsv"], 1)
    table = Table.read(path)
    assert str(table["mean_flux"].unit) == "electron / s"
    assert table["rms_hour"].quantity.to_value("") == pytest.approx(table["rms_hour"] * 1e-6, nan_ok=True)
    assert all(table[name].description for name in table.colnames)


def test_order_of_the_inputs_does_not_matter():
    lists = [(targets_of({5: "", 1: OUTSIDE}), metadata("b")), (targets_of({2: "", 1: OUTSIDE}), metadata("a"))]
    indices = [index_of([5], region="b"), index_of([2], region="a")]
    one, two = summarise(lists, indices, 1), summarise(lists[::-1], indices[::-1], 1)
    assert rows_of(one) == rows_of(two)
    assert one["starid"].tolist() == [1, 2, 5]


def test_status_numbers_are_part_of_the_interface():
    assert {status.name: status.value for status in STATUS} == {
        "UNKNOWN": 0, "OK": 1, "ERROR": 2, "WARNING": 3, "ABORT": 4, "SKIPPED": 5, "STARTED": 6,
    }  # fmt: skip


def test_summary_and_report_tell_with_what_it_was_made(files):
    path = files / "summary_v01.ecsv"
    index = Table.read(files / "i.ecsv")
    for name in ("i.ecsv", "j.ecsv"):
        index.meta["origin"] = origin_of({}, {"fit": {}})
        write_ecsv(index, files / name)
    index.meta["origin"] |= {"git_revision": "f" * 40}
    write_ecsv(index, files / "k.ecsv")
    write_summary(path, [files / "t.ecsv"], [files / name for name in ("k.ecsv", "i.ecsv", "j.ecsv")], 1)
    settings = origin_of({}, {"fit": {}})["settings_digest"]
    made = {"software": SOFTWARE, "settings_digest": settings}
    expected = [made | {"git_revision": git_revision(), "tiles": 2}, made | {"git_revision": "f" * 40, "tiles": 1}]
    assert sorted(read_ecsv(path, RESULT_COLUMNS).meta["made_with"], key=str) == sorted(expected, key=str)
    assert f"1 tile by {SOFTWARE}, git revision {'f' * 12}, settings {settings[:12]}" in made_with(path)
    assert len(made_with(path)) == 2


@pytest.mark.parametrize(
    "content", [None, "", "starid,status\n", "# %ECSV 1.0\n# ---\n# meta: {{\n", "# %ECSV\n# - 1\n"]
)
def test_report_of_a_summary_that_does_not_tell(tmp_path, content):
    if content is not None:
        (tmp_path / "s.ecsv").write_text(content)
    assert made_with(tmp_path / "s.ecsv") == []


def test_targets_without_a_result_have_the_reason_of_their_tile_or_region():
    unknown = targets_of({0: ""})
    lists = [(targets_of({1: "", 2: OUTSIDE}), metadata("a")), (unknown, metadata("b")), (unknown, metadata("c"))]
    table = summarise(lists, [], 1, reasons={"a/t": "images: x.fits: damaged", "b": "killed", "c": "full"})
    assert rows_of(table) == [
        (0, "ERROR", "killed", "b"),
        (0, "ERROR", "full", "c"),
        (1, "ERROR", "images: x.fits: damaged", "a"),
        (2, "SKIPPED", OUTSIDE, "a"),
    ]
