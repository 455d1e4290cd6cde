"""The commands of docs/run_a_sector.md that need neither network nor cluster."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from ffi_builder import FfiBuilder
from running import ROOT, copy_workflow, snakemake_environment

from photometry.core.geometry import Stamp

pytestmark = pytest.mark.workflow
TEXT = (ROOT / "docs/run_a_sector.md").read_text()


def test_commands(tmp_path):
    folder = copy_workflow(tmp_path / "clone")
    (folder / ".venv").mkdir()
    (folder / ".venv/bin").symlink_to(Path(sys.executable).parent)
    builder = FfiBuilder(folder / "data/sector001/ffi", area=Stamp(0, 2048, 44, 2092))
    builder.write(0)
    builder.path(1).write_bytes(b"only the first is looked at")
    commands = "\n".join(re.findall(r"^```bash\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL))
    result = subprocess.run(
        ["bash", "-eux"],
        input=commands,
        cwd=folder,
        env=snakemake_environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert result.returncode == 0, result.stdout
    assert commands.count("snakemake") == result.stdout.count("+ .venv/bin/snakemake") == 3
    assert "Group job tile" in result.stdout
    assert not (folder / "results").exists()


def test_readme_leads_here():
    assert "(docs/run_a_sector.md)" in (ROOT / "README.md").read_text()


def test_profile_and_text_name_the_same_groups():
    profile = (ROOT / "profiles/slurm/profile.yaml").read_text()
    components = " ".join(re.findall(r"^  - ((?!lane)\w+=\d+)$", profile, re.MULTILINE))
    assert "tile=" in components
    assert f"--group-components {components} " in TEXT.replace("\n", " ")
