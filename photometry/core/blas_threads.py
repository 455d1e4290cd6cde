"""One thread for linear algebra while many small systems are solved: several cost more than they give.

Measured with two cores that others use as well: 0.2 s of CPU time for a target with one thread, 1.8 s with two.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import threadpoolctl

__all__ = ["one_blas_thread"]

_lock = threading.Lock()
#: Blocks that are open in any thread, and the libraries with the threads that they had before the first.
_open_blocks = 0
_before: list[tuple[Any, int]] = []


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let BLAS use one thread in the block; blocks may be nested, and may overlap in several threads.

    The limit is that of the process: it begins with the first block and ends with the last, whichever threads they are
    in. What was set before comes back then, unless somebody has changed it in between. Other limits of the user's can
    be set before, between and after.
    """
    libraries = threadpoolctl.ThreadpoolController().select(user_api="blas")
    own = libraries.select(threading_layer="openmp")  # each thread has a limit of its own
    with _lock:
        _open(libraries)
    try:
        with own.limit(limits=1):
            yield
    finally:
        with _lock:
            _close()


def _open(libraries: Any) -> None:
    """Begin a block; the first limits the libraries that have one limit for the process."""
    global _open_blocks  # noqa: PLW0603 (the limit is the process's)
    if _open_blocks == 0:
        shared = [one for one in libraries.lib_controllers if getattr(one, "threading_layer", "") != "openmp"]
        _before[:] = [(library, library.num_threads) for library in shared]
        _set_threads([(library, 1) for library in shared])
    _open_blocks += 1


def _close() -> None:
    """End a block; after the last the libraries have the threads that they had, where they still have one."""
    global _open_blocks  # noqa: PLW0603 (the limit is the process's)
    _open_blocks -= 1
    if _open_blocks == 0:
        _set_threads([(library, number) for library, number in _before if library.num_threads == 1])
        _before.clear()


def _set_threads(numbers: list[tuple[Any, int]]) -> None:
    """Set the threads of libraries, whichever thread has set them last.

    Since threadpoolctl 3.8 the first thread that sets a limit of OpenBLAS keeps others from changing it, silently.
    """
    _let_any_thread_set()
    for library, number in numbers:
        library.set_num_threads(number)
    _let_any_thread_set()


def _let_any_thread_set() -> None:
    controller: Any = getattr(threadpoolctl, "OpenBLASController", None)
    if hasattr(controller, "clear_controlling_thread"):
        controller.clear_controlling_thread(force=True)
