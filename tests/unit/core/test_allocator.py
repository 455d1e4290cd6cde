"""Freed memory is used again."""

import ctypes
import subprocess
import sys

import pytest

#: Says how many pages the system gave for arrays of 60 MB that are made for the second time.
PROGRAM = """
import resource
import numpy as np
from photometry.core.allocator import keep_freed_memory
{call}
def pages():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    arrays = [np.ones(3_000_000, dtype=np.uint8) for _ in range(20)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
pages()
print(pages())
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="another C library than glibc")
def test_freed_memory_is_used_again():
    pages = {}
    for call in ("", "keep_freed_memory()"):
        run = [sys.executable, "-c", PROGRAM.format(call=call)]
        pages[call] = int(subprocess.run(run, capture_output=True, check=True, text=True).stdout)
    assert pages["keep_freed_memory()"] < pages[""] / 10
