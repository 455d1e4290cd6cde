"""What is collected of a target while it is measured: errors, warnings, metrics."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from photometry.lightcurve.metrics import Metrics

__all__ = ["TargetReport"]


class TargetReport:
    """Errors, warnings and metrics of one target.

    Parameters
    ----------
    errors : list of str
        What was reported before.
    skip_targets : list of int
        Stars that were reported before.
    """

    def __init__(self, errors: list[str] | None = None, skip_targets: list[int] | None = None) -> None:
        self._errors: list[str] = list(errors or ())
        self._warnings: list[str] = []
        self._skip_targets: list[int] = list(skip_targets or ())
        self._metrics: dict[str, float] = {}

    def for_first_run(self) -> "TargetReport":
        """Return the report that a first run begins with: all that was reported before it."""
        return TargetReport(self._errors, self._skip_targets)

    def for_next_run(self) -> "TargetReport":
        """Return the report that another run begins with: stars to be skipped, no error of an earlier run."""
        return TargetReport(skip_targets=self._skip_targets)

    def add(self, error: str | None = None, skip_targets: list[int] | None = None) -> None:
        """Collect an error, and TIC numbers of stars that need no photometry of their own; each once."""
        if error is not None and str(error) not in self._errors:
            self._errors.append(str(error))
        for starid in skip_targets or ():
            if int(starid) not in self._skip_targets:
                self._skip_targets.append(int(starid))

    def add_warning(self, text: str) -> None:
        """Collect a warning, once."""
        if text not in self._warnings:
            self._warnings.append(text)

    def add_metrics(self, metrics: Metrics, star: int = 0) -> None:
        """Take over the metrics of a star; what is known already stays where they say nothing (NaN)."""
        for name in metrics.__slots__:
            value = getattr(metrics, name)[star].item()
            if value == value or name not in self._metrics:
                self._metrics[name] = value

    def add_results(self, **results: Any) -> None:
        """Take over other results by their names."""
        self._metrics |= results

    @property
    def reason(self) -> str:
        """Why the status is not OK: all errors in one line."""
        return "; ".join(self._errors)

    def as_dict(self) -> dict[str, Any]:
        """Return copies of all that was collected."""
        return {
            "errors": list(self._errors),
            "warnings": list(self._warnings),
            "skip_targets": list(self._skip_targets),
            **self._metrics,
        }

    @contextmanager
    def collected_warnings(self) -> Iterator[None]:
        """Collect what this thread logs as a warning or worse in the block; it is still seen where it would be else."""
        handler = _Collector(self._warnings)
        root = logging.getLogger()
        root.addHandler(handler)
        try:
            yield
        finally:
            root.removeHandler(handler)


class _Collector(logging.Handler):
    """Puts the warnings of one thread into a list."""

    def __init__(self, found: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._found, self._thread = found, threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.thread == self._thread and text not in self._found:
            self._found.append(text)
        if logging.lastResort is not None and self._replaces_last_resort(record):
            logging.lastResort.handle(record)

    def _replaces_last_resort(self, record: logging.LogRecord) -> bool:
        """Tell whether nobody else sees the record, and this is the first of the collectors that do."""
        place: logging.Logger | None = logging.getLogger(record.name)
        while place is not None:
            others = [handler for handler in place.handlers if not isinstance(handler, _Collector)]
            if others:
                return False
            place = place.parent if place.propagate else None
        return next((h for h in logging.getLogger().handlers if isinstance(h, _Collector)), None) is self
