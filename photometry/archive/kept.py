"""What an archive was asked for and what came, kept in a file beside it: with query, date and digest."""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from photometry.core.errors import InputFileError
from photometry.io.store.provenance import atomic_path, digest_of

__all__ = ["Kept", "read_kept"]

_NAME = "asked.json"
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Kept:
    """Answers of archives in a folder; with every one that is added the file is written again.

    Parameters
    ----------
    folder : Path
        The folder.
    answers : dict of str to dict
        By name: `query`, `date` (UTC), what came in words (`answer`), and of a file its `size` and `sha256`.
    """

    folder: Path
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)

    def answer(self, name: str) -> Any:
        """Return what was answered in words; None where it was not asked for."""
        return self.answers.get(name, {}).get("answer")

    def file(self, name: str) -> Path | None:
        """Return a file that came and is still there as it came, by its size; None otherwise."""
        known = self.answers.get(name)
        if known is None or "size" not in known:
            return None
        path = self.folder / known["answer"]
        return path if path.is_file() and path.stat().st_size == known["size"] else None

    def add(self, name: str, query: str, answer: Any) -> None:
        """Keep an answer in words."""
        self._put(name, {"query": query, "answer": answer})

    def add_file(self, name: str, query: str, path: Path) -> None:
        """Keep what is to be known of a file that came."""
        known = {"answer": str(path.relative_to(self.folder)), "size": path.stat().st_size, "sha256": digest_of(path)}
        self._put(name, {"query": query} | known)

    def _put(self, name: str, known: dict[str, Any]) -> None:
        self.answers[name] = known | {"date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
        with atomic_path(self.folder / _NAME) as temporary:
            temporary.write_text(
                json.dumps({"format": _FORMAT, "answers": self.answers}, indent=1, sort_keys=True) + "\n"
            )


def read_kept(folder: Path) -> Kept:
    """Return what is kept in a folder; nothing where there is none.

    Raises
    ------
    InputFileError
        When the file of the answers is damaged.
    """
    path = folder / _NAME
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Kept(folder)
    except ValueError as error:
        raise InputFileError(path, f"is damaged ({error}); delete it, and what it lists is asked for again") from error
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise InputFileError(path, "was written by another version; delete it, and what it lists is asked for again")
    return Kept(folder, content["answers"])
