"""Stars of a part of the sky from a table service, in pieces: asked for once, checked, resumed."""

import re

import numpy as np
import pandas as pd
import pytest
from archive_stand_in import StandIn
from archive_stars import places_in_cone, tic_stars
from archive_tables import TableService

from photometry.archive import star_pieces
from photometry.archive.service import conf
from photometry.archive.sky_boxes import SkyRegion
from photometry.archive.star_downloads import download_star_table
from photometry.core.errors import ArchiveError, CatalogError
from photometry.io.stars.star_tables import read_star_table

PLACE = (359.8, -64.0, 1.6)
REGION = SkyRegion(*PLACE, np.zeros((0, 3)), 0.0)
SYNC, ASYNC = "/vo-tap/api/v0.1/tic/sync", "/vo-tap/api/v0.1/tic/async"


@pytest.fixture
def server():
    from astroquery.mast import conf as mast

    with (
        StandIn() as server,
        mast.set_temp("server", server.url),
        conf.set_temp("retry_s", 0.001),
        conf.set_temp("answer_s", 0.5),
        conf.set_temp("job_s", 5.0),
    ):
        server.silence_s = 1.0
        yield server


@pytest.fixture
def tic(server):
    """A TIC of 7,000 stars in and around the region, 1,000 of them in a cluster."""
    ra, dec = places_in_cone(*PLACE[:2], PLACE[2] + 0.3, 6000)
    cluster = places_in_cone(0.3, -63.5, 0.05, 1000, seed=1)
    stars = tic_stars(np.concatenate([ra, cluster[0]]), np.concatenate([dec, cluster[1]]))
    service = TableService(stars, most_rows=1500, most_at_once=300)
    service.stars = pd.DataFrame(stars)
    service.add_to(server)
    return service


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr(star_pieces, "MOST_ROWS", 1000)
    monkeypatch.setattr(star_pieces, "MOST_AT_ONCE_ROWS", 200)
    monkeypatch.setattr("photometry.archive.table_services._FIRST_LOOK", 0.01)


def download(folder, region=REGION, tmag_limit=17.0, name="stars.csv", catalog="mast"):
    return download_star_table(folder / name, catalog, region, tmag_limit, folder / "kept", folder / "by_hand.csv")


def wanted_of(service, region=REGION, tmag_limit=17.0):
    stars = service.stars
    inside = region.contains(stars["ra"], stars["dec"]) & (stars["tmag"] <= tmag_limit)
    return stars[inside].sort_values("id").reset_index(drop=True)


def questions(server):
    return [request for request in server.requests if "QUERY" in request.form]


def test_all_stars_of_a_region_and_no_others(tic, tmp_path):
    path = download(tmp_path)
    found, wanted = (
        pd.read_csv(path, float_precision="round_trip").sort_values("ID").reset_index(drop=True),
        wanted_of(tic),
    )
    assert list(found) == ["ID", "ra", "dec", "pmRA", "pmDEC", "Tmag", "Teff", "disposition"]
    assert len(wanted) > 3000
    assert list(found["disposition"].isna()) == list(wanted["disposition"].isna())
    for name, told in zip(list(found)[:-1], ("id", "ra", "dec", "pmra", "pmdec", "tmag", "teff"), strict=True):
        np.testing.assert_array_equal(found[name].to_numpy(), wanted[told].astype(found[name].dtype).to_numpy())
    assert len(read_star_table(path)) == (wanted["disposition"] != "DUPLICATE").sum()


@pytest.mark.usefixtures("tic")
def test_pieces_are_small_and_their_files_tell_where_they_come_from(server, tmp_path):
    download(tmp_path)
    pieces = sorted((tmp_path / "kept").glob("*.csv"))
    rows = [int(re.search("# rows: ([0-9]+)", piece.read_text())[1]) for piece in pieces]
    assert max(rows) <= 1000 < sum(rows) / 3
    head = pieces[0].read_text().splitlines()[:5]
    assert head[0] == f"# service: {server.url}/vo-tap/api/v0.1/tic"
    assert head[1].startswith(
        "# query: SELECT id, ra, dec, pmra, pmdec, tmag, teff, disposition FROM dbo.catalogrecord "
    )
    assert re.fullmatch(r"# date: 20\d\d-\d\d-\d\dT.*", head[2])
    assert re.fullmatch("# sha256: [0-9a-f]{64}", head[4])


@pytest.mark.usefixtures("tic")
def test_what_is_there_is_not_asked_for_again(server, tmp_path):
    first = download(tmp_path).read_bytes()
    asked = len(server.requests)
    assert download(tmp_path, name="again.csv").read_bytes() == first
    assert len(server.requests) == asked
    download(tmp_path, tmag_limit=16.5)
    assert len(server.requests) > asked


def test_large_pieces_are_jobs_that_the_service_may_forget(server, tic, tmp_path):
    tic.job_s = 0.05
    download(tmp_path)
    assert tic.jobs
    assert all(job.is_deleted for job in tic.jobs)
    assert server.asked(SYNC)


def test_no_more_than_five_questions_at_a_time(tic, tmp_path):
    tic.job_s = 0.2
    download(tmp_path)
    begun = [job.ends - tic.job_s for job in tic.jobs]
    at_once = [sum(start <= other < start + tic.job_s for other in begun) for start in begun]
    assert 2 <= max(at_once) <= 5


def test_a_run_that_was_interrupted_asks_for_the_missing_pieces_only(server, tic, tmp_path):
    whole = download(tmp_path / "whole").read_bytes()
    n_question = len(questions(server))
    server.requests.clear()
    with conf.set_temp("n_retry", 0):
        server.faults += [(f"{ASYNC}/{2 * len(tic.jobs) - 3}", "busy")]
        with pytest.raises(ArchiveError, match=r"was asked for stars of the TIC from .*: .*busy"):
            download(tmp_path)
    n_first = len(questions(server))
    kept = {path: path.read_bytes() for path in (tmp_path / "kept").glob("*.csv")}
    assert 0 < len(kept) < len(list((tmp_path / "whole" / "kept").glob("*.csv")))
    assert not (tmp_path / "stars.csv").exists()
    assert download(tmp_path).read_bytes() == whole
    assert all(path.read_bytes() == content for path, content in kept.items())
    assert n_question <= len(questions(server)) <= n_question + 5
    assert n_first > 10


@pytest.mark.usefixtures("tic")
def test_a_damaged_piece_is_asked_for_again(server, tmp_path):
    first = download(tmp_path).read_bytes()
    piece = max((tmp_path / "kept").glob("*.csv"), key=lambda path: path.stat().st_size)
    piece.write_bytes(piece.read_bytes()[:-100])
    server.requests.clear()
    assert download(tmp_path).read_bytes() == first
    assert len(questions(server)) == 1


def test_the_service_may_give_fewer_rows_than_it_says(tic, tmp_path):
    """Answers that are cut off are asked for again in halves."""
    whole = download(tmp_path / "whole").read_bytes()
    tic.most_rows = 600
    assert sorted(download(tmp_path).read_bytes().splitlines()) == sorted(whole.splitlines())
    tic.most_rows = 100
    with pytest.raises(ArchiveError, match="MAST's table service cuts its answers off at 100 rows; "):
        download(tmp_path / "other")


@pytest.mark.parametrize("fault", ["busy", "gone", "html", "cut", "empty", "silent"])
@pytest.mark.parametrize("path", [SYNC, ASYNC])
def test_the_next_try_mends_faults(server, tic, tmp_path, fault, path):
    server.faults += [(path, fault), (path, fault)]
    found = pd.read_csv(download(tmp_path))
    assert len(found) == len(wanted_of(tic))
    assert not server.faults


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("busy", "busy for http"),
        ("gone", "time is over for http"),
        ("html", ".*"),
        ("cut", ".*"),
        ("empty", ".*"),
        ("silent", "[Rr]ead timed out"),
    ],
)
def test_messages(server, tic, tmp_path, fault, reason):
    server.faults += [(SYNC, fault)] * 40 + [(ASYNC, fault)] * 40
    message = (
        rf"MAST's table service was asked for the number of stars of the TIC from RA .*: .*{reason}.*; the same "
        r"command goes on where it ended; or name a star table with the key 'catalog', or put one at .*by_hand.csv "
        r"\(CSV, ECSV, FITS or VOTable with the columns ID, ra, dec, Tmag, pmRA, pmDEC, Teff, disposition of the TIC, "
        r"1.600 deg around RA 359.80000, Dec -64.00000\)"
    )
    with conf.set_temp("n_retry", 1), pytest.raises(ArchiveError, match=message):
        download(tmp_path)
    server.faults.clear()
    assert len(pd.read_csv(download(tmp_path))) == len(wanted_of(tic))


def test_without_a_network(tmp_path):
    from astroquery.mast import conf as mast

    with (
        mast.set_temp("server", "http://127.0.0.1:9"),
        conf.set_temp("n_retry", 1),
        conf.set_temp("retry_s", 0.001),
        pytest.raises(ArchiveError, match=r"Connection refused.*the same command"),
    ):
        download(tmp_path)
    assert {path.name[:6] for path in tmp_path.rglob("*") if path.is_file()} == {".turn_"}


def test_a_service_without_a_column(server, tmp_path):
    """Its word for that is an error; an answer that lacks the column is told as well."""
    ra, dec = places_in_cone(*PLACE, 500)
    stars = tic_stars(ra, dec)
    del stars["teff"]
    service = TableService(stars)
    service.add_to(server)
    with pytest.raises(ArchiveError, match="no such column: teff"):
        download(tmp_path)
    stars["teff_k"] = [5000.0] * 500
    service = TableService(stars)
    service.add_to(server)
    rows_of = service.rows_of
    service.rows_of = lambda query, *most: rows_of(query.replace("teff", "teff_k"), *most)
    with pytest.raises(ArchiveError, match=r"stars of the TIC from RA .*: its answer lacks teff; the same command"):
        download(tmp_path)


def test_an_answer_with_fewer_rows_than_counted(tic, tmp_path):
    rows_of = tic.rows_of

    def fewer(query, *most):
        rows, names, is_cut = rows_of(query, *most)
        return (rows if "COUNT" in query else rows[:-1]), names, is_cut

    tic.rows_of = fewer
    with conf.set_temp("n_retry", 1), pytest.raises(ArchiveError, match=r"the answer has \d+ of \d+ rows"):
        download(tmp_path)


def test_stars_elsewhere_are_left_out(tic, tmp_path, caplog):
    """MAST has been seen to answer with stars of another part of the sky."""
    rows_of = tic.rows_of

    def more(query, *most):
        rows, names, is_cut = rows_of(query, *most)
        return (rows if "COUNT" in query else [*rows, (1, 19.0, 60.0, *rows[0][3:])]), names, is_cut

    tic.rows_of = more
    assert set(pd.read_csv(download(tmp_path))["ID"]) == set(wanted_of(tic)["id"])
    assert "1 stars of the answer are elsewhere and left out" in caplog.text


def test_stars_without_a_magnitude_are_asked_for(tic, tmp_path):
    tic._base.execute("UPDATE table_0 SET tmag = NULL WHERE id = 1500")
    tic._base.execute("UPDATE table_0 SET ra = 359.9, dec = -64.1 WHERE id = 1500")
    found = pd.read_csv(download(tmp_path)).set_index("ID")
    assert np.isnan(found.loc[1500, "Tmag"])


@pytest.mark.usefixtures("tic")
def test_no_star_there(tmp_path):
    with pytest.raises(CatalogError, match=r"stars.csv: the TIC has no star there; the same command"):
        download(tmp_path, SkyRegion(100.0, 20.0, 0.3, np.zeros((0, 3)), 0.0))


def test_a_table_by_hand_counts_in_place_of_the_archives(server, tmp_path):
    (tmp_path / "by_hand.csv").write_text("ID,ra,dec,Tmag\n5,359.8,-64,10\n")
    assert download(tmp_path).read_text() == "ID,ra,dec,Tmag\n5,359.8,-64,10\n"
    assert not server.requests


@pytest.mark.usefixtures("tic")
def test_a_bar_shows_how_many_stars_are_there(tmp_path, capsys):
    download(tmp_path)
    shown = capsys.readouterr().err
    assert re.search(r"counting stars of the TIC: 100%.*\d+/\d+", shown)
    assert re.search(r"stars of the TIC: 100%.*\d+(\.\d+)?k/\d+(\.\d+)?k", shown)
