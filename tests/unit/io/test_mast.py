"""Star tables from MAST, without MAST."""

import numpy as np
import pytest
import requests
from astropy.table import MaskedColumn, Table

from photometry.core.errors import CatalogError
from photometry.io.reference.mast import download_star_table
from photometry.io.stars.star_tables import read_star_table


@pytest.fixture
def mast(monkeypatch):
    """Stand-in for astroquery's Catalogs; counts how often it is asked."""
    from astroquery.mast import Catalogs

    class Answers:
        asked: list = []  # noqa: RUF012
        answer = None

    def query_region(position, *, radius, catalog):
        Answers.asked.append((position.ra.deg, position.dec.deg, radius.to_value("deg"), catalog))
        if isinstance(Answers.answer, Exception):
            raise Answers.answer
        return Answers.answer

    Answers.asked.clear()
    monkeypatch.setattr(Catalogs, "query_region", query_region)
    return Answers


def tic():
    return Table(
        {
            "ID": ["30", "4"],
            "ra": [10.0, 10.01],
            "dec": [-60.0, -60.01],
            "Tmag": [10.0, 12.0],
            "pmRA": MaskedColumn([1.0, 0.0], mask=[False, True]),
            "pmDEC": MaskedColumn([2.0, 0.0], mask=[False, True]),
            "Teff": [np.nan, 5000.0],
            "disposition": MaskedColumn(["", ""], mask=[True, True]),
            "GAIAmag": [10.5, 12.5],
        }
    )


def test_answer_is_kept_and_never_asked_for_again(mast, tmp_path):
    mast.answer = tic()
    path = tmp_path / "kept" / "stars.ecsv"
    assert download_star_table(path, 10.0, -60.0, 0.2) == path
    assert mast.asked == [(10.0, -60.0, 0.2, "TIC")]
    stars = read_star_table(path).table
    assert list(stars["starid"]) == [4, 30]
    assert list(stars["pm_ra"]) == [0.0, 1.0]
    first = path.read_bytes()
    mast.answer = RuntimeError("asked again")
    assert download_star_table(path, 10.0, -60.0, 0.2) == path
    assert path.read_bytes() == first
    assert len(mast.asked) == 1


def test_same_answer_same_bytes(mast, tmp_path):
    mast.answer = tic()
    download_star_table(tmp_path / "a.ecsv", 10.0, -60.0, 0.2)
    mast.answer = tic()[::-1]
    download_star_table(tmp_path / "b.ecsv", 10.0, -60.0, 0.2)
    assert (tmp_path / "a.ecsv").read_bytes() == (tmp_path / "b.ecsv").read_bytes()


@pytest.mark.parametrize(
    "failure",
    [
        requests.exceptions.ConnectionError("no route"),
        TimeoutError("too slow"),
        __import__("astroquery.exceptions", fromlist=["x"]).TimeoutError("too slow"),
        __import__("astroquery.exceptions", fromlist=["x"]).RemoteServiceError("broken"),
    ],
)
def test_no_network(mast, tmp_path, failure):
    mast.answer = failure
    message = (
        rf"stars.ecsv: MAST cannot be asked \({failure}\); put a star table there yourself .*ID, ra, dec, Tmag, "
        r"pmRA, pmDEC, Teff, disposition of the TIC, 0.200 deg around RA 10.00000, Dec -60.00000"
    )
    with pytest.raises(CatalogError, match=message):
        download_star_table(tmp_path / "stars.ecsv", 10.0, -60.0, 0.2)
    assert list(tmp_path.iterdir()) == []


def test_no_star_there(mast, tmp_path):
    mast.answer = tic()[:0]
    with pytest.raises(CatalogError, match=r"stars.ecsv: MAST knows no star there"):
        download_star_table(tmp_path / "stars.ecsv", 10.0, -60.0, 0.2)
    assert list(tmp_path.iterdir()) == []


def test_an_answer_that_is_no_star_table_is_not_kept(mast, tmp_path):
    mast.answer = tic()["ID", "GAIAmag"]
    with pytest.raises(CatalogError, match=r"stars.ecsv: MAST's answer, which is not kept, lacks ra, dec, Tmag; put"):
        download_star_table(tmp_path / "stars.ecsv", 10.0, -60.0, 0.2)
    assert list(tmp_path.iterdir()) == []
