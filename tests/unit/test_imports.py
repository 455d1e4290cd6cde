"""The direction of imports, and the size of files and functions."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = sorted((ROOT / "photometry").rglob("*.py"))
SCRIPTS = sorted((ROOT / "scripts").glob("*.py"))
#: What only `photometry.io`, the documented classes and the plots may use.
BORDER = ("photometry.io", "h5py", "hdf5plugin", "astropy.io", "fitsio", "astroquery", "sqlite3", "pandas")
#: The package's modules that are no numerics.
FACES = tuple(
    f"photometry/{name}.py"
    for name in ("__init__", "base", "base_pixels", "base_plots", "base_stars", "psf", "psf_photometry")
)


def imports_of(path: Path) -> set[str]:
    """Names that a file imports, with their packages: `from a import b` is a.b."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def uses(path: Path, package: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for name in imports_of(path))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def is_plot(path: Path) -> bool:
    return name_of(path).startswith("photometry/plots")


@pytest.mark.parametrize("path", PACKAGE, ids=name_of)
def test_package_never_imports_snakemake_or_scripts(path):
    assert not uses(path, "snakemake")
    assert not uses(path, "scripts")


@pytest.mark.parametrize(
    "path", [p for p in PACKAGE if not name_of(p).startswith("photometry/io/") and name_of(p) not in FACES], ids=name_of
)
def test_numerics_never_read_files(path):
    assert [name for name in BORDER if uses(path, name)] == []


@pytest.mark.parametrize("path", [p for p in PACKAGE + SCRIPTS if not is_plot(p)], ids=name_of)
def test_only_plots_import_matplotlib(path):
    assert not uses(path, "matplotlib")


@pytest.mark.parametrize("path", [p for p in PACKAGE if name_of(p) not in FACES and not is_plot(p)], ids=name_of)
def test_only_scripts_import_plots(path):
    assert not uses(path, "photometry.plots")


@pytest.mark.parametrize("path", PACKAGE + SCRIPTS, ids=name_of)
def test_files_and_functions_are_short(path):
    text = path.read_text()
    assert len(text.splitlines()) <= 300
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            documented = ast.get_docstring(node, clean=False)
            lines = node.end_lineno - node.lineno + 1 - (documented or "").count("\n") - bool(documented)
            assert lines <= 50, f"{node.name} has {lines} lines"


@pytest.mark.parametrize("path", SCRIPTS, ids=name_of)
def test_scripts_have_a_guarded_tail_and_no_future_import(path):
    text = path.read_text()
    assert 'if __name__ == "__main__":' in text
    assert "job_log(snakemake.log[0])" in text
    assert "__future__" not in text


def test_the_package_is_the_one_of_this_repository():
    import photometry

    assert Path(photometry.__file__).is_relative_to(ROOT)
