"""One thread for linear algebra while many small systems are solved: several cost more than they give.

Measured with two cores that others use as well: 0.2 s of CPU time for a target with one thread, 1.8 s with two.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from threadpoolctl import threadpool_limits

__all__ = ["one_blas_thread"]

_lock = threading.Lock()
_inside = 0
_limits: Any = None


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let BLAS use one thread in the block; what it was before comes back when the last thread leaves its block."""
    global _inside, _limits  # noqa: PLW0603 (the limit is the process's)
    with _lock:
        if _inside == 0:
            _limits = threadpool_limits(limits=1, user_api="blas")
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                _limits.restore_original_limits()
                _limits = None
