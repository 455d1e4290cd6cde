"""What is said of star tables of other parts of the sky."""

import pandas as pd
import pytest
from sky_regions import WIDE, star_table
from tile_fits import WCS_HEADER

from photometry.catalog.far_tables import why_far
from photometry.catalog.region_stars import StarsByDecl


def said(**changes) -> str:
    raw = star_table().iloc[:-1]
    ours = {"starid": raw.ID, "ra_J2000": raw.ra, "decl_J2000": raw.dec, "pm_ra": 0.0, "pm_decl": 0.0}
    table = pd.DataFrame(
        ours | {"tmag": raw.Tmag, "teff": raw.Teff} | {k: change(raw) for k, change in changes.items()}
    )
    return why_far(StarsByDecl.of(table), WCS_HEADER, WIDE)


def test_the_nearest_star_is_named():
    assert "the nearest, TIC " in said(decl_J2000=lambda raw: raw.dec + 20)
    assert "19.76 deg away" in said(decl_J2000=lambda raw: raw.dec + 20)
    assert "give the star table of this part of the sky (key 'catalog')" in said(decl_J2000=lambda raw: raw.dec + 20)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"ra_J2000": lambda raw: raw.ra / 15},
            "its right ascensions are hours, expected degrees: multiply them by 15",
        ),
        (
            {"ra_J2000": lambda raw: raw.dec, "decl_J2000": lambda raw: raw.ra},
            "right ascensions and declinations are exchanged",
        ),
    ],
)
def test_other_units_are_recognised(changes, words):
    assert words in said(**changes)
