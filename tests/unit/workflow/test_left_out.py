"""Rows of star tables that are not used: targets of target pixel files among them, and bright ones."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sky_regions import planned, star_table

from photometry.catalog.region_stars import RegionStars
from photometry.io.stars.star_files import read_stars
from photometry.workflow.star_plan import plan_stars, stars_file

#: The first star of the table, which is on the pixels.
STAR = 100


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def stars_of(table: pd.DataFrame, starid: int = STAR, tmag: float | None = None) -> RegionStars:
    """Stars of a target pixel file with this target, whose header gives its magnitude."""
    table.to_csv("stars.csv", index=False)
    plan_stars({"a": planned("a", starid=starid, tmag=tmag)}, "plan", 0.1, "code")
    return read_stars(stars_file("plan", "a"))


def skipped(stars: RegionStars) -> dict[int, str]:
    """Why which stars are skipped."""
    return {int(star): why.decode() for star, why in zip(stars.skipped, stars.why_skipped, strict=True)}


def with_row(disposition: str, **changes: object) -> pd.DataFrame:
    """Return a table whose first star has a disposition, and what else is different in its row."""
    table = star_table().assign(disposition="")
    table["disposition"] = table["disposition"].astype(object)
    for name, value in ({"disposition": disposition, "Tmag": 9.0} | changes).items():
        table.loc[0, name] = value
    return table


def twin_of(row: pd.Series, **changes: object) -> pd.DataFrame:
    """Return a second star in the place of another one."""
    return pd.DataFrame([row.to_dict() | {"ID": 7, "disposition": ""} | changes])


def test_a_target_among_the_stars_is_not_skipped(caplog):
    stars = stars_of(with_row(""))
    assert skipped(stars) == {}
    assert stars.left_out.tolist() == [0, 0, 0]
    assert "skipped" not in caplog.text


def test_a_target_marked_duplicate_is_skipped_and_its_light_named(caplog):
    table = with_row("DUPLICATE")
    stars = stars_of(pd.concat([table, twin_of(table.iloc[0], Tmag=9.1)]))
    assert skipped(stars) == {STAR: "marked DUPLICATE in the star table: its light counts as TIC 7"}
    assert stars.left_out.tolist() == [0, 1, 0]
    assert f"the target of a target pixel file, TIC {STAR}, is skipped: marked DUPLICATE" in caplog.text


@pytest.mark.parametrize("disposition", ["DUPLICATE", "ARTIFACT"])
@pytest.mark.parametrize("twin", [{"dec": 10.0}, {"Tmag": 12.0}], ids=["far", "faint"])
def test_light_of_a_target_without_a_twin_counts_as_its_neighbours(disposition, twin):
    table = with_row(disposition)
    stars = stars_of(pd.concat([table, twin_of(table.iloc[0], **twin)]))
    why = f"marked {disposition} in the star table: its light counts as that of its neighbours"
    assert skipped(stars) == {STAR: why}


def test_a_target_that_the_table_lacks():
    stars = stars_of(star_table().iloc[1:])
    assert skipped(stars) == {STAR: "not in the star table: its light counts as that of its neighbours"}


def test_the_magnitude_of_the_header_stands_in_for_a_missing_one(caplog):
    stars = stars_of(with_row("", Tmag=np.nan, pmRA=np.nan), tmag=8.6)
    assert skipped(stars) == {}
    assert stars.tmag[stars.starid == STAR].tolist() == [8.6]
    assert stars.pm_ra[stars.starid == STAR].tolist() == [0.0]
    assert (np.diff(stars.starid) > 0).all()
    assert "skipped" not in caplog.text


def test_a_target_without_any_magnitude():
    stars = stars_of(with_row("", Tmag=np.nan))
    why = "no Tmag in the star table, nor in the header: its light counts as that of its neighbours"
    assert skipped(stars) == {STAR: why}
    assert stars.left_out.tolist() == [0, 0, 1]


@pytest.mark.parametrize(("tmag", "told"), [(9.0, True), (14.0, False)])
def test_bright_rows_without_a_twin_are_told(caplog, tmag, told):
    with caplog.at_level(logging.WARNING):
        stars_of(with_row("ARTIFACT", Tmag=tmag), starid=101)
    assert ("1 bright row is marked as artefact or duplicate" in caplog.text) is told
    assert (f"TIC {STAR}" in caplog.text) is told


def test_rows_without_proper_motion_count():
    assert stars_of(with_row("ARTIFACT", pmRA=np.nan), starid=101).left_out.tolist() == [1, 0, 0]
    without = with_row("ARTIFACT").drop(columns=["pmRA", "pmDEC"])
    assert stars_of(without, starid=101).left_out.tolist() == [1, 0, 0]


def test_rows_far_from_the_pixels_do_not_count(caplog):
    assert stars_of(with_row("ARTIFACT", dec=10.0), starid=101).left_out.tolist() == [0, 0, 0]
    assert "bright" not in caplog.text


def test_marked_rows_with_garbage_are_no_reason_to_refuse_a_table():
    table = with_row("ARTIFACT")
    table = table.astype(object)
    table.loc[0, ["ID", "ra", "Tmag"]] = ["?", "x", "bright"]
    assert stars_of(table, starid=101).left_out.sum() <= 1


def test_a_change_of_what_is_left_out_changes_no_fit():
    table = with_row("ARTIFACT")
    stars_of(table, starid=101)
    one = plan_stars({"a": planned("a", starid=101)}, "plan", 0.1, "code")["a"]
    pd.concat([table, twin_of(table.iloc[0], ID=8, disposition="ARTIFACT")]).to_csv("stars.csv", index=False)
    other = plan_stars({"a": planned("a", starid=101)}, "plan", 0.1, "code")["a"]
    assert one.content != other.content
    assert (one.tiles, one.targets, one.region) == (other.tiles, other.targets, other.region)
