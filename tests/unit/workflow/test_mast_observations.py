"""Observations that come from MAST: what the command line and the settings say, and what becomes of it."""

from pathlib import Path

import pytest

from photometry.archive import fields
from photometry.archive.kept_fields import Field, Star
from photometry.archive.seen_by import SeenBy
from photometry.core.errors import ArchiveError, ConfigError, NotAtArchiveError
from photometry.workflow import mast_observations
from photometry.workflow.config import checked_config
from photometry.workflow.config_schema import config_schema
from photometry.workflow.fetching import Fetching, NotFetchedYet
from photometry.workflow.mast_observations import with_fetched, with_sources
from photometry.workflow.observation_table import with_observation_table
from photometry.workflow.star_command import with_command


def complete(config):
    return checked_config(with_sources(config), config_schema(), "my.yaml")


def from_command(**given):
    return complete(with_command(given, settings_given=False))


@pytest.mark.parametrize(
    ("given", "stars"),
    [
        (307210830, [307210830]),
        ("307210830", [307210830]),
        ("TIC 307210830", [307210830]),
        ("307210830,25155310", [307210830, 25155310]),
        ("TIC 307210830, tic25155310", [307210830, 25155310]),
        ([307210830, 25155310], [307210830, 25155310]),
    ],
)
def test_tic_numbers_as_one_writes_them(given, stars):
    (observation,) = from_command(tic=given)["observations"]
    assert observation["targets"] == stars
    assert (observation["datasource"], observation["input"]) == ("tesscut", "mast")
    assert (observation["catalog"], observation["prf"], observation["middle"]) == ("mast", "mast", "targets")


def test_a_table_of_tic_numbers(tmp_path):
    (tmp_path / "stars.csv").write_text("TIC\n7\n5\n")
    (observation,) = from_command(tic=str(tmp_path / "stars.csv"))["observations"]
    assert observation["targets"] == [5, 7]


@pytest.mark.parametrize(
    ("given", "sectors"), [("all", "all"), (4, [4]), ("1,4,8", [1, 4, 8]), ("1 4", [1, 4]), ([1, 4], [1, 4])]
)
def test_sectors_as_one_writes_them(given, sectors):
    assert from_command(tic=5, sectors=given)["observations"][0]["sectors"] == sectors


def test_every_star_on_the_cutouts():
    (observation,) = from_command(tic=5, targets="all")["observations"]
    assert (observation["middle"], observation["targets"]) == ([5], "all")
    (observation,) = from_command(coordinates="84.29 -80.47", cutout_size=32)["observations"]
    assert (observation["middle"], observation["targets"]) == ("84.29 -80.47", "all")
    assert observation["cutout_size"] == 32


def test_the_example_does_not_count_and_other_settings_do():
    example = {"output": "elsewhere", "observations": [{"input": "data/tesscut"}], "plots": False, "tic": 5}
    settings = complete(with_command(example, settings_given=False))
    assert (settings["output"], settings["plots"]) == ("elsewhere", False)
    assert [observation["targets"] for observation in settings["observations"]] == [[5]]
    assert with_command({"output": "x"}, settings_given=False) == {"output": "x"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"tic": "pi Men"}, "tic is 'pi Men'; give a TIC number, several with commas, or a table"),
        ({"tic": True}, "tic is 'True'"),
        ({"tic": 5, "coordinates": "1 2"}, "tic and coordinates are both given"),
        ({"sectors": "1"}, "sectors is given without tic or coordinates"),
        ({"tic": 5, "sectors": "first"}, "sectors is 'first'; give all, or numbers as in 1,4,8"),
        ({"tic": 0}, "0 cannot be used, expected at least 1"),
        ({"tic": 5, "cutout_size": 3}, "3 cannot be used, expected at least 11 .*pixels"),
        ({"coordinates": "05:37:09 -80:28:09"}, "cannot be used, expected one of these forms .*RA and Dec in deg"),
    ],
)
def test_messages_for_the_command_line(given, message):
    with pytest.raises(ConfigError, match=message):
        from_command(**given)


def test_a_file_of_settings_and_a_star_are_two_things():
    with pytest.raises(ConfigError, match=r"tic and coordinates are observations of their own"):
        with_command({"observations": [], "tic": 5}, settings_given=True)


@pytest.fixture
def archive(monkeypatch, tmp_path):
    """Fields that are there or can be fetched; what was fetched."""

    class Archive:
        there: set = set()  # noqa: RUF012
        fetched: list = []  # noqa: RUF012

    Archive.there, Archive.fetched = set(), []

    def field_of(folder: Path, wish) -> Field:
        place = folder / wish.name
        place.mkdir(parents=True, exist_ok=True)
        return Field((place / "one.fits", place / "two.fits"), place / "stars.ecsv")

    def fetch(folder, wish, *, refresh):
        if wish.starid == 405:
            raise NotAtArchiveError("TIC 405: no sector shows it")
        Archive.fetched.append((wish.name, refresh))
        return field_of(folder, wish)

    def kept(folder, wish):
        return field_of(folder, wish) if wish.name in Archive.there else None

    def star(_folder, wish):
        if wish.starid == 404:
            raise NotAtArchiveError("the TIC has no star 404; correct the number")
        return Star(100.0, float(wish.starid % 1000) / 3600, 15.52)

    monkeypatch.setattr(mast_observations, "kept_field", kept)
    monkeypatch.setattr(mast_observations, "kept_star", lambda folder, wish: kept(folder, wish) and star(folder, wish))
    monkeypatch.setattr(fields, "find_star", star)
    monkeypatch.setattr(fields, "planned_sectors", lambda _folder, _wish: ([], [SeenBy(1, 4, 2), SeenBy(4, 4, 3)]))
    monkeypatch.setattr(fields, "fetch_field", fetch)
    monkeypatch.chdir(tmp_path)
    return Archive


def test_an_observation_for_every_file(archive):
    settings = with_fetched(from_command(tic="5,70"), Fetching())
    assert archive.fetched == [("tic00000000005_64x64", False), ("tic00000000070_64x64", False)]
    observations = settings["observations"]
    assert len(observations) == 4
    first = observations[0]
    assert first["input"] == "results/downloads/tesscut/tic00000000005_64x64/one.fits"
    assert first["catalog"].endswith("tic00000000005_64x64/stars.ecsv")
    assert first["prf"] == "mast"
    assert Path(first["targets"]).read_text() == "starid\n5\n"
    assert [one["asked_for"] for one in observations] == [[5], [5], [70], [70]]
    assert first["tmag_limit"] == 15.6


def test_all_stars_of_a_field(archive):
    (first, _) = with_fetched(from_command(tic=5, targets="all"), Fetching())["observations"]
    assert (first["targets"], first["tmag_limit"], first["asked_for"]) == ("all", 15.0, [5])
    (first, _) = with_fetched(from_command(coordinates="84.29, -80.47"), Fetching())["observations"]
    assert (first["targets"], first["asked_for"]) == ("all", [])
    assert archive.fetched[-1][0] == "ra084.29000_dec-80.47000_64x64"


def test_a_star_table_and_a_prf_of_ones_own(archive):
    observation = {"datasource": "tesscut", "input": "mast", "targets": [5], "catalog": "my.csv", "prf": "model"}
    (first, _) = with_fetched(complete({"output": "out", "observations": [observation]}), Fetching())["observations"]
    assert (first["catalog"], first["prf"]) == ("my.csv", "model")
    assert first["input"].startswith("out/downloads")
    assert archive.fetched


def test_a_dry_run_fetches_nothing_and_says_what_would_be(archive):
    with pytest.raises(
        NotFetchedYet, match=r"TIC 5: 2 cutouts of 64x64 pixels to be fetched, of sector 1 \(camera 4, CCD 2\)"
    ):
        with_fetched(from_command(tic=5), Fetching(dry=True))
    assert not archive.fetched
    archive.there = {"tic00000000005_64x64"}
    assert len(with_fetched(from_command(tic=5), Fetching(dry=True))["observations"]) == 2


def test_jobs_fetch_nothing(archive):
    archive.there = {"tic00000000005_64x64"}
    assert with_fetched(from_command(tic=5), Fetching(allowed=False))["observations"]
    with pytest.raises(ConfigError, match=r"TIC 7: its files in .* are gone; start the run again"):
        with_fetched(from_command(tic=7), Fetching(allowed=False))
    assert not archive.fetched


def test_refresh_asks_again(archive):
    archive.there = {"tic00000000005_64x64"}
    with_fetched(from_command(tic=5, refresh=True), Fetching())
    assert archive.fetched == [("tic00000000005_64x64", True)]


def test_what_the_archive_does_not_have_is_named_when_the_others_are_there(archive):
    with pytest.raises(
        ArchiveError, match=r"^the TIC has no star 404; correct the number\nTIC 405: no sector shows it$"
    ):
        with_fetched(from_command(tic="404,5,405"), Fetching())
    assert [name for name, _ in archive.fetched] == ["tic00000000005_64x64"]


def test_stars_on_the_same_pixels_have_the_same_cutouts(archive):
    """20 arcsec are a pixel."""
    first, second = with_fetched(from_command(tic="5,25,205"), Fetching())["observations"][::2]
    assert [name for name, _ in archive.fetched] == ["tic00000000005_64x64", "tic00000000205_64x64"]
    assert Path(first["targets"]).read_text() == "starid\n5\n25\n"
    assert (first["asked_for"], second["asked_for"]) == ([5, 25], [205])
    assert len(with_fetched(from_command(tic="5,25", datasource="tpf"), Fetching())["observations"]) == 4


@pytest.mark.usefixtures("archive")
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"targets": "all"}, "input mast needs to know where"),
        ({"middle": "400 20"}, "'400 20' is no place in the sky; RA is 0 to 360"),
        ({"datasource": "ffi", "sectors": [1]}, r"full-frame images with input mast need sectors \(a list\), camera"),
        ({"datasource": "ffi", "camera": 1, "ccd": 4}, "need sectors"),
        ({"datasource": "tpf", "middle": "84 -80"}, "target pixel files belong to stars: give TIC numbers"),
    ],
)
def test_observations_that_cannot_be(changes, message):
    observation = {"datasource": "tesscut", "input": "mast", "targets": [5]} | changes
    with pytest.raises(ConfigError, match=message):
        with_fetched(complete({"output": "out", "observations": [observation]}), Fetching())


def test_numbers_as_targets_need_mast():
    observation = {"datasource": "tesscut", "input": "a", "catalog": "b", "prf": "model", "targets": [5]}
    with pytest.raises(ConfigError, match=r"targets are TIC numbers, which needs input: mast; give a table of them"):
        with_fetched(complete({"output": "out", "observations": [observation]}), Fetching())


def test_a_table_of_observations(tmp_path):
    (tmp_path / "table.csv").write_text("datasource,input,targets,sectors\ntesscut,mast,5 7,1\ntesscut,mast,9,\n")
    config = {"output": "out", "observations": str(tmp_path / "table.csv")}
    first, second = complete(with_observation_table(config, config_schema()))["observations"]
    assert (first["targets"], first["sectors"], first["catalog"]) == ([5, 7], [1], "mast")
    assert (second["targets"], second["sectors"]) == ([9], "all")
