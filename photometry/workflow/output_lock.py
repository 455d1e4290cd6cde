"""One run at a time in an output folder, wherever it is started: Snakemake's own lock is in the working directory."""

import errno
import fcntl
import logging
import os
import platform
from pathlib import Path
from typing import TextIO

from photometry.core.errors import ConfigError, OutputError
from photometry.io.store.disk import output_error

__all__ = ["check_output_free", "hold_output"]

_NAME = "logs/.lock"
#: What file systems answer that have no locks.
_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS)


def hold_output(folder: str | Path) -> TextIO:
    """Take an output folder for this process, until it ends or the file that is returned is closed.

    The lock is the operating system's, so that it ends with its process, however that ends; the file stays.

    Raises
    ------
    ConfigError
        When another run has it.
    OutputError
        When the folder cannot be written.
    """
    path = Path(folder, _NAME)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = open(path, "a+")  # noqa: SIM115  open as long as the run lasts
    except OSError as error:
        raise output_error(error, path) or OutputError(path, f"cannot be written ({error.strerror})") from error
    _lock(file, Path(folder), fcntl.LOCK_EX)
    file.truncate(0)
    file.write(f"process {os.getpid()} on {platform.node()}, started in {Path.cwd()}\n")
    file.flush()
    return file


def check_output_free(folder: str | Path) -> None:
    """Raise ConfigError when another run has an output folder; nothing is written."""
    path = Path(folder, _NAME)
    if path.is_file():
        with open(path) as file:
            _lock(file, Path(folder), fcntl.LOCK_SH)


def _lock(file: TextIO, folder: Path, kind: int) -> None:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.seek(0)
        who = file.read(1000).strip() or "it does not say which"
        file.close()
        raise ConfigError(
            f"output: another run is at work in {folder} ({who}); wait until it ends, or choose another folder"
        ) from error
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        logging.getLogger(__name__).warning("%s: its file system has no locks; start one run at a time", folder)
