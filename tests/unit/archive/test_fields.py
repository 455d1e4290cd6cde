"""A field from the archive: cutouts of all sectors and stars, once; what goes wrong with them."""

import io
import json
import warnings
import zipfile

import pytest
from archive_fields import DEC, RA, SEEN, Sky, stars_of
from archive_stand_in import Reply, StandIn
from archive_tables import TableService

from photometry.archive.fields import fetch_field, find_star, planned_sectors
from photometry.archive.kept_fields import FieldWish, kept_field, kept_star
from photometry.archive.sectors import sectors_by_pointing
from photometry.archive.seen_by import SeenBy
from photometry.core.errors import ArchiveError, InputFileError
from photometry.io.pixels.pixel_files import inspect_pixel_file
from photometry.io.stars.star_tables import read_star_table

pytestmark = pytest.mark.usefixtures("archive")

CUTOUTS = "/tesscut/api/v0.1/astrocut"


@pytest.fixture
def wish(sky: Sky) -> FieldWish:
    return FieldWish(sky.starid, None, None, 15)


def test_a_star_in_two_sectors(sky, wish, tmp_path):
    field = fetch_field(tmp_path, wish)
    pointings = [inspect_pixel_file(path, "tesscut").pointing for path in field.pixels]
    assert [(one.sector, one.camera, one.ccd) for one in pointings] == list(sky.scenes)
    assert sky.starid in read_star_table(field.stars).table["starid"].to_numpy()
    assert kept_star(tmp_path, wish).tmag == pytest.approx(11.0, abs=0.1)


def test_filters_of_warnings_are_as_before(wish, tmp_path):
    """They hold for all threads: none of those that fetch may change them."""
    before = list(warnings.filters)
    fetch_field(tmp_path, wish)
    assert warnings.filters == before


def test_the_tic_is_asked_once_for_all_sectors(archive, wish, tmp_path):
    fetch_field(tmp_path, wish)
    queries = [request.form["QUERY"] for request in archive.asked("/vo-tap")]
    assert len(queries) == 2
    assert "id IN" in queries[0]
    assert "tmag <= 17" in queries[1]
    assert "*" not in queries[1]


def test_what_is_there_is_not_asked_for_again(archive, wish, tmp_path):
    assert kept_field(tmp_path, wish) is None
    field = fetch_field(tmp_path, wish)
    asked = len(archive.requests)
    assert fetch_field(tmp_path, wish) == kept_field(tmp_path, wish) == field
    assert len(archive.requests) == asked
    fetch_field(tmp_path, wish, refresh=True)
    assert len(archive.requests) == 2 * asked


def test_queries_dates_and_digests_are_kept(wish, tmp_path):
    fetch_field(tmp_path, wish)
    answers = json.loads((tmp_path / wish.name / "asked.json").read_text())["answers"]
    cutout = answers["sector 1 (camera 4, CCD 2)"]
    assert cutout.keys() == {"answer", "date", "query", "sha256", "size"}
    assert "15 px" in cutout["query"]
    assert len(answers) == 5


@pytest.mark.parametrize("harm", ["delete", "cut"])
def test_only_a_lost_file_is_asked_for_again(archive, wish, tmp_path, harm):
    field = fetch_field(tmp_path, wish)
    content = field.pixels[1].read_bytes()
    field.pixels[1].unlink() if harm == "delete" else field.pixels[1].write_bytes(content[:-1])
    assert kept_field(tmp_path, wish) is None
    asked = len(archive.requests)
    fetch_field(tmp_path, wish)
    assert [request.form["sector"] for request in archive.requests[asked:]] == ["4"]
    assert field.pixels[1].read_bytes() == content


def test_some_sectors(archive, sky, tmp_path):
    one = FieldWish(sky.starid, None, None, 15, sectors=(4,))
    assert len(fetch_field(tmp_path, one).pixels) == 1
    both = FieldWish(sky.starid, None, None, 15, sectors=(1, 4))
    assert planned_sectors(tmp_path, both) == ([SeenBy(*SEEN[1])], [SeenBy(*SEEN[0])])
    assert len(fetch_field(tmp_path, both).pixels) == 2
    assert len(archive.asked(CUTOUTS)) == 2
    assert len(kept_field(tmp_path, one).pixels) == 1


def test_a_sector_that_does_not_show_it(sky, tmp_path):
    message = (
        rf"TIC {sky.starid}: no images in sector 3, 8 \(MAST has sectors 1, 4; TESS was or will be pointed at it also "
        r"in sectors 8, 11, .*\); correct the key 'sectors', or the star"
    )
    with pytest.raises(ArchiveError, match=message):
        fetch_field(tmp_path, FieldWish(sky.starid, None, None, 15, sectors=(1, 3, 8)))


def test_a_place_without_images(archive, tmp_path):
    archive.routes["/tesscut/api/v0.1/sector"] = lambda _request: Reply.of_json({"results": []})
    with pytest.raises(ArchiveError, match=r"RA 84\.2, Dec -80: no sector shows it \(MAST has no full-frame images"):
        fetch_field(tmp_path, FieldWish(None, 84.2, -80.0, 15))


def test_a_place_in_the_sky(tmp_path):
    wish = FieldWish(None, RA, DEC, 15)
    assert len(fetch_field(tmp_path, wish).pixels) == 2
    assert kept_star(tmp_path, wish) is None


def test_a_star_moves_to_where_it_is(archive, sky, tmp_path):
    """10 arcsec a year are half a pixel."""
    stars = stars_of(sky)
    TableService(stars | {"pmdec": [-10000.0] * len(stars["id"])}).add_to(archive)
    fetch_field(tmp_path, FieldWish(sky.starid, None, None, 15, sectors=(1,)))
    (cutout,) = archive.asked(CUTOUTS)
    assert float(cutout.form["dec"]) == pytest.approx(DEC - 18.6 * 10 / 3600, abs=2e-3)


@pytest.mark.parametrize("fault", ["busy", "gone", "html", "cut", "empty", "silent"])
def test_faults_of_the_cutout_service(archive, wish, tmp_path, fault):
    archive.faults = [(CUTOUTS, fault)] * 20
    with pytest.raises(
        ArchiveError, match=r"cutout service was asked for 15x15 pixels of sector 1 .*; the same command"
    ):
        fetch_field(tmp_path, wish)
    assert not list((tmp_path / wish.name / "pixels").iterdir())
    archive.faults = [(CUTOUTS, fault)] * 2
    assert len(fetch_field(tmp_path, wish).pixels) == 2


def test_one_cutout_fails_and_the_other_is_kept(archive, wish, tmp_path):
    cutout = archive.routes[CUTOUTS]
    archive.routes[CUTOUTS] = lambda request: (
        Reply(b"busy", "text/plain", 503) if request.form["sector"] == "4" else cutout(request)
    )
    with pytest.raises(ArchiveError, match=r"\(1 of 2 files failed; 1 came and are kept\); the same command goes on"):
        fetch_field(tmp_path, wish)
    asked = len(archive.requests)
    archive.routes[CUTOUTS] = cutout
    fetch_field(tmp_path, wish)
    assert [request.form.get("sector") for request in archive.requests[asked:]] == ["4", None]


def zipped(files: dict[str, bytes]) -> Reply:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return Reply(written.getvalue(), "application/zip")


def first_file(archive: StandIn, sector: str) -> bytes:
    """Bytes of a cutout that the server sends."""

    class Asked:
        form = {"sector": sector}  # noqa: RUF012

    with zipfile.ZipFile(io.BytesIO(archive.routes[CUTOUTS](Asked).content)) as files:
        return files.read(files.namelist()[0])


def test_answers_that_lie(archive, wish, tmp_path):
    right, other = first_file(archive, "1"), first_file(archive, "4")
    cases = {
        "it sent sector 4 \\(camera 4, CCD 3\\)": {"tess-s0001-4-2_a_astrocut.fits": other},
        "its file a.fits is truncated": {"a.fits": right[: len(right) // 2]},
        "its file a.fits ": {"a.fits": b"<html>busy</html>"},
        "it has none; leave the sector out": {"readme.txt": b"nothing"},
    }
    for message, files in cases.items():
        reply = zipped(files)
        archive.routes[CUTOUTS] = lambda _request, reply=reply: reply
        with pytest.raises(ArchiveError, match=message):
            fetch_field(tmp_path, wish)
    reply = zipped({"../../../escaped.fits": right})
    archive.routes[CUTOUTS] = lambda _request: reply
    field = fetch_field(tmp_path, FieldWish(wish.starid, None, None, 15, sectors=(1,)))
    assert field.pixels[0].parent == tmp_path / wish.name / "pixels"
    assert not list(tmp_path.parent.rglob("../escaped.fits"))


def test_another_size_than_asked_for(wish, tmp_path):
    with pytest.raises(
        ArchiveError, match=r"asked for 21x21 pixels of sector 1 \(camera 4, CCD 2\): it sent 15x15 pixels"
    ):
        fetch_field(tmp_path, FieldWish(wish.starid, None, None, 21))


def test_what_was_not_finished_is_removed(wish, tmp_path):
    left = tmp_path / wish.name / "pixels/.unfinished-abc"
    left.mkdir(parents=True)
    (left / "tesscut_1.zip").write_bytes(b"half")
    fetch_field(tmp_path, wish)
    assert not left.exists()


def test_a_damaged_list_is_a_message(wish, tmp_path):
    fetch_field(tmp_path, wish)
    (tmp_path / wish.name / "asked.json").write_text("{")
    with pytest.raises(
        InputFileError, match=r"asked.json: is damaged .*; delete it, and what it lists is asked for again"
    ):
        kept_field(tmp_path, wish)


def test_sectors_by_pointing():
    seen = sectors_by_pointing(RA, DEC)
    assert [SeenBy(*one) for one in SEEN] == seen[:3]
    # Sectors of pi Mensae that MAST lists (Huang et al. 2018; cycle 1: 1, 4, 8, 11, 12, 13).
    assert [one.sector for one in seen if one.sector < 27] == [1, 4, 8, 11, 12, 13]


def test_the_edges_of_the_science_area():
    """Beside the 2048 columns and rows that see the sky, nothing is seen."""
    from photometry.io.reference.sector_wcs import _wcs_of, place_on_ccd

    wcs = _wcs_of(1, 4, 2)
    places = {(44.0, 100.0): True, (43.0, 100.0): False, (2091.0, 100.0): True, (2093.0, 100.0): False}
    places |= {(1000.0, 0.0): True, (1000.0, -2.0): False, (1000.0, 2047.0): True, (1000.0, 2049.0): False}
    for (column, row), is_seen in places.items():
        ra, dec = wcs.all_pix2world(column, row, 0)
        found = place_on_ccd(1, 4, 2, float(ra), float(dec))
        assert (found is not None) == is_seen, (column, row)


def test_fields_of_other_names_do_not_meet():
    names = {FieldWish(5, None, None, 15).name, FieldWish(5, None, None, 21).name, FieldWish(None, 5.0, -0.5, 15).name}
    assert names == {"tic00000000005_15x15", "tic00000000005_21x21", "ra005.00000_dec-00.50000_15x15"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"disposition": "DUPLICATE", "duplicate_id": "77"}, "is marked DUPLICATE in the TIC: ask for TIC 77"),
        ({"disposition": "ARTIFACT"}, "is marked ARTIFACT in the TIC"),
        ({"tmag": None}, "has no Tmag in the TIC: it cannot be measured; give its place"),
    ],
)
def test_stars_that_cannot_be_measured(archive, sky, wish, tmp_path, changes, message):
    stars = stars_of(sky)
    place = stars["id"].index(sky.starid)
    for name, value in changes.items():
        stars[name][place] = value
    TableService(stars).add_to(archive)
    with pytest.raises(ArchiveError, match=rf"TIC {sky.starid} {message}"):
        find_star(tmp_path, wish)


def test_the_star_table_reaches_a_faint_star(archive, sky, wish, tmp_path):
    stars = stars_of(sky)
    stars["tmag"][stars["id"].index(sky.starid)] = 18.3
    TableService(stars).add_to(archive)
    star = find_star(tmp_path, wish)
    field = fetch_field(tmp_path, wish.reaching(star.tmag))
    assert sky.starid in read_star_table(field.stars).table["starid"].to_numpy()
    assert "tmag <= 19.3" in archive.requests[-1].form["QUERY"]
