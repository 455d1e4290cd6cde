"""What Snakemake plans, how the workflow is written."""

import itertools
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from running import ROOT, SOURCES, config_of, planned_jobs

from photometry.core.errors import PhotometryError
from photometry.workflow.run_plan import plan_run

pytestmark = pytest.mark.workflow


def test_one_job_of_each_rule_for_a_small_region(snakemake, field, tmp_path):
    result = snakemake(tmp_path, "--dry-run", config=config_of(field))
    assert result.returncode == 0, result.stdout
    assert planned_jobs(result.stdout) == {
        "images": 1,
        "catalog": 1,
        "targets": 1,
        "movement_kernel": 1,
        "effective_prf": 1,
        "psf_photometry": 1,
        "export_light_curves": 1,
        "plots": 1,
        "page_data": 1,
        "page": 1,
        "summary": 1,
        "all": 1,
        "total": 12,
    }
    assert {path.name for path in (tmp_path / "results").iterdir()} == {"plan"}


def test_fit_and_figures_read_the_stars_that_the_table_lacks(snakemake, field, tmp_path):
    text = snakemake(tmp_path, "--dry-run", config=config_of(field)).stdout
    jobs = {job.split(":", 1)[0].split()[-1]: job for job in re.split(r"\n(?=\s*(?:rule|localrule) )", text)}
    inputs, outputs = (
        {name for name, job in jobs.items() if re.search(rf"{kind}: .*prepared/unlisted_stars_\S+\.ecsv", job)}
        for kind in ("input", "output")
    )
    assert inputs == {"psf_photometry", "plots", "page_data", "all"}
    assert outputs == {"effective_prf"}


@pytest.mark.parametrize("catalog", ["mast", "gaia"])
def test_tiles_and_downloads(snakemake, field, tmp_path, catalog):
    config = config_of(field, catalog=catalog, prf="mast") | {"fit": {"tile_size": 12}}
    jobs = planned_jobs(snakemake(tmp_path, "--dry-run", config=config).stdout)
    assert jobs["psf_photometry"] == jobs["export_light_curves"] == 4
    assert jobs["download_catalog"] == jobs["download_prf"] == jobs["stars"] == jobs["plots"] == jobs["page_data"] == 1
    assert jobs["total"] == 21


def test_simulated_scenes(snakemake, tmp_path):
    config = {"output": "results", "simulate": {"folder": "data", "scenes": {"one": {"seed": 1}, "two": {}}}}
    jobs = planned_jobs(snakemake(tmp_path, "--dry-run", config=config).stdout)
    assert jobs == {"simulate_scene": 2, "all": 1, "total": 3}


def test_simulated_ccds(snakemake, tmp_path):
    simulate = {"folder": "data", "scenes": {"one": {}}, "ccds": {"two": {"n_cadence": 60}, "three": {}}}
    jobs = planned_jobs(snakemake(tmp_path, "--dry-run", config={"output": "results", "simulate": simulate}).stdout)
    assert jobs == {"simulate_scene": 1, "simulate_ccd": 2, "all": 1, "total": 4}


def test_misspelt_scene_setting(tmp_path):
    simulate = {"folder": "data", "scenes": {"one": {"seeed": 1}}}
    with pytest.raises(PhotometryError, match="simulate, scenes, one: unknown scene setting seeed"):
        plan_run({"output": str(tmp_path / "results"), "simulate": simulate}, "my.yaml", SOURCES)


def test_lint(snakemake, field, tmp_path):
    result = snakemake(tmp_path, "--lint", config=config_of(field))
    assert result.returncode == 0, result.stdout
    assert "Congratulations" in result.stdout


def test_format():
    command = [sys.executable, "-m", "snakefmt", "--check", "Snakefile", "rules", "workflow"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_plots_can_be_left_out(field, snakemake, tmp_path):
    jobs = planned_jobs(snakemake(tmp_path, "--dry-run", config=config_of(field) | {"plots": False}).stdout)
    assert "plots" not in jobs
    assert jobs["summary"] == jobs["page"] == 1


def test_the_page_can_be_left_out(field, snakemake, tmp_path):
    jobs = planned_jobs(snakemake(tmp_path, "--dry-run", config=config_of(field) | {"report": False}).stdout)
    assert not {"page", "page_data"} & set(jobs)
    assert jobs["summary"] == jobs["plots"] == 1


@pytest.mark.parametrize("path", sorted((ROOT / "rules").glob("*.smk")), ids=lambda path: path.name)
def test_every_rule_has_its_docstring_log_benchmark_and_environment(path: Path):
    for rule in path.read_text().split("\nrule ")[1:]:
        assert rule.split(":\n", 1)[1].lstrip().startswith('"""'), rule
        if "script:" in rule:
            # prune makes nothing.
            made = () if rule.startswith("prune:") else ("output:",)
            for directive in (*made, "log:", "benchmark:", "conda:", "resources:"):
                assert f"    {directive}\n" in rule, f"{directive} {rule}"


def rules_with_scripts() -> dict[str, tuple[str, str]]:
    """Text and script of every rule that has a script."""
    texts = [text for path in (ROOT / "rules").glob("*.smk") for text in path.read_text().split("\nrule ")[1:]]
    return {
        text.split(":", 1)[0]: (text, (ROOT / "rules" / match[1]).read_text())
        for text in texts
        if (match := re.search(r'script:\n +"([^"]+)"', text))
    }


@pytest.mark.parametrize(("text", "script"), rules_with_scripts().values(), ids=rules_with_scripts())
def test_parameters_are_read_by_the_script_or_say_that_they_re_run_the_rule(text, script):
    block = re.search(r"^    params:\n((?:        .*\n)+)", text, re.MULTILINE)
    given = set(re.findall(r"^        (\w+)=", block[1], re.MULTILINE)) if block else set()
    read = set(re.findall(r"snakemake\.params\.(\w+)", script))
    assert {name for name in given if not name.startswith("rerun_on_")} == read


@pytest.mark.parametrize("name", ["default", "slurm", "kubernetes", "aws-batch"])
def test_profile_gives_a_reason_for_each_line(name):
    lines = (ROOT / f"profiles/{name}/profile.yaml").read_text().splitlines()
    settings = [line for line in lines if not line.startswith("  ")]
    for before, line in itertools.pairwise(settings):
        assert line.startswith("#") or not line or before.startswith("#"), line


def test_profiles_agree_where_they_must():
    default, *others = (
        yaml.safe_load((ROOT / f"profiles/{name}/profile.yaml").read_text())
        for name in ("default", "slurm", "kubernetes", "aws-batch")
    )
    for name in ("max-checksum-file-size", "rerun-incomplete", "rerun-triggers", "keep-going", "scheduler"):
        assert [other[name] for other in others] == 3 * [default[name]], name


def test_every_group_of_a_cluster_has_its_number_in_the_profile():
    text = "".join(path.read_text() for path in (ROOT / "rules").glob("*.smk"))
    groups = set(re.findall(r'group_of\("(\w+)"\)', text)) | {"region"}
    slurm = yaml.safe_load((ROOT / "profiles/slurm/profile.yaml").read_text())
    # Blocks of frames of a CCD with many are alike; what is before, between and after them is one job each.
    blocks, alone = {"backgrounds", "pixels"}, {"cube", "smooth", "whole", "motion"}
    assert groups > blocks | alone
    assert {item.split("=")[0] for item in slurm["group-components"]} == groups - blocks - alone | {"block"}
