from dataclasses import replace

import numpy as np
import pytest
from astropy.table import Table
from tile_fits import STAMP, make_catalog, make_fit, make_header

from photometry.catalog.star_catalog import ccd_positions
from photometry.catalog.targets import NO_TMAG, OUTSIDE, RegionTargets, choose_targets
from photometry.core.errors import InputFileError
from photometry.core.geometry import Stamp, tiles_of
from photometry.core.stars import Stars
from photometry.io.stars.target_lists import make_region, read_targets, write_targets
from photometry.io.stars.target_tables import read_target_table

STARS = Stars(
    np.array([5, 1, 2, 3, 4]),
    np.array([310.0, 305, 335, 500, 320]),
    np.array([545.0, 570, 575, 500, 560]),
    np.array([9.0, 10, 17, 8, np.nan]),
)
TILES = tiles_of(STAMP, 20, 4)


def region(name="a", stamp=STAMP, wanted=None, **more):
    return RegionTargets(name, stamp, STARS, wanted, 15.0, **more)


def reasons(targets):
    return dict(zip(targets.starid.tolist(), targets.reason.tolist(), strict=True))


def test_all_means_the_stars_on_the_pixels_down_to_the_limit():
    targets = choose_targets(region(), TILES)
    assert targets.starid.tolist() == [1, 5]
    assert targets.tile.tolist() == ["row0300_col0560", "row0300_col0540"]
    assert targets.of_tile("row0300_col0560").tolist() == [1]
    assert targets.of_tile("row0320_col0540").tolist() == []


def test_every_star_that_is_asked_for_has_a_row():
    targets = choose_targets(region(wanted=np.array([6, 4, 3, 2, 1, 1])), TILES)
    assert reasons(targets) == {
        1: "",
        2: "fainter than tmag_limit 15",
        3: OUTSIDE,
        4: NO_TMAG,
        6: OUTSIDE,
    }
    assert np.isnan(targets.row[-1])
    assert targets.tile.tolist() == ["row0300_col0560", "", "", "", ""]


def test_a_star_belongs_where_it_is_farthest_from_the_border():
    left, right = region("left"), region("right", Stamp(290, 340, 560, 600))
    assert reasons(choose_targets(left, TILES, [right])) == {1: "measured in region right", 5: ""}
    tiles = tiles_of(right.stamp, 40, 4)
    assert reasons(choose_targets(right, tiles, [left])) == {1: ""}


def test_equal_regions_are_settled_by_name():
    first, second = region("a"), region("b")
    assert reasons(choose_targets(first, TILES, [second])) == {1: "", 5: ""}
    assert reasons(choose_targets(second, TILES, [first])) == {1: "measured in region a", 5: "measured in region a"}


def test_the_target_of_a_tpf_stays_there():
    small = region("z_tpf", Stamp(303, 308, 568, 573), starid=1)
    large = region("a")
    tiles = tiles_of(small.stamp, 40, 4)
    assert reasons(choose_targets(small, tiles, [large])) == {1: ""}
    assert reasons(choose_targets(large, TILES, [small])) == {1: "measured in region z_tpf", 5: ""}


def test_a_region_that_was_not_asked_for_a_star_does_not_take_it():
    other = region("other", Stamp(290, 340, 550, 590), wanted=np.array([5]))
    assert reasons(choose_targets(region(), TILES, [other])) == {1: "", 5: ""}


@pytest.mark.parametrize("seed", range(5))
def test_overlapping_regions_share_stars_without_gap_or_double(seed):
    rng = np.random.default_rng(seed)
    stars = Stars(np.arange(300), rng.uniform(0, 60, 300), rng.uniform(44, 104, 300), rng.uniform(8, 16, 300))
    corners = rng.integers(0, 30, (4, 2))
    stamps = [Stamp(row, row + 30, 44 + column, 74 + column) for row, column in corners.tolist()]
    regions = [RegionTargets(f"r{k}", stamp, stars, None, 15.0) for k, stamp in enumerate(stamps)]
    taken = []
    for one in regions:
        targets = choose_targets(one, tiles_of(one.stamp, 16, 4), [r for r in regions if r is not one])
        assert np.all((targets.tile == "") == (targets.reason != ""))
        taken += targets.starid[targets.reason == ""].tolist()
    covered = np.any([stamp.contains(stars.row, stars.column) for stamp in stamps], axis=0) & (stars.tmag <= 15)
    assert sorted(taken) == stars.starid[covered].tolist()


def test_no_stars_make_an_empty_list(tmp_path):
    nothing = Stars(np.empty(0, dtype=np.int64), np.empty(0), np.empty(0), np.empty(0))
    targets = choose_targets(RegionTargets("a", STAMP, nothing, None, 15.0), TILES)
    assert len(targets) == 0
    write_targets(tmp_path / "t.ecsv", targets, "a", make_header(), np.array([3, 1, 2]))
    assert len(read_targets(tmp_path / "t.ecsv")[0]) == 0
    asked = choose_targets(RegionTargets("a", STAMP, nothing, np.array([7]), 15.0), TILES)
    assert reasons(asked) == {7: OUTSIDE}


def test_target_list_round_trip(tmp_path):
    targets = choose_targets(region(wanted=np.array([1, 2, 6])), TILES)
    write_targets(tmp_path / "t.ecsv", targets, "a", make_header(), np.array([3, 1, 2]))
    back, metadata = read_targets(tmp_path / "t.ecsv")
    for name in targets.__slots__:
        np.testing.assert_array_equal(getattr(back, name), getattr(targets, name))
    assert metadata == {"region": "a", "sector": 1, "camera": 4, "ccd": 2, "cadence": 1800} | {
        "left_out": {"artefact": 3, "duplicate": 1, "without_tmag": 2}
    }
    first = (tmp_path / "t.ecsv").read_bytes()
    write_targets(tmp_path / "t.ecsv", targets, "a", make_header(), np.array([3, 1, 2]))
    assert (tmp_path / "t.ecsv").read_bytes() == first


@pytest.mark.parametrize(
    ("starid", "reason"), [(2, "fainter than tmag_limit 15"), (3, OUTSIDE), (4, NO_TMAG), (4711, OUTSIDE), (1, "")]
)
def test_the_target_of_a_file_has_a_row_whatever_it_is(starid, reason):
    assert reasons(choose_targets(region(starid=starid), TILES)) == {1: "", 5: ""} | {starid: reason}
    assert reasons(choose_targets(region(wanted=np.array([5]), starid=starid), TILES)) == {5: ""}


@pytest.mark.parametrize("wanted", [None, np.array([1, 2])])
def test_a_star_that_is_skipped_is_a_target_with_its_reason(wanted):
    targets = choose_targets(replace(region(wanted=wanted), skipped={2: "marked", 77: "not in the table"}), TILES)
    assert {2: "marked", 77: "not in the table"}.items() <= reasons(targets).items()
    assert reasons(targets)[1] == ""
    assert targets.tile[np.isin(targets.starid, [2, 77])].tolist() == ["", ""]


def test_make_region_places_the_stars():
    header, catalog = make_header(), make_catalog(make_fit())
    made = make_region("a", header, catalog, None, 15.0)
    row, column = ccd_positions(catalog.ra, catalog.decl, header.wcs_header)
    near = STAMP.grown(20).contains(row, column)
    np.testing.assert_array_equal(made.stars.starid, catalog.starid[near])
    assert made.starid == 0


@pytest.mark.parametrize("name", ["starid", "ID", "TIC", "ticid"])
@pytest.mark.parametrize("ending", ["csv", "ecsv", "fits", "vot"])
def test_target_tables_are_read(tmp_path, name, ending):
    path = tmp_path / f"targets.{ending}"
    Table({"note": ["b", "a", "c"], name: [30, 10, 10]}).write(
        path, format={"csv": "ascii.csv", "ecsv": "ascii.ecsv", "fits": "fits", "vot": "votable"}[ending]
    )
    assert read_target_table(path).tolist() == [10, 30]


def test_target_tables_with_spellings_of_the_tic(tmp_path):
    path = tmp_path / "targets.csv"
    path.write_text("# my stars\nTIC , name\nTIC 25, a\n26.0, b\n")
    assert read_target_table(path).tolist() == [25, 26]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name,tmag\na,3\n", "has no column starid.*only name, tmag"),
        ("starid\n", "has no rows"),
        ("", "cannot be read as a table of targets"),
        ("starid\n12\npi Men\n", r"column starid, row 2 \('pi Men'\): expected a TIC number"),
        ("starid\n-5\n", "row 1"),
        ("starid\n1.5\n", "row 1"),
        ("starid,x\n,1\n", "row 1"),
    ],
)
def test_bad_target_tables_are_refused(tmp_path, content, message):
    path = tmp_path / "targets.csv"
    path.write_text(content)
    with pytest.raises(InputFileError, match=message) as error:
        read_target_table(path)
    assert str(path) in str(error.value)


def test_missing_target_table(tmp_path):
    with pytest.raises(InputFileError, match=r"no such file; correct the key 'targets'"):
        read_target_table(tmp_path / "none.csv")


def test_damaged_fits_table(tmp_path):
    path = tmp_path / "targets.fits"
    Table({"starid": np.arange(2000)}).write(path)
    path.write_bytes(path.read_bytes()[:4000])
    with pytest.raises(InputFileError, match="cannot be read as a table of targets"):
        read_target_table(path)


@pytest.mark.parametrize(
    "text", ["TIC,note\n7,a\n5,b\n7,c\n", "TIC\n7\n5\n", " tic ,x\n 7 ,1\n 5,2\n", "TIC\n7.0\nTIC 5\n"]
)
def test_plain_and_other_numbers_are_read_alike(tmp_path, text):
    (tmp_path / "t.csv").write_text(text)
    assert read_target_table(tmp_path / "t.csv").tolist() == [5, 7]
