"""Long measurements say what they do where somebody watches, and nothing elsewhere."""

import io
import sys
import threading
import time
from contextlib import redirect_stderr

import pytest

from photometry.interface import progress
from photometry.interface.progress import elapsed


class Terminal(io.StringIO):
    """Standard error that a person looks at."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def impatient(monkeypatch) -> None:
    """No patience."""
    monkeypatch.setattr(progress, "_PATIENCE", 0.2)
    monkeypatch.setattr(progress, "_STEP", 0.05)


def wait_for(terminal: Terminal, text: str) -> None:
    deadline = time.monotonic() + 30
    while text not in terminal.getvalue():
        assert time.monotonic() < deadline, terminal.getvalue()
        time.sleep(0.01)


def displays() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if "_show" in thread.name]


@pytest.mark.usefixtures("impatient")
def test_what_takes_long_is_shown_with_its_time():
    with redirect_stderr(Terminal()) as terminal, elapsed("measuring the motion"):
        wait_for(terminal, "measuring the motion: 00:00")


def test_what_is_quick_shows_nothing():
    with redirect_stderr(Terminal()) as terminal:
        with elapsed("measuring the motion"):
            assert displays()
        assert terminal.getvalue() == ""


def test_nothing_is_shown_where_nobody_watches(monkeypatch):
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    with redirect_stderr(io.StringIO()) as log:
        with elapsed("measuring the motion"):
            assert not displays()
        assert log.getvalue() == ""


def test_an_error_ends_the_display():
    with redirect_stderr(Terminal()), pytest.raises(ValueError, match="too few stars"), elapsed("measuring the motion"):
        raise ValueError("too few stars")
    assert not displays()
