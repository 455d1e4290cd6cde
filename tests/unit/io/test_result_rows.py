"""Rows of results that are copied as they stand: the bytes are those that astropy writes."""

import numpy as np
import pytest

from photometry.core.errors import InputFileError
from photometry.io.results.result_rows import read_rows, rows_of, texts_in, with_last, write_rows
from photometry.io.store.tables import RESULT_COLUMNS, read_ecsv, table_of, write_ecsv

META = {
    "version": 1,
    "origin": {"software": "tess 1.0", "settings": '{"fit": [1, "a: b"]}'},
    "made_with": [{"tiles": 2}],
}
ODD = ("", "plain", "two words", 'a "quoted" word', "it's", "# no comment", "\u00e9 \u2014", "nan", "1", ",;")


@pytest.fixture
def table():
    rng = np.random.default_rng(1)
    rows = []
    for number, reason in enumerate(ODD):
        values = rng.normal(size=3) * 10.0 ** rng.integers(-20, 20, 3)
        row = dict(zip(("mean_flux", "variance", "tmag"), values, strict=True))
        where = {"starid": 10**10 + number, "sector": 1, "camera": 4, "ccd": 2, "cadence": 1800, "region": "a"}
        rows.append(row | where | {"reason": reason, "status": "OK", "file": f"f{number}" if number else ""})
    rows[0] |= {"mean_flux": np.inf, "variance": -0.0}
    made = table_of(rows, RESULT_COLUMNS)
    made.meta = META
    return made


@pytest.mark.parametrize("n_row", [0, 1, len(ODD)])
def test_rows_are_written_as_astropy_writes_them(tmp_path, table, n_row):
    table = table[:n_row]
    write_ecsv(table, tmp_path / "expected.ecsv")
    expected = (tmp_path / "expected.ecsv").read_bytes()
    write_rows(tmp_path / "found.ecsv", rows_of(table).lines, META)
    assert (tmp_path / "found.ecsv").read_bytes() == expected
    write_rows(tmp_path / "copied.ecsv", read_rows(tmp_path / "expected.ecsv").lines, META)
    assert (tmp_path / "copied.ecsv").read_bytes() == expected


def test_what_rows_are_ordered_by(tmp_path, table):
    write_ecsv(table, tmp_path / "index.ecsv")
    rows = read_rows(tmp_path / "index.ecsv")
    for name in ("starid", "sector", "camera", "cadence"):
        np.testing.assert_array_equal(getattr(rows, name), table[name])
    assert rows.region == "a"
    assert rows.status.tolist() == ["OK"] * len(ODD)
    assert rows.file == tuple(f"f{number}" for number in range(1, len(ODD)))
    assert rows.meta == META


def test_the_last_column_gets_a_text(tmp_path, table):
    lines = rows_of(table).lines
    lines[2] = with_last(lines[2], "lightcurves/x.fits")
    write_rows(tmp_path / "s.ecsv", lines, {})
    table[RESULT_COLUMNS[-1].name] = np.where(np.arange(len(table)) == 2, "lightcurves/x.fits", "")
    found = read_ecsv(tmp_path / "s.ecsv", RESULT_COLUMNS)
    np.testing.assert_array_equal(found[RESULT_COLUMNS[-1].name], table[RESULT_COLUMNS[-1].name])


def test_texts_of_one_column(tmp_path, table):
    write_ecsv(table, tmp_path / "s.ecsv")
    assert texts_in(tmp_path / "s.ecsv", "reason") == ODD[1:]
    assert texts_in(tmp_path / "s.ecsv", "digest") == ()
    (tmp_path / "damaged.ecsv").write_text("# %ECSV 1.0\nstarid file\n1 2\n")
    for name, problem in (("none.ecsv", "no such file"), ("damaged.ecsv", "cannot be read as ECSV")):
        with pytest.raises(InputFileError, match=f"{name}: {problem}"):
            texts_in(tmp_path / name, "reason")


def test_columns_in_another_order_are_put_in_order(tmp_path, table):
    write_ecsv(table[table.colnames[::-1]], tmp_path / "index.ecsv")
    assert read_rows(tmp_path / "index.ecsv").lines == rows_of(table).lines


def test_an_index_that_is_not_whole_is_refused(tmp_path, table):
    path = tmp_path / "index.ecsv"
    with pytest.raises(InputFileError, match=r"index\.ecsv: no such file"):
        read_rows(path)
    write_ecsv(table, path)
    whole = path.read_bytes()
    for content in (whole[:-1], whole[:-30], whole[: len(whole) // 3], whole.replace(b" 1800 OK", b" 18oo OK", 1), b""):
        path.write_bytes(content)
        with pytest.raises(InputFileError, match=r"index\.ecsv: cannot be read as ECSV .* delete it and run again"):
            read_rows(path)
    del table["digest"]
    write_ecsv(table, path)
    with pytest.raises(InputFileError, match=r"index\.ecsv: lacks the columns digest; delete it and run again"):
        read_rows(path)
