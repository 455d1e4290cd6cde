"""What a long measurement shows where somebody watches: what is done, and for how long."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from tqdm import tqdm

__all__ = ["elapsed"]

#: What takes no longer than this shows nothing; the time shown is renewed as often as this, s.
_PATIENCE, _STEP = 2.0, 0.5


@contextmanager
def elapsed(what: str) -> Iterator[None]:
    """Show what is done and the time since it began, from its third second on, in a terminal or a notebook.

    The numbers of rounds that a measurement takes are not known before it ends, so there is no fraction to show.

    Parameters
    ----------
    what : str
        What is done.
    """
    if not _is_watched():
        yield
        return
    ended = Event()
    shown = Thread(target=_show, args=(what, ended), daemon=True)
    shown.start()
    try:
        yield
    finally:
        ended.set()
        shown.join()


def _is_watched() -> bool:
    """Tell whether standard error is a terminal, or the output of a notebook's cell."""
    return sys.stderr.isatty() or "ipykernel" in sys.modules


def _show(what: str, ended: Event) -> None:
    """Show the time since the beginning, if it takes long, until it has ended."""
    if ended.wait(_PATIENCE):
        return
    with tqdm(desc=what, bar_format="{desc}: {elapsed}", leave=False) as bar:
        bar.start_t -= _PATIENCE
        while not ended.wait(_STEP):
            bar.refresh()
