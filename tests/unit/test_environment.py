"""One list of requirements: the conda environment says what pyproject.toml says."""

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
#: Packages that start the workflow, which no script imports.
STARTERS = {"jsonschema", "pygments", "snakemake"}
#: Packages that have another name on conda-forge.
CONDA_NAMES = {"matplotlib": "matplotlib-base"}


def test_environment_of_the_rules_has_the_bounds_of_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    packages = dict(re.fullmatch(r"([\w.-]+)\s*(>=[\d.]+)", text).groups() for text in project["dependencies"])
    wanted = {CONDA_NAMES.get(name, name): bound for name, bound in packages.items() if name not in STARTERS}
    wanted["python"] = project["requires-python"]
    listed = yaml.safe_load((ROOT / "envs/photometry.yaml").read_text())["dependencies"]
    (by_pip,) = (part["pip"] for part in listed if isinstance(part, dict))
    by_conda = [text for text in listed if isinstance(text, str) and not text.startswith("pip ")]
    assert dict(text.split(" ") for text in [*by_conda, *by_pip]) == wanted
