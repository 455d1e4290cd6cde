"""Settings and output folders that cannot be used end with exit code 1 and one message, before any job."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from running import ROOT, SOURCES, config_of, snakemake_command, snakemake_environment

from photometry.core.errors import ConfigError, OutputError
from photometry.workflow.output_lock import hold_output
from photometry.workflow.run_plan import plan_run

pytestmark = pytest.mark.workflow

SETTINGS = {
    "misspelt key": ({"verion": 2}, {}, "my.yaml: key 'verion' is not known; did you mean 'version'?"),
    "misspelt key of an observation": (
        {},
        {"catalogue": "x"},
        "my.yaml: observations, entry 1: key 'catalogue' is not known; did you mean 'catalog'?",
    ),
    "missing key": (
        {"observations": [{"datasource": "tpf"}]},
        {},
        "my.yaml: observations, entry 1: key 'input' is missing; add it: pixel file, or folder",
    ),
    "wrong type": (
        {},
        {"tmag_limit": "bright"},
        "my.yaml: observations, entry 1, tmag_limit: 'bright' cannot be used, expected a number (faintest target",
    ),
    "no number": (
        {"fit": {"tmag_limit": float("nan")}},
        {},
        "my.yaml: fit, tmag_limit: nan cannot be used, expected a",
    ),
    "out of range": (
        {},
        {"tmag_limit": 10**20},
        "my.yaml: observations, entry 1, tmag_limit: 100000000000000000000 cannot be used, expected at most 99",
    ),
    "no number in a simulated scene": (
        {"simulate": {"folder": "data", "scenes": {"a": {"sky": float("inf")}}}},
        {},
        "my.yaml: simulate, scenes, a, sky: inf cannot be used, expected a finite number",
    ),
    "out of range in a simulated scene": (
        {"simulate": {"folder": "data", "scenes": {"a": {"sky": -1.0}}}},
        {},
        "my.yaml: simulate, scenes, a: scene setting sky is -1.0, expected 0 to 1e+09",
    ),
    "unknown datasource": (
        {},
        {"datasource": "kepler"},
        "datasource: 'kepler' cannot be used, expected one of tesscut",
    ),
    "missing pixels": ({}, {"input": "nowhere"}, "nowhere: no such file or folder; correct the key 'input'"),
    "missing catalogue": ({}, {"catalog": "nowhere.csv"}, "nowhere.csv: no such file; correct the key 'catalog'"),
    "missing targets": ({}, {"targets": "nowhere.csv"}, "nowhere.csv: no such file; correct the key 'targets'"),
    "missing PRF": ({}, {"prf": "nowhere"}, "nowhere: no such folder; correct the key 'prf'"),
    "motion by a WCS that cutouts lack": (
        {"motion": {"mode": "wcs"}},
        {},
        "my.yaml: motion: mode wcs takes the WCS of full-frame",
    ),
    "output not writable": (
        {"output": "/proc/results"},
        {},
        "my.yaml: output: /proc/results cannot be written (/proc:",
    ),
    "braces in the output": ({"output": "a{b}"}, {}, "my.yaml: output: 'a{b}' has braces, which stand for wildcards"),
    "braces in the folder of simulated files": (
        {"simulate": {"folder": "a{b}", "scenes": {"a": {}}}},
        {},
        "my.yaml: simulate, folder: 'a{b}' has braces, which stand for wildcards",
    ),
    "output is a file": (
        {"output": "my.yaml"},
        {},
        "my.yaml: output: my.yaml cannot be written (my.yaml: Not a directory)",
    ),
}


@pytest.mark.parametrize(("top", "observation", "message"), SETTINGS.values(), ids=SETTINGS)
def test_settings(refused, field, top, observation, message):
    assert message in refused(config_of(field, **observation) | top)


def test_missing_section_is_not_taken_from_another_file(refused_by_snakemake):
    said = refused_by_snakemake({"output": "results"})
    assert "my.yaml: key 'observations' is missing; add it (or 'simulate'): what to measure" in said


@pytest.mark.parametrize("key", ["input", "catalog", "targets", "prf"])
@pytest.mark.parametrize("name", ["x" * 300, "x/" * 2500, "x" * 5000])
def test_names_that_are_too_long(refused, field, key, name):
    said = refused(config_of(field, **{key: name}))
    assert f"{name[:200]}" in said
    assert len(said) < 400 or ": no such f" in said


@pytest.mark.parametrize("key", ["output", "observations"])
def test_names_of_the_run_that_are_too_long(refused, field, key):
    said = refused(config_of(field, tmag_limit=14.0) | {key: "x" * 300})
    assert "x" * 200 in said
    assert "File name too long" in said or "no such f" in said


def without_settings(folder: Path) -> str:
    """Run Snakemake without any settings; make sure that it refuses in two lines of ours, and return them."""
    command = [word for word in snakemake_command(folder) if word not in ("--configfile", "my.yaml")]
    environment = snakemake_environment()
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    lines = [line for line in result.stderr.splitlines() if not line.startswith("Using workflow specific profile")]
    assert len(lines) <= 2, result.stderr
    return " ".join(lines)


def test_no_settings_at_all(tmp_path):
    said = without_settings(tmp_path)
    assert "config.yaml: no such file; give your settings: --configfile my.yaml" in said
    assert f"working directory, {tmp_path}" in said


def test_settings_that_are_the_example(tmp_path):
    shutil.copy(ROOT / "config.yaml", tmp_path)
    said = without_settings(tmp_path)
    assert "data/tesscut: no such file or folder; correct the key 'input'" in said
    assert f"(relative paths begin at the working directory, {tmp_path})" in said
    assert "The settings are those of config.yaml, an example, since no others were given" in said
    assert "snakemake --cores 2 --configfile my.yaml" in said


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("output: results\nobservations: [\n  - a: b\n", "config.yaml: is no YAML, line 3, column 3: "),
        ("output: results\n\tversion: 1\n", "config.yaml: is no YAML, line 2, column 1: "),
        ("output: \x07\n", "config.yaml: is no YAML (unacceptable character"),
    ],
)
def test_settings_that_are_no_yaml(tmp_path, text, message):
    (tmp_path / "config.yaml").write_text(text)
    assert message in without_settings(tmp_path)


def test_a_key_that_is_there_twice(snakemake, tmp_path):
    (tmp_path / "my.yaml").write_text("output: results\noutput: others\nobservations: table.csv\n")
    result = snakemake(tmp_path)
    assert result.returncode == 1
    assert "my.yaml: key 'output' is there twice, in lines 1 and 2; keep one" in result.stdout
    assert "Traceback" not in result.stdout


def test_aliases_without_end(snakemake, tmp_path):
    lines = [f"- &a{k} [{', '.join([f'*a{k - 1}' if k else 'x'] * 10)}]" for k in range(12)]
    (tmp_path / "my.yaml").write_text("\n".join(["output: results", "observations:", *lines, ""]))
    result = snakemake(tmp_path)
    assert result.returncode == 1
    assert "my.yaml: has more than 300000 values or 20 levels" in result.stdout


@pytest.mark.parametrize("name", ["pixels.fits", "targets.csv", "prf"])
def test_inputs_of_the_future(refused, mine, name):
    (mine / "targets.csv").write_text("starid\n900000001\n")
    path = next((mine / "prf").iterdir()) if name == "prf" else mine / name
    os.utime(path, (2e9, 2e9))
    said = refused(config_of(mine, targets=str(mine / "targets.csv"), prf=str(mine / "prf")))
    assert f"{path}: is dated 2033-05-1" in said
    assert "in the future: products would count as older than it; touch the file" in said


def test_a_plan_that_is_a_folder(field, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (name,) = plan_run(config_of(field), "my.yaml", SOURCES).regions
    for path in (tmp_path / f"results/plan/stars_{name}.hdf5", tmp_path / "results/plan/stars.json"):
        path.unlink()
        path.mkdir()
        with pytest.raises(
            OutputError, match=rf"{path.name}: cannot be written \(Is a directory\); a file or folder of"
        ):
            plan_run(config_of(field), "my.yaml", SOURCES)
        path.rmdir()
    shutil.rmtree(tmp_path / "results/plan")
    (tmp_path / "results/plan").write_text("")
    with pytest.raises(OutputError, match=r"results/plan: cannot be written \((Not a directory|File exists)\)"):
        plan_run(config_of(field), "my.yaml", SOURCES)


def test_two_runs_with_one_output(field, tmp_path, snakemake):
    config = config_of(field) | {"output": str(tmp_path / "results")}
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    with hold_output(tmp_path / "results"):
        planned = snakemake(second, "--dry-run", config=config)
        assert planned.returncode == 1
        assert f"another run is at work in {tmp_path / 'results'} (process {os.getpid()} on" in planned.stdout
        assert not (tmp_path / "results/plan").exists()
    assert snakemake(first, "--dry-run", config=config).returncode == 0
    with hold_output(tmp_path / "results"):
        assert snakemake(second, "--dry-run", config=config).returncode == 0
        started = snakemake(second, config=config)
        assert started.returncode == 1
        assert f"another run is at work in {tmp_path / 'results'} (process {os.getpid()} on" in started.stdout
        assert not (tmp_path / "results/prepared").exists()


def test_a_run_holds_its_output_as_long_as_it_lasts(field, tmp_path):
    command = snakemake_command(tmp_path, config_of(field))
    with (
        open(tmp_path / "said", "w") as said,
        subprocess.Popen(command, cwd=tmp_path, env=snakemake_environment(), stdout=said, stderr=said) as run,
    ):
        try:
            for _ in range(1200):
                if list((tmp_path / "results/logs").glob("images/*.log")) or run.poll() is not None:
                    break
                time.sleep(0.1)
            assert run.poll() is None, (tmp_path / "said").read_text()
            words = rf"another run is at work in .*results \(process {run.pid} on .*, started in {tmp_path}\)"
            with pytest.raises(ConfigError, match=words):
                hold_output(tmp_path / "results")
        finally:
            run.kill()
            run.wait()
    hold_output(tmp_path / "results").close()
