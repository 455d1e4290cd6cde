"""What a job says: everything to its log, an error in one line to the user as well."""

import contextlib
import logging
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

from photometry.errors import PhotometryError

__all__ = ["job_log"]


@contextlib.contextmanager
def job_log(path: str | Path) -> Iterator[None]:
    """Run a job's work with all its output in a log file.

    A `PhotometryError` is meant for the user: its text goes to the log and to the terminal. Any other exception is a
    defect of the software: its traceback goes to the log, and the terminal says where that is. Both end the job with
    exit code 1.

    Parameters
    ----------
    path : path-like
        The log; it is written anew.

    Raises
    ------
    SystemExit
        When the work raised an exception.
    """
    terminal, root = sys.stderr, logging.getLogger()
    level = root.level
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", buffering=1) as log, contextlib.redirect_stderr(log), contextlib.redirect_stdout(log):
        handler = logging.StreamHandler(log)
        handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
        root.addHandler(handler)
        root.setLevel(logging.INFO)
        try:
            yield
        except PhotometryError as error:
            message = f"Error: {error}\n"
        except Exception as error:  # noqa: BLE001  the border of the process: each failure is told and ends the job
            log.write(traceback.format_exc())
            message = f"Error: {type(error).__name__}: {error} (a defect of the software; its traceback is in {path})\n"
        else:
            return
        finally:
            root.removeHandler(handler)
            root.setLevel(level)
        log.write(message)
    terminal.write(message)
    sys.exit(1)
