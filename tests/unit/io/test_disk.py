"""Files that cannot be written: one message that names the file, whoever noticed; nothing half-written is left."""

import errno
import pickle
import sqlite3
import subprocess
import sys

import pytest

from photometry.core.errors import InputFileError, OutputError
from photometry.io.store.disk import output_error
from photometry.io.store.provenance import atomic_path

_HDF5 = "Driver write request failed (file write failed: time = now, filename = 'x', errno = {}, error message = 'y')"


def _fail(path, error):
    with atomic_path(path) as temporary:
        temporary.write_text("half of it")
        raise error


def _sqlite_error():
    connection = sqlite3.connect(":memory:")
    connection.execute("PRAGMA max_page_count = 3")
    connection.execute("CREATE TABLE wide (x BLOB)")
    with pytest.raises(sqlite3.OperationalError) as caught:
        connection.execute("INSERT INTO wide VALUES (zeroblob(100000))")
    return caught.value


@pytest.mark.parametrize(
    ("error", "problem", "remedy"),
    [
        (OSError(errno.ENOSPC, "full"), "No space left on device", "free some space there"),
        (OSError(errno.EDQUOT, "quota"), "Disk quota exceeded", "raise the limit"),
        (OSError(errno.EROFS, "read-only"), "Read-only file system", "make it writable"),
        (PermissionError(errno.EACCES, "denied"), "Permission denied", "make it writable"),
        (OSError(_HDF5.format(errno.ENOSPC)), "No space left on device", "free some space there"),
        (RuntimeError(_HDF5.format(errno.EDQUOT)), "Disk quota exceeded", "raise the limit"),
        (_sqlite_error(), "No space left on device", "free some space there"),
    ],
)
def test_what_the_disk_refuses_is_told_with_what_to_do(tmp_path, error, problem, remedy):
    path = tmp_path / "new" / "product.hdf5"
    with pytest.raises(OutputError) as caught:
        _fail(path, error)
    assert str(caught.value).startswith(f"{path}: cannot be written ({problem}); ")
    assert remedy in str(caught.value)
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize(
    "error",
    [
        InputFileError("stars.csv", "no column ID; add it"),
        PermissionError(errno.EACCES, "denied", "/elsewhere/input.fits"),
        FileNotFoundError(errno.ENOENT, "no such file", "input.fits"),
        RuntimeError("something else"),
        sqlite3.ProgrammingError("no such column"),
    ],
)
def test_other_exceptions_stay_what_they_are(tmp_path, error):
    with pytest.raises(type(error)) as caught:
        _fail(tmp_path / "product.hdf5", error)
    assert caught.value is error


def test_a_file_in_the_place_of_the_folder(tmp_path):
    """What stands in the way is named."""
    problem = output_error(PermissionError(errno.EACCES, "denied", str(tmp_path)), tmp_path / "a" / "b.hdf5")
    assert str(problem).startswith(f"{tmp_path}: cannot be written (Permission denied); make it writable")


def test_errors_come_whole_from_another_process():
    for error in (OutputError("a.hdf5", "cannot be written"), InputFileError("b.fits", "is truncated")):
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again), again.path) == (type(error), str(error), error.path)


@pytest.mark.parametrize("most_bytes", [3_000, 40_000, 100_000, 600_000])
def test_a_job_whose_product_does_not_fit_ends_with_one_message(tmp_path, most_bytes):
    """HDF5, left to itself, crashes after a failed write and takes the message with it."""
    script = f"""
import resource
import numpy as np
from photometry.io.products.cube_files import create_pixels
from photometry.workflow.job_log import job_log
from photometry.io.store.provenance import write_product

images = np.random.default_rng(1).normal(size=(64, 64, 64)).astype(np.float32)
resource.setrlimit(resource.RLIMIT_FSIZE, ({most_bytes}, {most_bytes}))
with job_log({str(tmp_path / "a.log")!r}):
    with write_product({str(tmp_path / "a.hdf5")!r}, "cube", 1, {{}}) as file:
        file.create_dataset("time", data=np.arange(5000.0))
        create_pixels(file, "images", images.shape, images)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    message = f"Error: {tmp_path / 'a.hdf5'}: cannot be written (File too large); free some space there"
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert done.stderr.startswith(message)
    assert (tmp_path / "a.log").read_text().endswith(done.stderr)
    assert [path.name for path in tmp_path.iterdir()] == ["a.log"]
