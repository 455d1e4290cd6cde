"""Files from the public bucket: lists, downloads that go on, and target pixel files of a star."""

from pathlib import Path

import pytest
from archive_bucket import Bucket
from archive_fields import DEC, RA, SEEN, TMAG, Sky, sky_at, stars_of
from archive_stand_in import StandIn
from archive_tables import TableService

from photometry.archive.bucket_files import BucketFile, download_file, list_bucket
from photometry.archive.fields import fetch_field
from photometry.archive.kept_fields import FieldWish, kept_field
from photometry.core.errors import ArchiveError
from photometry.io.pixels.pixel_files import inspect_pixel_file
from photometry.simulate.scene_files import write_tpf

CONTENT = bytes(range(256)) * 4096


@pytest.fixture
def bucket(server, tmp_path) -> StandIn:
    for name in "vwxyz":
        write(tmp_path / "bucket/tess/public/a" / name, CONTENT)
    write(tmp_path / "bucket/tess/public/b/c", b"1")
    Bucket(tmp_path / "bucket", page=2).add_to(server)
    return server


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def v(size: int = len(CONTENT)) -> BucketFile:
    return BucketFile("tess/public/a/v", size)


def test_lists_page_by_page(bucket):
    folders, files = list_bucket("tess/public/a/")
    assert (folders, [file.name for file in files]) == ([], list("vwxyz"))
    assert {file.size for file in files} == {len(CONTENT)}
    assert len(bucket.requests) == 3
    assert list_bucket("tess/public/") == (["tess/public/a/", "tess/public/b/"], [])
    assert list_bucket("nothing/") == ([], [])


def test_a_file_goes_on_where_it_broke_off(bucket, tmp_path):
    bucket.faults = [("/stpubdata/tess/public/a/v", "cut")] * 2
    assert download_file(v(), tmp_path / "kept").read_bytes() == CONTENT
    ranges = [request.headers.get("range") for request in bucket.requests]
    assert ranges == [None, "bytes=524288-", "bytes=786432-"]
    assert [file.name for file in (tmp_path / "kept").iterdir()] == ["v"]


def test_a_part_of_an_earlier_run_is_kept(bucket, tmp_path):
    write(tmp_path / "kept/v.part", CONTENT[:1000])
    assert download_file(v(), tmp_path / "kept").read_bytes() == CONTENT
    assert bucket.requests[-1].headers["range"] == "bytes=1000-"


@pytest.mark.parametrize("fault", ["busy", "silent", "html", "empty"])
def test_faults(bucket, tmp_path, fault):
    bucket.faults = [("/stpubdata", fault)] * 20
    with pytest.raises(ArchiveError, match=r"MAST's bucket was asked for a list of tess/public/a/: .*; the same"):
        list_bucket("tess/public/a/")
    bucket.faults = [("/stpubdata", fault)] * 20
    with pytest.raises(ArchiveError, match=r"MAST's bucket was asked for v: .*; the same command goes on"):
        download_file(v(), tmp_path / "kept")
    assert not (tmp_path / "kept/v").exists()
    bucket.faults = [("/stpubdata", fault)]
    assert download_file(v(), tmp_path / "kept").read_bytes() == CONTENT


def test_a_file_that_is_not_there(bucket, tmp_path):
    with pytest.raises(ArchiveError, match="404"):
        download_file(BucketFile("tess/public/a/u", 10), tmp_path / "kept")
    assert len(bucket.requests) == 1


@pytest.fixture(scope="module")
def sky() -> Sky:
    """The field on 11x11 pixels, as target pixel files have."""
    return sky_at(RA, DEC, SEEN[:2], TMAG, size=11, n_cadence=30)


@pytest.fixture
def tpfs(server, sky, tmp_path) -> list[Path]:
    """Target pixel files of the star in two sectors, with other files of it, in the bucket."""
    groups = "/".join(f"{sky.starid:016d}"[start : start + 4] for start in range(0, 16, 4))
    found = []
    for (sector, _, _), scene in sky.scenes.items():
        folder = tmp_path / f"bucket/tess/public/tid/s{sector:04d}/{groups}"
        folder.mkdir(parents=True)
        for kind in ("s_tp", "s_lc", "a_fast-tp"):
            path = folder / f"tess2018206045859-s{sector:04d}-{sky.starid:016d}-0120-{kind}.fits"
            write_tpf(scene, path, sky.starid)
            found += [path] if kind == "s_tp" else []
    TableService(stars_of(sky)).add_to(server)
    Bucket(tmp_path / "bucket").add_to(server)
    return found


@pytest.mark.usefixtures("tpfs")
def test_target_pixel_files_of_a_star(server, sky, tmp_path):
    wish = FieldWish(sky.starid, None, None, 64, datasource="tpf")
    field = fetch_field(tmp_path, wish)
    found = [inspect_pixel_file(path, "tpf") for path in field.pixels]
    assert [(one.pointing.sector, one.pointing.starid) for one in found] == [(1, sky.starid), (4, sky.starid)]
    asked = len(server.requests)
    assert kept_field(tmp_path, wish) == fetch_field(tmp_path, wish) == field
    assert len(server.requests) == asked


def test_a_star_without_target_pixel_files(server, sky, tmp_path):
    TableService(stars_of(sky)).add_to(server)
    Bucket(tmp_path / "empty").add_to(server)
    with pytest.raises(ArchiveError, match=r"no sector shows it \(MAST has no target pixel files of it\)"):
        fetch_field(tmp_path, FieldWish(sky.starid, None, None, 64, datasource="tpf"))


def test_a_target_pixel_file_of_another_star(tpfs, sky, tmp_path):
    tpfs[1].write_bytes(tpfs[0].read_bytes())
    with pytest.raises(ArchiveError, match=rf"it shows TIC {sky.starid} in sector 1 .*1 came and are kept"):
        fetch_field(tmp_path, FieldWish(sky.starid, None, None, 64, datasource="tpf"))
