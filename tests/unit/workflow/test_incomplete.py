"""Why something is missing, from the logs."""

import pytest
from sky_regions import WIDE, planned

from photometry.io.stars.target_lists import TARGET_COLUMNS
from photometry.io.store.tables import RESULT_COLUMNS, read_ecsv, table_of, write_ecsv
from photometry.workflow.incomplete import failure_of, incomplete_name, write_incomplete


@pytest.fixture
def logs(tmp_path):
    for name, text in {
        "images/a.log": "INFO root: 40 cadences\nError: a.fits: damaged; fetch it again\n",
        "catalog/a.log": "INFO root: 3 stars\n",
        "psf_photometry/b/row0_col0.log": "Traceback\nError: no star\n",
        "psf_photometry/b/row0_col8.log": "Error: is told, and then went on\nINFO root: all is well\n",
        "plots/c.log": "Error: no font\n",
        "frames/d.log": "",
        "ccd_pixels/e/block000.log": "INFO root: 256 frames\n",
        "ccd_pixels/e/block001.log": "Error: the disk is full\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_the_last_line_of_a_log_tells(logs):
    assert failure_of(logs, "a") == "images: a.fits: damaged; fetch it again"
    assert failure_of(logs, "b", "row0_col0") == "psf_photometry: no star"
    assert failure_of(logs, "b", "row0_col8") == failure_of(logs, "b") == failure_of(logs, "d") == ""


def test_a_block_of_frames_fails_its_region(logs):
    assert failure_of(logs, "e") == "ccd_pixels: the disk is full"
    assert failure_of(logs, "e", "row0_col0") == ""


def test_figures_leave_no_light_curve_out(logs):
    assert failure_of(logs, "c") == ""


def test_no_logs_at_all(tmp_path):
    assert failure_of(tmp_path / "none", "a") == ""


def test_a_region_that_failed_with_an_empty_list_of_targets_has_a_row(tmp_path):
    """The star table is of another part of the sky."""
    region = planned("a", WIDE)
    name = region.name
    (tmp_path / "logs/movement_kernel").mkdir(parents=True)
    (tmp_path / f"logs/movement_kernel/{name}.log").write_text("Error: no star of the catalogue lies on the pixels\n")
    sector, camera, ccd, cadence = region.detector
    table = table_of([], TARGET_COLUMNS)
    table.meta |= {"region": name, "sector": sector, "camera": camera, "ccd": ccd, "cadence": cadence}
    write_ecsv(table, tmp_path / f"prepared/targets_{name}.ecsv")
    missing = write_incomplete({name: region}, {name: list(region.tiles)}, tmp_path, 1)
    assert missing == {name: "movement_kernel: no star of the catalogue lies on the pixels"}
    (row,) = read_ecsv(incomplete_name(tmp_path, 1), RESULT_COLUMNS)
    assert (row["starid"], row["status"]) == (0, "ERROR")
    assert "no star of the catalogue" in row["reason"]
