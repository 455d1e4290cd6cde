"""What `tess-psf` makes of the user's words: settings, options of Snakemake, and what it adds."""

import sys
from pathlib import Path

import pytest

from photometry.command.snakemake_line import (
    SETTINGS,
    config_files_in,
    job_environment,
    snakemake_line,
    with_settings,
    without_config,
)
from photometry.core.errors import ConfigError, InputFileError

ROOT = Path(__file__).resolve().parents[3]
START = [sys.executable, "-m", "snakemake"]
SNAKEFILE = ["--snakefile", str(ROOT / "Snakefile")]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.yaml").write_text("output: results\n")
    return tmp_path


@pytest.mark.parametrize(
    ("words", "settings", "rest"),
    [
        (["my.yaml"], "my.yaml", []),
        (["my.yaml", "-n", "--cores", "3"], "my.yaml", ["-n", "--cores", "3"]),
        (["nowhere.yml"], "nowhere.yml", []),
        (["--configfile", "my.yaml", "-n"], None, ["--configfile", "my.yaml", "-n"]),
        (["-n", "--config", "tic=3"], None, ["-n", "--config", "tic=3"]),
        (["--config=coordinates=1 2"], None, ["--config=coordinates=1 2"]),
    ],
)
def test_settings_are_the_first_word_or_an_option(words, settings, rest):
    assert with_settings(words) == (settings, rest)


def test_settings_without_a_suffix_are_a_file(folder):
    (folder / "mine").write_text("output: results\n")
    assert with_settings(["mine", "-n"]) == ("mine", ["-n"])


def test_settings_of_init_are_taken_where_none_are_named(folder):
    with pytest.raises(ConfigError, match="no settings: name a file, as in tess-psf run my"):
        with_settings(["-n"])
    (folder / SETTINGS).write_text("output: results\n")
    assert with_settings(["-n"]) == (SETTINGS, ["-n"])
    assert with_settings([]) == (SETTINGS, [])


def test_settings_that_are_named_twice():
    with pytest.raises(ConfigError, match=r"named twice, my.yaml and --configfile b.yaml: leave one of them out"):
        with_settings(["my.yaml", "--configfile", "b.yaml"])


@pytest.mark.parametrize(
    ("words", "files"),
    [
        (["--configfile", "a", "b", "-n", "c"], ["a", "b"]),
        (["--configfiles", "a"], ["a"]),
        (["--configfile=a", "c"], ["a"]),
        (["--config", "a=b", "--cores", "2"], []),
        (["-n", "all"], []),
    ],
)
def test_files_that_options_name(words, files):
    assert config_files_in(words) == files


def test_settings_of_config_are_divided_from_other_words():
    words = ["-n", "--config", "a=1", "b=2", "--cores", "3", "--config=c=4", "-C", "d=5", "--configfile", "my.yaml"]
    assert without_config(words) == (
        ["a=1", "b=2", "c=4", "d=5"],
        ["-n", "--cores", "3", "--configfile", "my.yaml"],
    )


def test_words_come_first_and_settings_last():
    line = snakemake_line(["prune", "-n", "--cores", "2"], "my.yaml")
    assert line == [*START, "prune", "-n", "--cores", "2", *SNAKEFILE, "--configfile", "my.yaml"]


@pytest.mark.parametrize(
    "words", [["--cores", "3"], ["--cores=3"], ["-c3"], ["-j", "4"], ["--workflow-profile", "x"], ["--executor=slurm"]]
)
def test_who_says_how_many_jobs_run_is_left_alone(words):
    assert snakemake_line(words, "my.yaml") == [*START, *words, *SNAKEFILE, "--configfile", "my.yaml"]


@pytest.mark.parametrize("words", [["-n"], ["--keep-going"], ["--config", "tic=3"]])
def test_all_cores_are_used_else(words):
    line = snakemake_line(words)
    assert line[:-2] == [*START, *words, *SNAKEFILE]
    assert line[-2] == "--cores"
    assert int(line[-1]) >= 1


@pytest.mark.parametrize("words", [["--workflow-profile", "profiles/slurm"], ["--profile=profiles/slurm"]])
def test_profiles_of_the_workflow_are_found_from_anywhere(words, folder):
    assert any(word.endswith(str(ROOT / "profiles/slurm")) for word in snakemake_line(words))
    (folder / "profiles/slurm").mkdir(parents=True)
    assert snakemake_line(words)[3 : 3 + len(words)] == words


@pytest.mark.parametrize("given", [False, True])
def test_settings_are_looked_at_before_snakemake_reads_them(given, folder):
    """Those that are no YAML, are not there, or have no end."""
    sections = [f"a{k}: &a{k} {{{', '.join(f'k{j}: *a{k - 1}' for j in range(10))}}}" for k in range(1, 10)]
    (folder / "bomb.yaml").write_text("\n".join(["a0: &a0 {k: x}", *sections, ""]))
    (folder / "broken.yaml").write_text("output: results\nobservations: [\n  - a: b\n")
    for name, kind, words in (
        ("nowhere.yaml", InputFileError, "nowhere.yaml: no such file"),
        ("broken.yaml", ConfigError, "broken.yaml: is no YAML, line 3, column 3: "),
        ("bomb.yaml", ConfigError, "bomb.yaml: has more than 300000 values or 20 levels"),
    ):
        with pytest.raises(kind, match=words):
            snakemake_line([], name) if given else snakemake_line(["--configfile", name])


def test_the_environment_of_jobs_keeps_what_is_set(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    found = job_environment()
    assert (found["OMP_NUM_THREADS"], found["OPENBLAS_NUM_THREADS"]) == ("4", "1")
    assert found["PYTHONSAFEPATH"] == "1"
