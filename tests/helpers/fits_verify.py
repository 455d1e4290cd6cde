"""HEASARC's fitsverify, which archives run on what they are sent."""

import shutil
import subprocess

import pytest


def assert_verified(*paths: object) -> None:
    """Assert that fitsverify finds nothing wrong with FITS files, not even something to warn of."""
    program = shutil.which("fitsverify")
    if program is None:
        pytest.skip("fitsverify is not installed (Debian: apt-get install fitsverify)")
    done = subprocess.run([program, *map(str, paths)], capture_output=True, text=True, check=False)
    found = [line for line in done.stdout.splitlines() if line.startswith("***")]
    assert found == ["**** Verification found 0 warning(s) and 0 error(s). ****"] * len(paths)
    assert done.returncode == 0
