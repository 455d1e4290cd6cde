"""One thread of linear algebra, in blocks that may overlap in time."""

import threading

import numpy as np
from threadpoolctl import threadpool_info

from photometry.core.blas_threads import one_blas_thread


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
