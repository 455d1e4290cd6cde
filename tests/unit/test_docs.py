"""The documents name what is there."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from photometry.core.quality import PIXEL_FLAGS, PIXEL_QUALITY, STAR_FLAGS, TESS_QUALITY
from photometry.fit.tile_fit import TileFit
from photometry.io.stars.target_lists import TARGET_COLUMNS
from photometry.io.store.tables import RESULT_COLUMNS
from photometry.lightcurve.columns import LIGHT_CURVE_COLUMNS

ROOT = Path(__file__).resolve().parents[2]


def test_products_list_every_column_with_its_unit():
    text = (ROOT / "docs/products.md").read_text()
    for spec in (*RESULT_COLUMNS, *TARGET_COLUMNS):
        assert f"| `{spec.name}` | {spec.kind} | {spec.unit} | {spec.description} |" in text
    for column in LIGHT_CURVE_COLUMNS:
        row = rf"\| `{column.name}` \| \w+ \| {re.escape(column.unit)} \| {re.escape(column.comment)} \|"
        assert re.search(row, text), column.name


def test_products_list_every_dataset_of_a_fit():
    text = (ROOT / "docs/products.md").read_text().split("## Fit of a tile")[1]
    for field in fields(TileFit):
        assert f"`{field.name}`" in text, field.name


def test_conventions_list_every_flag():
    text = (ROOT / "docs/conventions.md").read_text()
    for registry in (TESS_QUALITY, PIXEL_QUALITY, PIXEL_FLAGS, STAR_FLAGS):
        for flag in registry:
            assert f"| {flag.value} | `{flag.name}` | {flag.meaning} |" in text, flag.name


def test_architecture_names_every_rule():
    text = (ROOT / "docs/architecture.md").read_text()
    for path in (ROOT / "rules").glob("*.smk"):
        for name in re.findall(r"^rule (\w+):", path.read_text(), re.MULTILINE):
            assert f"`{name}`" in text or f"\n    {name} -->" in text, name
        assert f"`rules/{path.name}`" in text


@pytest.mark.parametrize(
    "path", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda path: path.name
)
def test_links_lead_somewhere(path):
    for link in re.findall(r"\]\(([^)#:]+)(?:#[\w-]*)?\)", path.read_text()):
        assert (path.parent / link).exists(), link
