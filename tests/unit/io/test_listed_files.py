"""Light curve files that an index lists, and what has become of them."""

import pytest

from photometry.core.errors import InputFileError
from photometry.io.results.listed_files import files_in_index, lost_files
from photometry.io.store.tables import RESULT_COLUMNS, table_of, write_ecsv


@pytest.fixture
def index(tmp_path):
    rows = [
        {"starid": 1, "file": "lightcurves/a.fits", "size": 5, "digest": "d1", "reason": 'odd "words" here'},
        {"starid": 2, "reason": "too faint"},
        {"starid": 3, "file": "lightcurves/b.fits", "size": 7, "digest": "d3"},
    ]
    write_ecsv(table_of(rows, RESULT_COLUMNS), tmp_path / "index.ecsv")
    (tmp_path / "lightcurves").mkdir()
    (tmp_path / "lightcurves/a.fits").write_bytes(b"12345")
    (tmp_path / "lightcurves/b.fits").write_bytes(b"1234567")
    return tmp_path / "index.ecsv"


def test_files_of_an_index(index):
    listed = files_in_index(index)
    assert [(one.file, one.size, one.digest) for one in listed] == [
        ("lightcurves/a.fits", 5, "d1"),
        ("lightcurves/b.fits", 7, "d3"),
    ]
    assert lost_files(index.parent, listed) == {}


def test_an_empty_index(tmp_path):
    write_ecsv(table_of([], RESULT_COLUMNS), tmp_path / "index.ecsv")
    assert files_in_index(tmp_path / "index.ecsv") == []


def test_what_is_lost(index):
    (index.parent / "lightcurves/a.fits").write_bytes(b"")
    (index.parent / "lightcurves/b.fits").unlink()
    assert lost_files(index.parent, files_in_index(index)) == {
        "lightcurves/a.fits": "has 0 bytes, 5 were written",
        "lightcurves/b.fits": "is lost (No such file or directory)",
    }


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda _text: "", "lacks the columns file, size, digest"),
        (lambda text: text[:-30], "a row is cut off"),
        (lambda text: text[: text.rindex("\n", 0, -1)], "a row is cut off"),
        (lambda text: text.replace(" size ", " sise "), "lacks the columns size"),
        (lambda text: text.replace(" 7 d3", " x d3"), "is damaged"),
    ],
)
def test_a_damaged_index(index, spoil, words):
    index.write_text(spoil(index.read_text()))
    with pytest.raises(InputFileError, match=rf"index\.ecsv: .*{words}"):
        files_in_index(index)


def test_an_index_that_is_no_text(index):
    index.write_bytes(b"\xff\xfe" + index.read_bytes())
    with pytest.raises(InputFileError, match=r"index\.ecsv: is damaged"):
        files_in_index(index)


def test_no_index(tmp_path):
    with pytest.raises(InputFileError, match="no such file"):
        files_in_index(tmp_path / "index.ecsv")
