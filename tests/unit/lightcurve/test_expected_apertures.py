"""What plain apertures see, by the fit: against the sum of the pixels of a scene made star by star."""

from dataclasses import replace

import numpy as np
import pytest
from tile_fits import STAMP, make_fit

from photometry.lightcurve.expected_apertures import aperture_shares, expected_apertures
from photometry.prf.model import model_prf
from photometry.prf.prf_grid import PrfEvaluator
from photometry.prf.star_images import star_image

PRF = model_prf(2)


@pytest.fixture(scope="module")
def fit():
    """Three stars close together, the second of which is eclipsed; aperture fluxes are the true ones."""
    made = make_fit()
    flux = np.broadcast_to(np.array([[1000.0], [4000.0], [300.0]]), made.flux.shape).astype(np.float32)
    flux[1, 40:50] *= 0.5
    row = np.array([320.2, 321.5, 318.0])
    column = np.array([560.1, 560.9, 561.0])
    first = np.rint(row).astype(np.int64) - made.aperture.shape[1] // 2
    first_column = np.rint(column).astype(np.int64) - made.aperture.shape[2] // 2
    aperture = np.zeros_like(made.aperture)
    aperture[:, 5:8, 5:8] = True
    return replace(
        made,
        row=row,
        column=column,
        flux=flux,
        aperture_flux=flux,
        aperture=aperture,
        window_row=first,
        window_column=first_column,
    )


def pixels_of(fit, cadence):
    """The scene of a cadence, star by star."""
    evaluator = PrfEvaluator(PRF, np.float32)
    places = fit.row - STAMP.row_min, fit.column - STAMP.col_min
    return star_image(evaluator, STAMP, *places, fit.flux[:, cadence].astype(float), radius=99.0)


def test_the_light_in_an_aperture_is_that_of_the_pixels(fit):
    seen = expected_apertures(fit, aperture_shares(fit, PRF), np.arange(3))
    for cadence in (0, 45):
        image = pixels_of(fit, cadence)
        for star in range(3):
            rows, columns = np.nonzero(fit.aperture[star])
            rows, columns = (
                rows + fit.window_row[star] - STAMP.row_min,
                columns + fit.window_column[star] - STAMP.col_min,
            )
            assert seen[star, cadence] == pytest.approx(image[rows, columns].sum(), rel=1e-4)


def test_a_constant_star_has_its_neighbours_eclipse(fit):
    shares = aperture_shares(fit, PRF)
    seen = expected_apertures(fit, shares, np.array([0]))[0]
    assert fit.flux[0].std() == 0
    assert 1 - seen[45] / seen[0] == pytest.approx(2000 * shares[0, 1] / seen[0], rel=1e-4)
    assert seen[45] < 0.8 * seen[0]


def test_stars_without_a_flux_or_beside_the_pixels_count_with_nothing(fit):
    flux = fit.flux.copy()
    flux[2, 7] = np.nan
    away = replace(fit, flux=flux, row=np.array([320.2, 321.5, 900.0]))
    shares = aperture_shares(away, PRF)
    assert shares[0, 2] == 0
    seen = expected_apertures(away, shares, np.arange(2))
    assert np.isfinite(seen).all()
    missing = replace(fit, flux=flux)
    part = expected_apertures(missing, aperture_shares(fit, PRF), np.array([0]))[0]
    assert part[7] < part[8]
