"""Stars of the TIC by number and around a place."""

import numpy as np
import pytest
from archive_fields import DEC, RA
from archive_stand_in import Reply, StandIn
from archive_tables import TableService

from photometry.archive.star_queries import TIC_COLUMNS, find_stars, stars_in_cone
from photometry.core.errors import ArchiveError

TABLE = {
    "id": [5, 7, 9, 11],
    "ra": [359.99, 0.02, 0.3, 180.0],
    "dec": [-60.0, -60.01, -60.0, 89.99],
    "pmra": [1.0, None, 3.0, 0.0],
    "pmdec": [2.0, None, 3.0, 0.0],
    "tmag": [9.0, 12.0, 10.0, None],
    "teff": [5800.0, None, None, None],
    "disposition": [None, "DUPLICATE", None, None],
    "duplicate_id": [None, "5", None, None],
    "version": ["20190415"] * 4,
}


@pytest.fixture
def stars(server) -> StandIn:
    TableService(TABLE).add_to(server)
    return server


@pytest.mark.usefixtures("stars")
def test_stars_by_number():
    found = find_stars([9, 5, 5])
    assert found.colnames == list(TIC_COLUMNS.values())
    assert list(found["ID"]) == [5, 9]
    assert found["ID"].dtype == np.int64
    assert list(found["Tmag"]) == [9.0, 10.0]


@pytest.mark.usefixtures("stars")
def test_a_number_that_the_tic_lacks():
    with pytest.raises(ArchiveError, match=r"the TIC has no star 6, 8; correct the number"):
        find_stars([5, 6, 8])


def test_many_numbers_are_asked_for_in_parts(server):
    numbers = list(range(1, 701))
    TableService({name: values[:1] * 700 for name, values in TABLE.items()} | {"id": numbers}).add_to(server)
    assert list(find_stars(numbers)["ID"]) == numbers
    assert len(server.asked("/vo-tap")) == 3


@pytest.mark.usefixtures("stars")
@pytest.mark.parametrize(
    ("place", "radius", "limit", "expected"),
    [
        ((0.0, -60.0), 0.1, 17, [5, 7]),
        ((0.0, -60.0), 0.1, 10, [5]),
        ((0.0, -60.0), 0.2, 17, [5, 7, 9]),
        ((0.0, 89.99), 0.1, 17, []),
    ],
)
def test_cones_across_zero_and_at_the_pole(place, radius, limit, expected):
    assert list(stars_in_cone(*place, radius, limit)["ID"]) == expected


def test_stars_outside_of_the_cone_are_left_out_here(server):
    service = TableService(TABLE)
    service.add_to(server)
    everything = service.rows_of("SELECT " + ", ".join(TIC_COLUMNS) + " FROM dbo.catalogrecord", 100, 100)
    service.rows_of = lambda _query, _wanted, _most: everything
    assert list(stars_in_cone(0.0, -60.0, 0.1, 17)["ID"]) == [5, 7]


def test_an_answer_that_is_cut_off_is_refused(server):
    TableService(TABLE, most_rows=2).add_to(server)
    with pytest.raises(ArchiveError, match=r"its answer is cut off at 2 rows; try again later, or give a star table"):
        stars_in_cone(0.0, -60.0, 1.0, 17)


def test_an_answer_without_the_columns_is_refused(server):
    TableService({name: values for name, values in TABLE.items() if name != "teff"}).add_to(server)
    with pytest.raises(ArchiveError, match=r"no such column: teff"):
        stars_in_cone(0.0, -60.0, 1.0, 17)
    server.routes["/vo-tap/api/v0.1/tic/sync"] = lambda _request: Reply(
        b'<VOTABLE version="1.3"><RESOURCE type="results"><INFO name="QUERY_STATUS" value="OK"/><TABLE>'
        b'<FIELD name="id" datatype="long"/><DATA><TABLEDATA/></DATA></TABLE></RESOURCE></VOTABLE>',
        "application/x-votable+xml",
    )
    with pytest.raises(ArchiveError, match=r"its answer lacks ra, dec, pmra, .*; try again later"):
        stars_in_cone(0.0, -60.0, 1.0, 17)


@pytest.mark.parametrize("fault", ["busy", "gone", "html", "cut", "empty", "silent"])
def test_faults_of_the_service(archive, fault):
    archive.faults = [("/vo-tap", fault)]
    assert len(stars_in_cone(RA, DEC, 0.05, 17)) > 10
    archive.faults = [("/vo-tap", fault)] * 20
    with pytest.raises(ArchiveError, match=r"MAST's table service was asked for the stars to T = 17 around RA 84.29"):
        stars_in_cone(RA, DEC, 0.05, 17)
