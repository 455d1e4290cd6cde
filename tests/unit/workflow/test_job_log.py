import logging
import subprocess
import sys

import pytest

from photometry.core import stages
from photometry.core.errors import InputFileError
from photometry.core.stages import counted
from photometry.workflow.job_log import job_log


def test_all_output_goes_to_the_log_and_nothing_to_the_terminal(tmp_path, capsys):
    with job_log(tmp_path / "logs" / "a.log"):
        print("to stdout")  # noqa: T201
        sys.stderr.write("to stderr\n")
        logging.getLogger("photometry.io").warning("a warning")
    text = (tmp_path / "logs" / "a.log").read_text()
    assert "to stdout" in text
    assert "to stderr" in text
    assert "WARNING photometry.io: a warning" in text
    assert text.splitlines()[-1] == "Done in 0.0 s."
    assert capsys.readouterr() == ("", "")


def test_error_for_the_user_is_one_line_in_both(tmp_path, capsys):
    with pytest.raises(SystemExit) as caught, job_log(tmp_path / "a.log"):
        raise InputFileError("stars.csv", "no column ID; add it")
    assert caught.value.code == 1
    assert capsys.readouterr().err == "Error: stars.csv: no column ID; add it\n"
    assert (tmp_path / "a.log").read_text() == "Error: stars.csv: no column ID; add it\n"


def test_defect_has_its_traceback_in_the_log(tmp_path, capsys):
    with pytest.raises(SystemExit), job_log(tmp_path / "a.log"):
        raise ZeroDivisionError("oh")
    assert f"Error: ZeroDivisionError: oh (a defect of the software; its traceback is in {tmp_path / 'a.log'})" in (
        capsys.readouterr().err
    )
    assert "Traceback" in (tmp_path / "a.log").read_text()


def test_a_full_disk_is_told_though_the_log_is_on_it():
    """/dev/full takes no byte."""
    script = "from photometry.workflow.job_log import job_log\nwith job_log('/dev/full'):\n    print('to stdout')"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: /dev/full: cannot be written (No space left on device); free some space")
    assert done.stderr.count("\n") == 1


def test_handlers_do_not_pile_up(tmp_path):
    before = list(logging.getLogger().handlers)
    for _ in range(3):
        with job_log(tmp_path / "a.log"):
            pass
    assert logging.getLogger().handlers == before


def test_a_job_that_takes_minutes_says_once_in_each_how_far_it_is(tmp_path, capsys, monkeypatch):
    """Its log has more."""
    now = [0.0]
    monkeypatch.setattr(stages.time, "monotonic", lambda: now[0])
    path = tmp_path / "logs/movement_kernel/sector001_camera4_ccd2.log"
    with job_log(path):
        for _ in counted(range(6), "mean fluxes", "rounds"):
            now[0] += 31
    assert capsys.readouterr().err.splitlines() == [
        f"movement kernel, sector 1 camera 4 CCD 2: mean fluxes: {words}"
        for words in (
            "2 of 6 rounds, 62 s so far, up to 2 min left",
            "4 of 6 rounds, 2 min so far, up to 62 s left",
            "6 of 6 rounds, 3 min so far",
        )
    ]
    lines = path.read_text().splitlines()
    assert sum("so far" in line for line in lines) == 6
    assert lines[-2:] == ["INFO photometry.progress: mean fluxes: 6 rounds in 3 min", "Done in 3 min."]
