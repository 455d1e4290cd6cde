"""Memory of arrays that are no more is kept for the next ones, not handed back to the system.

Each frame takes a dozen arrays of 17 MB, one after the other. The C library hands them back at once, and the system
clears every page that it gives out again: a sixth of the time of a frame.
"""

import ctypes

__all__ = ["keep_freed_memory"]

#: Options of `mallopt` (glibc's malloc.h): how much may be free at the end of the heap, and how large a piece may be
#: that is taken from it.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
#: More than arrays of a frame take together; the largest that glibc accepts, bytes.
_KEPT, _LARGEST = 1 << 30, 1 << 25


def keep_freed_memory() -> None:
    """Keep freed memory for the rest of the process; without effect where the C library has no such option."""
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        set_option(_TRIM_THRESHOLD, _KEPT)
        set_option(_MMAP_THRESHOLD, _LARGEST)
