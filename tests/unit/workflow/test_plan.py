from pathlib import Path

import pytest

from photometry.core.cube import Exposure, Pointing
from photometry.core.errors import ConfigError, InputFileError
from photometry.core.geometry import Stamp
from photometry.core.times import NO_OFFSET
from photometry.io.pixels.pixel_file import PixelFile
from photometry.workflow import plan
from photometry.workflow.plan import PlannedRegion, all_overlaps, plan_regions


def pixel_file(name: str, stamp: Stamp, ccd: int = 2, cadence_s: int = 1800) -> PixelFile:
    exposure = Exposure(cadence_s, 1.98 * 720, 720, (5.0,) * 4, (10.0,) * 4)
    pointing = Pointing("tesscut", 1, 4, ccd, 1, "", 0, 84.0, -78.0)
    return PixelFile(Path(f"{name}.fits"), name, pointing, exposure, stamp, 10, "", NO_OFFSET, 0.0, stamp, "header")


@pytest.fixture
def files(monkeypatch) -> dict[str, list[PixelFile]]:
    found: dict[str, list[PixelFile]] = {}
    problems = [InputFileError("bad.fits", "is truncated")]
    monkeypatch.setattr(
        plan, "inspect_usable_files", lambda path, datasource, *_: (found[f"{datasource}:{path}"], problems)
    )
    return found


def test_regions_of_all_observations_with_their_tiles(files):
    files["tesscut:a"] = [pixel_file("one", Stamp(0, 20, 44, 64)), pixel_file("two", Stamp(100, 110, 44, 54))]
    files["tpf:b"] = [pixel_file("three", Stamp(0, 11, 44, 55))]
    observations = [{"datasource": "tesscut", "input": "a"}, {"datasource": "tpf", "input": "b"}]
    regions, unusable = plan_regions(observations, tile_size=10, tile_margin=8)
    assert [error.problem for error in unusable] == ["is truncated", "is truncated"]
    assert list(regions) == ["one", "two", "three"]
    assert [len(region.tiles) for region in regions.values()] == [4, 1, 4]
    assert regions["three"].observation is observations[1]
    assert regions["one"].detector == (1, 4, 2, 1800)


def test_an_observation_of_unusable_files_alone_does_not_stop_others(files):
    files["tesscut:a"], files["tpf:b"] = [], [pixel_file("three", Stamp(0, 11, 44, 55))]
    observations = [{"datasource": "tesscut", "input": "a"}, {"datasource": "tpf", "input": "b"}]
    regions, unusable = plan_regions(observations, tile_size=10, tile_margin=8)
    assert list(regions) == ["three"]
    assert len(unusable) == 2
    with pytest.raises(InputFileError, match=r"bad.fits: is truncated"):
        plan_regions(observations[:1], tile_size=10, tile_margin=8)


def test_same_region_in_two_observations(files):
    files["tesscut:a"] = [pixel_file("one", Stamp(0, 20, 44, 64))]
    observation = {"datasource": "tesscut", "input": "a"}
    with pytest.raises(ConfigError, match=r"observations: one.fits and one.fits are the same region \(one\)"):
        plan_regions([observation, observation], 64, 8)


@pytest.mark.parametrize(
    ("other", "shares"),
    [
        (pixel_file("other", Stamp(19, 30, 63, 70)), True),
        (pixel_file("other", Stamp(20, 30, 44, 64)), False),
        (pixel_file("other", Stamp(0, 20, 64, 70)), False),
        (pixel_file("other", Stamp(0, 20, 44, 64), ccd=3), False),
        (pixel_file("other", Stamp(0, 20, 44, 64), cadence_s=120), False),
    ],
    ids=["corner", "beside in rows", "beside in columns", "another CCD", "another cadence"],
)
def test_overlap(other, shares):
    region = PlannedRegion(pixel_file("one", Stamp(0, 20, 44, 64)), {}, {})
    regions = {"one": region, "other": PlannedRegion(other, {}, {})}
    assert all_overlaps(regions)[region.name] == (["other"] if shares else [])
