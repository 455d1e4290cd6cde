"""What jobs on other machines know of a run."""

from dataclasses import replace

import pytest

from photometry.core.errors import ConfigError, InputFileError
from photometry.workflow.kept_plan import GivenFiles, check_storable, keep_plan, read_kept_plan, storage_name
from photometry.workflow.plan import PlannedRegion
from photometry.workflow.run_plan import RunPlan

RUN = RunPlan({"output": "results", "trends": "none"}, "results/plan", {}, (), {}, {}, {}, {})


def with_prf(prf: str) -> RunPlan:
    return replace(RUN, regions={"one": PlannedRegion(None, {"prf": prf}, {})})


def test_a_plan_that_is_kept_is_the_plan_without_files_that_no_job_reads(tmp_path):
    files = {"one": GivenFiles(("prf/a.fits",), (), "")}
    keep_plan(tmp_path / "plan.pickle", replace(RUN, unusable=(InputFileError("a.fits", "is empty"),)), files)
    kept = read_kept_plan(tmp_path / "plan.pickle")
    assert (kept.run, kept.files) == (RUN, files)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("data/pixels.fits", "here/data/pixels.fits"),
        ("../data/./pixels.fits", "here/up/data/pixels.fits"),
        ("/data/pixels.fits", "root/data/pixels.fits"),
    ],
)
def test_names_in_a_storage(path, name):
    assert storage_name(path) == name


@pytest.mark.parametrize("output", ["/results", "../results"])
def test_products_are_stored_below_the_folder_of_the_run(output):
    check_storable(RUN)
    with pytest.raises(ConfigError, match="give a folder below the one that the run is in"):
        check_storable(replace(RUN, settings=RUN.settings | {"output": output}))


def test_downloaded_prf_files_are_refused():
    check_storable(with_prf("model"))
    with pytest.raises(ConfigError, match=r"then give prf: results/downloads/prf"):
        check_storable(with_prf("mast"))


def test_given_trends_are_refused():
    check_storable(replace(RUN, settings=RUN.settings | {"trends": "learn"}))
    with pytest.raises(ConfigError, match="give trends: learn or none"):
        check_storable(replace(RUN, settings=RUN.settings | {"trends": "mine.fits"}))
