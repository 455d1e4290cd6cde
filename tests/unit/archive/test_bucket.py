"""Files from the public bucket: lists, downloads that go on, and target pixel files of a star."""

import pytest
from archive_bucket import add_bucket
from archive_fields import DEC, RA, SEEN, TMAG, Sky, sky_at, stars_of
from archive_stand_in import StandIn
from archive_tables import TableService

from photometry.archive.bucket import fetch_object, objects_below
from photometry.archive.fields import fetch_field
from photometry.archive.kept_fields import FieldWish, kept_field
from photometry.core.errors import ArchiveError
from photometry.io.pixels.pixel_files import inspect_pixel_file
from photometry.simulate.scene_files import write_tpf

CONTENT = bytes(range(256)) * 4096


@pytest.fixture
def bucket(server) -> StandIn:
    add_bucket(server, {f"tess/public/a/{name}": CONTENT for name in "vwxyz"} | {"tess/other": b"1"}, keys_at_once=2)
    return server


def test_lists_page_by_page(bucket):
    assert objects_below("tess/public/a/") == {f"tess/public/a/{name}": len(CONTENT) for name in "vwxyz"}
    assert len(bucket.requests) == 3
    assert objects_below("nothing/") == {}


def test_a_file_goes_on_where_it_broke_off(bucket, tmp_path):
    bucket.faults = [("/stpubdata/tess/public/a/v", "cut")] * 2
    path = fetch_object("tess/public/a/v", tmp_path / "v", len(CONTENT))
    assert path.read_bytes() == CONTENT
    ranges = [request.headers.get("range") for request in bucket.requests]
    assert ranges == [None, "bytes=524288-", "bytes=786432-"]
    assert [file.name for file in tmp_path.iterdir()] == ["v"]


def test_a_part_of_an_earlier_run_is_kept(bucket, tmp_path):
    (tmp_path / ".v.part").write_bytes(CONTENT[:1000])
    assert fetch_object("tess/public/a/v", tmp_path / "v", len(CONTENT)).read_bytes() == CONTENT
    assert bucket.requests[-1].headers["range"] == "bytes=1000-"


@pytest.mark.parametrize("fault", ["busy", "silent", "html", "empty"])
def test_faults(bucket, tmp_path, fault):
    bucket.faults = [("/stpubdata", fault)] * 20
    with pytest.raises(ArchiveError, match=r"MAST's bucket was asked for tess/public/a/: .*; try again later"):
        objects_below("tess/public/a/")
    bucket.faults = [("/stpubdata", fault)] * 20
    with pytest.raises(
        ArchiveError, match=r"MAST's bucket was asked for v: .*; try again later; the same command goes on"
    ):
        fetch_object("tess/public/a/v", tmp_path / "v", len(CONTENT))
    assert not (tmp_path / "v").exists()
    bucket.faults = [("/stpubdata", fault)]
    assert fetch_object("tess/public/a/v", tmp_path / "v", len(CONTENT)).read_bytes() == CONTENT


def test_a_file_that_is_not_there(bucket, tmp_path):
    with pytest.raises(ArchiveError, match="404"):
        fetch_object("tess/public/a/u", tmp_path / "u", 10)
    assert len(bucket.requests) == 1


@pytest.fixture(scope="module")
def sky() -> Sky:
    """The field on 11x11 pixels, as target pixel files have."""
    return sky_at(RA, DEC, SEEN[:2], TMAG, size=11, n_cadence=30)


@pytest.fixture
def tpfs(server, sky, tmp_path) -> dict[str, bytes]:
    """Target pixel files of the star in two sectors, and other files of it, in the bucket."""
    files = {}
    groups = "/".join(f"{sky.starid:016d}"[start : start + 4] for start in range(0, 16, 4))
    for (sector, _, _), scene in sky.scenes.items():
        write_tpf(scene, tmp_path / "tpf.fits", sky.starid)
        for kind in ("s_tp", "s_lc", "a_fast-tp"):
            name = f"tess2018206045859-s{sector:04d}-{sky.starid:016d}-0120-{kind}.fits"
            files[f"tess/public/tid/s{sector:04d}/{groups}/{name}"] = (tmp_path / "tpf.fits").read_bytes()
    TableService(stars_of(sky)).add_to(server)
    add_bucket(server, files)
    return files


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
    add_bucket(server, {})
    with pytest.raises(ArchiveError, match=r"no sector shows it \(MAST has no target pixel files of it\)"):
        fetch_field(tmp_path, FieldWish(sky.starid, None, None, 64, datasource="tpf"))


def test_a_target_pixel_file_of_another_star(server, tpfs, sky, tmp_path):
    first, second = sorted(key for key in tpfs if key.endswith("s_tp.fits"))
    add_bucket(server, tpfs | {second: tpfs[first]})
    with pytest.raises(ArchiveError, match=rf"it shows TIC {sky.starid} in sector 1 .*1 came and are kept"):
        fetch_field(tmp_path, FieldWish(sky.starid, None, None, 64, datasource="tpf"))
