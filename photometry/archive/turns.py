"""So many at a time, over all processes of a run: who wants to ask an archive takes a turn."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

__all__ = ["turn"]

#: Seconds between two looks for a free turn.
_LOOK_S = 0.05


@contextlib.contextmanager
def turn(folder: str | Path, count: int) -> Iterator[None]:
    """Wait until fewer than `count` others have a turn; give it back at the end, even of a process that is killed.

    Turns are locks of files. Where a file system has no locks, nobody waits.

    Parameters
    ----------
    folder : path-like
        Where the files are; all who share it share the turns.
    count : int
        Turns at a time.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    opened = [os.open(folder / f".turn_{number}", os.O_RDWR | os.O_CREAT, 0o644) for number in range(count)]
    try:
        _take_one(opened)
        yield
    finally:
        for file in opened:
            os.close(file)


def _take_one(opened: list[int]) -> None:
    while True:
        for file in opened:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            except OSError:
                return
            return
        time.sleep(_LOOK_S)
