"""Names of light curve files: what they say is read back from them; those of collections are as MAST wants them."""

import re

import pytest

from photometry.core.cube import Pointing
from photometry.core.stars import GAIA_NUMBERS
from photometry.lightcurve.names import NamedCurve, light_curve_name, multi_sector_name, named_curve

STARS = [260795451, 1, 99999999999, GAIA_NUMBERS + 4784439709132505344, GAIA_NUMBERS + 6917528997577384320]
#: MAST's fields and the letters that they may have (File Naming Convention; a target may have points and + as well).
FIELDS = re.compile(r"hlsp_[a-z][a-z0-9-]*(_[a-z][a-z0-9-]*){4}_v[0-9]+_lc\.fits")


def pointing(source: str = "tesscut") -> Pointing:
    return Pointing(source, 12, 3, 2, 1, "", 0, 84.0, -80.0)


@pytest.mark.parametrize("collection", ["", "x", "tess-psf-photometry"])
@pytest.mark.parametrize("starid", STARS)
def test_what_a_name_says_is_read_back(starid, collection):
    path = light_curve_name(starid, pointing(), 120, 4, collection)
    name = path.rpartition("/")[2]
    assert named_curve(name) == NamedCurve(starid, 12, 3, 2, 120, 4)
    assert path == f"c0120/{f'{starid:011d}'[:5]}/{name}"
    if collection:
        assert FIELDS.fullmatch(name)
        assert len(name) <= 90
        assert name.split("_")[1] == collection


@pytest.mark.parametrize(("source", "word"), [("tesscut", "ffi"), ("ffi", "ffi"), ("tpf", "tpf")])
def test_names_of_a_collection_say_what_the_pixels_are(source, word):
    assert light_curve_name(STARS[0], pointing(source), 1800, 1, "abc") == (
        f"c1800/00260/hlsp_abc_tess_{word}_tic00260795451-s0012-3-2-c1800_tess_v01_lc.fits"
    )


def test_names_of_all_sectors():
    assert multi_sector_name("00260795451", 2) == "tess00260795451_v02_lc.fits"
    name = multi_sector_name("00260795451", 2, "tess-psf-photometry")
    assert name == "hlsp_tess-psf-photometry_tess_phot_tic00260795451_tess_v02_lc.fits"
    assert FIELDS.fullmatch(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "notes.txt",
        "tess00260795451-s001-4-2-c1800-dr01-v01_lc.fits.gz",
        "tess00260795451_v01_lc.fits",
        "hlsp_qlp_tess_ffi_s0056-0000000260795451_tess_v01_llc.fits",
        "hlsp_abc_tess_phot_tic00260795451_tess_v01_lc.fits",
    ],
)
def test_other_files_are_no_light_curves(name):
    assert named_curve(name) is None
