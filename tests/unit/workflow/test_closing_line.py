"""The sentence that ends a run."""

from astropy.table import Table

from photometry.workflow.closing_line import closing_line


def write_summary(folder, **meta):
    Table({"starid": [1]}, meta=meta).write(folder / "summary_v01.ecsv", overwrite=True)


def test_targets_and_places(tmp_path):
    write_summary(tmp_path, version=1, n_target=49, status={"OK": 41, "WARNING": 8})
    (tmp_path / "lightcurves").mkdir()
    (tmp_path / "report").mkdir()
    (tmp_path / "report/index.html").touch()
    assert closing_line(tmp_path, "summary_v01.ecsv") == (
        f"49 targets: 41 OK, 8 WARNING. Light curves in {tmp_path}/lightcurves, summary {tmp_path}/summary_v01.ecsv, "
        f"page {tmp_path}/report/index.html."
    )


def test_one_target_without_a_light_curve(tmp_path):
    write_summary(tmp_path, n_target=1, status={"SKIPPED": 1})
    said = closing_line(tmp_path, "summary_v01.ecsv")
    assert said == f"1 target: 1 SKIPPED. Summary {tmp_path}/summary_v01.ecsv."


def test_nothing_is_said_of_a_simulation(tmp_path):
    assert closing_line(tmp_path, "summary_v01.ecsv") == ""
