"""How far long work is, as log messages: what is done, how much of it, for how long, how long the rest may take."""

import logging
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

__all__ = ["PROGRESS", "counted", "duration", "is_interim", "stage"]

#: Logger of all messages about progress.
PROGRESS = "photometry.progress"
#: A stage says so often how far it is, at most, s.
_STEP = 30.0
T = TypeVar("T")
_INTERIM = {"interim": True}
_log = logging.getLogger(PROGRESS)
#: Names of the stages that are at work, from the outermost inwards, each as it stands.
_stages: ContextVar[tuple[Callable[[], str], ...]] = ContextVar("stages", default=())


@contextmanager
def stage(what: str, total: int, unit: str) -> Iterator[Callable[[int], None]]:
    """Log how far a stage of the work is, every 30 s, and in the end how long it took.

    A stage within another one only says how far it is, after the name of that one.

    Parameters
    ----------
    what : str
        What is done, in words.
    total : int
        Number of steps, at most.
    unit : str
        What the steps are, as a plural.

    Yields
    ------
    callable
        Is told that some more steps are done.
    """
    start = last = time.monotonic()
    done = 0
    outer = _stages.get()

    def advance(steps: int) -> None:
        nonlocal done, last
        done += steps
        now = time.monotonic()
        if now - last >= _STEP:
            last = now
            name = ", ".join([*(name() for name in outer), what])
            _log.info("%s", _so_far(name, done, total, unit, now - start), extra=_INTERIM)

    token = _stages.set((*outer, lambda: f"{what} ({done} of {total} {unit})"))
    try:
        yield advance
    finally:
        _stages.reset(token)
    if not outer:
        steps = f"{done} {unit.removesuffix('s') if done == 1 else unit}"
        _log.info("%s: %s in %s", what, steps, duration(time.monotonic() - start))


def counted(items: Collection[T], what: str, unit: str) -> Iterator[T]:
    """Go through items as a `stage`, one step each; a loop that ends early has done its last one.

    Parameters
    ----------
    items : collection
        The items.
    what : str
        What is done with them, in words.
    unit : str
        What they are, as a plural.

    Yields
    ------
    object
        The items.
    """
    with stage(what, len(items), unit) as advance:
        for item in items:
            try:
                yield item
            except GeneratorExit:
                advance(1)
                break
            advance(1)


def _so_far(what: str, done: int, total: int, unit: str, elapsed: float) -> str:
    text = f"{what}: {done} of {total} {unit}, {duration(elapsed)} so far"
    return text if done >= total else f"{text}, up to {duration(elapsed * (total - done) / done)} left"


def is_interim(record: logging.LogRecord) -> bool:
    """Tell whether a log record says how far a stage is that has not ended."""
    return record.name == PROGRESS and getattr(record, "interim", False)


def duration(seconds: float) -> str:
    """Return a time in words, as exactly as one wants to know it."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if round(seconds) < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d} min"
