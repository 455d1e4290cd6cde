"""The packages: one direction of imports, names that are there once, files and functions that one can read."""

import ast
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PHOTOMETRY = ROOT / "photometry"
MODULES = sorted(PHOTOMETRY.rglob("*.py"))
SCRIPTS = sorted((ROOT / "scripts").glob("*.py"))
#: Packages from the ground up: each imports those before it only.
LAYERS = (
    "core",
    "catalog",
    "prf",
    "frames",
    "background",
    "scene",
    "solver",
    "calibration",
    "fit",
    "trends",
    "lightcurve",
    "io.fits",
    "io.store",
    "io.reference",
    "io.pixels",
    "io.ffi",
    "io.stars",
    "io.products",
    "io.results",
    "io.legacy",
    "ccd",
    "simulate",
    "plots",
    "pages",
    "archive",
    "interface",
    "workflow",
    "command",
)
#: Packages that know nothing of files.
NUMERICS = LAYERS[: LAYERS.index("io.fits")]
#: What they may not import.
FILES = ("h5py", "hdf5plugin", "astropy.io", "fitsio", "astroquery", "sqlite3", "pandas")
MOST_LINES, MOST_LINES_OF_FUNCTION = 450, 50


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


def package_of(path: Path) -> str:
    """Package of a module, empty for the documented names at the root."""
    return ".".join(path.relative_to(PHOTOMETRY).parts[:-1])


def modules_in(package: str) -> list[Path]:
    return [path for path in MODULES if package_of(path) == package]


def imported_packages(path: Path) -> set[str]:
    """Packages of ours that a file imports; "root" for the documented names and the version."""
    ours = [name.split(".")[1:] for name in imports_of(path) if name.split(".")[0] == "photometry"]
    return {next((p for p in (".".join(name[:2]), name[0]) if p in LAYERS), "root") for name in ours if name}


def test_every_package_has_its_place():
    assert {package_of(path) for path in MODULES} == {"", "io", *LAYERS}


@pytest.mark.parametrize("package", LAYERS)
def test_packages_import_only_what_stands_below_them(package):
    below = {*LAYERS[: LAYERS.index(package) + 1]}
    above = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules_in(package)
        for name in imported_packages(path) - below
        if not (name == "root" and imports_of(path) & {"photometry._version.__version__"})
    }
    assert above == set()


def test_there_are_no_circles_of_modules():
    """Within a package, too."""
    by_name = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in MODULES}
    imported = {
        name: {found.rpartition(".")[0] for found in imports_of(path)} & set(by_name) for name, path in by_name.items()
    }
    left = dict(imported)
    while leaves := [name for name, needed in left.items() if not needed & set(left)]:
        for name in leaves:
            del left[name]
    assert left == {}


@pytest.mark.parametrize("package", NUMERICS)
def test_numerics_never_read_files(package):
    assert [(path.name, name) for path in modules_in(package) for name in FILES if uses(path, name)] == []


@pytest.mark.parametrize("slow", ["scipy.signal", "scipy.stats"])
def test_nothing_imports_what_takes_every_job_most_of_a_second(slow):
    assert [path.name for path in (*MODULES, *SCRIPTS) if uses(path, slow)] == []


def test_only_plots_import_matplotlib():
    assert [path for path in MODULES + SCRIPTS if package_of_any(path) != "plots" and uses(path, "matplotlib")] == []


def test_only_pages_import_bokeh_and_nothing_of_ours_needs_it_at_once():
    """Where pages are made, inside of a function: it takes a fifth of a second."""
    assert [path for path in MODULES + SCRIPTS if package_of_any(path) != "pages" and uses(path, "bokeh")] == []
    for path in modules_in("pages"):
        at_once = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.Import | ast.ImportFrom)]
        assert "bokeh" not in {name.name for node in at_once for name in node.names} | {
            getattr(node, "module", None) for node in at_once
        }, path


def test_the_package_never_imports_snakemake_or_scripts():
    assert [path for path in MODULES if uses(path, "snakemake") or uses(path, "scripts")] == []


def package_of_any(path: Path) -> str:
    return package_of(path) if path.is_relative_to(PHOTOMETRY) else "scripts"


def test_each_file_name_and_each_class_name_is_there_once():
    places = defaultdict(list)
    for path in MODULES:
        if path.name != "__init__.py":
            places[path.name].append(path)
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(path)
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


@pytest.mark.parametrize("package", ["io", *LAYERS])
def test_each_package_says_in_two_lines_what_lives_there(package):
    documented = ast.get_docstring(ast.parse((PHOTOMETRY / Path(*package.split(".")) / "__init__.py").read_text()))
    assert len([line for line in documented.splitlines() if line]) >= 2


def test_files_and_functions_are_short():
    long = []
    for path in MODULES + SCRIPTS:
        text = path.read_text()
        long += [path.name] if len(text.splitlines()) > MOST_LINES else []
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                documented = ast.get_docstring(node, clean=False)
                lines = node.end_lineno - node.lineno + 1 - (documented or "").count("\n") - bool(documented)
                long += [f"{path.name}: {node.name}"] if lines > MOST_LINES_OF_FUNCTION else []
    assert long == []


def test_scripts_have_a_guarded_tail_and_no_future_import():
    for path in SCRIPTS:
        text = path.read_text()
        assert 'if __name__ == "__main__":' in text, path
        assert "job_log(snakemake.log[0])" in text, path
        assert "__future__" not in text, path


def test_the_package_is_the_one_of_this_repository():
    import photometry

    assert Path(photometry.__file__).is_relative_to(ROOT)
