"""Why something is missing, from the logs."""

import pytest

from photometry.io.incomplete import failure_of


@pytest.fixture
def logs(tmp_path):
    for name, text in {
        "images/a.log": "INFO root: 40 cadences\nError: a.fits: damaged; fetch it again\n",
        "catalog/a.log": "INFO root: 3 stars\n",
        "psf_photometry/b/row0_col0.log": "Traceback\nError: no star\n",
        "psf_photometry/b/row0_col8.log": "Error: is told, and then went on\nINFO root: all is well\n",
        "plots/c.log": "Error: no font\n",
        "frames/d.log": "",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_the_last_line_of_a_log_tells(logs):
    assert failure_of(logs, "a") == "images: a.fits: damaged; fetch it again"
    assert failure_of(logs, "b", "row0_col0") == "psf_photometry: no star"
    assert failure_of(logs, "b", "row0_col8") == failure_of(logs, "b") == failure_of(logs, "d") == ""


def test_figures_leave_no_light_curve_out(logs):
    assert failure_of(logs, "c") == ""


def test_no_logs_at_all(tmp_path):
    assert failure_of(tmp_path / "none", "a") == ""
