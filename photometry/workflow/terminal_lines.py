"""What Snakemake says on the terminal, in a line for each job: which has ended, how many there are, which has failed.

Its log file keeps everything, as does the terminal with --verbose, a dry run, and a logger plugin in its place.
"""

import logging
import re
import time
from typing import Any

from photometry.workflow.job_log import job_title

__all__ = ["shorten_terminal_lines"]

#: Name of Snakemake's logger, and of its handler for the terminal.
_LOGGER, _HANDLER = "snakemake.logging", "DefaultStreamHandler"
#: Lines of Snakemake that say nothing about a run.
_IDLE = (
    *("Select jobs to execute...", "Using shell", "Conda environments: ignored", "Assuming unrestricted shared"),
    "Removing temporary output",
)
#: What it says of a job's process, after a command that nobody wrote.
_PROCESS = re.compile(r"RuleException:\s+CalledProcessError .*'(?P<end>[^']*)", re.DOTALL)
#: How a job ends that has said itself what is wrong.
_SAID = "returned non-zero exit status 1."
#: Its events that are told otherwise, or of which a job says more itself.
_UNTOLD = ("JOB_STARTED", "RESOURCES_INFO", "SHELLCMD")


def shorten_terminal_lines(logger: logging.Logger | None = None) -> None:
    """Have Snakemake write a line for each job, in place of ten.

    Parameters
    ----------
    logger : Logger, optional
        Snakemake's [default: the one of that name].
    """
    for handler in (logger or logging.getLogger(_LOGGER)).handlers:
        if handler.get_name() == _HANDLER and not any(isinstance(one, _ShortLines) for one in handler.filters):
            lines = _ShortLines(handler.formatter or logging.Formatter())
            handler.filters.insert(0, lines)  # before what else leaves lines out
            handler.setFormatter(lines.formatter)


class _ShortLines(logging.Filter):
    """Leaves out what is not wanted, and remembers which jobs are at work.

    Parameters
    ----------
    usual : Formatter
        For all other lines.
    """

    def __init__(self, usual: logging.Formatter) -> None:
        super().__init__()
        self.formatter = _Formatter(usual, self)
        self.titles: dict[int, str] = {}
        self.ended: list[str] = []
        self.process_end = ""

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a record is written."""
        event, text = _event(record), record.getMessage()
        if event == "JOB_INFO":
            self.titles[_value(record, "jobid")] = _title(record)
        elif event == "JOB_FINISHED":
            self.ended.append(self.titles.pop(_value(record, "job_id"), "a job"))
        elif found := _PROCESS.match(text):
            self.process_end = found["end"].strip()
            return False
        return not text.startswith(_IDLE) and event not in ("JOB_INFO", "JOB_FINISHED", *_UNTOLD)


class _Formatter(logging.Formatter):
    """Formats how many jobs are done, and failures, in a line.

    Parameters
    ----------
    usual : Formatter
        For all other lines.
    lines : _ShortLines
        Knows the jobs.
    """

    def __init__(self, usual: logging.Formatter, lines: _ShortLines) -> None:
        super().__init__()
        self._usual, self._lines = usual, lines

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        event = _event(record)
        if event == "PROGRESS":
            ended, self._lines.ended = self._lines.ended, []
            total = str(_value(record, "total"))
            so_far = f"{_value(record, 'done')!s:>{len(total)}} of {total}"
            return f"{_clock()}  {so_far}  {'; '.join(ended)}"
        if event == "JOB_ERROR":
            return f"{_clock()}  failed: {self._failure(record)}"
        return self._usual.format(record)

    def _failure(self, record: logging.LogRecord) -> str:
        """Say which job has failed, how, and where more is to be read."""
        title = self._lines.titles.get(_value(record, "jobid"), _title(record))
        end, self._lines.process_end = self._lines.process_end, ""
        how = "" if end in ("", _SAID) else f", its process {end.removesuffix('.')}"
        more = {"log": ", ".join(_value(record, "log") or ()), **(_value(record, "aux") or {})}
        return f"{title}{how} ({', '.join(f'{name} {value}' for name, value in more.items() if value)})"


def _clock() -> str:
    return time.strftime("%H:%M:%S")


def _event(record: logging.LogRecord) -> str:
    """Name of Snakemake's event; empty where a record is none."""
    return str(getattr(getattr(record, "event", None), "name", ""))


def _value(record: logging.LogRecord, name: str) -> Any:
    return getattr(record, name, None)


def _title(record: logging.LogRecord) -> str:
    """Title of a job."""
    wildcards = _value(record, "wildcards") or {}
    found = dict(wildcards.items()) if hasattr(wildcards, "items") else {}
    region, tile = found.pop("region", ""), found.pop("tile", "")
    more = ", ".join(f"{name} {value}" for name, value in found.items())
    return ", ".join(filter(None, [job_title(_value(record, "rule_name") or "job", region, tile), more]))
