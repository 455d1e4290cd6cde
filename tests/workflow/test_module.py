"""The workflow as a module of another one: its rules, paths and settings are where that one puts them."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from running import ROOT, Run, config_of, copy_workflow, planned_jobs

pytestmark = pytest.mark.workflow

SETTINGS = config_of(Path("field"), tmag_limit=11.0) | {"plots": False}
NOTHING = "Nothing to be done (all requested files are present and up to date)."
#: The other workflow: the rules by another name, one of them changed, and one of its own that reads the summary.
SNAKEFILE = """
rule rows:
    input:
        "{summary}",
    output:
        "rows.txt",
    shell:
        "wc -l < {{input}} > {{output}}"


module tess_psf:
    snakefile:
        {snakefile}
    config:
        config["tess_psf"]
    {more}


use rule * from tess_psf as tess_*


use rule summary from tess_psf as tess_summary with:
    priority: 7


onstart:
    tess_psf.onstart()


onsuccess:
    tess_psf.onsuccess()
"""


def importing(folder: Path, snakefile: str, more: str = "", summary: str = "results/summary_v01.ecsv") -> Path:
    """Write the other workflow, which has our profile; return its folder."""
    (folder / "workflow").mkdir(exist_ok=True)
    shutil.copytree(ROOT / "profiles/default", folder / "profiles/default", dirs_exist_ok=True)
    text = SNAKEFILE.format(snakefile=snakefile, more=more, summary=summary)
    (folder / "workflow/Snakefile").write_text(text)
    return folder / "workflow"


@pytest.fixture
def on_github(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> str:
    """The workflow on GitHub, which for git is a folder on this machine."""
    folder = copy_workflow(tmp_path_factory.mktemp("clone") / "tess-psf")
    commit = ["-c", "user.name=me", "-c", "user.email=me@here", "commit", "-q", "-m", "all"]
    for words in (["init", "-q"], ["add", "."], commit, ["tag", "v0"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.file://{folder}.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "https://github.com/me/tess-psf")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    return 'github("me/tess-psf", path="workflow/Snakefile", tag="v0")'


@pytest.mark.slow
def test_a_rule_of_another_workflow_reads_the_summary(snakemake: Run, field: Path, on_github: str, tmp_path: Path):
    """Below a prefix; fetched from GitHub, the same code has nothing to do."""
    shutil.copytree(field, tmp_path / "psf/field")
    prefixed = {"more": 'prefix: "psf"', "summary": "psf/results/summary_v01.ecsv"}
    root = importing(tmp_path, f'"{ROOT / "Snakefile"}"', **prefixed)
    config = {"tess_psf": SETTINGS}
    result = snakemake(tmp_path, "rows.txt", "tess_all", "--rerun-incomplete", config=config, root=root)
    assert result.returncode == 0, result.stdout
    assert int((tmp_path / "rows.txt").read_text()) > 10
    assert " targets: " in result.stdout
    assert ", summary psf/results/summary_v01.ecsv" in result.stdout
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {"psf", "profiles", "workflow", ".snakemake"}
    curves = list((tmp_path / "psf/results/lightcurves").rglob("*_lc.fits"))
    assert curves
    again = snakemake(tmp_path, "rows.txt", "tess_all", "--dry-run", root=root)
    assert NOTHING in again.stdout
    importing(tmp_path, on_github, **prefixed)
    fetched = snakemake(tmp_path, "rows.txt", "tess_all", "--dry-run", root=root)
    assert NOTHING in fetched.stdout
    curves[0].unlink()
    lost = snakemake(tmp_path, "tess_all", "--dry-run", root=root)
    assert {"tess_export_light_curves", "tess_summary"} <= set(planned_jobs(lost.stdout))


@pytest.mark.parametrize(
    ("more", "output"),
    [("", "results"), ('replace_prefix: {"results/": "psf/"}', "psf"), ('prefix: "psf"', "psf/results")],
)
def test_paths_are_where_the_other_workflow_puts_them(snakemake: Run, field: Path, tmp_path: Path, more, output):
    shutil.copytree(field, tmp_path / ("psf/field" if output == "psf/results" else "field"))
    root = importing(tmp_path, f'"{ROOT / "Snakefile"}"', more, f"{output}/summary_v01.ecsv")
    result = snakemake(tmp_path, "rows.txt", "--dry-run", config={"tess_psf": SETTINGS}, root=root)
    assert result.returncode == 0, result.stdout
    jobs = planned_jobs(result.stdout)
    assert jobs["rows"] == jobs["tess_summary"] == jobs["tess_images"] == 1
    assert "    priority: 7\n" in result.stdout
    assert (tmp_path / output / "plan").is_dir()
    assert f"    output: {output}/summary_v01.ecsv\n" in result.stdout


def test_a_deployed_workflow_has_the_settings_of_its_folder(snakemake: Run, field: Path, tmp_path: Path):
    """The layout that snakedeploy writes: the settings are the whole configuration, rules keep their names."""
    root = tmp_path / "workflow"
    root.mkdir()
    (root / "Snakefile").write_text(
        'configfile: "config/config.yaml"\n\n\n'
        f'module tess_psf:\n    snakefile:\n        "{ROOT / "Snakefile"}"\n    config:\n        config\n\n\n'
        "use rule * from tess_psf\n"
    )
    (tmp_path / "config").mkdir()
    shutil.copy(ROOT / "config.yaml", tmp_path / "config")
    result = snakemake(tmp_path, "--dry-run", config=config_of(field), root=root)
    assert result.returncode == 0, result.stdout
    assert planned_jobs(result.stdout)["plots"] == 1


def test_the_example_of_the_documents_plans_its_own_rule(snakemake: Run, field: Path, tmp_path: Path):
    example = re.findall(r"^```python\n(.*?)^```$", (ROOT / "docs/in_your_workflow.md").read_text(), re.M | re.S)
    assert len(example) == 2
    (tmp_path / "scripts").mkdir()
    (tmp_path / "Snakefile").write_text("\n\n".join(example))
    (tmp_path / "scripts/periods.py").write_text("")
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"tess_psf": config_of(field)}))
    result = snakemake(tmp_path, "--dry-run", config={}, root=tmp_path)
    assert result.returncode == 0, result.stdout
    jobs = planned_jobs(result.stdout)
    assert jobs["periods"] == jobs["tess_summary"] == jobs["all"] == 1
    assert "tess_all" not in jobs


@pytest.mark.parametrize(
    ("config", "more", "message"),
    [
        (SETTINGS | {"verion": 2}, "", "config of module tess_psf: key 'verion' is not known; did you mean 'version'?"),
        (SETTINGS, "", "field/pixels.fits: no such file or folder; correct the key 'input'"),
        ({}, "", "config of module tess_psf: key 'output' is missing; add it: folder of all products"),
    ],
)
def test_messages_name_the_module(snakemake: Run, tmp_path: Path, config, more, message):
    result = snakemake(tmp_path, config={"tess_psf": config}, root=importing(tmp_path, f'"{ROOT / "Snakefile"}"', more))
    assert result.returncode == 1
    assert message in result.stdout
    assert "Traceback" not in result.stdout


def test_path_variables_are_refused(snakemake: Run, field: Path, tmp_path: Path):
    shutil.copytree(field, tmp_path / "field")
    root = importing(tmp_path, f'"{ROOT / "Snakefile"}"', 'pathvars:\n        results="other"')
    result = snakemake(tmp_path, "--dry-run", config={"tess_psf": SETTINGS}, root=root)
    assert result.returncode == 1
    assert "pathvars put the results into other; leave them out, and give output: other" in result.stdout
