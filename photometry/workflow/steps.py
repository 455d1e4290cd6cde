"""Steps of a pixel file within a job: one that was done with the same code, settings and inputs is not done again."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TextIO

from photometry.core.errors import OutputError
from photometry.io.store.disk import output_error
from photometry.io.store.provenance import atomic_path, digest_of
from photometry.workflow.job_log import job_log

__all__ = ["Steps"]

#: Of the file that keeps what was done; another number leaves older files unread.
_LAYOUT = 1
#: Parts of what is kept of a step that are mappings.
_PARTS = ("inputs", "outputs")
#: Digests of files in a state of them, as several steps read the same.
_DIGESTS: dict[tuple[Any, ...], str] = {}
#: Says something to the user.
Tell = Callable[[str], None]


class Steps:
    """The steps of a region, and what is known of those that were done.

    A step is done when it was, with the same settings and with inputs of the same content, and what it wrote is there
    as it was left. Dates do not matter: a step that was repeated with the same result repeats no other, and neither
    does a copy of the output.

    Parameters
    ----------
    path : path-like
        File that keeps what was done. What is damaged or missing in it was not.
    terminal : text file
        Where the user reads why a step fails.
    """

    def __init__(self, path: str | Path, terminal: TextIO) -> None:
        self._path, self._terminal = Path(path), terminal
        self._done = _read(self._path)

    def run(
        self,
        name: str,
        log: str | Path,
        settings: Mapping[str, Any],
        inputs: Iterable[str],
        outputs: Iterable[str],
        work: Callable[[Tell], None],
        *,
        is_whole: Callable[[], bool] = lambda: True,
    ) -> bool:
        """Do a step, unless it was done; tell whether it had to be.

        Parameters
        ----------
        name : str
            Of the step.
        log : path-like
            Where its messages go.
        settings : mapping
            All that its result depends on beside the content of its inputs; as JSON has it.
        inputs, outputs : iterable of str
            Files that it reads, and writes.
        work : callable
            Does it; its argument says something on the terminal.
        is_whole : callable
            Whether what it wrote beside its outputs is there.

        Raises
        ------
        SystemExit
            When it fails; why is in the log and on the terminal.
        """
        before, outputs = self._done.get(name, {}), list(outputs)
        used = _digests(inputs, before.get("inputs", {}))
        key = hashlib.sha256(json.dumps([name, settings, _contents(used)], sort_keys=True).encode()).hexdigest()
        left = _digests(outputs, before.get("outputs", {}))
        is_known = before.get("key") == key and None not in (*used.values(), *left.values())
        if is_known and _contents(left) == _contents(before["outputs"]) and is_whole():
            if (used, left) != (before["inputs"], before["outputs"]):
                self._keep(name, key, used, left)
            return False
        if self._done.pop(name, None) is not None:
            self._write()
        with job_log(log, self._terminal) as tell:
            for path in outputs:
                _remove(path)
            work(tell)
            left = _digests(outputs, {})
            for path, state in left.items():
                if not state or not state[0]:
                    raise OutputError(path, "was not written, or is empty; run again")
            self._keep(name, key, used, left)
        return True

    def _keep(self, name: str, key: str, inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> None:
        self._done[name] = {"key": key, "inputs": inputs, "outputs": outputs}
        self._write()

    def _write(self) -> None:
        # One that is damaged counts as none.
        with atomic_path(self._path, flushed=False) as temporary:
            temporary.write_text(json.dumps({"layout": _LAYOUT, "steps": self._done}))


def _remove(path: str) -> None:
    try:
        Path(path).unlink(missing_ok=True)
    except OSError as error:
        raise output_error(error, path) or error from error


def _read(path: Path) -> dict[str, dict[str, Any]]:
    try:
        content = json.loads(path.read_bytes())
        steps = content["steps"] if content["layout"] == _LAYOUT else {}
        return {name: step for name, step in steps.items() if all(isinstance(step[k], dict) for k in _PARTS)}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def _digests(paths: Iterable[str], known: Mapping[str, Any]) -> dict[str, list[Any] | None]:
    """Return sizes and dates of files and digests of their contents, which are not read where they are known."""
    return {path: _digest(path, known.get(path)) for path in paths}


def _digest(path: str, known: Any) -> list[Any] | None:
    try:
        state = os.stat(path)
    except OSError:
        return None
    dated = [state.st_size, state.st_mtime_ns]
    if isinstance(known, list) and known[:-1] == dated:
        return known
    key = (path, *dated, state.st_ino)
    if key not in _DIGESTS:
        _DIGESTS[key] = digest_of(path)
    return [*dated, _DIGESTS[key]]


def _contents(digests: Mapping[str, Any]) -> list[Any]:
    """Return the digests alone."""
    return [digest and digest[-1] for digest in digests.values()]
