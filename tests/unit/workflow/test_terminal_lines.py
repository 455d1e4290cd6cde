"""What the terminal shows of Snakemake's messages; the real ones are in tests/workflow/test_run.py."""

import io
import logging
from enum import Enum

import pytest

from photometry.workflow.terminal_lines import shorten_terminal_lines

LogEvent = Enum("LogEvent", ["JOB_INFO", "JOB_FINISHED", "JOB_STARTED", "JOB_ERROR", "PROGRESS", "RUN_INFO"])
CUTOUT = "tesscut_sector001_camera4_ccd2_ra84.0000_dec-78.0000_r0512_c1244_48x48"


class Terminal:
    """A logger with a handler as Snakemake's, and what it wrote."""

    def __init__(self) -> None:
        self._stream = io.StringIO()
        handler = logging.StreamHandler(self._stream)
        handler.set_name("DefaultStreamHandler")
        handler.setFormatter(logging.Formatter("usual: %(message)s"))
        self.logger = logging.Logger("snakemake.logging", logging.INFO)
        self.logger.addHandler(handler)
        self.handler = handler

    def say(self, message: str | None, event: LogEvent | None = None, **values: object) -> None:
        extra = values if event is None else values | {"event": event}
        self.logger.info(message, extra=extra)

    def lines(self) -> list[str]:
        """Lines so far, without the time of day."""
        lines = self._stream.getvalue().splitlines()
        return [line[10:] if line[2:3] == line[5:6] == ":" else line for line in lines]


@pytest.fixture
def terminal() -> Terminal:
    made = Terminal()
    shorten_terminal_lines(made.logger)
    return made


def start(terminal: Terminal, jobid: int, rule: str, **wildcards: str) -> None:
    terminal.say(f"rule {rule}", LogEvent.JOB_INFO, jobid=jobid, rule_name=rule, wildcards=wildcards)


def end(terminal: Terminal, jobid: int, done: int, total: int = 12) -> None:
    terminal.say("Finished", LogEvent.JOB_FINISHED, job_id=jobid)
    terminal.say(None, LogEvent.PROGRESS, done=done, total=total)


def test_a_line_for_each_job_when_it_has_ended(terminal):
    terminal.say("Select jobs to execute...")
    start(terminal, 7, "images", region=CUTOUT)
    start(terminal, 8, "psf_photometry", region="sector001_camera4_ccd2", tile="row0000_col0044")
    terminal.say("Execute 2 jobs...", LogEvent.JOB_STARTED, jobs=[7, 8])
    end(terminal, 8, 1)
    end(terminal, 7, 2)
    assert terminal.lines() == [
        " 1 of 12  PSF photometry, sector 1 camera 4 CCD 2, row0000_col0044",
        " 2 of 12  images, 48x48 px at 84.0000 -78.0000, sector 1 camera 4 CCD 2",
    ]


def test_jobs_of_a_group_share_a_line(terminal):
    start(terminal, 1, "images", region="a")
    start(terminal, 2, "catalog", region="a")
    terminal.say("Finished", LogEvent.JOB_FINISHED, job_id=1)
    end(terminal, 2, 2)
    end(terminal, 5, 3)
    assert terminal.lines() == [" 2 of 12  images, a; catalog, a", " 3 of 12  a job"]


@pytest.mark.parametrize(
    ("process", "how"),
    [
        ("returned non-zero exit status 1.", ""),
        ("died with <Signals.SIGKILL: 9>.", ", its process died with <Signals.SIGKILL: 9>"),
    ],
)
def test_a_failure_is_a_line_with_its_log(terminal, process, how):
    start(terminal, 3, "multi_sector", starid="00000000012")
    terminal.say(f"RuleException:\nCalledProcessError in file \"a.smk\", line 3:\nCommand 'python x' {process}")
    terminal.say(
        "Error in rule",
        LogEvent.JOB_ERROR,
        jobid=3,
        rule_name="multi_sector",
        log=["a.log"],
        aux={"external_jobid": "12"},
    )
    assert terminal.lines() == [f"failed: multi sector, starid 00000000012{how} (log a.log, external_jobid 12)"]


def test_all_else_is_as_it_was(terminal):
    terminal.say("Job stats:", LogEvent.RUN_INFO)
    terminal.say("RuleException:\nWorkflowError in file x")
    assert terminal.lines() == ["usual: Job stats:", "usual: RuleException:", "WorkflowError in file x"]


def test_twice_is_once(terminal):
    filters = list(terminal.handler.filters)
    shorten_terminal_lines(terminal.logger)
    assert terminal.handler.filters == filters


def test_other_handlers_are_left_alone():
    made = Terminal()
    made.handler.set_name("DefaultLogFileHandler")
    shorten_terminal_lines(made.logger)
    start(made, 1, "images", region="a")
    assert made.lines() == ["usual: rule images"]
