"""Turns of those who ask an archive."""

import os
import signal
import subprocess
import sys
import threading
import time

from photometry.archive.turns import turn


def test_no_more_than_so_many_at_a_time(tmp_path):
    there, most, lock = 0, 0, threading.Lock()

    def work():
        nonlocal there, most
        with turn(tmp_path, 2):
            with lock:
                there += 1
                most = max(most, there)
            time.sleep(0.1)
            with lock:
                there -= 1

    threads = [threading.Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 2


def test_who_is_killed_gives_its_turn_back(tmp_path):
    hold = "from photometry.archive.turns import turn\nwith turn(sys.argv[1], 1): print(1, flush=True); time.sleep(60)"
    with subprocess.Popen(
        [sys.executable, "-c", f"import sys, time\n{hold}", str(tmp_path)], stdout=subprocess.PIPE
    ) as other:
        assert other.stdout.readline()
        came = threading.Event()

        def work():
            with turn(tmp_path, 1):
                came.set()

        thread = threading.Thread(target=work)
        thread.start()
        assert not came.wait(0.3)
        os.kill(other.pid, signal.SIGKILL)
        assert came.wait(5)
        thread.join()
