"""Outputs and their pages, which runs make."""

from pathlib import Path

import yaml

from photometry.core.errors import ConfigError, InputFileError
from photometry.workflow.config_files import check_config_files

__all__ = ["output_of", "page_of"]

#: Pages below an output, the first that is there: that of the run, Snakemake's report.
_PAGES = ("report/index.html", "report.html")


def output_of(settings: Path) -> Path:
    """Return the output folder that a file of settings names.

    Raises
    ------
    PhotometryError
        When the file cannot be used, or names none.
    """
    check_config_files([settings])
    content = yaml.safe_load(settings.read_text(encoding="utf-8"))
    output = content.get("output") if isinstance(content, dict) else None
    if not isinstance(output, str):
        raise ConfigError(f"{settings}: key 'output' is missing; add it: folder of all products")
    return Path(output)


def page_of(output: Path) -> Path:
    """Return the page of an output.

    Raises
    ------
    InputFileError
        When there is none.
    """
    for name in _PAGES:
        if (output / name).is_file():
            return output / name
    raise InputFileError(output / _PAGES[0], "no such page; tess-psf run makes it")
