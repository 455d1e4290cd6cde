"""Where the files of the workflow are: Snakefile, rules, scripts, profiles, environment, settings of the demo."""

from importlib.resources import files
from pathlib import Path

from photometry.core.errors import InputFileError

__all__ = ["workflow_folder"]

#: Folder of the package that has them where it was installed from a wheel (pyproject.toml).
_INSTALLED = "workflow_files"


def workflow_folder(package: Path | None = None) -> Path:
    """Return the folder with the Snakefile: in the package where that was installed, beside it in a clone.

    A module statement of another workflow may name it: ``snakefile: str(workflow_folder() / "Snakefile")``.

    Parameters
    ----------
    package : Path, optional
        Folder of the package [default: the one that is running].

    Raises
    ------
    InputFileError
        When there is no Snakefile in either place.
    """
    package = package or Path(str(files("photometry")))
    for folder in (package / _INSTALLED, package.parent):
        # A Snakefile of somebody else may be beside the package.
        if (folder / "Snakefile").is_file() and (folder / "rules" / "common.smk").is_file():
            return folder
    raise InputFileError(package / _INSTALLED, "the files of the workflow are not here; install the package again")
