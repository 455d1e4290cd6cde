"""Star tables of real and independently simulated pixels are never refused; what is wrong with others is found."""

from pathlib import Path

import numpy as np
import pytest

from photometry.calibration.table_check import checked_cube
from photometry.calibration.table_verdict import TableVerdict, table_verdict
from photometry.core.cube import Cube
from photometry.core.stars import Stars
from photometry.io.pixels.pixel_readers import read_pixels
from photometry.io.stars.star_tables import read_star_table
from photometry.prf.model import model_prf
from photometry.workflow.job_inputs import placed_stars
from photometry.workflow.star_choice import region_stars_of

pytestmark = pytest.mark.realdata

#: Pixel file, star table and kind of pixels.
FILES = {
    "exact": ("simulated/exact/*.fits.gz", "simulated/exact/catalog.csv", "tesscut"),
    "perturbed": ("simulated/perturbed/*.fits.gz", "simulated/perturbed/catalog.csv", "tesscut"),
    "sky": ("simulated/sky/*.fits.gz", "simulated/sky/catalog.csv", "tesscut"),
    "RY Tau": ("sky/s19/*.fits.gz", "sky/s19/stars.csv", "tesscut"),
    "TOI-519 in sector 7": ("sky/toi519/*s0007*.fits.gz", "sky/toi519/stars.csv", "tesscut"),
    "TOI-519 in sector 34": ("sky/toi519/*s0034*.fits.gz", "sky/toi519/stars.csv", "tesscut"),
    "Vela": ("sky/vela_s61/*.fits.gz", "sky/vela_s61/stars.csv", "tesscut"),
    "pi Men": ("sky/pimen_s01/*.fits.gz", "sky/pimen_s01/stars.csv", "tesscut"),
    "pi Men in 6x6 pixels": ("tesscut/*84.29*6x6*.fits", "sky/pimen_s01/stars.csv", "tesscut"),
    "GJ 1243": ("tpf/tpf1.fits", "tpf/tpf1_stars.csv", "tpf"),
    "a sparse field": ("files/below-row-0/inside.fits.gz", "files/astrocut-1.4/stars.csv", "tesscut"),
}


def placed(folder: Path, name: str) -> tuple[Cube, Stars]:
    pixels, table, datasource = FILES[name]
    cube = read_pixels(next(folder.glob(pixels)), datasource)
    stars = region_stars_of(read_star_table(folder / table), cube.header, "all", 99.0, 0.1)
    return cube, placed_stars(stars, cube.header, cube.stamp)


def judged(cube: Cube, stars: Stars) -> TableVerdict:
    return table_verdict([checked_cube(cube, stars, model_prf(cube.header.pointing.ccd))])


@pytest.mark.parametrize("name", FILES)
def test_tables_that_belong_to_the_pixels_are_taken(tess_data, name):
    cube, stars = placed(tess_data, name)
    ends_at_the_pixels = "it has no star within 8 px beside the pixels on 1 side and may end there"
    assert judged(cube, stars) == TableVerdict("", ends_at_the_pixels if name == "Vela" else "")


@pytest.mark.parametrize("shift", [(3.0, 0.0), (-2.0, -2.0)])
@pytest.mark.parametrize("name", [name for name in FILES if name != "pi Men in 6x6 pixels"])
def test_shifted_tables_are_refused(tess_data, name, shift):
    cube, stars = placed(tess_data, name)
    assert "columns from where it and the WCS of the pixels place them" in judged(cube, stars.moved(*shift)).problem


@pytest.mark.parametrize(("name", "lacking"), [("exact", "33 of 105"), ("perturbed", "18 of 83"), ("sky", "37 of 108")])
def test_tables_cut_at_13_are_refused(tess_data, name, lacking):
    cube, stars = placed(tess_data, name)
    problem = judged(cube, stars.select(stars.tmag < 13)).problem
    assert f"it lacks {lacking} stars that the pixels show" in problem
    assert "its faintest star there has T = 13.0; give all stars to T=16" in problem


@pytest.mark.parametrize("name", ["exact", "perturbed", "sky", "Vela", "GJ 1243", "a sparse field"])
def test_tables_of_half_of_the_pixels_are_refused(tess_data, name):
    cube, stars = placed(tess_data, name)
    assert "it lacks" in judged(cube, stars.select(stars.column < cube.stamp.center[1])).problem


@pytest.mark.parametrize("name", ["exact", "perturbed", "sky", "Vela"])
def test_tables_of_other_pixels_are_refused(tess_data, name):
    cube, stars = placed(tess_data, name)
    middle = cube.stamp.center[1]
    assert judged(cube, Stars(stars.starid, stars.row, 2 * middle - stars.column, stars.tmag)).problem != ""
    assert judged(cube, stars.moved(20, 10)).problem != ""


def test_a_single_wrong_magnitude_is_no_reason_to_refuse_a_table(tess_data):
    cube, stars = placed(tess_data, "sky")
    first = np.arange(len(stars)) == np.argmin(stars.tmag)
    for change in (-3.0, 3.0):
        tmag = np.where(first, stars.tmag + change, stars.tmag)
        assert judged(cube, Stars(stars.starid, stars.row, stars.column, tmag)).problem == ""
