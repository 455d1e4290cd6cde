"""Full-frame images of a CCD from the public bucket: listed, fetched, resumed, checked."""

import re

import pytest
from archive_bucket import Bucket
from archive_stand_in import StandIn
from ffi_builder import FfiBuilder

from photometry.archive.fetch_frames import fetch_frames, list_frames, main
from photometry.archive.service import conf
from photometry.core.errors import ArchiveError, ConfigError
from photometry.workflow.config import checked_config
from photometry.workflow.config_schema import config_schema
from photometry.workflow.fetching import Fetching, NotFetchedYet
from photometry.workflow.mast_observations import with_fetched, with_sources

ROOT = "/stpubdata/tess"


@pytest.fixture
def frames(tmp_path):
    """Frames of two days and two CCDs in the folders of the bucket; those of camera 1, CCD 4."""
    for ccd in (4, 3):
        for number in (0, 1, 2, 50, 51):
            builder = FfiBuilder(tmp_path / "here", ccd=ccd)
            day = builder.path(number).name[8:11]
            builder.folder = tmp_path / "bucket" / "tess/public/ffi/s0001/2018" / day / f"1-{ccd}"
            builder.write(number)
            (builder.folder / builder.path(number).name.replace("ffic", "ffir")).write_bytes(b"raw")
    return sorted((tmp_path / "bucket").rglob("*-1-4-*_ffic.fits"), key=lambda path: path.name)


@pytest.fixture
def server(frames, tmp_path):
    with (
        StandIn() as server,
        conf.set_temp("bucket_url", f"{server.url}/stpubdata"),
        conf.set_temp("retry_s", 0.001),
        conf.set_temp("answer_s", 0.5),
    ):
        server.silence_s = 1.0
        server.bucket = Bucket(tmp_path / "bucket", page=2)
        server.bucket.add_to(server)
        assert len(frames) == 5
        yield server


def fetch(tmp_path, **more):
    return fetch_frames(1, 1, 4, tmp_path / "ffi", **more)


def same(found, wanted):
    return [path.read_bytes() for path in found] == [path.read_bytes() for path in wanted]


@pytest.mark.usefixtures("server")
def test_frames_of_one_ccd_by_time(frames):
    files = list_frames(1, 1, 4)
    assert [file.name for file in files] == [path.name for path in frames]
    assert {file.size for file in files} == {frames[0].stat().st_size}


def test_they_are_fetched_once(server, frames, tmp_path):
    found = fetch(tmp_path)
    assert same(found, frames)
    assert {path.name for path in (tmp_path / "ffi").iterdir()} == {
        *(path.name for path in frames), "frames_sector001_camera1_ccd4.json"
    }  # fmt: skip
    n_request = len(server.requests)
    assert fetch(tmp_path) == found
    assert len(server.requests) == n_request
    found[1].unlink()
    assert same(fetch(tmp_path), frames)
    assert len(server.requests) == n_request + 1
    fetch(tmp_path, refresh=True)
    assert len(server.requests) > n_request + 1


def test_a_frame_goes_on_where_it_ended(server, frames, tmp_path, monkeypatch):
    monkeypatch.setattr("photometry.archive.bucket_files._CHUNK", 20_000)
    server.faults += [(ROOT, "cut")]
    with conf.set_temp("n_retry", 0), pytest.raises(ArchiveError, match=r"MAST's bucket was asked for tess\d+.*fits: "):
        fetch(tmp_path)
    (part,) = (tmp_path / "ffi").glob("*.part")
    there = part.stat().st_size
    assert there > 0
    assert same(fetch(tmp_path), frames)
    ranges = [request.headers["range"] for request in server.requests if "range" in request.headers]
    assert ranges == [f"bytes={there}-"]
    assert not list((tmp_path / "ffi").glob("*.part"))


def test_a_server_that_begins_again(server, frames, tmp_path):
    server.faults += [(ROOT, "cut")]
    server.bucket.ignores_range = True
    assert same(fetch(tmp_path), frames)


@pytest.mark.parametrize("fault", ["busy", "gone", "html", "cut", "empty", "silent"])
@pytest.mark.parametrize("path", [ROOT, "/stpubdata"])
def test_the_next_try_mends_faults(server, frames, tmp_path, fault, path):
    server.faults += [(path, fault), (path, fault)]
    assert same(fetch(tmp_path), frames)
    assert not server.faults


def test_messages(server, tmp_path):
    server.faults += [("/stpubdata", "html")] * 5
    message = "MAST's bucket was asked for a list of tess/public/ffi/s0001/: the answer is no list"
    with conf.set_temp("n_retry", 1), pytest.raises(ArchiveError, match=message):
        fetch(tmp_path)
    server.faults.clear()
    with pytest.raises(
        ArchiveError, match=r"no full-frame image of sector 1, camera 2, CCD 4 below tess/public/ffi/s0001/"
    ):
        fetch_frames(1, 2, 4, tmp_path / "ffi")
    with pytest.raises(ArchiveError, match=r"5 frames have 0.0 GB, more than the 0.0 GB that are allowed; .*--most-gb"):
        fetch(tmp_path, most_gb=1e-6)


def test_a_frame_that_is_damaged_on_its_way_comes_again(server, frames, tmp_path):
    """One that is damaged in the archive, too, is kept: the workflow flags it."""
    good = frames[2].read_bytes()
    bad = bytearray(good)
    bad[20_000] ^= 1
    answers = [bytes(bad)]

    answer = server.bucket.answer

    def damaging(request):
        reply = answer(request)
        if request.path.endswith(frames[2].name) and answers:
            reply.content = answers.pop()
        return reply

    server.routes["/stpubdata"] = damaging
    assert same(fetch(tmp_path), frames)
    assert not answers
    frames[2].write_bytes(bytes(bad))
    (tmp_path / "ffi" / frames[2].name).unlink()
    assert same(fetch(tmp_path), frames)


@pytest.mark.usefixtures("server")
def test_the_command(frames, tmp_path, capsys):
    command = ["--sector", "1", "--camera", "1", "--ccd", "4", "--folder", str(tmp_path / "ffi")]
    assert main(command) == 0
    said = capsys.readouterr()
    assert said.out == f"{len(frames)} frames are in {tmp_path / 'ffi'}\n"
    assert re.search(r"frames: 100%", said.err)
    assert main([*command, "--most-gb", "0"]) == 1
    assert capsys.readouterr().err.startswith("Error: 5 frames have")


def settings_of(tmp_path, **more):
    observation = {"datasource": "ffi", "input": "mast", "prf": "model", "sectors": [1], "camera": 1, "ccd": 4}
    given = {"output": str(tmp_path / "out"), "observations": [observation | more]}
    return checked_config(with_sources(given), config_schema(), "my.yaml")


def test_an_observation_of_full_frame_images(server, frames, tmp_path):
    settings = settings_of(tmp_path, targets=[7, 5])
    with pytest.raises(NotFetchedYet, match=r"sector 1, camera 1, CCD 4: 5 full-frame images, 0\.\d+ GB, to be"):
        with_fetched(settings, Fetching(dry=True))
    (observation,) = with_fetched(settings, Fetching())["observations"]
    folder = tmp_path / "out/downloads/ffi/s0001-1-4"
    assert observation["input"] == str(folder)
    assert same(sorted(folder.glob("*.fits")), frames)
    assert (observation["catalog"], observation["asked_for"]) == ("mast", [5, 7])
    asked = len(server.requests)
    assert with_fetched(settings, Fetching(allowed=False))["observations"] == [observation]
    assert with_fetched(settings, Fetching())["observations"] == [observation]
    assert len(server.requests) == asked
    with_fetched(settings | {"refresh": True}, Fetching())
    assert len(server.requests) > asked


@pytest.mark.usefixtures("server")
def test_an_observation_that_does_not_fit(tmp_path):
    with pytest.raises(ArchiveError, match=r"more than the 0.0 GB that are allowed"):
        with_fetched(settings_of(tmp_path, most_gb=0.001), Fetching())
    with pytest.raises(ConfigError, match=r"sector 1, camera 1, CCD 4 in .* are gone; start the run again"):
        with_fetched(settings_of(tmp_path), Fetching(allowed=False))
