"""One thread of linear algebra, in blocks that may overlap in time."""

import os
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from photometry.core.blas_threads import one_blas_thread

#: What every process of its own begins with.
START = """
import threading, time
from concurrent.futures import ThreadPoolExecutor
import numpy as np, scipy.linalg
from threadpoolctl import threadpool_info, threadpool_limits
from photometry.core.blas_threads import one_blas_thread

def threads():
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}

def work(_):
    with one_blas_thread():
        assert threads() == {1}, threads()
        for _ in range(60):
            scipy.linalg.cho_factor(np.eye(700) + 0.1)

def cpu(function):
    start = time.process_time()
    function()
    return time.process_time() - start

assert threads() == {2}
"""
#: What is tried in one, by what it shows.
CASES = {
    "worker threads use one thread of BLAS after the main thread has used it": """
        work(0)
        one = cpu(lambda: [work(k) for k in range(4)])
        with ThreadPoolExecutor(2) as pool:
            two = cpu(lambda: list(pool.map(work, range(4))))
        assert two < 2 * one, (one, two)
        assert threads() == {2}
    """,
    "the last block restores, in another thread than the first": """
        inside, leave = threading.Event(), threading.Event()
        def other():
            with one_blas_thread():
                inside.set()
                leave.wait(10)
        thread = threading.Thread(target=other)
        with one_blas_thread():
            thread.start()
            inside.wait(10)
        assert threads() == {1}
        leave.set()
        thread.join()
        assert threads() == {2}
    """,
    "blocks are nested": """
        with one_blas_thread():
            with one_blas_thread():
                assert threads() == {1}
            assert threads() == {1}
        assert threads() == {2}
    """,
    "limits of the user's, around and after, in this thread and in others": """
        work(0)
        threadpool_limits(limits=1, user_api="blas")
        work(0)
        assert threads() == {1}
        threadpool_limits(limits=2, user_api="blas")
        assert threads() == {2}
        thread = threading.Thread(target=work, args=(0,))
        thread.start()
        thread.join()
        assert threads() == {2}
        with threadpool_limits(limits=1, user_api="blas"):
            work(0)
            assert threads() == {1}
        assert threads() == {2}
        def limit():
            with threadpool_limits(limits=1, user_api="blas"):
                assert threads() == {1}
        thread = threading.Thread(target=limit)
        work(0)
        thread.start()
        thread.join()
        assert threads() == {2}
    """,
    "a limit that the user sets within a block stays": """
        threadpool_limits(limits=1, user_api="blas")
        with one_blas_thread():
            threadpool_limits(limits=2, user_api="blas")
        assert threads() == {2}
    """,
}


def blas_threads() -> list[int]:
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


def test_limit_ends_with_the_last_block():
    assert np.linalg.inv(np.eye(2))[0, 0] == 1  # BLAS is loaded
    before, seen = blas_threads(), []
    first_is_in, second_is_in, first_is_out = threading.Event(), threading.Event(), threading.Event()

    def first() -> None:
        with one_blas_thread():
            first_is_in.set()
            second_is_in.wait(10)
        first_is_out.set()

    def second() -> None:
        first_is_in.wait(10)
        with one_blas_thread():
            second_is_in.set()
            first_is_out.wait(10)
            seen.extend(blas_threads())

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(seen) == {1}
    assert blas_threads() == before


@pytest.mark.parametrize("case", CASES)
def test_threads_of_a_process_without_limits(case):
    """In a process of its own, that starts with two threads of BLAS whatever the environment says."""
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    environment |= {"OPENBLAS_NUM_THREADS": "2"}
    code = textwrap.dedent(START) + textwrap.dedent(CASES[case])
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
