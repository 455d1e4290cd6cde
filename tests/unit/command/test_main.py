"""`tess-psf`: what its commands start, write and say."""

import os
import re
import sys
import webbrowser
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from photometry._version import __version__
from photometry.command import demo
from photometry.command.main import main

ROOT = Path(__file__).resolve().parents[3]
Call = Callable[..., int]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run the command in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> int:
        monkeypatch.setattr(sys, "argv", ["tess-psf", *words])
        return main()

    return run


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What takes the place of the process, after `python -m snakemake`."""
    lines: list[list[str]] = []
    monkeypatch.setattr(os, "execve", lambda _program, line, _environment: lines.append(line[3:]))
    return lines


def test_it_says_what_it_can_do(call, capsys):
    assert call() == call("--help") == call("run", "--help") == 0
    said = capsys.readouterr().out
    for name in ("demo", "star", "init", "run", "open", "verify", "prune"):
        assert said.count(f"\n  tess-psf {name} ") == 3
    assert call("--version") == 0
    assert capsys.readouterr().out == f"tess-psf {__version__}\n"


def test_a_misspelt_command(call, capsys):
    assert call("rum") == 2
    assert capsys.readouterr().err == "tess-psf: rum is no command; did you mean run?\n"
    assert call("x") == 2
    assert "known are demo, star, init, run, open, verify, prune" in capsys.readouterr().err


def test_init_writes_the_example_and_keeps_what_is_there(call, capsys, tmp_path):
    assert call("init", "new/folder") == 0
    path = tmp_path / "new/folder/settings.yaml"
    assert yaml.safe_load(path.read_text()) == yaml.safe_load((ROOT / "config.yaml").read_text())
    assert path.read_text().startswith("# Settings of tess-psf. Paths are relative to the working directory.\n")
    assert "config.yaml" not in path.read_text().split("\n\n")[0]
    path.write_text("mine\n")
    assert call("init", "new/folder") == 1
    assert "settings.yaml: is there already, and stays as it is" in capsys.readouterr().err
    assert path.read_text() == "mine\n"
    assert call("init", "a", "b") == call("init", "--force") == 1


def test_commands_with_settings(call, started):
    assert call("init") == 0
    call("run", "-n", "--cores=1")
    call("verify", "settings.yaml", "--cores=1")
    call("prune", "--cores=1")
    snakefile = ["--snakefile", str(ROOT / "Snakefile"), "--configfile", "settings.yaml"]
    assert started == [
        ["-n", "--cores=1", *snakefile],
        ["verify", "--cores=1", *snakefile],
        ["prune", "--cores=1", *snakefile],
    ]


def test_stars(call, started, capsys):
    call("star", "307210830", "sectors=1,4", "261136679", "--cores=1", "--dry-run")
    call("star", "coordinates=84.29 -80.47", "-c1")
    call("star", "3", "-c1", "--config", "plots=false", "version=2", "-n")
    snakefile = ["--snakefile", str(ROOT / "Snakefile")]
    assert started == [
        ["--cores=1", "--dry-run", "--config", "tic=307210830,261136679", "sectors=1,4", *snakefile],
        ["-c1", "--config", "coordinates=84.29 -80.47", *snakefile],
        ["-c1", "-n", "--config", "tic=3", "plots=false", "version=2", *snakefile],
    ]
    assert call("star", "--dry-run") == 1
    assert "no star: give a TIC number" in capsys.readouterr().err


def test_messages_of_settings_are_one_line_without_a_traceback(call, started, capsys, tmp_path):
    (tmp_path / "broken.yaml").write_text("output: results\n\tversion: 1\n")
    for words, said in (
        (["run", "nowhere.yaml"], r"nowhere.yaml: no such file; .* \(relative paths begin at the working directory, "),
        (["run", "broken.yaml"], r"broken.yaml: is no YAML, line 2, column 1: "),
        (["run"], r"no settings: name a file"),
        (["open", "nowhere"], r"nowhere: no such file"),
    ):
        assert call(*words) == 1
        error = capsys.readouterr().err
        assert re.match(said, error)
        assert error.count("\n") == 1
    assert started == []


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Addresses that the browser is asked for."""
    addresses: list[str] = []
    monkeypatch.setattr(webbrowser, "open", addresses.append)
    return addresses


def test_open_shows_the_page_of_settings_or_of_an_output(call, shown, capsys, tmp_path):
    assert call("open") == 1
    assert "settings.yaml: no such file; name settings or an output: tess-psf open results" in capsys.readouterr().err
    (tmp_path / "results").mkdir()
    assert call("open") == 1
    assert "results/report/index.html: no such page; tess-psf run makes it" in capsys.readouterr().err
    (tmp_path / "results/report.html").write_text("")
    assert call("open") == 0
    (tmp_path / "results/report").mkdir()
    (tmp_path / "results/report/index.html").write_text("")
    (tmp_path / "settings.yaml").write_text("output: results\n")
    assert call("open") == call("open", "settings.yaml") == call("open", "results") == 0
    page = (tmp_path / "results/report/index.html").as_uri()
    assert shown == [(tmp_path / "results/report.html").as_uri(), page, page, page]
    (tmp_path / "settings.yaml").write_text("version: 1\n")
    assert call("open") == 1
    assert "settings.yaml: key 'output' is missing" in capsys.readouterr().err


def test_the_demo_has_settings_and_ends_with_the_page(call, capsys, tmp_path, monkeypatch):
    lines = []

    class Done:
        returncode = 0

    def run(line: list[str], cwd: Path, **_options: object) -> Done:
        lines.append([word for word in line if word in ("verify", "--report", "-n") or word.endswith(".yaml")])
        assert cwd == Path("a")
        (tmp_path / "a/demo/results").mkdir(exist_ok=True)
        (tmp_path / "a/demo/results/report.html").write_text("")
        return Done()

    monkeypatch.setattr(demo.subprocess, "run", run)
    (tmp_path / "a/demo").mkdir(parents=True)
    (tmp_path / "a/demo/simulate.yaml").write_text("mine: 1\n")
    assert call("demo", "a", "-n") == 0
    simulate, measure = (str(tmp_path / f"a/demo/{name}.yaml") for name in ("simulate", "config"))
    assert lines == [["-n", simulate], ["-n", measure], ["verify", "-n", measure], ["--report", "-n", measure]]
    assert (tmp_path / "a/demo/simulate.yaml").read_text() == "mine: 1\n"
    assert (tmp_path / "a/demo/config.yaml").read_bytes() == (ROOT / "demo/config.yaml").read_bytes()
    assert capsys.readouterr().out.splitlines()[-1].startswith("Page          a/demo/results/report.html ")
    Done.returncode = 3
    assert call("demo", "a") == 3
