"""Which code a script uses, so that a change of it re-runs the rules that depend on it.

Snakemake sees a change of a script, not of the modules that the script imports. The imports are read from the sources
(`ast`), nothing is run; `photometry/__init__.py` counts only where a name is taken from it. What counts is the code:
the syntax tree without docstrings, so that neither words nor comments nor the layout of lines re-run anything.
"""

import ast
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

__all__ = ["WITHOUT_EFFECT", "SourceFile", "code_digest", "modules_of", "read_source"]

_PACKAGE = "photometry"
#: Modules that cannot change a result, and why: neither they nor what they alone import counts.
WITHOUT_EFFECT: Mapping[str, str] = MappingProxyType(
    {
        "photometry/_version.py": "the version is written into products, nothing is computed from it",
        "photometry/core/errors.py": "kinds of exceptions and the wording of their messages: what fails has no product",
        "photometry/core/settings.py": "settings reach a job as its parameters, complete with their defaults",
        "photometry/io/store/revision.py": "the revision is written into products, nothing is computed from it",
        "photometry/workflow/job_log.py": "where a job's messages go",
    }
)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """What a Python source says; its syntax tree is not kept, which would be 100 MB for all of the package.

    Parameters
    ----------
    imports : frozenset of Path
        The package's modules that it imports itself, anywhere in it.
    digest : str
        Of its syntax tree without docstrings and positions.
    """

    imports: frozenset[Path]
    digest: str


@cache
def read_source(path: Path, root: Path) -> SourceFile:
    """Return what a Python source says; each is parsed once.

    Parameters
    ----------
    path : Path
        Python source.
    root : Path
        Folder that holds the package.
    """
    tree = ast.parse(path.read_bytes(), filename=str(path))
    words: list[str] = []
    imports: list[ast.Import | ast.ImportFrom] = []
    _add_words(tree, words, imports)
    digest = hashlib.sha256("\0".join(words).encode()).hexdigest()
    return SourceFile(frozenset(_imported_files(imports, root)), digest)


def _imported_files(imports: list[ast.Import | ast.ImportFrom], root: Path) -> set[Path]:
    found: set[Path] = set()
    for node in imports:
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif node.level == 0 and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        found.update(_module_file(name, root) for name in names if name.split(".")[0] == _PACKAGE)
    return found


def _module_file(name: str, root: Path) -> Path:
    """Return the file of the module that a dotted name lies in."""
    parts = name.split(".")
    while True:
        stem = root.joinpath(*parts)
        for path in (stem.with_suffix(".py"), stem / "__init__.py"):
            if path.is_file():
                return path
        parts.pop()


def modules_of(script: Path, root: Path) -> list[Path]:
    """Return all modules of the package that the results of a script depend on, sorted.

    Those that it imports directly or through others, without `WITHOUT_EFFECT`.
    """
    ignored = {root / name for name in WITHOUT_EFFECT}
    needed: set[Path] = set()
    waiting = {script}
    while waiting:
        path = waiting.pop()
        new = read_source(path, root).imports - needed - ignored
        needed |= new
        waiting |= new
    return sorted(needed)


def code_digest(script: Path, root: Path) -> str:
    """Return a digest of the code of a script and of all modules of the package that its results depend on.

    Parameters
    ----------
    script : Path
        Python source.
    root : Path
        Folder that holds the package and the script.
    """
    digest = hashlib.sha256()
    for path in [script, *modules_of(script, root)]:
        digest.update(f"{path.relative_to(root).as_posix()}\0{read_source(path, root).digest}\0".encode())
    return digest.hexdigest()[:16]


def _add_words(value: object, words: list[str], imports: list[ast.Import | ast.ImportFrom]) -> None:
    """Append what distinguishes a part of a syntax tree from others, and its imports.

    The words are the same in all versions of Python; `ast.dump` writes empty fields in some versions only.
    Every start of Snakemake does this to all modules, so each tree is walked once.
    """
    if isinstance(value, ast.AST):
        if isinstance(value, (ast.Import, ast.ImportFrom)):
            imports.append(value)
        words.append(type(value).__name__)
        for name in value._fields:
            field = getattr(value, name, None)
            if field is not None and field != []:
                words.append(name)
                _add_words(field, words, imports)
        words.append(")")
    elif isinstance(value, list):
        for item in value:
            if not _is_docstring(item):
                _add_words(item, words, imports)
        words.append("]")
    else:
        words.append(repr(value))


def _is_docstring(node: object) -> bool:
    """Tell whether a statement is nothing but a text: the docstring of a module, class, function or attribute."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
