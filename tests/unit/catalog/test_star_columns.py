"""Columns of stars have one definition."""

from dataclasses import fields

import pytest

from photometry.catalog.region_stars import RegionStars, StarsByDecl
from photometry.catalog.star_catalog import Catalog
from photometry.catalog.star_columns import FITTED, NUMBERS, STAR_COLUMNS, TABLE_NAMES, StarColumns
from photometry.io.stars.star_tables import ACCEPTED_NAMES


def test_the_class_has_the_declared_columns():
    assert [field.name for field in fields(StarColumns)] == [column.name for column in STAR_COLUMNS]
    assert (*FITTED, "teff") == NUMBERS
    assert set(TABLE_NAMES.values()) <= set(ACCEPTED_NAMES)


@pytest.mark.parametrize("kind", [Catalog, RegionStars, StarsByDecl])
def test_all_classes_of_stars_begin_with_them(kind):
    assert issubclass(kind, StarColumns)
    assert fields(kind)[: len(STAR_COLUMNS)] == fields(StarColumns)
    assert set(kind.__annotations__).isdisjoint(StarColumns.__annotations__)
