"""Which modules of the package a script uses, so that a change of one re-runs the rules that depend on it.

Snakemake sees a change of a script, not of the modules that the script imports. The imports are read from the sources
(`ast`), nothing is run; `photometry/__init__.py` counts only where a name is taken from it.
"""

import ast
import hashlib
from functools import cache
from pathlib import Path

__all__ = ["code_digest", "imported_modules", "modules_of"]

_PACKAGE = "photometry"


@cache
def imported_modules(path: Path, root: Path) -> frozenset[Path]:
    """Return the package's modules that a file imports itself, anywhere in it.

    Parameters
    ----------
    path : Path
        Python source.
    root : Path
        Folder that holds the package.
    """
    found: set[Path] = set()
    for node in ast.walk(ast.parse(path.read_bytes(), filename=str(path))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        found.update(_module_file(name, root) for name in names if name.split(".")[0] == _PACKAGE)
    return frozenset(found)


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
    """Return all modules of the package that a script needs, directly or through others, sorted."""
    needed: set[Path] = set()
    waiting = {script}
    while waiting:
        path = waiting.pop()
        new = imported_modules(path, root) - needed
        needed |= new
        waiting |= new
    return sorted(needed)


def code_digest(script: Path, root: Path) -> str:
    """Return a digest of a script and of all modules of the package that it needs."""
    digest = hashlib.sha256()
    for path in [script, *modules_of(script, root)]:
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
