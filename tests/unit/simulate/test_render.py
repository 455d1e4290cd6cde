"""Rendering of moving stars, against the PRF evaluator and against pixels that other code made."""

import h5py
import numpy as np
import pytest
from astropy.io import fits

from photometry.core.geometry import Stamp
from photometry.core.statistics import MAD_TO_SIGMA
from photometry.io.reference.prf_files import read_spoc_prf
from photometry.prf.model import model_prf
from photometry.prf.prf_grid import PrfEvaluator
from photometry.simulate import perturbed_prf, render_stars
from photometry.simulate.field_motion import FieldMotion
from photometry.simulate.pixel_defects import bleed

PRF = model_prf()


def test_images_are_those_of_the_prf_evaluator_at_every_place():
    rng = np.random.default_rng(1)
    stamp, n_cadence = Stamp(300, 320, 700, 722), 12
    row, column = rng.uniform(297, 323, 25), rng.uniform(696, 726, 25)
    flux = rng.uniform(100, 1e5, (25, n_cadence))
    motion = FieldMotion(
        row_shift=rng.normal(0, 0.05, n_cadence),
        column_shift=rng.normal(0, 0.05, n_cadence),
        roll=rng.normal(0, 5e-6, n_cadence),
    )
    images = render_stars(PRF, stamp, row, column, flux, motion, [np.arange(0, 12, 2), np.arange(1, 12, 2)])
    evaluator, expected = PrfEvaluator(PRF), np.zeros((n_cadence, 60, 60))
    for star in range(25):
        row_shift, column_shift = motion.shifts_at(row[star], column[star])
        for cadence in range(n_cadence):
            first_row, first_column, values = evaluator.evaluate(
                row[star], column[star], row_shift[cadence], column_shift[cadence]
            )
            at = (first_row[0] - stamp.row_min + 20, first_column[0] - stamp.col_min + 20)
            expected[cadence, at[0] : at[0] + 15, at[1] : at[1] + 15] += flux[star, cadence] * values[0, 0, 0]
    np.testing.assert_allclose(images, expected[:, 20:40, 20:42], atol=1e-6 * flux.max() * PRF.samples.max())


def test_far_excursions_lose_no_light():
    motion = FieldMotion(
        row_shift=np.array([0.0, 0.55, -0.5]), column_shift=np.array([0.0, -0.5, 0.6]), roll=np.zeros(3)
    )
    flux = np.full((1, 3), 1e4)
    images = render_stars(
        PRF, Stamp(0, 40, 44, 84), np.array([20.4]), np.array([63.6]), flux, motion, [np.array([0]), np.array([1, 2])]
    )
    np.testing.assert_allclose(images.sum(axis=(1, 2)), 1e4, rtol=1e-6)


def test_charge_above_full_well_flows_along_the_column():
    image = np.zeros((1, 21, 3))
    image[0, 10, 1], image[0, 11, 1] = 5.0, 3.0
    bleed(image, 1.0)
    assert image.sum() == pytest.approx(8.0)
    assert image.max() == pytest.approx(1.0)
    assert np.count_nonzero(image[0, :, 1]) in (8, 9)
    assert not image[0, :, [0, 2]].any()


class _OtherMotion:
    """Motion of the fields that other code made: roll of the other sign, about (1024, 1024) of the science area."""

    def __init__(self, truth, cadences):
        self.row_shift, self.column_shift, self.roll = (truth[name][cadences] for name in ("drow", "dcol", "roll"))

    def shifts_at(self, row, column):
        return self.row_shift - self.roll * (column - 44 - 1024), self.column_shift + self.roll * (row - 1024)


@pytest.mark.realdata
@pytest.mark.parametrize("kind", ["exact", "perturbed"])
def test_pixels_that_other_code_made_from_a_truth_are_rendered_alike(tess_data, kind):
    folder = tess_data / "simulated" / kind
    with h5py.File(folder / "truth.h5") as file:
        truth = {name: file[name][()] for name in ("row", "col", "flux", "drow", "dcol", "roll", "quality")}
    with fits.open(next(folder.glob("*.fits.gz"))) as hdus:
        pixels, errors = (np.array(hdus["PIXELS"].data[name][[10, 100]]) for name in ("FLUX", "FLUX_ERR"))
    prf = read_spoc_prf(tess_data / "prf" / "start_s0001_cam4_ccd2", 1, 4, 2)
    prf = prf if kind == "exact" else perturbed_prf(prf)
    stamp, cadences = Stamp(512, 568, 1244, 1300), np.array([10, 100])
    images = render_stars(
        prf,
        stamp,
        truth["row"],
        truth["col"] + 44,
        truth["flux"][:, cadences],
        _OtherMotion(truth, cadences),
        [np.arange(2)],
    )
    rows, columns = np.mgrid[-28:28, -28:28]
    for image, pixel, error in zip(images, pixels, errors, strict=True):
        slopes = np.gradient(image)
        terms = np.stack([np.ones_like(image), rows, columns, *slopes, image], axis=-1).reshape(-1, 6)
        rest, weight = (pixel - image).ravel(), 1 / error.ravel()
        good = np.isfinite(rest)
        for _ in range(4):
            best = np.linalg.lstsq(terms[good] * weight[good, None], rest[good] * weight[good], rcond=None)[0]
            pull = (rest - terms @ best) * weight
            good = np.isfinite(pull) & (np.abs(pull) < 5)
        # That code cuts the PRF at its last sample and blurs it less: a few pixels beside bright stars differ.
        assert MAD_TO_SIGMA * np.nanmedian(np.abs(pull)) < (1.2 if kind == "exact" else 1.45)
        np.testing.assert_allclose(best[3:], 0.0, atol=7e-4)  # motion in pixels, flux scale
