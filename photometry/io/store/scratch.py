"""Finished parts of a long job, kept beside its product until that is whole, so that it can be taken up again."""

import fcntl
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from photometry.io.store.provenance import atomic_path

__all__ = ["Scratch", "exclusive"]


@dataclass(frozen=True, slots=True)
class Scratch:
    """A folder of parts that were made for the same inputs.

    Parameters
    ----------
    folder : Path
        The folder; `prepare` makes it.
    key : str
        Digest of all that the parts depend on.
    """

    folder: Path
    key: str

    def prepare(self) -> None:
        """Make the folder; parts of other inputs, and those that a killed process was writing, are removed."""
        note = self.folder / "key"
        if note.is_file() and note.read_text() == self.key:
            for unfinished in self.folder.glob(".*"):
                unfinished.unlink()
            logging.getLogger(__name__).info("taking up interrupted work in %s", self.folder)
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        with atomic_path(note) as temporary:
            temporary.write_text(self.key)

    def path(self, name: str) -> Path:
        """Path of a part."""
        return self.folder / name

    def has(self, name: str) -> bool:
        """Tell whether a part is there, whole: parts are renamed when they are."""
        return self.path(name).is_file()

    def save(self, name: str, **arrays: Any) -> None:
        """Write arrays as one part."""
        with atomic_path(self.path(name)) as temporary, open(temporary, "wb") as file:
            np.savez(file, **arrays)

    def load(self, name: str) -> dict[str, npt.NDArray[Any]]:
        """Read the arrays of a part."""
        with np.load(self.path(name), allow_pickle=False) as part:
            return {key: part[key] for key in part.files}

    def remove(self) -> None:
        """Remove all parts."""
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def exclusive(path: Path) -> Iterator[bool]:
    """Let one process at a time make a product; others wait. It gives whether it had to wait.

    The child of a killed run may still be at work when the next run begins. The lock, a file beside the product, is the
    operating system's: it ends with its process, however that ends.
    """
    lock = path.with_name(f".{path.name}.lock")
    lock.parent.mkdir(parents=True, exist_ok=True)
    waited = False
    while True:
        with open(lock, "w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                logging.getLogger(__name__).warning("another process is making %s; waiting for it", path)
                fcntl.flock(file, fcntl.LOCK_EX)
                waited = True
            # Who had the lock before may have removed the file, so that a third process locks another one.
            if not _is_at(file.fileno(), lock):
                continue
            try:
                yield waited
            finally:
                lock.unlink(missing_ok=True)
            return


def _is_at(handle: int, path: Path) -> bool:
    """Tell whether an open file is the one that has this name now."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False
