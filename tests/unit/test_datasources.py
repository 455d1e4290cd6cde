"""Kinds of pixels: one entry for each, complete; nobody else compares their names."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from photometry.core.datasources import DATASOURCES, region_pattern, region_title
from photometry.io.pixels.pixel_readers import READERS

ROOT = Path(__file__).resolve().parents[2]
REGISTRY = ROOT / "photometry/core/datasources.py"
SOURCES = [*(ROOT / "photometry").rglob("*.py"), *(ROOT / "scripts").glob("*.py")]
RULES = [ROOT / "Snakefile", *(ROOT / "rules").glob("*.smk")]
CONSTANTS = {name.upper() for name in DATASOURCES}


def names_of_sources(node: ast.AST) -> Iterator[str]:
    """Names of data sources in a part of the code, spelt out or as constants of the registry."""
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and part.value in DATASOURCES:
            yield part.value
        elif isinstance(part, ast.Name) and part.id in CONSTANTS:
            yield part.id


def test_the_names_are_spelt_out_in_the_registry_alone():
    found = {
        str(path.relative_to(ROOT)): list(names)
        for path in SOURCES
        if path != REGISTRY
        and (names := [n for n in names_of_sources(ast.parse(path.read_text())) if n in DATASOURCES])
    }
    assert found == {}


def test_nobody_compares_them():
    comparisons = (ast.Compare, ast.Match)
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, comparisons) and list(names_of_sources(node))
    ]
    assert found == []


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.name)
def test_rules_do_not_name_them(path):
    words = "|".join([*DATASOURCES, *CONSTANTS])
    assert re.findall(rf"[\"']({words})[\"']|\b({'|'.join(CONSTANTS)})\b(?=\.| *[=!]=)", path.read_text()) == []


def test_each_kind_of_pixel_file_has_its_reader():
    assert set(READERS) == {name for name, source in DATASOURCES.items() if not source.whole_ccd}


@pytest.mark.parametrize("source", DATASOURCES.values(), ids=DATASOURCES)
def test_entries_are_complete(source):
    assert DATASOURCES[source.name] is source
    assert source.title
    assert source.meaning
    if not source.whole_ccd:
        assert source.columns
        assert source.column_of_kind or source.creator_of_kind or source.key_of_kind


@pytest.mark.parametrize(
    ("region", "whole_ccd"),
    [
        ("sector001_camera4_ccd2", True),
        ("sector1751_camera4_ccd2", True),
        ("tesscut_sector1751_camera4_ccd2_ra84.0000_dec-78.0000_r0512_c1244_24x24", False),
        ("tesscut_sector001_camera4_ccd2_ra84.0000_dec-78.0000_r0512_c1244_24x24", False),
        ("tpf_sector001_camera4_ccd2_00025155310_c0120", False),
    ],
)
def test_names_of_regions(region, whole_ccd):
    assert re.fullmatch(region_pattern(whole_ccd=whole_ccd), region)
    assert not re.fullmatch(region_pattern(whole_ccd=not whole_ccd), region)


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("sector023_camera4_ccd2", "sector 23 camera 4 CCD 2"),
        ("sector1751_camera1_ccd3", "sector 1751 camera 1 CCD 3"),
        (
            "tesscut_sector001_camera4_ccd2_ra84.0000_dec-78.0000_r0512_c1244_48x48",
            "48x48 px at 84.0000 -78.0000, sector 1 camera 4 CCD 2",
        ),
        ("tesscut_sector001_camera4_ccd2_r-012_c0004_8x9", "8x9 px at row -12 column 4, sector 1 camera 4 CCD 2"),
        ("tpf_sector002_camera4_ccd2_00900000002_c0120", "TIC 900000002, sector 2, 120 s"),
        ("pixels.fits", "pixels.fits"),
        ("", ""),
    ],
)
def test_regions_have_short_titles(name, title):
    assert region_title(name) == title
