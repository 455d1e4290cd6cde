"""The documents name what is there."""

import importlib
import importlib.util
import re
from dataclasses import fields
from pathlib import Path

import pytest
from test_imports import LAYERS

from photometry.core.quality import PIXEL_FLAGS, PIXEL_QUALITY, STAR_FLAGS, TESS_QUALITY
from photometry.fit.tile_fit import TileFit
from photometry.io.stars.target_lists import TARGET_COLUMNS
from photometry.io.store.tables import RESULT_COLUMNS
from photometry.lightcurve.columns import LIGHT_CURVE_COLUMNS

ROOT = Path(__file__).resolve().parents[2]
RECORDS = sorted((ROOT / "docs/decisions").glob("[0-9]*.md"))
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "benchmarks/README.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
#: Lines of a record: a page.
MOST_LINES_OF_RECORD = 60


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def anchors_of(path: Path) -> set[str]:
    """Anchors that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def is_there(name: str) -> bool:
    """Whether a dotted name is a module, or something in one."""
    parts = name.split(".")
    for n_part in range(len(parts), 0, -1):
        try:
            found = importlib.util.find_spec(".".join(parts[:n_part]))
        except ModuleNotFoundError:
            continue
        if found is not None:
            value = importlib.import_module(".".join(parts[:n_part]))
            for part in parts[n_part:]:
                value = getattr(value, part, None)
            return value is not None
    return False


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


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_links_lead_somewhere(path):
    for link, anchor in re.findall(r"\]\(([^)#:]*)(?:#([\w-]*))?\)", path.read_text()):
        target = path.parent / link if link else path
        assert target.exists(), link
        if anchor:
            assert anchor in anchors_of(target), f"{link}#{anchor}"


@pytest.mark.parametrize("path", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=name_of)
def test_modules_and_files_that_are_named_are_there(path):
    text = path.read_text()
    for name in re.findall(r"`(photometry(?:\.[A-Za-z_]\w*)+)`", text):
        assert is_there(name), name
    for name in re.findall(r"`((?:photometry|tests|rules|scripts|docs|benchmarks|profiles|demo)/[\w./-]+)`", text):
        assert (ROOT / name).exists(), name


def test_modules_that_architecture_names_without_the_package_are_there():
    text = (ROOT / "docs/architecture.md").read_text()
    names = re.findall(rf"`((?:{'|'.join(map(re.escape, LAYERS))})\.\w+)`", text)
    assert len(names) > 20
    assert [name for name in names if not is_there(f"photometry.{name}")] == []


def test_architecture_names_every_package_in_the_order_of_imports():
    text = (ROOT / "docs/architecture.md").read_text().split("\n## Packages\n")[1]
    assert re.findall(r"^\| `([\w.]+)` \|", text, re.MULTILINE) == list(LAYERS)


@pytest.mark.parametrize("path", RECORDS, ids=name_of)
def test_records_are_a_page_with_context_choice_and_consequence(path):
    text = path.read_text()
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == ["Context", "Choice", "Consequence"]
    assert len(text.splitlines()) <= MOST_LINES_OF_RECORD


def test_records_are_numbered_and_listed_with_their_titles():
    text = (ROOT / "docs/decisions/README.md").read_text()
    assert [int(path.name[:3]) for path in RECORDS] == list(range(1, len(RECORDS) + 1))
    for path in RECORDS:
        number, title = re.match(r"# (\d+)\. (.*)\n", path.read_text()).groups()
        assert int(number) == int(path.name[:3])
        assert f"- [{path.name[:3]}]({path.name}) {title}\n" in text


def test_settings_page_is_up_to_date():
    spec = importlib.util.spec_from_file_location("make_settings", ROOT / "docs/make_settings.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    assert (ROOT / "docs/settings.md").read_text() == made.settings_page(), "run: python docs/make_settings.py"


def test_every_page_is_in_the_site():
    """mkdocs.yml is no plain YAML: only names are looked for."""
    text = (ROOT / "mkdocs.yml").read_text()
    for path in (ROOT / "docs").rglob("*"):
        name = str(path.relative_to(ROOT / "docs"))
        if path.suffix in (".md", ".ipynb") and name != "README.md" and not re.match("decisions/[0-9]", name):
            assert f": {name}\n" in text, name
