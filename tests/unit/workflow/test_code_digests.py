from pathlib import Path

import pytest

from photometry.workflow.code_digests import code_digest, imported_modules, modules_of


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
    imported_modules.cache_clear()
    return tmp_path


def names(tree: Path) -> list[str]:
    imported_modules.cache_clear()
    return [path.relative_to(tree).as_posix() for path in modules_of(tree / "scripts/job.py", tree)]


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


def test_digest_changes_with_what_the_script_needs_and_with_nothing_else(tree):
    script = tree / "scripts/job.py"
    before = code_digest(script, tree)
    (tree / "photometry/far.py").write_text("Far = 2\n")
    assert code_digest(script, tree) == before
    (tree / "photometry/io/deep.py").write_text("name = 2\n")
    assert code_digest(script, tree) != before
