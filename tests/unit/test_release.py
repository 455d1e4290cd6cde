"""What is said of a release in several files is the same in all of them."""

import re
import tomllib
from datetime import date
from pathlib import Path

import yaml

from photometry._version import __version__

ROOT = Path(__file__).resolve().parents[2]
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text())
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_citation_has_the_version_and_the_date_of_the_changelog():
    version, day = re.search(r"^## (\S+) \((.*)\)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE).groups()
    assert CITATION["version"] == __version__ == version
    released = CITATION["date-released"]
    assert isinstance(released, date)
    assert f"{released.day} {released:%B %Y}" == day


def test_citation_and_package_name_the_same_people_licence_and_subject():
    assert [person["name"] for person in PROJECT["authors"]] == [person["name"] for person in CITATION["authors"]]
    assert PROJECT["license"] == CITATION["license"] == "BSD-3-Clause"
    assert PROJECT["description"] in CITATION["abstract"]
    assert set(CITATION["keywords"]) <= set(PROJECT["keywords"])


def test_the_container_is_made_of_the_wheel_and_of_an_image_without_a_registry():
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    images = [line.split()[1] for line in lines if line.startswith("FROM ")]
    lowest = tuple(map(int, PROJECT["requires-python"].removeprefix(">=").split(".")))
    for image in images:
        version = re.fullmatch(r"python:(\d+)\.(\d+)-slim", image)
        assert version, image
        assert tuple(map(int, version.groups())) >= lowest
    assert 'ENTRYPOINT ["tess-psf"]' in lines
    assert PROJECT["scripts"] == {"tess-psf": "photometry.command.main:main"}


def test_what_snakedeploy_copies_is_the_example():
    assert (ROOT / "config/config.yaml").read_bytes() == (ROOT / "config.yaml").read_bytes()
    assert yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text())["usage"]["report"] is True
    plain, deployed = ((ROOT / name).read_text() for name in ("Snakefile", "workflow/Snakefile"))
    rules = [text.partition("include:")[2].replace("../rules", "rules") for text in (plain, deployed)]
    assert rules[0] == rules[1] != ""
