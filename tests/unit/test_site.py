"""The hook that makes the site from the pages of the repository; the site itself is built by `make site`."""

import importlib.util
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def site_pages() -> ModuleType:
    spec = importlib.util.spec_from_file_location("site_pages", ROOT / "docs/site_pages.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def made(site_pages: ModuleType, uri: str, markdown: str) -> str:
    return site_pages.on_page_markdown(markdown, SimpleNamespace(file=SimpleNamespace(src_uri=uri)), None, None)


@pytest.mark.parametrize(
    ("uri", "link", "becomes"),
    [
        ("index.md", "[a](docs/api.md)", "[a](api.md)"),
        ("index.md", "[a](docs/decisions/README.md)", "[a](decisions/README.md)"),
        ("index.md", "[a](config.yaml)", "a"),
        ("index.md", "[a](https://x.org/a.md)", "[a](https://x.org/a.md)"),
        ("index.md", "[a](#more)", "[a](#more)"),
        ("benchmarks.md", "[a](../docs/trust.md#bytes)", "[a](trust.md#bytes)"),
        ("architecture.md", "[a](../CONTRIBUTING.md#four-doors)", "[a](contributing.md#four-doors)"),
        ("architecture.md", "[a](README.md)", "[a](index.md)"),
        ("decisions/README.md", "[a](016-tiles-and-parts.md)", "[a](016-tiles-and-parts.md)"),
        ("decisions/016-tiles-and-parts.md", "[a](../architecture.md)", "[a](../architecture.md)"),
        ("decisions/016-tiles-and-parts.md", "[a](../../CHANGELOG.md)", "[a](../changes.md)"),
    ],
)
def test_links(site_pages, uri, link, becomes):
    assert made(site_pages, uri, f"see {link}.") == f"see {becomes}."


def test_equations(site_pages):
    text = made(site_pages, "errors.md", "a $x_i$ in\n\n$$ y = x^2 $$\n\nnot `$x$` nor\n\n```\n$x$ [a](b.md)\n```\n")
    assert text.count("<math") == 2
    assert text.count("<msub>") == 1
    assert "`$x$`" in text
    assert "$x$ [" in text


def test_notebooks_are_left_alone(site_pages):
    assert made(site_pages, "tutorials/a.ipynb", "$x$ [a](../api.md)") == "$x$ [a](../api.md)"


def test_pages_outside_are_there(site_pages):
    assert all((ROOT / place).is_file() for place in site_pages.OUTSIDE.values())
