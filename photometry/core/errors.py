"""Exceptions of the package.

Which to raise: `ConfigError` when the user's settings are wrong, `InputFileError` when a file is missing, damaged or
lacks something, `CatalogError` when a star table or catalogue cannot be used, `PrfError` when PRF files do not fit the
pixels, `FitError` when pixels and stars cannot be fitted, `OutputError` when a file cannot be written, `ArchiveError`
when the archive does not answer, or not with what was asked for (`NotAtArchiveError`: it says that it does not have
it); of the Python interface, `MissingFileError` when prepared files are not there and `TargetError` when a star cannot
be a target. A bad cadence is a flag and a bad target is a row with a reason: neither is an exception.
"""

from pathlib import Path

__all__ = [
    "ArchiveError",
    "CatalogError",
    "ConfigError",
    "FitError",
    "InputFileError",
    "MissingFileError",
    "NotAtArchiveError",
    "OutputError",
    "PhotometryError",
    "PrfError",
    "TargetError",
]


class PhotometryError(Exception):
    """Base of all errors that the package raises on purpose; its text is meant for the user."""


class ConfigError(PhotometryError, ValueError):
    """A setting is missing, misspelt or out of range."""


class ArchiveError(PhotometryError, RuntimeError):
    """The archive cannot be reached, refuses, or answers something else than what was asked for."""


class NotAtArchiveError(ArchiveError):
    """The archive answers that it does not have what was asked for: asking again does not help."""


class _FileError(PhotometryError, OSError):
    """Something is wrong with a file.

    Parameters
    ----------
    path : path-like
        The file.
    problem : str
        What is wrong with it and what to do, in one sentence or two.
    """

    def __init__(self, path: str | Path, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = Path(path)
        self.problem = problem

    def __reduce__(self) -> tuple[type, tuple[Path, str]]:
        """Say how to make the error again: it may come from another process."""
        return type(self), (self.path, self.problem)


class InputFileError(_FileError):
    """A file is missing, damaged or lacks a key that is needed."""


class OutputError(_FileError):
    """A file cannot be written: the disk is full, or does not let us."""


class CatalogError(InputFileError):
    """A star table or catalogue lacks a column, has unusable rows or does not know a star."""


class PrfError(InputFileError):
    """PRF files are missing, or belong to another CCD or epoch."""


class MissingFileError(InputFileError, FileNotFoundError):
    """Prepared files of a target are not there, or it is not clear which are meant."""


class TargetError(PhotometryError, RuntimeError):
    """A star is not in the catalogue, or not on the pixels."""


class FitError(PhotometryError, RuntimeError):
    """Pixels and stars cannot be fitted."""
