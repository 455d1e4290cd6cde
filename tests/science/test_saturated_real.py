"""Pi Men, saturated and alone on its pixels, with the settings of the workflow."""

import numpy as np
import pytest

from benchmarks.cutouts import measure_cutout, read_cutout
from benchmarks.series import point_to_point

pytestmark = pytest.mark.realdata

_PI_MEN = 261136679


@pytest.fixture(scope="module")
def cutout(tess_data):
    folder = tess_data / "sky/pimen_s01"
    pixels = next(folder.glob("*.fits.gz"))
    return measure_cutout(*read_cutout(pixels, folder / "stars.csv", tess_data / "prf/start_s0001_cam4_ccd2"))


def test_flux_and_background_are_those_of_others(cutout):
    """SPOC's level, and the background by eleanor."""
    flux = np.nanmedian(cutout.flux(_PI_MEN))
    assert flux == pytest.approx(1.465e6, rel=0.02)
    assert cutout.metrics.background[cutout.index(_PI_MEN)] == pytest.approx(60, abs=15)


def test_the_flux_scatters_little_more_than_photons(cutout):
    """By 22 ppm; the scatter of 86 cadences is known to 10 %."""
    flux = cutout.flux(_PI_MEN)
    assert point_to_point(flux) < 33e-6 * np.nanmedian(flux)


def test_flagged_cadences_are_as_uncertain_as_others_and_no_source_is_found_in_the_wings(cutout):
    error = cutout.fit.flux_err[cutout.index(_PI_MEN)]
    assert np.nanmax(error) < 3 * np.nanmedian(error)
    assert cutout.kernel.bad.all()
    assert list(cutout.stars.starid) == [_PI_MEN]
