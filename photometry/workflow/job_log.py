"""The messages of a job: everything goes to its log, an error in one line to the user as well."""

import contextlib
import logging
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn, TextIO

from photometry.core.errors import OutputError, PhotometryError
from photometry.io.store.disk import output_error

__all__ = ["job_log"]


@contextlib.contextmanager
def job_log(path: str | Path, terminal: TextIO | None = None) -> Iterator[Callable[[str], None]]:
    """Run a job's work with all its output in a log file.

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
            root.addHandler(handler)
            root.setLevel(logging.INFO)

            def tell(message: str) -> None:
                for stream in (terminal, log):
                    stream.write(f"{message}\n")
                    stream.flush()

            try:
                yield tell
            finally:
                root.removeHandler(handler)
                root.setLevel(level)


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
