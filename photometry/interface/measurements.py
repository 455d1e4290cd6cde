"""Motion and PRF that had to be measured, kept for all targets of the process: by files, region and settings.

They are kept whatever stays in memory else: measuring takes seconds, and what is kept of it is small.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import RLock
from typing import Any, TypeVar

from photometry.core.blas_threads import one_blas_thread
from photometry.interface.progress import elapsed

__all__ = ["drop_measured", "kept_measurement", "known_measurement"]

Key = tuple[Hashable, ...]
_Result = TypeVar("_Result")

#: Measurements that are kept, the latest.
_MOST_KEPT = 128

_kept: OrderedDict[Key, Any] = OrderedDict()
_locks: dict[Key, RLock] = {}
_lock = RLock()


def kept_measurement(key: Key, what: str, measure: Callable[[], _Result]) -> _Result:
    """Return what was measured; measure it, with one thread of linear algebra, when it is asked for the first time.

    Parameters
    ----------
    key : tuple
        What it depends on; first of all the files (`drop_measured`).
    what : str
        What is measured, for who waits.
    measure : function
        Measures it. Threads that ask for the same wait; others do not.
    """
    with _lock:
        own = _locks.setdefault(key, RLock())
    with own:
        with _lock:
            if key in _kept:
                _kept.move_to_end(key)
                found: _Result = _kept[key]
                return found
        with one_blas_thread(), elapsed(what):
            found = measure()
        with _lock:
            _kept[key] = found
            while len(_kept) > _MOST_KEPT:
                _locks.pop(_kept.popitem(last=False)[0], None)
        return found


def known_measurement(key: Key) -> Any:
    """Return what was measured already; None where it was not."""
    with _lock:
        return _kept.get(key)


def drop_measured(files: Hashable) -> None:
    """Keep nothing that was measured on some files."""
    with _lock:
        for key in [key for key in _kept if key[0] == files]:
            del _kept[key]
            _locks.pop(key, None)
