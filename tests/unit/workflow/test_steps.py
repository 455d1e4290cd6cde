"""Steps within a job: what was done with the same code, settings and inputs is not done again."""

import io
import json
import os
import shutil
from pathlib import Path

import pytest

from photometry.core.errors import InputFileError
from photometry.workflow.steps import Steps


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").write_text("a")
    return tmp_path


class Chain:
    """Two steps: `in` to `middle`, which has one letter of it, to `out`."""

    def __init__(self, settings=None, *, fails=False, is_whole=lambda: True):
        self.settings, self.fails, self.is_whole = settings or {}, fails, is_whole
        self.said = io.StringIO()

    def run(self):
        """Return the names of the steps that were done."""
        steps, done = Steps("steps.json", self.said), []
        for name, source, made in (("first", "in", "middle"), ("second", "middle", "out")):
            settings = {"code": "x", **self.settings.get(name, {})}
            work = self.work(name, source, made)
            whole = self.is_whole if name == "second" else lambda: True
            if steps.run(name, f"logs/{name}.log", settings, [source], [made], work, is_whole=whole):
                done.append(name)
        return done

    def work(self, name, source, made):
        def work(_):
            text = Path(source).read_text()
            if self.fails and name == "second":
                raise InputFileError(source, "cannot be used")
            Path(made).write_text(text[:1] if name == "first" else text * 2)

        return work


def test_what_is_done_stays(place):
    assert Chain().run() == ["first", "second"]
    assert Chain().run() == []
    assert (place / "out").read_text() == "aa"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda place: (place / "in").write_text("b"), ["first", "second"]),
        (lambda place: (place / "in").write_text("ab"), ["first"]),
        (lambda place: os.utime(place / "in"), []),
        (lambda place: os.utime(place / "out"), []),
        (lambda place: (place / "out").write_text("damaged"), ["second"]),
        (lambda place: (place / "out").write_text(""), ["second"]),
        (lambda place: (place / "out").unlink(), ["second"]),
        (lambda place: (place / "middle").unlink(), ["first"]),
        (lambda place: (place / "steps.json").unlink(), ["first", "second"]),
        (lambda place: (place / "steps.json").write_text('{"layout": 1, "steps": {"first": 3}}'), ["first", "second"]),
        (lambda place: (place / "steps.json").write_text("garbage"), ["first", "second"]),
    ],
)
def test_a_change_repeats_what_depends_on_it(place, change, expected):
    Chain().run()
    change(place)
    assert Chain().run() == expected
    assert Chain().run() == []


@pytest.mark.usefixtures("place")
def test_settings_and_code_are_of_a_step():
    Chain().run()
    assert Chain({"second": {"code": "y"}}).run() == ["second"]
    assert Chain({"second": {"code": "y"}, "first": {"size": 2}}).run() == ["first"]


@pytest.mark.usefixtures("place")
def test_what_was_lost_beside_the_outputs_repeats_the_step():
    Chain().run()
    assert Chain(is_whole=lambda: False).run() == ["second"]


def test_a_copy_of_the_output_repeats_nothing(place, monkeypatch):
    Chain().run()
    shutil.copytree(place, place / "copy", copy_function=shutil.copyfile)
    monkeypatch.chdir(place / "copy")
    assert Chain().run() == []
    # Its dates are known now.
    known = json.loads((place / "copy/steps.json").read_text())["steps"]["second"]
    assert known["outputs"]["out"][1] == (place / "copy/out").stat().st_mtime_ns


def test_a_step_that_fails_says_why_and_is_not_done(place):
    Chain().run()
    failing = Chain({"second": {"code": "y"}}, fails=True)
    with pytest.raises(SystemExit):
        failing.run()
    assert failing.said.getvalue() == "Error: middle: cannot be used\n"
    assert (place / "logs/second.log").read_text().endswith("Error: middle: cannot be used\n")
    # Nobody takes what was there before for what should be there now.
    assert not (place / "out").exists()
    assert Chain().run() == ["second"]


def test_a_missing_input_is_the_error_of_the_step(place):
    (place / "in").unlink()
    chain = Chain()
    with pytest.raises(SystemExit):
        chain.run()
    assert "No such file or directory: 'in'" in chain.said.getvalue()
