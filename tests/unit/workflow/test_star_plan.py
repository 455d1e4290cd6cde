from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sky_regions import WIDE, planned, star_table
from tile_fits import WCS_HEADER, make_header

from photometry.catalog.region_stars import epoch_of_sector
from photometry.catalog.star_catalog import ccd_positions, wcs_of
from photometry.core.errors import CatalogError
from photometry.core.geometry import Stamp
from photometry.core.sky import julian_year
from photometry.core.stars import LIGHT_REACH
from photometry.io.stars.star_files import read_stars, reference_stars
from photometry.io.stars.star_tables import read_star_table
from photometry.workflow import star_choice
from photometry.workflow.job_inputs import placed_stars
from photometry.workflow.plan import all_overlaps
from photometry.workflow.region_places import place_of
from photometry.workflow.star_plan import (
    StarPlan,
    linked_regions,
    plan_stars,
    read_star_plan,
    reference_digest,
    stars_file,
)

FIRST, SECOND = "row0300_col0500", "row0300_col0560"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    star_table().to_csv("stars.csv", index=False)
    return tmp_path


def plan(*regions, code="code", coord_buffer=0.1):
    return plan_stars({region.name: region for region in regions}, "plan", coord_buffer, code)


def changed(one: StarPlan, other: StarPlan) -> set[str]:
    """What differs between two plans: region, and tiles and targets by name of the tile."""
    found = {"region"} if one.region != other.region else set()
    found |= {f"fit {name}" for name in one.tiles if one.tiles[name] != other.tiles[name]}
    return found | {f"export {name}" for name in one.targets if one.targets[name] != other.targets[name]}


def edit(**changes) -> None:
    """Change the first star, which is in the first tile, 50 px from the second."""
    table = pd.read_csv("stars.csv")
    for name, value in changes.items():
        table.loc[0, name] = value
    table.to_csv("stars.csv", index=False)


EDITS = {
    "magnitude": ({"Tmag": 9.9}, {"region", f"fit {FIRST}", f"export {FIRST}"}),
    "proper motion": ({"pmRA": 30.0}, {"region", f"fit {FIRST}", f"export {FIRST}"}),
    "temperature": ({"Teff": 6000.0}, {f"export {FIRST}"}),
    "something else": ({"row": 0.0}, set()),
}


@pytest.mark.parametrize(("change", "expected"), EDITS.values(), ids=EDITS)
def test_what_a_changed_row_reaches(change, expected):
    edit(Tmag=10.0)
    before = plan(planned("a"))["a"]
    edit(**change)
    assert changed(before, plan(planned("a"))["a"]) == expected


def test_stars_at_a_border_reach_both_tiles_and_are_exported_by_one():
    region, table = planned("a"), pd.read_csv("stars.csv")
    before = plan(region)["a"]
    for star in np.flatnonzero((table.Tmag < 14.9) & (np.arange(len(table)) < 199))[:40]:
        edited = table.copy()
        edited.loc[star, "Tmag"] += 0.01
        edited.to_csv("stars.csv", index=False)
        found = changed(before, plan(region)["a"])
        place = table.row[star], table.column[star]
        for tile in region.tiles.values():
            reached = tile.stamp.border_distance(*place) > -LIGHT_REACH
            assert not reached or f"fit {tile.name}" in found
            assert not tile.core.contains(*place) or f"export {tile.name}" in found
            far = tile.stamp.border_distance(*place) < -LIGHT_REACH - 1
            assert not far or f"fit {tile.name}" not in found


def test_stars_that_jobs_read_are_those_of_the_digest():
    """What a tile is fitted with lies within what its digest is of: here all stars of the table near the region."""
    plan(planned("a"))
    stars, header = read_stars(stars_file("plan", "a")), make_header(stamp=WIDE)
    placed = placed_stars(stars, header, WIDE)
    table = pd.read_csv("stars.csv").iloc[:-1]
    row, column = ccd_positions(table.ra, table.dec, WCS_HEADER)
    inside = WIDE.grown(LIGHT_REACH).contains(row, column)
    assert placed.starid.tolist() == table.ID[inside].tolist()
    np.testing.assert_allclose(placed.row, row[inside], atol=1e-6)
    assert set(placed.starid) <= set(stars.starid[stars.reaches])


def test_nothing_is_read_when_nothing_has_changed(monkeypatch):
    first = plan(planned("a"))
    times = {path.name: path.stat().st_mtime_ns for path in Path("plan").iterdir()}
    monkeypatch.setattr(star_choice, "read_star_table", None)
    assert plan(planned("a")) == first
    assert {path.name: path.stat().st_mtime_ns for path in Path("plan").iterdir()} == times
    assert read_star_plan("plan", "a") == first["a"]


@pytest.mark.parametrize("what", ["touch", "rewrite", "code"])
def test_the_same_stars_again_make_the_same_plan_and_leave_their_file_alone(what):
    first, time = plan(planned("a")), stars_file("plan", "a").stat().st_mtime_ns
    if what == "rewrite":
        pd.read_csv("stars.csv").iloc[::-1].to_csv("stars.csv", index=False, sep=";")
    elif what == "touch":
        Path("stars.csv").touch()
    assert plan(planned("a"), code="other" if what == "code" else "code") == first
    assert stars_file("plan", "a").stat().st_mtime_ns == time


@pytest.mark.parametrize("ending", [".json", ".hdf5"])
@pytest.mark.parametrize("damage", [b"", b"[1]", b"{", None])
def test_a_damaged_plan_is_made_again(ending, damage):
    first = plan(planned("a"))
    path = Path("plan/stars.json") if ending == ".json" else stars_file("plan", "a")
    content = path.read_bytes()
    path.unlink()
    if damage is not None:
        path.write_bytes(damage)
    assert plan(planned("a")) == first
    assert len(read_stars(stars_file("plan", "a"))) > 100
    assert ending == ".hdf5" or path.read_bytes() == content


def test_targets_reach_the_export_of_their_tile():
    table = pd.read_csv("stars.csv")
    bright = table[(table.Tmag < 14) & (table.ID < 299)]
    bright[["ID"]].to_csv("targets.csv", index=False)
    region = planned("a", targets="targets.csv")
    before = plan(region)["a"]
    inside = WIDE.border_distance(bright.row, bright.column) > 1
    in_second = inside & (bright.column > 562)
    star = bright[in_second].iloc[0]
    bright[["ID"]][bright.ID != star.ID].to_csv("targets.csv", index=False)
    after = plan(region)["a"]
    assert changed(before, after) == {f"export {SECOND}"}
    assert (before.rows, before.content == after.content) == (after.rows, False)


def test_tiles_without_targets_are_left_out():
    edit(Tmag=10.0)
    pd.DataFrame({"TIC": [100, 299]}).to_csv("targets.csv", index=False)
    made = plan(planned("a", targets="targets.csv"))["a"]
    assert (set(made.targets), set(made.tiles)) == ({FIRST}, {FIRST, SECOND})
    assert set(plan(planned("a", targets="targets.csv", tmag_limit=2.0))["a"].targets) == set()
    assert set(plan(planned("a"))["a"].targets) == {FIRST, SECOND}


def test_a_target_on_the_border_of_two_tiles_may_be_on_either():
    """Places of the plan are right to half a pixel."""
    ra, dec = wcs_of(WCS_HEADER).all_pix2world(559.6, 330.0, 0)
    edit(ra=float(ra), dec=float(dec), Tmag=10.0)
    pd.DataFrame({"TIC": [100]}).to_csv("targets.csv", index=False)
    assert set(plan(planned("a", targets="targets.csv"))["a"].targets) == {FIRST, SECOND}


@pytest.mark.parametrize("targets", ["all", "targets.csv"])
def test_a_star_table_of_another_field_is_refused(targets):
    """Else the run would end well, and empty."""
    pd.read_csv("stars.csv").assign(dec=10.0).to_csv("stars.csv", index=False)
    pd.DataFrame({"TIC": [100]}).to_csv("targets.csv", index=False)
    with pytest.raises(CatalogError, match="none of its stars is near the pixels of a"):
        plan(planned("a", targets=targets))


def test_targets_that_are_near_no_region_are_listed_once():
    pd.DataFrame({"TIC": [100, 299]}).to_csv("targets.csv", index=False)
    other = planned("b", Stamp(300, 360, 700, 760), targets="targets.csv")
    plan(planned("a", targets="targets.csv"), other)
    found = {name: read_stars(stars_file("plan", name)) for name in "ab"}
    assert found["a"].unplaced.tolist() == [299]
    assert found["b"].unplaced.tolist() == []
    assert found["a"].asked_for.tolist() == [100, 299]


@pytest.mark.parametrize("targets", ["all", "targets.csv"])
def test_a_job_takes_the_stars_that_the_plan_would_take(targets):
    pd.DataFrame({"TIC": [100, 299]}).to_csv("targets.csv", index=False)
    plan(planned("a", targets=targets))
    planned_stars, table = read_stars(stars_file("plan", "a")), read_star_table("stars.csv")
    stars = star_choice.region_stars_of(table, make_header(stamp=WIDE), targets, 15.0, 0.1)
    assert stars.starid.tolist() == planned_stars.starid.tolist()
    assert stars.wanted.tolist() == planned_stars.wanted.tolist()
    assert stars.unplaced.tolist() == planned_stars.unplaced.tolist() == ([] if targets == "all" else [299])
    assert stars.asks_all == planned_stars.asks_all == (targets == "all")
    assert set(stars.starid[stars.reaches]) <= set(planned_stars.starid[planned_stars.reaches])


def test_a_target_that_is_in_no_star_table():
    pd.DataFrame({"TIC": [100, 5]}).to_csv("targets.csv", index=False)
    with pytest.raises(CatalogError, match=r"targets.csv: TIC 5: not among the stars of stars.csv; remove the row"):
        plan(planned("a", targets="targets.csv"))
    star_table().iloc[[0]].assign(ID=5).to_csv("more.csv", index=False)
    assert set(plan(planned("a", targets="targets.csv"), planned("b", targets="targets.csv", catalog="more.csv")))


def test_an_overlapping_region_that_takes_a_star_changes_the_export():
    small = Stamp(320, 340, 505, 525)
    one = plan(planned("a"), planned("b", small, tmag_limit=15.0))["a"]
    less = plan(planned("a"), planned("b", small, tmag_limit=9.0))["a"]
    assert changed(one, less) == {f"export {FIRST}"}
    assert changed(plan(planned("a"))["a"], less) == {f"export {FIRST}"}


def test_regions_with_something_in_common_are_planned_together():
    far = Stamp(1000, 1060, 500, 560)
    regions = {
        "a": planned("a"),
        "b": planned("b", Stamp(310, 330, 510, 530), catalog="b.csv"),
        "c": planned("c", far, catalog="c.csv", targets="t.csv"),
        "d": planned("d", Stamp(1500, 1560, 500, 560), catalog="d.csv", targets="t.csv"),
        "e": planned("e", far, catalog="mast"),
        "f": planned("f", Stamp(1700, 1760, 500, 560), catalog="f.csv"),
    }
    assert linked_regions(regions, {name: [] for name in regions}) == [["a"], ["b"], ["c", "d"], ["f"]]
    linked = linked_regions({name: regions[name] for name in "abcdf"}, all_overlaps(regions))
    assert sorted(linked) == [["a", "b"], ["c", "d"], ["f"]]


def test_the_reference_stays_while_few_stars_change_and_small_changes_do_not_add_up():
    digests = []
    n_reaching = 0
    for number in range(8):
        made = plan(planned("a"))["a"]
        digests.append(reference_digest(made, stars_file("plan", "a"), "reference.hdf5"))
        n_reaching = n_reaching or len(reference_stars(stars_file("plan", "a"), "reference.hdf5"))
        used = reference_stars(stars_file("plan", "a"), "reference.hdf5")
        assert (digests[-1] == digests[0]) == (number <= max(1, int(0.02 * n_reaching)))
        assert len(used) == n_reaching
        table = pd.read_csv("stars.csv")
        reaching = np.flatnonzero(WIDE.border_distance(table.row, table.column) > 0)
        table.loc[reaching[number], "Tmag"] += 0.01
        table.to_csv("stars.csv", index=False)


def test_who_is_a_target_does_not_matter_to_the_reference():
    pd.DataFrame({"TIC": [100, 101]}).to_csv("targets.csv", index=False)
    plan(planned("a"))
    reference_stars(stars_file("plan", "a"), "one.hdf5")
    plan(planned("a", targets="targets.csv", tmag_limit=12.0))
    reference_stars(stars_file("plan", "a"), "two.hdf5")
    assert read_stars("one.hdf5").digest == read_stars("two.hdf5").digest
    assert Path("one.hdf5").read_bytes() == Path("two.hdf5").read_bytes()


def test_a_fast_star_is_found_where_it_is_now():
    """Barnard's star moves by 10.4 arcsec a year: 12 pixels since J2000."""
    edit(pmDEC=10_400.0, dec=pd.read_csv("stars.csv").dec[0] - 10.4 * (epoch_of_sector(1) - 2000) / 3600)
    plan(planned("a"))
    stars = read_stars(stars_file("plan", "a"))
    assert stars.reaches[stars.starid == 100].all()
    assert 100 in placed_stars(stars, make_header(stamp=WIDE), WIDE).starid


def test_epochs_of_sectors():
    """Middles of sectors 1, 26, 55 and 87 (dates of the archive)."""
    for sector, btjd in ((1, 1339.6), (26, 2022.9), (55, 2810.2), (87, 3675.0)):
        assert epoch_of_sector(sector) == pytest.approx(julian_year(btjd), abs=0.2)


def test_a_region_without_a_wcs_has_no_stars(monkeypatch):
    from photometry.workflow import star_plan

    monkeypatch.setattr(star_plan, "place_of", lambda pixels: replace(place_of(pixels), wcs_header=""))
    made = plan(planned("a"))["a"]
    assert len(read_stars(stars_file("plan", "a"))) == 0
    assert made.tiles[FIRST] == made.tiles[SECOND]
