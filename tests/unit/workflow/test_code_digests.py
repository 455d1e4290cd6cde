import ast
import re
from pathlib import Path

import pytest

from photometry.workflow.code_digests import WITHOUT_EFFECT, Sources

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    files = {
        "photometry/__init__.py": "from photometry.far import Far\n",
        "photometry/near.py": "import numpy as np\nfrom photometry.middle import value\n",
        "photometry/middle.py": "def value():\n    from photometry.io.deep import name\n    return name\n",
        "photometry/far.py": "Far = 1\n",
        "photometry/io/__init__.py": "",
        "photometry/io/deep.py": "name = 1\n",
        "scripts/job.py": "from photometry.near import x\nimport photometry.io.deep\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def names(tree: Path) -> list[str]:
    return [path.relative_to(tree).as_posix() for path in Sources(tree).modules_of(tree / "scripts/job.py")]


def test_modules_are_followed_through_imports_also_inside_functions(tree):
    assert names(tree) == ["photometry/io/deep.py", "photometry/middle.py", "photometry/near.py"]


def test_package_file_counts_where_a_name_is_taken_from_it(tree):
    (tree / "scripts/job.py").write_text("from photometry import Far\n")
    assert names(tree) == ["photometry/__init__.py", "photometry/far.py"]


def test_submodule_imported_from_the_package(tree):
    (tree / "scripts/job.py").write_text("from photometry import far\n")
    assert names(tree) == ["photometry/far.py"]


def test_cycles_end(tree):
    (tree / "photometry/io/deep.py").write_text("from photometry.near import x\n")
    assert "photometry/near.py" in names(tree)


def digest(tree: Path) -> str:
    return Sources(tree).digest(tree / "scripts/job.py")


def test_digest_changes_with_what_the_script_needs_and_with_nothing_else(tree):
    before = digest(tree)
    (tree / "photometry/far.py").write_text("Far = 2\n")
    assert digest(tree) == before
    (tree / "photometry/io/deep.py").write_text("name = 2\n")
    assert digest(tree) != before


CODE = "name = 1\n\n\nclass Deep:\n    size: int = 3\n\n    def area(self, scale):\n        return scale * self.size\n"
#: The same code in other words and lines.
SAME = {
    "docstrings": """'''Deep.'''\n\nname = 1\n
class Deep:
    'A square.'

    size: int = 3
    'Of a side.'

    def area(self, scale):
        '''Return the area.'''
        return scale * self.size
""",
    "comments": CODE.replace("name = 1", "#: A name.\nname = 1  # one"),
    "layout": CODE.replace("scale * self.size", "(\n            scale * self.size\n        )").replace(
        "(self, scale)", "(\n        self,\n        scale,\n    )"
    ),
    "line ends": CODE.replace("\n", "\r\n"),
}
OTHER = {
    "value": CODE.replace("name = 1", "name = 2"),
    "type of a value": CODE.replace("name = 1", "name = 1.0"),
    "name of an attribute": CODE.replace("size", "side"),
    "operator": CODE.replace("scale *", "scale +"),
    "text that is no docstring": CODE.replace("name = 1", "name = '1'"),
    "order": CODE.replace("scale * self.size", "self.size * scale"),
    "default": CODE.replace("(self, scale)", "(self, scale=None)"),
    "decorator": CODE.replace("    def", "    @property\n    def"),
}


@pytest.mark.parametrize("text", SAME.values(), ids=SAME)
def test_words_comments_and_layout_are_no_code(tree, text):
    (tree / "photometry/io/deep.py").write_text(CODE)
    before = digest(tree)
    (tree / "photometry/io/deep.py").write_text(text, newline="")
    assert digest(tree) == before


@pytest.mark.parametrize("text", OTHER.values(), ids=OTHER)
def test_every_change_of_code_counts(tree, text):
    (tree / "photometry/io/deep.py").write_text(CODE)
    before = digest(tree)
    (tree / "photometry/io/deep.py").write_text(text)
    assert digest(tree) != before


def test_the_script_itself_counts_as_a_module_does(tree):
    before = digest(tree)
    script = tree / "scripts/job.py"
    script.write_text(f"'''A job.'''\n{script.read_text()}")
    assert digest(tree) == before
    script.write_text(f"{script.read_text()}x = 1\n")
    assert digest(tree) != before


def test_modules_without_an_effect_and_what_they_alone_import_do_not_count(tree):
    for name in WITHOUT_EFFECT:
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("from photometry.alone import y\n")
    (tree / "photometry/alone.py").write_text("y = 1\n")
    before = names(tree)
    imported = "".join(f"import {name.removesuffix('.py').replace('/', '.')}\n" for name in WITHOUT_EFFECT)
    script = tree / "scripts/job.py"
    script.write_text(script.read_text() + imported)
    assert names(tree) == before
    script.write_text(script.read_text() + "import photometry.alone\n")
    assert names(tree) == sorted([*before, "photometry/alone.py"])


@pytest.mark.parametrize("name", WITHOUT_EFFECT)
def test_modules_without_an_effect_are_there_with_a_reason(name):
    assert (ROOT / name).is_file()
    assert len(WITHOUT_EFFECT[name].split()) > 3


def test_settings_do_nothing_but_hold_values():
    """So that a job, which gets all of them as parameters, does not depend on their module."""
    tree = ast.parse((ROOT / "photometry/core/settings.py").read_text())
    assert [node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)] == ["setting"]
    for path in [*(ROOT / "scripts").glob("*.py"), *(ROOT / "photometry").rglob("*.py")]:
        assert not re.search(r"\b(Fit|Motion|Prf)Settings\(\)", path.read_text()), path


def remembered(tree: Path) -> Sources:
    return Sources(tree, tree / ".snakemake/code_digests.json")


@pytest.fixture
def memory(tree: Path) -> Path:
    sources = remembered(tree)
    sources.digest(tree / "scripts/job.py")
    sources.keep()
    return tree / ".snakemake/code_digests.json"


@pytest.mark.usefixtures("memory")
def test_sources_that_did_not_change_are_not_parsed_again(tree, monkeypatch):
    (tree / "photometry/io/deep.py").write_text("name = 2\n")
    after = digest(tree)
    parsed: list[str] = []
    parse = ast.parse
    monkeypatch.setattr(ast, "parse", lambda content, filename: [parsed.append(filename), parse(content)][1])
    assert remembered(tree).digest(tree / "scripts/job.py") == after
    assert parsed == [str(tree / "photometry/io/deep.py")]


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"layout": 0, "sources": {}}', '{"layout": 1, "sources": 3}']
)
def test_a_damaged_memory_is_worked_out_again_and_replaced(tree, memory, content):
    whole, before = memory.read_text(), digest(tree)
    memory.write_text(content)
    sources = remembered(tree)
    assert sources.digest(tree / "scripts/job.py") == before
    sources.keep()
    assert memory.read_text() == whole


def test_memory_holds_what_is_used_and_is_left_alone_when_nothing_changed(tree, memory):
    written = memory.stat().st_mtime_ns
    again = remembered(tree)
    again.digest(tree / "scripts/job.py")
    again.keep()
    assert memory.stat().st_mtime_ns == written


def test_a_memory_that_cannot_be_written_is_no_error(tree):
    (tree / "occupied").write_text("")
    sources = Sources(tree, tree / "occupied/code_digests.json")
    sources.digest(tree / "scripts/job.py")
    sources.keep()
