"""The messages of a job: everything goes to its log, an error in one line to the user as well."""

import contextlib
import logging
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn, TextIO

from photometry.core.datasources import region_title
from photometry.core.errors import OutputError, PhotometryError
from photometry.core.stages import duration, is_interim
from photometry.io.store.disk import output_error

__all__ = ["job_log", "job_title"]

#: A job says on the terminal so often how far it is, at most, s.
_LIFE_SIGN = 60.0
#: Words in the names of rules that are written in capitals.
_ACRONYMS = ("ccd", "prf", "psf")


@contextlib.contextmanager
def job_log(path: str | Path, terminal: TextIO | None = None) -> Iterator[Callable[[str], None]]:
    """Run a job's work with all its output in a log file, the last line of which says how long it took.

    A job that takes minutes says on the terminal, once in each, how far it is.

    A `PhotometryError` is meant for the user: its text goes to the log and to the terminal, and so does what the system
    says of a disk that cannot be written. Any other exception is a defect of the software: its traceback goes to the
    log, and the terminal says where that is. All end the job with exit code 1; where the disk could not be written, at
    once, as HDF5 would crash when it tidies up.

    Parameters
    ----------
    path : path-like
        The log; an earlier one is overwritten.
    terminal : text file, optional
        Where the user reads; within the log of a job that has several, that is no longer standard error [default].

    Yields
    ------
    callable
        Says something in one line on the terminal as well as in the log: what the user has to know of a job that does
        not fail.

    Raises
    ------
    SystemExit
        When the work raised an exception.
    """
    terminal, root = terminal or sys.stderr, logging.getLogger()
    level = root.level
    with _reported(path, terminal):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with open(path, "w", buffering=1) as log, contextlib.redirect_stderr(log), contextlib.redirect_stdout(log):
            handler = logging.StreamHandler(log)
            handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
            signs, start = _LifeSigns(terminal, _title_of_log(path)), time.monotonic()
            root.addHandler(handler)
            root.addHandler(signs)
            root.setLevel(logging.INFO)

            def tell(message: str) -> None:
                for stream in (terminal, log):
                    stream.write(f"{message}\n")
                    stream.flush()

            try:
                yield tell
                log.write(f"Done in {duration(time.monotonic() - start)}.\n")
            finally:
                root.removeHandler(signs)
                root.removeHandler(handler)
                root.setLevel(level)


def job_title(rule: str, region: str = "", tile: str = "") -> str:
    """Return what messages call a job: the rule in words, and what it is done for."""
    words = [word.upper() if word in _ACRONYMS else word for word in rule.split("_")]
    return ", ".join(filter(None, [" ".join(words), region_title(region), tile]))


def _title_of_log(path: str | Path) -> str:
    """Title of the job that has this log: logs/<rule>[/<region>[/<tile>]].log."""
    parts = Path(path).parts
    start = len(parts) - parts[::-1].index("logs") if "logs" in parts else len(parts) - 1
    *folders, name = parts[start:]
    return job_title(*[*folders, name.removesuffix(".log")][:3])


class _LifeSigns(logging.Handler):
    """Repeats on the terminal, now and then, how far a job is.

    Parameters
    ----------
    terminal : text file
        Where the user reads.
    title : str
        Title of the job.
    """

    def __init__(self, terminal: TextIO, title: str) -> None:
        super().__init__(logging.INFO)
        self._terminal, self._title, self._last = terminal, title, time.monotonic()
        self.addFilter(is_interim)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, unless the last one was not long ago."""
        now = time.monotonic()
        if now - self._last >= _LIFE_SIGN:
            self._last = now
            self._terminal.write(f"{self._title}: {record.getMessage()}\n")
            self._terminal.flush()


@contextlib.contextmanager
def _reported(path: str | Path, terminal: TextIO) -> Iterator[None]:
    """Report why a job failed, first on the terminal, as the log may be on a full disk."""
    try:
        yield
    except PhotometryError as error:
        _end(f"Error: {error}\n", "", path, terminal, at_once=isinstance(error, OutputError))
    except Exception as error:  # noqa: BLE001  the border of the process: each failure is reported and ends the job
        # Products name themselves (`photometry.io.store.provenance.atomic_path`); what is left is the log.
        unwritten = output_error(error, path)
        if unwritten is not None:
            _end(f"Error: {unwritten}\n", "", path, terminal, at_once=True)
        message = f"Error: {type(error).__name__}: {error} (a defect of the software; its traceback is in {path})\n"
        _end(message, traceback.format_exc(), path, terminal)


def _end(message: str, details: str, path: str | Path, terminal: TextIO, *, at_once: bool = False) -> NoReturn:
    terminal.write(message)
    terminal.flush()
    with contextlib.suppress(OSError), open(path, "a") as log:
        log.write(details + message)
    if at_once:
        os._exit(1)
    sys.exit(1)
