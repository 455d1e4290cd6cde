"""The workflow's files are found in a clone and in an installed package, and nowhere else."""

from pathlib import Path

import pytest

from photometry.command.workflow_files import workflow_folder
from photometry.core.errors import InputFileError

ROOT = Path(__file__).resolve().parents[3]


def with_workflow(folder: Path) -> Path:
    (folder / "rules").mkdir(parents=True)
    (folder / "Snakefile").write_text("")
    (folder / "rules/common.smk").write_text("")
    return folder


def test_in_a_clone_it_is_beside_the_package():
    assert workflow_folder() == ROOT


def test_in_an_installed_package_it_is_within(tmp_path):
    inside = with_workflow(tmp_path / "photometry/workflow_files")
    with_workflow(tmp_path)
    assert workflow_folder(tmp_path / "photometry") == inside


def test_a_snakefile_of_somebody_else_is_not_taken(tmp_path):
    (tmp_path / "Snakefile").write_text("")
    with pytest.raises(InputFileError, match="the files of the workflow are not here; install the package again"):
        workflow_folder(tmp_path / "photometry")
