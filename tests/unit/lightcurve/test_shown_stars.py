"""Which light curves a figure shows, and what a plain aperture sees."""

from dataclasses import fields

import numpy as np
import pytest
from tile_fits import make_fit, make_header

from photometry.lightcurve.plain_aperture import aperture_stamp, plain_aperture
from photometry.lightcurve.shown_stars import Measured, choose_shown

N_STAR = 12


def measured(**changes):
    """Stars far from each other that do not vary, T = 10 to 13; the noise of a cadence is 1000 ppm."""
    flux = np.geomspace(10000.0, 600.0, N_STAR)
    values = {
        "starid": 100 + np.arange(N_STAR),
        "tmag": np.linspace(10, 13, N_STAR),
        "row": 20.0 * np.arange(N_STAR),
        "column": np.zeros(N_STAR),
        "median_flux": flux,
        "variance": (1e-3 * flux) ** 2,
        "ptp": np.full(N_STAR, 1000.0),
        "reserved": np.zeros(N_STAR, dtype=bool),
    }
    for name, by_star in changes.items():
        values[name] = values[name].copy()
        for star, value in by_star.items():
            values[name][star] = value
    return Measured(**values)


def test_stars_that_were_asked_for_are_shown_alone_the_brightest_first():
    stars = measured(variance={3: 1e9})
    assert choose_shown(stars, [109, 101, 7], 6) == {1: "", 9: ""}
    assert list(choose_shown(stars, range(100, 112), 6)) == [0, 1, 2, 3, 4, 5]


def test_the_star_that_the_pixels_belong_to_comes_first():
    stars = measured(variance={3: 1e9})
    assert list(choose_shown(stars, [], 6, first=107))[:2] == [7, 3]
    assert list(choose_shown(stars, [109, 101], 6, first=107)) == [7, 1, 9]
    assert next(iter(choose_shown(stars, [], 6, first=5))) == 3


def test_of_few_stars_all_are_shown():
    few = measured()
    few = Measured(**{field.name: getattr(few, field.name)[:4] for field in fields(Measured)})
    assert list(choose_shown(few, [], 6)) == [0, 1, 2, 3]


def test_what_varies_most_is_shown_and_what_is_reserved_last():
    stars = measured(variance={2: 1e6, 5: 2e6, 7: 9e6}, reserved={7: True})
    assert list(choose_shown(stars, [], 6))[:2] == [5, 2]
    assert 7 not in choose_shown(stars, [], 6)
    assert list(choose_shown(measured(), [], 20)) == list(range(N_STAR))


def test_the_blend_that_fools_an_aperture_comes_first():
    # Star 6 is constant and beside star 4, which varies most; star 8 varies and has a constant neighbour far away.
    stars = measured(row={6: 80.0}, column={6: 1.4}, variance={4: 4e6, 8: 1e6})
    shown = choose_shown(stars, [], 4)
    assert list(shown)[:3] == [6, 4, 8]
    assert shown[6] == "constant; TIC 104, which varies, is 1.4 px away"
    # Reserved, or varying itself, it is no example.
    for changes in ({"reserved": {6: True}}, {"variance": {4: 4e6, 6: 4e6, 8: 1e6}}):
        again = choose_shown(
            measured(**({"row": {6: 80.0}, "column": {6: 1.4}, "variance": {4: 4e6}} | changes)), [], 4
        )
        assert set(again.values()) == {""}


@pytest.mark.parametrize("name", ["median_flux", "variance", "ptp", "row"])
def test_numbers_that_are_not_known_do_no_harm(name):
    stars = measured(**{name: dict.fromkeys(range(N_STAR), np.nan)})
    assert len(choose_shown(stars, [], 6)) == 6
    nothing = Measured(**{field.name: getattr(stars, field.name)[:0] for field in fields(Measured)})
    assert choose_shown(nothing, [], 6) == {}


def test_a_plain_aperture_is_the_sum_of_its_pixels_on_the_scale_of_the_flux():
    fit, header = make_fit(), make_header()
    stamp = aperture_stamp(fit, 1)
    assert stamp.shape == (3, 3)
    assert stamp.contains(fit.row[1], fit.column[1])
    images = np.ones((120, 3, 3), dtype=np.float32) * np.arange(1, 121)[:, None, None]
    images[5] = 1e6  # flagged
    seen = plain_aperture(fit, 1, images, stamp, header.usable)
    assert np.median(seen[header.usable]) == pytest.approx(np.median(fit.flux[1][header.usable]))
    np.testing.assert_allclose(np.delete(seen / seen[0], 5), np.delete(np.arange(1, 121), 5))
    assert np.isnan(plain_aperture(fit, 1, images * np.nan, stamp, header.usable)).all()


def test_a_star_without_an_aperture_has_its_own_pixel():
    fit = make_fit(aperture=np.zeros((3, 11, 11), dtype=bool))
    assert aperture_stamp(fit, 0).shape == (1, 1)
    assert aperture_stamp(fit, 0).contains(fit.row[0], fit.column[0])
