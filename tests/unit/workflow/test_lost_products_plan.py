"""Parameters of jobs that have lost something: new for every loss, the same until the next one."""

import pytest

from photometry.io.results.page_files import write_page_file
from photometry.io.store.tables import RESULT_COLUMNS, table_of, write_ecsv
from photometry.workflow.lost_products import losses, page_mark, read_losses

TILES = {"one": ["a", "b"]}


@pytest.fixture
def output(tmp_path):
    for tile in "ab":
        rows = [{"starid": 1, "file": f"lightcurves/{tile}.fits", "size": 3, "digest": "d"}]
        path = tmp_path / f"lightcurves/index/one/{tile}.ecsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_ecsv(table_of(rows, RESULT_COLUMNS), path)
        (tmp_path / f"lightcurves/{tile}.fits").write_bytes(b"123")
    return tmp_path


def found(output):
    return losses(output, output / "plan", TILES)


def test_nothing_lost(output):
    assert found(output) == {}
    assert not (output / "plan").exists()


def test_a_loss_stays_the_same_until_the_next(output, caplog):
    lost = output / "lightcurves/a.fits"
    lost.unlink()
    first = found(output)
    assert list(first) == ["one/a"]
    assert f"{lost}: is lost (No such file or directory); it is made again" in caplog.text
    assert found(output) == first
    lost.write_bytes(b"123")
    assert found(output) == first == read_losses(output / "plan")
    lost.write_bytes(b"12")
    second = found(output)
    assert second["one/a"] != first["one/a"]


def test_the_same_loss_after_it_was_made_again_is_another(output):
    lost, index = output / "lightcurves/a.fits", output / "lightcurves/index/one/a.ecsv"
    lost.unlink()
    first = found(output)
    content = index.read_text()
    index.unlink()
    index.write_text(content)
    assert found(output)["one/a"] != first["one/a"]


def test_reference_stars_that_are_gone(output):
    (output / "prepared").mkdir()
    (output / "prepared/movement_one.hdf5").write_bytes(b"kernel")
    assert list(found(output)) == ["one"]


def test_many_losses_are_told_in_few_lines(output, caplog):
    rows = [{"starid": number, "file": f"lightcurves/{number}.fits", "size": 3} for number in range(50)]
    write_ecsv(table_of(rows, RESULT_COLUMNS), output / "lightcurves/index/one/a.ecsv")
    found(output)
    assert len(caplog.records) == 21
    assert "and 30 more" in caplog.text


@pytest.mark.parametrize("content", ["", "[1]", "{", '{"a": 1}'])
def test_a_damaged_note(output, content):
    (output / "plan").mkdir()
    (output / "plan/losses.json").write_text(content)
    assert found(output) in ({}, {"a": "1"})


@pytest.fixture
def page(output):
    """The same with a page of one region."""
    tile = write_page_file(output, "report/data/one/a.js", "tile", {})
    write_page_file(output, "report/data/one.js", "region", {}, files=[tile])
    rows = write_page_file(output, "report/data/rows_000.js", "rows", {})
    write_page_file(output, "report/index.html", "page", {}, files=[rows])
    return output


def test_a_whole_page_has_lost_nothing(page):
    assert found(page) == {}


@pytest.mark.parametrize(("name", "region"), [("one/a.js", "one"), ("rows_000.js", "")])
def test_what_was_written_with_the_page_is_missed(page, name, region, caplog):
    lost = page / "report/data" / name
    lost.write_bytes(b"")
    assert losses(page, page / "plan", TILES, page=False) == {}
    assert list(found(page)) == [page_mark(region)]
    assert f"{lost}: has 0 bytes" in caplog.text


def test_a_damaged_first_line_of_the_page_is_noticed_and_a_page_that_is_not_there_is_not(page):
    (page / "report/data/one.js").write_bytes(b"")
    assert list(found(page)) == [page_mark("one")]
    (page / "report/data/one.js").unlink()
    (page / "report/index.html").unlink()
    (page / "plan/losses.json").unlink()
    assert found(page) == {}
