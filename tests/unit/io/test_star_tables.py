"""Reading star tables in all their forms, and what makes one useless."""

import gzip
import sqlite3
import tracemalloc
from contextlib import closing

import numpy as np
import pandas as pd
import pytest
from astropy.table import MaskedColumn, Table

from photometry.catalog.star_catalog import Catalog, CatalogSettings
from photometry.core.errors import CatalogError, InputFileError
from photometry.io.stars.catalog_files import write_catalog
from photometry.io.stars.star_tables import read_star_table
from photometry.io.stars.target_tables import read_target_table

MAST = pd.DataFrame(
    {
        "ID": [261136679, 12, 9007199254740993],
        "ra": [84.291188, 0.001, 359.999],
        "dec": [-80.469119, 10.5, -89.999],
        "Tmag": [5.1, 12.25, 15.0],
        "pmRA": [311.187, np.nan, -3.0],
        "pmDEC": [1048.845, np.nan, 4.0],
        "Teff": [5950.0, np.nan, 4000.0],
    }
)


def check(stars):
    """The three stars of `MAST`, sorted by number."""
    table = stars.table
    assert list(table.columns) == ["starid", "ra_J2000", "decl_J2000", "pm_ra", "pm_decl", "tmag", "teff"]
    assert table["starid"].dtype == np.int64
    assert list(table["starid"]) == [12, 261136679, 9007199254740993]
    assert list(table["ra_J2000"]) == [0.001, 84.291188, 359.999]
    assert list(table["decl_J2000"]) == [10.5, -80.469119, -89.999]
    assert list(table["pm_ra"]) == [0.0, 311.187, -3.0]
    assert list(table["pm_decl"]) == [0.0, 1048.845, 4.0]
    assert list(table["tmag"]) == [12.25, 5.1, 15.0]
    np.testing.assert_array_equal(table["teff"], [np.nan, 5950.0, 4000.0])
    assert stars.left_out.counts().tolist() == [0, 0, 0]
    assert len(stars) == 3


def as_table(frame=MAST):
    table = Table.from_pandas(frame)
    for name in ("pmRA", "pmDEC", "Teff"):
        table[name] = MaskedColumn(table[name], mask=np.isnan(np.ma.filled(table[name], np.nan)))
    return table


def test_csv(tmp_path):
    MAST.to_csv(tmp_path / "stars.csv", index=False)
    check(read_star_table(tmp_path / "stars.csv"))


@pytest.mark.parametrize("separator", [";", "\t", "|", " "])
def test_other_separators(tmp_path, separator):
    MAST.to_csv(tmp_path / "stars.txt", index=False, sep=separator, na_rep="nan")
    check(read_star_table(tmp_path / "stars.txt"))


def test_csv_with_comments_and_gzip(tmp_path):
    text = "# MAST says hello, world\n#int,float\n" + MAST.to_csv(index=False)
    (tmp_path / "stars.csv.gz").write_bytes(gzip.compress(text.encode()))
    check(read_star_table(tmp_path / "stars.csv.gz"))


@pytest.mark.parametrize(("name", "form"), [("a.ecsv", "ascii.ecsv"), ("a.fits", "fits"), ("a.xml", "votable")])
def test_astropy_formats_by_content(tmp_path, name, form):
    as_table().write(tmp_path / name, format=form)
    check(read_star_table(tmp_path / name))
    (tmp_path / name).rename(tmp_path / "table.dat")
    check(read_star_table(tmp_path / "table.dat"))


@pytest.mark.parametrize("form", ["ascii.ecsv", "fits", "votable"])
def test_star_numbers_as_text(tmp_path, form):
    table = as_table()
    table["ID"] = [str(number) for number in MAST["ID"]]
    table.write(tmp_path / "a", format=form)
    check(read_star_table(tmp_path / "a"))


def test_tic_prefix(tmp_path):
    MAST.assign(ID=[f"TIC {number}" for number in MAST["ID"]]).to_csv(tmp_path / "a.csv", index=False)
    check(read_star_table(tmp_path / "a.csv"))


def test_units_are_converted(tmp_path):
    table = as_table()
    table["ra"] = np.deg2rad(table["ra"])
    table["ra"].unit = "rad"
    table["pmRA"] = table["pmRA"] / 1000
    table["pmRA"].unit = "arcsec / yr"
    table.write(tmp_path / "a.ecsv")
    stars = read_star_table(tmp_path / "a.ecsv").table
    np.testing.assert_allclose(stars["ra_J2000"], [0.001, 84.291188, 359.999], rtol=1e-12)
    np.testing.assert_allclose(stars["pm_ra"], [0, 311.187, -3.0], rtol=1e-12)


def test_lower_case_and_own_names(tmp_path):
    MAST.rename(columns=str.lower).to_csv(tmp_path / "a.csv", index=False)
    check(read_star_table(tmp_path / "a.csv"))
    own = dict(zip(MAST, ("starid", "ra_J2000", "decl_J2000", "tmag", "pm_ra", "pm_decl", "teff"), strict=True))
    frame = MAST.rename(columns=own).assign(ra=1.0, decl=2.0)
    frame.to_csv(tmp_path / "b.csv", index=False)
    check(read_star_table(tmp_path / "b.csv"))


def test_catalogue_sqlite(tmp_path):
    table = MAST.fillna({"pmRA": 0, "pmDEC": 0}).sort_values("ID")
    columns = [table[name].to_numpy() for name in ("ID", "ra", "dec", "pmRA", "pmDEC", "Tmag", "Teff")]
    ra, decl = table["ra"].to_numpy() + 0.001, table["dec"].to_numpy()
    settings = CatalogSettings(1, 2, 3, "8.2", 1325.0, 2018.5, 0.1, 84.0, -80.0, "")
    write_catalog(tmp_path / "a.sqlite", Catalog(*columns, settings, ra, decl))
    check(read_star_table(tmp_path / "a.sqlite"))


def test_marked_rows_are_left_out_and_counted(tmp_path):
    frame = pd.concat([MAST, MAST.assign(ID=[1, 2, 3])])
    frame["disposition"] = ["", "SPLIT", "JOIN", "ARTIFACT", "DUPLICATE", "duplicate"]
    frame.to_csv(tmp_path / "a.csv", index=False)
    stars = read_star_table(tmp_path / "a.csv")
    assert len(stars) == 3
    assert stars.left_out.counts().tolist() == [1, 2, 0]


def test_stars_without_magnitude_are_left_out_and_counted(tmp_path):
    MAST.assign(Tmag=[5.1, np.nan, 15]).to_csv(tmp_path / "a.csv", index=False)
    stars = read_star_table(tmp_path / "a.csv")
    assert list(stars.table["starid"]) == [261136679, 9007199254740993]
    assert stars.left_out.counts().tolist() == [0, 0, 1]


def test_without_proper_motion(tmp_path, caplog):
    MAST.drop(columns=["pmRA", "pmDEC"]).to_csv(tmp_path / "a.csv", index=False)
    assert np.all(read_star_table(tmp_path / "a.csv").table["pm_ra"] == 0)
    assert "no column for proper motion, which counts as 0" in caplog.text


def test_negative_right_ascension(tmp_path):
    MAST.assign(ra=[84.291188, 0.001, -0.001]).to_csv(tmp_path / "a.csv", index=False)
    assert read_star_table(tmp_path / "a.csv").table["ra_J2000"].iloc[2] == pytest.approx(359.999)


# Bad tables


def refused(tmp_path, frame, message):
    frame.to_csv(tmp_path / "bad.csv", index=False)
    with pytest.raises(CatalogError, match=r"bad\.csv: " + message):
        read_star_table(tmp_path / "bad.csv")


@pytest.mark.parametrize(
    ("column", "ours"), [("ID", "starid"), ("ra", "ra_J2000"), ("dec", "decl_J2000"), ("Tmag", "tmag")]
)
def test_needed_column_is_missing(tmp_path, column, ours):
    rest = ", ".join(name for name in MAST if name != column)
    refused(
        tmp_path, MAST.drop(columns=column), rf"has no column {ours} \(accepted names: .*\); its columns are {rest}"
    )


def test_positions_that_are_nan(tmp_path):
    frame = MAST.assign(ra=[84.0, np.nan, 3.0], dec=[np.nan, 1.0, 2.0])
    refused(tmp_path, frame, r"2 stars without a position \(NaN\): TIC 261136679 \(row 1\), TIC 12 \(row 2\)")


@pytest.mark.parametrize("change", [{"ra": [84.0, 400.0, 3.0]}, {"dec": [1.0, 91.0, 2.0]}])
def test_positions_that_are_none(tmp_path, change):
    refused(tmp_path, MAST.assign(**change), r"1 star with a position outside RA .*: TIC 12 \(row 2\)")


def test_star_twice(tmp_path):
    refused(
        tmp_path,
        MAST.assign(ID=[12, 12, 5]),
        r"1 star is there more than once, with different values: TIC 12 \(TIC 12 differs in .*\); keep one",
    )


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ({"ra": ["05:37:09.9", "00:00:00.2", "23:59:59.8"]}, r"ra \(ra_J2000\) has '05:37:09.9'"),
        ({"dec": ["-80 28 09", "+10 30 00", "-89 59 56"]}, r"dec \(decl_J2000\) has '-80 28 09'"),
        ({"ra": ["5h37m9.9s", "0h0m0.2s", "23h59m59.8s"]}, r"ra \(ra_J2000\) has '5h37m9.9s'"),
    ],
)
def test_hours_minutes_and_seconds_are_told_from_degrees(tmp_path, change, column):
    expected = r"expected a number in degrees \(not hours or degrees, minutes and seconds\)"
    refused(tmp_path, MAST.assign(**change), rf"column {column} in row 1, {expected}")


def test_the_same_row_twice_counts_once(tmp_path):
    """Cone searches that overlap, stacked: other columns, as the distance from their centres, may differ."""
    stacked = pd.concat([MAST.assign(dstArcSec=1.0), MAST.iloc[[2, 1]].assign(dstArcSec=500.0), MAST.iloc[[1]]])
    stacked.to_csv(tmp_path / "stars.csv", index=False)
    check(read_star_table(tmp_path / "stars.csv"))


@pytest.mark.parametrize(
    ("column", "ours"), [("Tmag", "tmag"), ("ra", "ra_J2000"), ("Teff", "teff"), ("pmRA", "pm_ra")]
)
def test_different_rows_of_a_star_are_refused(tmp_path, column, ours):
    other = MAST.iloc[[1]].assign(**{column: 0.5})
    message = rf"1 star is there more than once, with different values: TIC 12 \(TIC 12 differs in {ours}\); keep"
    refused(tmp_path, pd.concat([MAST, other, MAST]), message)


@pytest.mark.parametrize(
    "number",
    ["0", "-4", "12.5", "HD 1", "", "9" * 23, "9" * 400, "9223372036854775808", "1e400", "nan", "\uff15"],
)
def test_no_star_number(tmp_path, number):
    refused(tmp_path, MAST.assign(ID=["1", number, "3"]), r"1 star number is no TIC number: .* in row 2")


@pytest.mark.parametrize("number", [b"\xff\xfe", b"", None, "9" * 23, 1e22, float("inf"), -(2**63)])
def test_no_star_number_in_sqlite(tmp_path, number):
    with closing(sqlite3.connect(tmp_path / "a.sqlite")) as connection, connection:
        connection.execute("CREATE TABLE catalog (starid, ra, decl, tmag)")
        connection.executemany("INSERT INTO catalog VALUES (?, 84.0, -80.0, 10.0)", [(1,), (number,), (3,)])
    with pytest.raises(CatalogError, match=r"a\.sqlite: 1 star number is no TIC number: .* in row 2; correct or"):
        read_star_table(tmp_path / "a.sqlite")


@pytest.mark.parametrize("form", ["fits", "votable", "ascii.ecsv"])
@pytest.mark.parametrize("name", ["ID", "ra", "Tmag"])
@pytest.mark.parametrize("dtype", [complex, bool])
def test_columns_that_are_no_numbers(tmp_path, form, name, dtype):
    table = as_table()
    table[name] = np.asarray(table[name]).astype(dtype)
    table.write(tmp_path / "a", format=form)
    words = r"a: (3 star numbers are no TIC numbers|column \w+ \(\w+\) has .* in row 1, not a|.*unexpected datatype)"
    with pytest.raises(CatalogError, match=words):
        read_star_table(tmp_path / "a")


def test_long_cells_are_shortened_in_messages(tmp_path):
    MAST.assign(Tmag=["5", "x" * 10_000, "9"]).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(CatalogError) as error:
        read_star_table(tmp_path / "a.csv")
    assert len(str(error.value)) < 300


def test_motions_and_magnitudes_that_no_star_has_are_counted_and_told(tmp_path, caplog):
    frame = MAST.assign(pmRA=[1e23, 1.0, 2.0], pmDEC=[1.0, -3e4, 2.0], Tmag=[5.1, 12.25, -999.0])
    frame.to_csv(tmp_path / "a.csv", index=False)
    stars = read_star_table(tmp_path / "a.csv")
    assert list(stars.table["starid"]) == [12, 261136679]
    assert np.all(stars.table[["pm_ra", "pm_decl"]] == 0)
    assert stars.left_out.counts().tolist() == [0, 0, 1]
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    dim = "1 star has tmag outside -5 to 50 mag, which counts as no magnitude: TIC 9007199254740993 (row 3)"
    fast = "2 stars have pm_ra or pm_decl outside -20000 to 20000 mas/yr, and count as standing still: "
    assert said == [
        f"{tmp_path}/a.csv: {dim}",
        f"{tmp_path}/a.csv: {fast}TIC 261136679 (row 1), TIC 12 (row 2)",
    ]


def test_text_where_a_number_belongs(tmp_path):
    refused(
        tmp_path,
        MAST.assign(Tmag=["5", "bright", "9"]),
        r"column Tmag \(tmag\) has 'bright' in row 2, expected a number in mag",
    )


def test_no_rows(tmp_path):
    refused(tmp_path, MAST[:0], "has no star; give a table with at least one")
    refused(
        tmp_path, MAST.assign(disposition="ARTIFACT"), r"has no star \(3 rows are marked as artefact or duplicate\)"
    )
    refused(tmp_path, MAST.assign(Tmag=np.nan), r"none of its 3 stars has a value in Tmag")


def test_empty_and_missing_file(tmp_path):
    (tmp_path / "a.csv").write_text("")
    with pytest.raises(CatalogError, match=r"a\.csv: is empty; give a table with at least one star"):
        read_star_table(tmp_path / "a.csv")
    with pytest.raises(CatalogError, match=r"b\.csv: no such file; correct the key 'catalog'"):
        read_star_table(tmp_path / "b.csv")


def test_unreadable(tmp_path):
    as_table().write(tmp_path / "a.fits")
    content = (tmp_path / "a.fits").read_bytes()
    for name, damaged in (
        ("a.fits", content[: len(content) // 2]),
        ("b.csv", bytes(range(256))),
        ("c.csv", b"a,b\n1,2,3,4\n1,2\n1,2,3,4,5\n"),
        ("d.ecsv", b"# %ECSV 1.0\n# ---\n# nonsense"),
        ("e.sqlite", b"SQLite format 3\0" + bytes(100)),
        ("f.csv.gz", b"\x1f\x8b" + bytes(20)),
    ):
        (tmp_path / name).write_bytes(damaged)
        with pytest.raises(CatalogError, match=rf"{name}: cannot be read as a star table \(.*\); expected CSV, ECSV"):
            read_star_table(tmp_path / name)


STREAMS = {
    "an address": b'<STREAM href="http://127.0.0.1:9/stars.fits" encoding="base64">',
    "a namespace": b'<vo:STREAM encoding="base64" href = "ftp://127.0.0.1:9/stars.fits">',
    "a file": b"<stream\nhref='file:///etc/passwd'>",
    "an entity": b'<!ENTITY s SYSTEM "http://127.0.0.1:9/stars">',
}


@pytest.mark.parametrize("stream", STREAMS.values(), ids=STREAMS)
def test_a_votable_with_its_data_elsewhere_is_refused_without_a_request(tmp_path, monkeypatch, stream):
    def connect(*_: object) -> None:
        raise AssertionError("a request was made")

    monkeypatch.setattr("socket.socket.connect", connect)
    monkeypatch.setattr("urllib.request.urlopen", connect)
    as_table().write(tmp_path / "a.xml", format="votable", tabledata_format="binary")
    content = (tmp_path / "a.xml").read_bytes()
    (tmp_path / "a.xml").write_bytes(content.replace(b'<STREAM encoding="base64">', stream))
    for read in (read_star_table, read_target_table):
        with pytest.raises(InputFileError, match=r"a\.xml: cannot be read as .*: save the table with its data in it"):
            read(tmp_path / "a.xml")


def test_a_gzipped_table_that_unpacks_to_gigabytes_is_refused_early(tmp_path):
    blanks = gzip.compress(b" " * (1 << 24))
    (tmp_path / "a.csv.gz").write_bytes(blanks * 64)
    tracemalloc.start()
    with pytest.raises(InputFileError, match=r"a\.csv\.gz: unpacks to more than \d+ MB, too much for its size"):
        read_star_table(tmp_path / "a.csv.gz")
    assert tracemalloc.get_traced_memory()[1] < 1e9
    tracemalloc.stop()


def test_a_gzipped_database_is_named(tmp_path):
    (tmp_path / "a.sqlite.gz").write_bytes(gzip.compress(b"SQLite format 3\0" + bytes(100)))
    with pytest.raises(CatalogError, match=r"a\.sqlite\.gz: is a gzipped SQLite file; unpack it"):
        read_star_table(tmp_path / "a.sqlite.gz")


@pytest.mark.realdata
def test_real_excerpt_of_the_tic(tess_data):
    stars = read_star_table(tess_data / "reference" / "tic82_excerpt_206rows.csv")
    assert len(stars) + len(stars.left_out) == 206
    star = stars.table.set_index("starid").loc[1227555]
    assert (star["tmag"], star["pm_ra"], star["teff"]) == (12.5991, -14.2149, 6407)


@pytest.mark.realdata
def test_other_real_tables(tess_data):
    assert len(read_star_table(tess_data / "tpf" / "tpf1_stars.csv")) == 11
    assert len(read_star_table(tess_data / "simulated" / "exact" / "catalog.csv")) == 4104
