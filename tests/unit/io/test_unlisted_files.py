"""Tables of stars that the star table lacks."""

import json

import numpy as np
import pytest
from astropy.table import Table

from photometry.core.errors import InputFileError
from photometry.core.stars import NO_STARS, Stars
from photometry.io.stars.unlisted_files import UNLISTED_COLUMNS, read_unlisted, write_unlisted

_STARS = Stars(
    np.array([-1, -1001]), np.array([1 / 3, 900.25]), np.array([44.5, 1e3 / 7]), np.array([11.987654321, 15.5])
)


@pytest.mark.parametrize("stars", [_STARS, NO_STARS], ids=["two", "none"])
def test_what_is_written_is_read(tmp_path, stars):
    path = tmp_path / "unlisted.ecsv"
    write_unlisted(path, stars, "region", {})
    found = read_unlisted(path)
    for name in ("starid", "row", "column", "tmag"):
        one, other = getattr(found, name), getattr(stars, name)
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    content = path.read_bytes()
    write_unlisted(path, stars, "region", {})
    assert path.read_bytes() == content


def test_a_table_says_where_it_came_from_and_what_its_columns_are(tmp_path):
    (tmp_path / "cube.txt").write_text("pixels")
    path = tmp_path / "unlisted.ecsv"
    write_unlisted(path, _STARS, "region", {"cube": tmp_path / "cube.txt"}, {"motion": {"n_round": 3}})
    table = Table.read(path)
    assert table.colnames == [spec.name for spec in UNLISTED_COLUMNS]
    assert [str(table[name].unit) for name in ("row", "tmag", "flux")] == ["pix", "mag", "electron / s"]
    np.testing.assert_allclose(table["flux"], _STARS.flux)
    assert table.meta["region"] == "region"
    assert json.loads(table.meta["origin"]["settings"]) == {"motion": {"n_round": 3}}
    assert table.meta["origin"]["input_cube"].startswith("cube.txt sha256:")


def test_other_tables_are_refused(tmp_path):
    with pytest.raises(InputFileError, match="no such file"):
        read_unlisted(tmp_path / "nothing.ecsv")
    Table({"number": [1]}).write(tmp_path / "other.ecsv", format="ascii.ecsv")
    with pytest.raises(InputFileError, match="lacks the columns row, column, tmag, flux"):
        read_unlisted(tmp_path / "other.ecsv")
