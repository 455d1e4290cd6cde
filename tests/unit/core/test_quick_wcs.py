"""The quick WCS is astropy's."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from photometry.core.quick_wcs import quick_wcs

PLAIN = {
    "CTYPE1": "RA---TAN",
    "CTYPE2": "DEC--TAN",
    "CRPIX1": 1250.31,
    "CRPIX2": 518.7,
    "CRVAL1": 84.123456,
    "CRVAL2": -78.5,
    "CDELT1": 1.0,
    "CDELT2": 1.0,
    "CUNIT1": "deg",
    "CUNIT2": "deg",
    "PC1_1": 0.004052,
    "PC1_2": 0.004196,
    "PC2_1": -0.004196,
    "PC2_2": 0.004052,
    "RADESYS": "ICRS",
}
DISTORTED = PLAIN | {
    "CTYPE1": "RA---TAN-SIP",
    "CTYPE2": "DEC--TAN-SIP",
    "A_ORDER": 2,
    "B_ORDER": 2,
    "A_2_0": 2e-6,
    "B_0_2": -1e-6,
}


def cards_of(values):
    return fits.Header(list(values.items())).tostring(sep="", endcard=False, padding=False)


@pytest.mark.parametrize("values", [PLAIN, DISTORTED, PLAIN | {"WCSAXES": 2, "LONPOLE": 180.0}])
def test_places_are_those_of_astropy(values):
    ours, theirs = quick_wcs(cards_of(values)), WCS(cards_of(values))
    pixels = np.random.default_rng(1).uniform(0, 2000, (2, 50))
    sky = theirs.all_pix2world(*pixels, 0)
    np.testing.assert_array_equal(ours.all_pix2world(*pixels, 0), sky)
    np.testing.assert_array_equal(ours.all_world2pix(*sky, 0), theirs.all_world2pix(*sky, 0))
    np.testing.assert_array_equal(ours.pixel_scale_matrix, theirs.pixel_scale_matrix)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "change", [{"CTYPE1": "RA---XXX"}, {"CUNIT1": "metre"}, {"CRVAL2": 1e30}, {"PC1_1": 0.0, "PC1_2": 0.0}]
)
def test_what_is_no_wcs_is_refused_as_by_astropy(change):
    with pytest.raises(ValueError) as theirs:  # noqa: PT011  whatever astropy says
        WCS(cards_of(PLAIN | change)).all_world2pix(84.0, -78.0, 0)
    with pytest.raises(type(theirs.value)):
        quick_wcs(cards_of(PLAIN | change)).all_world2pix(84.0, -78.0, 0)
