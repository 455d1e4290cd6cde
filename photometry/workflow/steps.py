"""Steps of a pixel file within a job: one that was done with the same code, settings and inputs is not done again."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from photometry.core.errors import OutputError
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
    as it was left. Dates of inputs do not matter: a step that was repeated with the same result repeats no other.

    Parameters
    ----------
    path : path-like
        File that keeps what was done. What is damaged or missing in it was not.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
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
        outputs = list(outputs)
        before = self._done.get(name, {})
        known = before.get("inputs", {})
        states = {path: _known_digest(path, known.get(path)) for path in inputs}
        key = hashlib.sha256(
            json.dumps([name, settings, [state and state[-1] for state in states.values()]], sort_keys=True).encode()
        ).hexdigest()
        left = {path: _state(path) for path in outputs}
        if None not in states.values() and before.get("key") == key and before.get("outputs") == left and is_whole():
            return False
        self._forget(name)
        with job_log(log) as tell:
            for path in outputs:
                Path(path).unlink(missing_ok=True)
            work(tell)
            left = {path: _state(path) for path in outputs}
            for path, state in left.items():
                if not state or not state[0]:
                    raise OutputError(path, "was not written, or is empty; run again")
            self._done[name] = {"key": key, "inputs": states, "outputs": left}
            self._write()
        return True

    def _forget(self, name: str) -> None:
        if self._done.pop(name, None) is not None:
            self._write()

    def _write(self) -> None:
        # One that is damaged counts as none.
        with atomic_path(self._path, flushed=False) as temporary:
            temporary.write_text(json.dumps({"layout": _LAYOUT, "steps": self._done}))


def _read(path: Path) -> dict[str, dict[str, Any]]:
    try:
        content = json.loads(path.read_bytes())
        steps = content["steps"] if content["layout"] == _LAYOUT else {}
        return {name: step for name, step in steps.items() if all(isinstance(step[k], dict) for k in _PARTS)}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def _state(path: str | Path) -> list[int] | None:
    """Return what tells whether a file has changed, without reading it; None where there is none."""
    try:
        state = os.stat(path)
    except OSError:
        return None
    return [state.st_size, state.st_mtime_ns, state.st_ino]


def _known_digest(path: str, known: Any) -> list[Any] | None:
    """Return the state of a file and the digest of its content, which is not read where it is known; None of none."""
    state = _state(path)
    if state is None:
        return None
    if isinstance(known, list) and known[:-1] == state:
        return known
    key = (path, *state)
    if key not in _DIGESTS:
        _DIGESTS[key] = digest_of(path)
    return [*state, _DIGESTS[key]]
