"""The documented class PSF: light of stars in the pixels of a stamp."""

import numpy as np
import pytest

from photometry import PSF, load_settings
from photometry.io.reference.prf_files import read_spoc_prf
from photometry.prf.model import model_prf
from photometry.simulate.scene_files import write_prf_folder

STAMP = (256, 271, 1627, 1646)


@pytest.fixture(scope="module")
def psf() -> PSF:
    return PSF(1, 4, 2, STAMP)


def test_shape_and_reference(psf):
    assert psf.shape == (15, 19)
    assert (psf.ref_row, psf.ref_column) == (263.0, 1636.0)
    assert psf.prf.source == "model"


def test_image_is_linear_in_the_flux_and_where_the_star_is(psf):
    one = psf.integrate_to_image([(7.2, 9.4, 1.0)])
    two = psf.integrate_to_image([(3.1, 12.0, 5.0)])
    both = psf.integrate_to_image(np.array([(7.2, 9.4, 10.0), (3.1, 12.0, 5.0)]))
    np.testing.assert_allclose(both, 10 * one + two, rtol=1e-12)
    assert np.unravel_index(one.argmax(), one.shape) == (7, 9)
    assert np.unravel_index(two.argmax(), two.shape) == (3, 12)
    assert 0.93 < one.sum() <= 1.0
    assert psf.integrate_to_image([(7.2, 9.4, 1.0)], cutoff_radius=20).sum() == pytest.approx(1, abs=0.01)


def test_light_ends_at_the_cutoff(psf):
    image = psf.integrate_to_image([(7.0, 9.0, 1.0)], cutoff_radius=2)
    rows, columns = np.nonzero(image)
    assert np.hypot(rows - 7, columns - 9).max() == 2.0
    assert len(rows) == 13


def test_stars_from_an_iterator_and_light_without_a_cutoff(psf):
    stars = [(7.2, 9.4, 10.0), (3.1, 12.0, 5.0)]
    expected = psf.integrate_to_image(stars, cutoff_radius=np.inf)
    np.testing.assert_array_equal(psf.integrate_to_image(iter(stars), cutoff_radius=None), expected)
    np.testing.assert_array_equal(psf.integrate_to_image((np.array(star) for star in stars), None), expected)
    assert psf.integrate_to_image(iter([])).sum() == 0


def test_stars_outside_shine_in_and_no_star_is_dark(psf):
    assert psf.integrate_to_image([(-1.0, 5.0, 100.0)]).sum() > 5
    assert psf.integrate_to_image([(-90.0, 5.0, 100.0)]).sum() == 0
    assert psf.integrate_to_image([]).sum() == 0


@pytest.mark.parametrize(
    "arguments",
    [
        (0, 4, 2, STAMP),
        (1, 5, 2, STAMP),
        (1, 4, 0, STAMP),
        (1, 4, "2", STAMP),
        (1, 4, 2, (10, 10, 50, 60)),
        (1, 4, 2, (10, 20, 50)),
        (1, 4, 2, (10, 20, 50.5, 60)),
        (1, 4, 2, (10, 20, 3, 60)),
        (1, 4, 2, (2040, 2060, 50, 60)),
        (1, 4, 2, None),
    ],
)
def test_bad_arguments_are_value_errors(arguments):
    with pytest.raises(ValueError, match=r"expected|empty|not inside"):
        PSF(*arguments)


@pytest.mark.parametrize("params", [[(1.0, 2.0)], [(1.0, np.nan, 3.0)], [1.0, 2.0, 3.0, 4.0]])
def test_bad_stars_are_value_errors(psf, params):
    with pytest.raises(ValueError, match="params"):
        psf.integrate_to_image(params)
    with pytest.raises(ValueError, match="cutoff_radius"):
        psf.integrate_to_image([(1.0, 2.0, 3.0)], cutoff_radius=0)


def test_where_the_prf_comes_from_is_a_setting(tmp_path):
    write_prf_folder(model_prf(), tmp_path / "prf", 1, 4, 2)
    settings = load_settings()
    settings["prf"]["source"] = str(tmp_path / "prf")
    psf = PSF(1, 4, 2, STAMP, settings=settings)
    assert psf.prf.source == read_spoc_prf(tmp_path / "prf", 1, 4, 2).source
    with pytest.raises(OSError, match="camera 4 CCD 2"):
        PSF(1, 3, 2, STAMP, settings=settings)


def test_figure(psf, tmp_path):
    psf.plot().savefig(tmp_path / "psf.png")
    assert (tmp_path / "psf.png").stat().st_size > 5000
