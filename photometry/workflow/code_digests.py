"""Which code a script uses, so that a change of it re-runs the rules that depend on it.

Snakemake sees a change of a script, not of the modules that the script imports. The imports are read from the sources
(`ast`), nothing is run; `photometry/__init__.py` counts only where a name is taken from it. What counts is the code:
the syntax tree without docstrings, so that neither words nor comments nor the layout of lines re-run anything.
"""

import ast
import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType

from photometry.core.errors import OutputError
from photometry.io.store.provenance import atomic_path

__all__ = ["WITHOUT_EFFECT", "SourceFile", "Sources"]

_PACKAGE = "photometry"
#: Folder that holds the package.
_ROOT = Path(__file__).resolve().parents[2]
#: Of the file that keeps what sources say; another number leaves older files unread.
_LAYOUT = 1
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
    imports : tuple of str
        Dotted names of the package that it imports, anywhere in it.
    digest : str
        Of its syntax tree without docstrings and positions.
    """

    imports: tuple[str, ...]
    digest: str


class Sources:
    """The sources of the package, and scripts; each is parsed once, and not again while its bytes stay the same.

    Parameters
    ----------
    root : Path
        Folder that holds the package [default: the one that holds the package that is running].
    memory : Path, optional
        File that keeps what sources say, by the digest of their bytes, from one start to the next: parsing all of them
        takes a second, and every job of Snakemake starts anew. What cannot be read in it is worked out again.
    """

    def __init__(self, root: Path = _ROOT, memory: Path | None = None) -> None:
        self.root = root
        self._memory = memory
        self._known = _remembered(memory) if memory else {}
        self._used: dict[str, SourceFile] = {}
        self._read: dict[Path, SourceFile] = {}
        self._imports: dict[Path, frozenset[Path]] = {}

    def read(self, path: Path) -> SourceFile:
        """Return what a Python source says."""
        if path not in self._read:
            content = path.read_bytes()
            key = hashlib.sha256(content).hexdigest()
            self._used[key] = self._read[path] = self._known.get(key) or _parsed(content, path)
        return self._read[path]

    def modules_of(self, script: Path) -> list[Path]:
        """Return all modules of the package that the results of a script depend on, sorted.

        Those that it imports directly or through others, without `WITHOUT_EFFECT`.
        """
        ignored = {self.root / name for name in WITHOUT_EFFECT}
        needed: set[Path] = set()
        waiting = {script}
        while waiting:
            new = self._imported_by(waiting.pop()) - needed - ignored
            needed |= new
            waiting |= new
        return sorted(needed)

    def _imported_by(self, path: Path) -> frozenset[Path]:
        if path not in self._imports:
            self._imports[path] = frozenset(_module_file(name, self.root) for name in self.read(path).imports)
        return self._imports[path]

    def digest(self, script: Path, name: str | None = None) -> str:
        """Return a digest of the code of a script and of all modules of the package that its results depend on.

        Parameters
        ----------
        script : Path
            The script; a module of the package counts as one.
        name : str, optional
            Its place in the sources, for a script that is elsewhere: an installed or fetched one has the digest that it
            has in a clone [default: its place below the root].
        """
        named = {script: name} if name else {}
        digest = hashlib.sha256()
        for path in [script, *self.modules_of(script)]:
            place = named.get(path) or path.relative_to(self.root).as_posix()
            digest.update(f"{place}\0{self.read(path).digest}\0".encode())
        return digest.hexdigest()[:16]

    def keep(self) -> None:
        """Write what the sources say that were read, if that is not written already.

        A folder that cannot be written to is no error: the next start takes a second longer.
        """
        if self._memory is None or self._used == self._known:
            return
        content = {"layout": _LAYOUT, "sources": {key: asdict(source) for key, source in self._used.items()}}
        with suppress(OutputError), atomic_path(self._memory, flushed=False) as temporary:
            temporary.write_text(json.dumps(content))


def _remembered(memory: Path) -> dict[str, SourceFile]:
    """Return what is kept of sources, by the digest of their bytes; nothing where the file is not as it was written."""
    try:
        content = json.loads(memory.read_bytes())
        if content["layout"] != _LAYOUT:
            return {}
        return {
            key: SourceFile(tuple(source["imports"]), str(source["digest"]))
            for key, source in content["sources"].items()
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def _parsed(content: bytes, path: Path) -> SourceFile:
    words: list[str] = []
    imports: list[ast.Import | ast.ImportFrom] = []
    _add_words(ast.parse(content, filename=str(path)), words, imports)
    digest = hashlib.sha256("\0".join(words).encode()).hexdigest()
    return SourceFile(_imported_names(imports), digest)


def _imported_names(imports: list[ast.Import | ast.ImportFrom]) -> tuple[str, ...]:
    """Return the dotted names of the package that are imported, each once, in order."""
    found: dict[str, None] = {}
    for node in imports:
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif node.level == 0 and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        found.update((name, None) for name in names if name.split(".")[0] == _PACKAGE)
    return tuple(found)


def _module_file(name: str, root: Path) -> Path:
    """Return the file of the module that a dotted name lies in."""
    parts = name.split(".")
    while True:
        stem = root.joinpath(*parts)
        for path in (stem.with_suffix(".py"), stem / "__init__.py"):
            if path.is_file():
                return path
        parts.pop()


def _add_words(value: object, words: list[str], imports: list[ast.Import | ast.ImportFrom]) -> None:
    """Append what distinguishes a part of a syntax tree from others, and its imports.

    The words are the same in all versions of Python; `ast.dump` writes empty fields in some versions only.
    Each tree is walked once.
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
