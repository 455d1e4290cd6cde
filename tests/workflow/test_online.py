"""The real archive, where there is a network: pytest -m online. Part of a release (CONTRIBUTING.md)."""

import numpy as np
import pytest

import photometry
from photometry.archive.prf_downloads import download_prf
from photometry.archive.sectors import sectors_at_archive, sectors_by_pointing
from photometry.archive.seen_by import SeenBy
from photometry.archive.star_queries import find_stars, stars_in_cone
from photometry.io.reference.prf_files import read_spoc_prf

pytestmark = [pytest.mark.online, pytest.mark.slow]

#: pi Mensae: TIC number, place (deg) and magnitude in TIC 8.2; saturated, so a faint neighbour is measured.
PI_MEN, RA, DEC, TMAG = 261136679, 84.291198, -80.469119, 5.1054


def test_stars():
    (star,) = find_stars([PI_MEN])
    assert (star["ra"], star["dec"], star["Tmag"]) == pytest.approx((RA, DEC, TMAG), abs=1e-3)
    around = stars_in_cone(RA, DEC, 0.1, 15.0)
    assert PI_MEN in around["ID"]
    assert np.asarray(around["Tmag"]).max() <= 15.0


def test_sectors():
    at_archive = sectors_at_archive(RA, DEC)
    assert SeenBy(1, 4, 2) in at_archive
    known = {seen for seen in at_archive if seen.sector <= 96}
    assert known <= set(sectors_by_pointing(RA, DEC))


def test_prf_files(tmp_path):
    download_prf(tmp_path, 1, 4, 2)
    assert read_spoc_prf(tmp_path, 1, 4, 2).samples.shape == (5, 5, 117, 117)


def test_a_light_curve(tmp_path):
    around = stars_in_cone(RA, DEC, 0.1, 13.0)
    star = around[np.argmin(np.abs(np.asarray(around["Tmag"]) - 11.0))]
    (curve,) = photometry.light_curves(int(star["ID"]), sectors=[1], folder=tmp_path, cutout_size=24)
    # A star of T = 10 gives 10^(0.4 * 10.44) e-/s (TESS Instrument Handbook, section 6.1: zero point 20.44).
    assert np.nanmedian(curve.flux.value) == pytest.approx(10 ** (-0.4 * (star["Tmag"] - 20.44)), rel=0.15)
